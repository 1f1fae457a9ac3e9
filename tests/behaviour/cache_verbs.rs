//! What filters say to the cache, by properties and by foreign functions alike: each verb seen from outside, by status,
//! origin and store.

use std::fs;
use std::time::Duration;

use support::{Answer, Origin, TestNode};
use tempfile::TempDir;

/// The two ways to say a verb.
#[derive(Debug, Clone, Copy)]
enum Way {
    Property,
    Function,
}

const WAYS: [Way; 2] = [Way::Property, Way::Function];

/// A node whose only route goes through a filter that says verbs at every request and every response.
struct Spoken {
    node: TestNode,
    origin: Origin,
    _folder: TempDir,
}

impl Spoken {
    async fn at_requests(way: Way, verbs: &[(&str, &str)]) -> Self {
        Self::start(way, verbs, &[]).await
    }

    async fn start(way: Way, at_requests: &[(&str, &str)], at_responses: &[(&str, &str)]) -> Self {
        Self::through(&guest(way, at_requests, at_responses)).await
    }

    async fn through(text: &str) -> Self {
        let origin = Origin::start().await;
        origin.otherwise(Answer::ok("a").header("Cache-Control", "max-age=60"));
        let folder = TempDir::new().expect("a temporary folder can be made");
        let module = folder.path().join("verbs.wasm");
        let binary = wat::parse_str(text).expect("the test's module is well formed");
        fs::write(&module, binary).expect("a temporary file can be written");
        let node = TestNode::start(&format!(
            "[origins.site]\nservers = [\"{}\"]\n[filters.verbs]\nmodule = {module:?}\n\
             [[route]]\nhost = \"*\"\npath = \"/\"\norigin = \"site\"\nfilters = [\"verbs\"]\n\
             [[route]]\nhost = \"*\"\npath = \"/plain\"\norigin = \"site\"\n",
            origin.url()
        ));
        Self { node, origin, _folder: folder }
    }

    /// What `Cache-Status` says after the node's name.
    async fn status(&self, target: &str, fields: &[(&str, &str)]) -> String {
        let response = self.node.get_with(target, fields).await;
        response.header("cache-status").expect("a cache status").trim_start_matches("edge-1; ").to_owned()
    }
}

