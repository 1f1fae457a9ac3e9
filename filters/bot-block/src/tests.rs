//! The filter as an operator sees it: agents and clients in, answers and tags out.

use forebay_sdk::rehearsal::{get, rehearse};

use crate::BotBlock;

const SETTINGS: &str = r#"{ "block": ["BadBot", "bot"], "missing": "block", "status": 404,
    "verified": [{ "agent": "GoodBot", "networks": ["192.0.2.0/24", "2001:db8::/32"] }] }"#;

#[test]
fn bots_are_blocked_verified_or_tagged() {
    let filter = rehearse::<BotBlock>(SETTINGS).expect("settings");
    for (agent, client, tag) in [
        ("Mozilla/5.0 (X11) Chrome/130.0", "192.0.2.1", Some("no")),
        ("curl/8.9", "192.0.2.1", Some("likely")),
        ("Mozilla/5.0 (compatible; goodbot/2.1)", "192.0.2.1", Some("verified")),
        ("GoodBot/2.1", "2001:db8::1", Some("verified")),
        ("GoodBot/2.1", "198.51.100.1", None),
        ("badbot/1", "192.0.2.1", None),
        ("OtherBot/1", "192.0.2.1", None),
        ("", "192.0.2.1", None),
        (" ", "192.0.2.1", None),
    ] {
        let request = get("http://a.example/").with("user-agent", agent).with("x-bot", "verified").from(client);
        let exchange = filter.request(request);
        match tag {
            Some(tag) => assert_eq!(exchange.sent().headers("x-bot"), [tag], "{agent} {client}"),
            None => assert_eq!(exchange.reply().map(|reply| reply.status()), Some(404), "{agent} {client}"),
        }
    }
    let twice = get("http://a.example/").with("user-agent", "Mozilla/5.0").with("user-agent", "badbot/1");
    assert_eq!(filter.request(twice).reply().map(|reply| reply.status()), Some(404));
    assert_eq!(filter.metric(r#"bot_requests_total{verdict="impostor"}"#), 1);
}

#[test]
fn without_settings_nothing_is_blocked() {
    let exchange = rehearse::<BotBlock>("").expect("no settings");
    assert_eq!(exchange.request(get("http://a.example/")).sent().header("x-bot"), Some("likely"));
}

#[test]
fn wrong_settings_are_refused() {
    for (settings, expected) in [
        (r#"{ "block": [""] }"#, "settings.block[0]: a part of a user agent has a letter"),
        (r#"{ "verified": [{ "agent": " ", "networks": [] }] }"#, "settings.verified[0].agent: a part"),
        (r#"{ "status": 200 }"#, "a bot is blocked with 403 or 404"),
        (r#"{ "missing": "tag" }"#, "settings.missing: unknown variant `tag`"),
        (r#"{ "verified": [{ "agent": "a", "networks": ["x"] }] }"#, "settings.verified[0].networks[0]"),
    ] {
        let fault = rehearse::<BotBlock>(settings).expect_err(settings);
        assert!(fault.contains(expected), "{settings}: {fault}");
    }
}
