//! The filter as an operator sees it: settings and queries in, queries out.

use forebay_sdk::rehearsal::{get, rehearse};

use crate::QueryNormalise;

#[test]
fn queries_that_mean_the_same_become_one() {
    for (settings, target, expected) in [
        ("{}", "/a", "/a"),
        ("{}", "/a?", "/a"),
        ("{}", "/a?b=2&a=1", "/a?a=1&b=2"),
        ("{}", "/a?b=2&a=y&a=x", "/a?a=y&a=x&b=2"),
        (r#"{ "sort": false }"#, "/a?b=2&a=1", "/a?b=2&a=1"),
        (r#"{ "drop": ["utm_*", "fbclid"] }"#, "/a?utm_source=x&b&fbclid=1&fbclid2=1", "/a?b&fbclid2=1"),
        (r#"{ "drop": ["utm_*"] }"#, "/a?utm_source=x", "/a"),
        (r#"{ "keep": ["id", "page"] }"#, "/a?page=2&x=1&id=7", "/a?id=7&page=2"),
        (r#"{ "keep": [] }"#, "/a?page=2", "/a"),
        (r#"{ "keep": ["a*"], "drop": ["ab"] }"#, "/a?ab=1&ac=2&b=3", "/a?ac=2"),
        (r#"{ "lower_names": true, "keep": ["id"] }"#, "/a?ID=A", "/a?id=A"),
        (r#"{ "drop_empty": true }"#, "/a?a&b=&c=1", "/a?c=1"),
    ] {
        let filter = rehearse::<QueryNormalise>(settings).expect(settings);
        let exchange = filter.request(get(&format!("http://a.example{target}")));
        assert_eq!(exchange.sent().target(), expected, "{settings} {target}");
    }
    let fault = rehearse::<QueryNormalise>(r#"{ "droop": [] }"#).expect_err("wrong settings");
    assert!(fault.starts_with("settings.droop: unknown field"), "{fault}");
}