/// A module that says these verbs in its two callbacks, and traps where one is refused.
fn guest(way: Way, at_requests: &[(&str, &str)], at_responses: &[(&str, &str)]) -> String {
    let mut texts = String::new();
    let mut at = 0;
    let mut place = |text: &str| {
        let here = format!("(i32.const {at}) (i32.const {})", text.len());
        text.bytes().for_each(|byte| texts += &format!("\\{byte:02x}"));
        at += text.len();
        here
    };
    let mut callback = |name: &str, verbs: &[(&str, &str)]| {
        let mut say = |(verb, value): &(&str, &str)| {
            let (separator, call, rest) = match way {
                Way::Property => ("\0", "$set", ""),
                Way::Function => (".", "$foreign", "(i32.const 0) (i32.const 0)"),
            };
            let (name, value) = (place(&["forebay", "cache", verb].join(separator)), place(value));
            format!("(if (call {call} {name} {value} {rest}) (then unreachable))")
        };
        let body: String = verbs.iter().map(&mut say).collect();
        format!("(func (export \"proxy_on_{name}_headers\") (param i32 i32 i32) (result i32) {body} (i32.const 0))")
    };
    let functions = callback("request", at_requests) + &callback("response", at_responses);
    format!(
        "(module (import \"env\" \"proxy_set_property\" (func $set (param i32 i32 i32 i32) (result i32)))
           (import \"env\" \"proxy_call_foreign_function\"
             (func $foreign (param i32 i32 i32 i32 i32 i32) (result i32)))
           {functions} (memory (export \"memory\") 1) (data (i32.const 0) \"{texts}\")
           (func (export \"proxy_abi_version_0_2_1\"))
           (func (export \"proxy_on_memory_allocate\") (param i32) (result i32) (i32.const 4096)))"
    )
}

/// A module that makes the field `x-arm` of a request a part of its key.
const ARMS: &str = r#"(module
    (import "env" "proxy_set_property" (func $set (param i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_get_header_map_value" (func $get (param i32 i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "forebay\00cache\00key") (data (i32.const 32) "x-arm") (data (i32.const 4092) "arm=")
    (func (export "proxy_abi_version_0_2_1"))
    (func (export "malloc") (param i32) (result i32) (i32.const 4096))
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
      (drop (call $get (i32.const 0) (i32.const 32) (i32.const 5) (i32.const 64) (i32.const 68)))
      (if (call $set (i32.const 0) (i32.const 17) (i32.const 4092) (i32.add (i32.const 4) (i32.load (i32.const 68))))
        (then unreachable))
      (i32.const 0)))"#;

#[tokio::test]
async fn dropped_parameters_share_an_entry_and_the_origin_sees_them_all() {
    for way in WAYS {
        let spoken = Spoken::at_requests(way, &[("drop_query", "utm_*, gclid")]).await;
        assert_eq!(spoken.status("/p?utm_source=a&x=1", &[]).await, "fwd=uri-miss; ttl=60; stored");
        assert_eq!(spoken.status("/p?x=1&gclid=9", &[]).await, "hit; ttl=60");
        assert_eq!(spoken.status("/p?x=2", &[]).await, "fwd=uri-miss; ttl=60; stored");
        assert_eq!(spoken.origin.seen()[0].target, "/p?utm_source=a&x=1");
    }
}

#[tokio::test]
async fn only_kept_parameters_count_and_dropping_counts_after_it() {
    for way in WAYS {
        let spoken = Spoken::at_requests(way, &[("keep_query", "page*"), ("drop_query", "page_x")]).await;
        spoken.status("/p?page=1&a=1", &[]).await;
        assert_eq!(spoken.status("/p?b=2&page=1&page_x=3", &[]).await, "hit; ttl=60");
        assert_eq!(spoken.status("/p?page=2", &[]).await, "fwd=uri-miss; ttl=60; stored");
    }
}

#[tokio::test]
async fn header_fields_tell_entries_apart() {
    for way in WAYS {
        let spoken = Spoken::at_requests(way, &[("vary", "x-device")]).await;
        assert_eq!(spoken.status("/", &[("X-Device", "phone")]).await, "fwd=uri-miss; ttl=60; stored");
        assert_eq!(spoken.status("/", &[("X-Device", "desk")]).await, "fwd=uri-miss; ttl=60; stored");
        assert_eq!(spoken.status("/", &[("X-Device", "phone")]).await, "hit; ttl=60");
        assert_eq!(spoken.status("/", &[]).await, "fwd=uri-miss; ttl=60; stored");
    }
}

#[tokio::test]
async fn own_parts_tell_entries_apart() {
    let spoken = Spoken::through(ARMS).await;
    for (arm, requests) in [("a", 1), ("b", 2)] {
        assert_eq!(spoken.status("/", &[("X-Arm", arm)]).await, "fwd=uri-miss; ttl=60; stored", "{arm}");
        assert_eq!(spoken.status("/", &[("X-Arm", arm)]).await, "hit; ttl=60", "{arm}");
        assert_eq!(spoken.origin.count("/"), requests);
    }
    assert_eq!(spoken.status("/", &[("X-Arm", "a")]).await, "hit; ttl=60");
}

#[tokio::test]
async fn a_part_of_the_key_needs_a_name() {
    for way in WAYS {
        let spoken = Spoken::at_requests(way, &[("key", "arm=a"), ("key", "arm=b")]).await;
        assert_eq!(spoken.status("/", &[]).await, "fwd=uri-miss; ttl=60; stored");
        assert_eq!(spoken.status("/", &[]).await, "hit; ttl=60");
        let refused = Spoken::at_requests(way, &[("key", "=b")]).await;
        assert_eq!(refused.node.get("/").await.status, 500, "{way:?}");
    }
}

/// The origin's own are longer, and do not count.
#[tokio::test]
async fn a_filters_lifetime_and_windows_count_before_the_origins() {
    let times = [("ttl", "10"), ("stale_while_revalidate", "5"), ("stale_if_error", "100")];
    let directives = "max-age=60, stale-while-revalidate=50, stale-if-error=500";
    let cases = [
        (9, "hit; ttl=1"),
        (14, "hit; ttl=-4; detail=stale_while_revalidate"),
        (15, "fwd=stale; ttl=-5; detail=stale_if_error"),
        (109, "fwd=stale; ttl=-99; detail=stale_if_error"),
        (110, "fwd=stale; ttl=10; stored"),
    ];
    for (way, (age, expected)) in WAYS.into_iter().flat_map(|way| cases.map(|case| (way, case))) {
        let spoken = Spoken::at_requests(way, &times).await;
        spoken.origin.once("/", Answer::ok("a").header("Cache-Control", directives));
        spoken.origin.otherwise(Answer::status(503, ""));
        assert_eq!(spoken.status("/", &[]).await, "fwd=uri-miss; ttl=10; stored");
        spoken.node.advance(Duration::from_secs(age));
        let told = spoken.status("/", &[]).await;
        assert!(told.starts_with(expected), "{way:?} at {age}: {told}");
    }
}

#[tokio::test]
async fn a_filters_lifetime_does_not_store_what_is_private() {
    for way in WAYS {
        let spoken = Spoken::at_requests(way, &[("ttl", "10")]).await;
        spoken.origin.otherwise(Answer::ok("mine").header("Cache-Control", "private, max-age=60"));
        assert_eq!(spoken.status("/", &[]).await, "fwd=uri-miss; detail=private");
        spoken.origin.otherwise(Answer::ok("old").header("Cache-Control", "max-age=0"));
        assert_eq!(spoken.status("/other", &[]).await, "fwd=uri-miss; ttl=10; stored");
    }
}

#[tokio::test]
async fn a_bypass_asks_the_origin_each_time_and_stores_nothing() {
    for way in WAYS {
        let spoken = Spoken::at_requests(way, &[("bypass", "1")]).await;
        for count in 1..3 {
            assert_eq!(spoken.status("/", &[]).await, "fwd=bypass; detail=filter");
            assert_eq!(spoken.origin.count("/"), count);
        }
    }
}

#[tokio::test]
async fn tags_of_a_filter_are_purged_by_and_not_shown() {
    for way in WAYS {
        let spoken = Spoken::start(way, &[("tag", "site:shop page")], &[]).await;
        let first = spoken.node.get("/").await;
        assert_eq!(first.header("surrogate-key"), None);
        assert_eq!(spoken.status("/", &[]).await, "hit; ttl=60");
        let surrogate = spoken.node.get_with("/", &[("Surrogate-Capability", "x=\"Surrogate/1.0\"")]).await;
        assert_eq!(surrogate.header("surrogate-key"), Some("site:shop page"));
    }
}

#[tokio::test]
async fn a_filter_purges_by_tag_before_the_lookup_of_its_own_request() {
    for way in WAYS {
        let spoken = Spoken::start(way, &[("tag", "all"), ("purge", "tag all")], &[]).await;
        spoken.status("/", &[]).await;
        assert_eq!(spoken.status("/", &[]).await, "fwd=uri-miss; ttl=60; stored");
        spoken.node.metric_is("forebay_cache_purges_total", &[("scope", "tag")], 2.0).await;
    }
}

#[tokio::test]
async fn a_purge_at_the_response_concerns_the_next_request() {
    for way in WAYS {
        let spoken = Spoken::start(way, &[], &[("purge", "soft url http://edge.test/plain")]).await;
        let plain = || spoken.node.get_with("/plain", &[("Host", "edge.test")]);
        plain().await;
        assert_eq!(plain().await.header("cache-status"), Some("edge-1; hit; ttl=60"));
        spoken.status("/", &[]).await;
        let after = plain().await;
        assert!(after.header("cache-status").expect("a cache status").contains("fwd=stale"), "{after:?}");
    }
}
