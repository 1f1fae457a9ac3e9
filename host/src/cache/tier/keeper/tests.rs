//! The tier over a store in a folder of its own.

use std::time::Duration;

use http::uri::Scheme;
use http::{HeaderName, HeaderValue, Method, StatusCode, Version};
use prometheus::Registry;
use tempfile::TempDir;

use super::*;
use crate::cache::entry::Aside;
use crate::cache::key_rules::{KeyRules, KeyShape};
use crate::clock::Timestamp;
use crate::semantics::{Freshness, RequestHead};

const KEY: &str = "http://a.example/";

struct Rig {
    tier: Tier,
    _folder: TempDir,
}

fn rig(admission: config::Admission) -> Rig {
    let folder = TempDir::new().expect("a temporary folder can be made");
    let disk = config::Disk {
        path: folder.path().to_owned(),
        bytes_max: 64 << 20,
        object_bytes_max: 1 << 20,
        segment_bytes: 2 << 20,
        queue_bytes_max: 4 << 20,
        admission,
        admission_window: Duration::from_secs(60),
        write_rate: None,
        reads_max: 1,
    };
    let store = Store::open(&disk, &Registry::new()).expect("its metrics are the first");
    Rig { tier: Tier::new(&disk, store, Clock::set_to(Timestamp::from_unix(Duration::from_secs(1)))), _folder: folder }
}

fn fields(lines: &[(&'static str, &'static str)]) -> HeaderMap {
    lines.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
}

fn entry(vary: &'static str, request: &HeaderMap) -> Entry {
    let headers = fields(&[("vary", vary)]);
    let head = Head {
        status: StatusCode::OK,
        freshness: Freshness::default(),
        received: Timestamp::from_unix(Duration::from_secs(1)),
        selection: Selection::of(&headers, request),
        length: None,
        forms: None,
        aside: Aside::default(),
        headers,
    };
    Entry::new(Arc::new(head), Content::from(Bytes::from_static(b"body")), 0)
}

fn key() -> Key {
    let request = RequestHead {
        method: Method::GET,
        scheme: Scheme::HTTP,
        authority: "a.example".parse().expect("a test authority"),
        path: "/".parse().expect("a test path"),
        version: Version::HTTP_11,
        headers: HeaderMap::new(),
    };
    Key::of(&request, &KeyShape { rules: &KeyRules::default(), origin: None, extra: None })
}

impl Rig {
    fn put(&self, entry: &Entry) -> Admitted {
        self.tier.put(KEY, entry, self.tier.prepare(KEY, entry))
    }
}

#[tokio::test]
async fn a_variant_that_was_read_is_not_the_latest_once_its_key_is_given_up() {
    let rig = rig(config::Admission::All);
    let request = fields(&[("x-a", "1")]);
    let read = async || rig.tier.search(&key(), &request).await;
    let given_up: [&dyn Fn(); 3] =
        [&|| rig.tier.remove(KEY), &|| _ = rig.put(&entry("", &request)), &|| _ = rig.put(&entry("x-b", &request))];
    for give_up in given_up {
        rig.put(&entry("x-a", &request));
        // Writing it moves it.
        rig.tier.store.wait_until_quiet();
        let recalled = read().await.and_then(|entry| entry.recalled).expect("it was put");
        assert!(rig.tier.is_latest(recalled));
        rig.put(&entry("x-a", &fields(&[("x-a", "2")])));
        assert!(rig.tier.is_latest(recalled), "another variant came");
        give_up();
        assert!(!rig.tier.is_latest(recalled));
    }
}

#[tokio::test]
async fn the_second_request_for_a_variant_counts() {
    let rig = rig(config::Admission::SecondRequest);
    for (value, expected) in [("1", Admitted::AtNextRequest), ("2", Admitted::AtNextRequest), ("1", Admitted::Yes)] {
        let request = fields(&[("x-a", value)]);
        assert_eq!(rig.put(&entry("x-a", &request)), expected, "{value}");
    }
}
