//! Content codings through the real program, read by a client that does not share the node's libraries: curl.
//!
//! Pages of a real site from nginx, in each coding; first as they stream, then as they are stored. Every body is compared
//! with its file after curl has decoded it.

use std::fs;
use std::path::Path;
use std::process::Command;

use support::{Binary, Nginx, Page, Site, patiently, skip};
use tempfile::TempDir;

const PAGES: usize = 60;
/// The route's own least, in bytes.
const SMALL: u64 = 1024;

fn configuration(nginx: &Nginx) -> String {
    format!(
        "[node]\nname = \"edge-1\"\n[[listener]]\naddress = \"{{listen}}\"\n[admin]\naddress = \"{{admin}}\"\n\
         [compression]\njobs_max = 16\n[origins.docs]\nservers = [\"http://{}\"]\n\
         [[route]]\norigin = \"docs\"\n[route.cache]\ndefault_ttl = \"1h\"\n\
         [route.compression]\ncodings = [\"br\", \"zstd\", \"gzip\"]\n",
        nginx.address(),
    )
}

/// The codings that this curl can decode.
fn codings() -> Vec<&'static str> {
    let Ok(version) = Command::new("curl").arg("--version").output() else { return Vec::new() };
    let features = String::from_utf8_lossy(&version.stdout).to_lowercase();
    let known = [("br", "brotli"), ("zstd", "zstd"), ("gzip", "libz")];
    known.into_iter().filter(|(_, feature)| features.contains(feature)).map(|(coding, _)| coding).collect()
}

/// Pages of the site that are text and long enough.
fn texts(site: &Site) -> Vec<Page> {
    let text =
        |page: &Page| page.file.extension().is_some_and(|kind| ["html", "css", "js", "svg"].iter().any(|k| kind == *k));
    let long = |page: &Page| page.file.metadata().is_ok_and(|file| file.len() >= SMALL);
    let all: Vec<Page> = site.pages.iter().filter(|page| text(page) && long(page)).cloned().collect();
    let stride = (all.len() / PAGES).max(1);
    all.into_iter().step_by(stride).take(PAGES).collect()
}

/// What came of one page: its coding, and whether it was a hit.
struct Fetched {
    coding: String,
    hit: bool,
}

/// Fetches every page in this coding and holds what curl made of it to its file.
fn fetch(node: &Binary, pages: &[Page], coding: &str) -> Vec<Fetched> {
    let folder = TempDir::new().expect("a temporary folder can be made");
    let mut orders = format!(
        "compressed\nsilent\nfail\nheader = \"Accept-Encoding: {coding}\"\n\
         write-out = \"%header{{content-encoding}}|%header{{cache-status}}\\n\"\n"
    );
    for (number, page) in pages.iter().enumerate() {
        let file = folder.path().join(number.to_string());
        orders += &format!("url = \"http://{}{}\"\noutput = {file:?}\n", node.address(), page.target);
    }
    let file = folder.path().join("orders");
    fs::write(&file, orders).expect("a temporary file can be written");
    let output = Command::new("curl").arg("--globoff").arg("-K").arg(&file).output().expect("curl can be run");
    assert!(output.status.success(), "{coding}: {}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    for (number, page) in pages.iter().enumerate() {
        let came = fs::read(folder.path().join(number.to_string())).expect("curl has written it");
        assert!(came == fs::read(&page.file).expect("a page can be read"), "{coding}: {} differs", page.target);
    }
    let lines = String::from_utf8(output.stdout).expect("fields are text");
    let fetched = lines.lines().map(|line| line.split_once('|').expect("two fields"));
    fetched.map(|(coding, status)| Fetched { coding: coding.to_owned(), hit: status.contains("; hit") }).collect()
}

#[tokio::test]
async fn another_decoder_reads_every_coding_of_a_real_site() {
    let site = Site::documentation()
        .unwrap_or_else(|| Site::below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/site")));
    let Some(nginx) = Nginx::serve(&site.root) else {
        return skip("nginx is not installed: no coding was read by another decoder");
    };
    let codings = codings();
    if codings.len() < 3 {
        skip(&format!("curl decodes only {codings:?}: the other codings were not read by another decoder"));
    }
    let pages = texts(&site);
    assert!(!pages.is_empty());
    for coding in codings {
        let node = Binary::start(&configuration(&nginx)).await;
        for fetched in fetch(&node, &pages, coding) {
            assert_eq!((fetched.coding.as_str(), fetched.hit), (coding, false), "coded as it streams");
        }
        let stored = async {
            while !fetch(&node, &pages, coding).iter().all(|fetched| fetched.coding == coding && fetched.hit) {
                tokio::task::yield_now().await;
            }
        };
        patiently("every page in its stored form", stored).await;
    }
}
