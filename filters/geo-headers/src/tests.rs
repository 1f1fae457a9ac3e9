//! The filter as an operator sees it: networks and clients in, headers out.

use forebay_sdk::rehearsal::{get, rehearse};

use crate::GeoHeaders;

const SETTINGS: &str = r#"{ "networks": [
    { "network": "192.0.0.0/8", "headers": { "X-Country": "DE", "x-region": "eu" } },
    { "network": "192.0.2.0/24", "headers": { "x-country": "CH" } },
    { "network": "2001:db8::/32", "headers": { "x-country": "FR" } } ],
    "otherwise": { "x-country": "ZZ" }, "key_headers": ["x-country"] }"#;

#[test]
fn the_narrowest_network_decides_and_forged_headers_go() {
    let geo = rehearse::<GeoHeaders>(SETTINGS).expect("settings");
    for (client, country, region) in [
        ("192.0.2.1", "CH", None),
        ("192.0.3.1", "DE", Some("eu")),
        ("::ffff:192.0.3.1", "DE", Some("eu")),
        ("2001:db8::1", "FR", None),
        ("2001:db9::1", "ZZ", None),
        ("10.0.0.1", "ZZ", None),
    ] {
        let forged = get("http://a.example/").with("x-country", "US").with("x-region", "us");
        let exchange = geo.request(forged.from(client));
        assert_eq!(exchange.sent().headers("x-country"), [country], "{client}");
        assert_eq!(exchange.sent().header("x-region"), region, "{client}");
        assert_eq!(exchange.cache().key_parts(), [("geo.x-country".to_owned(), country.to_string())], "{client}");
    }
}

#[test]
fn wrong_settings_are_refused_with_their_place() {
    for (settings, expected) in [
        ("{}", "settings: missing field `networks`"),
        (r#"{ "networks": [{ "network": "10.0.0.1/8" }] }"#, r#"settings.networks[0].network: "10.0.0.1/8" is no"#),
        (
            r#"{ "networks": [], "otherwise": { "x-country": "DE\r\nx-admin: 1" } }"#,
            r#"settings.otherwise.x-country: "DE\r\nx-admin: 1" cannot stand in a header"#,
        ),
        (r#"{ "key_headers": ["x!"] }"#, r#"settings.key_headers[0]: "x!" is no name for the cache key"#),
        (r#"{ "key_headers": ["a b"] }"#, r#"settings.key_headers[0]: "a b" is no header name"#),
    ] {
        let fault = rehearse::<GeoHeaders>(settings).expect_err(settings);
        assert!(fault.starts_with(expected), "{settings}: {fault}");
    }
}
