//! A real site through the real program: thousands of documentation pages from nginx, through three filters and the
//! cache, every byte compared.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use support::{Binary, Exposition, Nginx, Page, Site, filter_module, get, skip};

use crate::crowd::{Fetched, fetch_all};

const FILES: usize = 3_000;
const CONNECTIONS: usize = 32;

fn configuration(nginx: &Nginx) -> String {
    let module = |name| format!("[filters.{name}]\nmodule = {:?}\n", filter_module(name));
    format!(
        "[node]\nname = \"edge-1\"\n[[listener]]\naddress = \"{{listen}}\"\n[admin]\naddress = \"{{admin}}\"\n\
         [origins.docs]\nservers = [\"http://{}\"]\n\
         {}[filters.guard.settings]\nhide = [\"server\"]\n\
         {}[filters.rewrite.settings]\nresponse_headers = {{ set = {{ x-edge = \"edge-1\" }} }}\n\
         {}[filters.canary.settings]\npercent = 0\norigin = \"docs\"\n\
         [[route]]\nname = \"docs\"\nhost = \"*\"\norigin = \"docs\"\nfilters = [\"guard\", \"rewrite\", \"canary\"]\n\
         [route.cache]\ndefault_ttl = \"1h\"\n",
        nginx.address(),
        module("guard"),
        module("rewrite"),
        module("canary"),
    )
}

fn site() -> Site {
    Site::documentation().unwrap_or_else(|| {
        skip("the toolchain has no documentation (share/doc/rust/html): config/site was served instead of it");
        Site::below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/site"))
    })
}

#[tokio::test]
async fn a_real_site_is_served_byte_for_byte_and_the_second_time_from_memory() {
    let site = site();
    let Some(nginx) = Nginx::serve(&site.root) else {
        return skip("nginx is not installed: the real site was not served");
    };
    let pages: Arc<[Page]> = site.sample(FILES).into();
    assert!(pages.len() >= FILES.min(site.pages.len()), "{} pages", pages.len());
    let node = Binary::start(&configuration(&nginx)).await;

    round(&node, &pages, ("edge-1; fwd=uri-miss; ttl=", "; stored")).await;
    round(&node, &pages, ("edge-1; hit; ttl=", "")).await;

    let mut asked = nginx.requested(pages.len()).await;
    asked.sort();
    let mut targets: Vec<String> = pages.iter().map(|page| page.target.clone()).collect();
    targets.sort();
    assert_eq!(asked, targets, "nginx saw each file once");
    agrees(&node, pages.len()).await;
}

/// How a `Cache-Status` begins and ends.
type CacheStatus = (&'static str, &'static str);

/// Fetches every page and holds each answer to its file.
async fn round(node: &Binary, pages: &Arc<[Page]>, cache_status: CacheStatus) {
    let targets: Arc<[String]> = pages.iter().map(|page| page.target.clone()).collect();
    let compared = Arc::new(AtomicUsize::new(0));
    let look = {
        let (pages, compared) = (pages.clone(), compared.clone());
        move |fetched: Fetched| {
            compare(&pages[fetched.position], &fetched, cache_status);
            compared.fetch_add(1, Ordering::Relaxed);
        }
    };
    fetch_all(node.address(), targets, CONNECTIONS, look).await;
    assert_eq!(compared.load(Ordering::Relaxed), pages.len());
}

fn compare(page: &Page, fetched: &Fetched, (begin, end): CacheStatus) {
    let header = |name: &str| fetched.headers.get(name).map(|value| value.to_str().expect("a field of text"));
    let target = &page.target;
    assert_eq!(fetched.status, 200, "{target}");
    let status = header("cache-status").expect("the cache says what it did");
    assert!(status.starts_with(begin) && status.ends_with(end), "{target}: {status}");
    let file = fs::read(&page.file).expect("a page of the site can be read");
    assert!(fetched.body == file, "{target}: {} bytes came, the file has {}", fetched.body.len(), file.len());
    assert_eq!(header("x-edge"), Some("edge-1"), "{target}: rewrite");
    assert_eq!(header("x-content-type-options"), Some("nosniff"), "{target}: guard");
    assert_eq!(header("server"), None, "{target}: guard");
    assert_eq!(header("x-forebay-canary"), Some("stable"), "{target}: canary");
}

/// The metrics tell what was sent.
async fn agrees(node: &Binary, pages: usize) {
    let pages = pages as f64;
    let route = ("route", "docs");
    let counted = async {
        loop {
            let scrape = Exposition::parse(get(node.admin(), "/metrics").await.text());
            // An exchange is counted when it is over, which its client may see first.
            if scrape.find("forebay_http_requests_total", &[route]) == Some(2.0 * pages) {
                return scrape;
            }
        }
    };
    let scrape = support::patiently("all requests to be counted", counted).await;
    let is = |name: &str, labels: &[(&str, &str)], expected: f64| {
        assert_eq!(scrape.value(name, labels), expected, "{name}{labels:?}");
    };
    is("forebay_http_requests_total", &[route, ("method", "GET"), ("code", "200")], 2.0 * pages);
    is("forebay_http_request_duration_seconds_count", &[route, ("cache", "hit")], pages);
    is("forebay_cache_requests_total", &[route, ("status", "hit"), ("tier", "memory")], pages);
    is("forebay_cache_requests_total", &[route, ("status", "miss")], pages);
    is("forebay_cache_entries", &[("tier", "memory")], pages);
    is("forebay_cache_evictions_total", &[], 0.0);
    is("forebay_origin_requests_total", &[("origin", "docs"), ("code", "200")], pages);
    is("forebay_filter_duration_seconds_count", &[("filter", "guard"), ("callback", "response_headers")], 2.0 * pages);
    is("forebay_filter_failures_total", &[], 0.0);
}
