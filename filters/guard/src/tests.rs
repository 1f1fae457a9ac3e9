//! The filter as an operator sees it: settings in, answers, headers and counters out.

use forebay_sdk::rehearsal::{Message, Rehearsal, get, rehearse, request, response};
use serde_json::{Value, json};

use crate::Guard;

fn guard(settings: &Value) -> Rehearsal<Guard> {
    rehearse(&settings.to_string()).expect("settings of a test")
}

fn blocks(settings: &Value, message: Message) -> bool {
    guard(settings).request(message).reply().is_some()
}

#[test]
fn without_settings_everything_passes_with_safe_headers() {
    let guard = rehearse::<Guard>("").expect("no settings");
    let answer = guard.request(get("http://a.example/admin")).respond(response(200).with("server", "s"));
    for (name, expected) in [
        ("x-content-type-options", Some("nosniff")),
        ("x-frame-options", Some("SAMEORIGIN")),
        ("referrer-policy", Some("strict-origin-when-cross-origin")),
        ("content-security-policy", None),
        ("permissions-policy", None),
        ("strict-transport-security", None),
        ("server", Some("s")),
    ] {
        assert_eq!(answer.header(name), expected, "{name}");
    }
}

#[test]
fn each_header_is_a_value_or_off_and_the_origins_own_stays() {
    let guard = guard(&json!({
        "headers": { "x-frame-options": false, "content-security-policy": "default-src 'self'",
                     "strict-transport-security": "max-age=31536000" },
        "hide": ["Server", "x-powered-by"],
    }));
    let origin = response(200).with("server", "s").with("x-powered-by", "p").with("referrer-policy", "origin");
    let answer = guard.request(get("http://a.example/")).respond(origin);
    for (name, expected) in [
        ("x-frame-options", vec![]),
        ("content-security-policy", vec!["default-src 'self'"]),
        ("strict-transport-security", vec!["max-age=31536000"]),
        ("referrer-policy", vec!["origin"]),
        ("server", vec![]),
        ("x-powered-by", vec![]),
    ] {
        assert_eq!(answer.headers(name), expected, "{name}");
    }
}

#[test]
fn paths_are_blocked_however_they_are_written() {
    let settings = json!({ "rules": [
        { "action": "block", "prefixes": ["/admin/"], "paths": ["/**/.git/**", "/**/*.php"] },
    ]});
    for (path, blocked) in [
        ("/admin", true),
        ("/admin/users?x=y", true),
        ("/administrators", false),
        ("/%61dmin/users", true),
        ("//admin", true),
        ("/x/../admin", true),
        ("/x/%2e%2e/admin", true),
        ("/admin;x/users", true),
        ("/.git/config", true),
        ("/shop/.git", true),
        ("/.github", false),
        ("/a/b.php", true),
        ("/a/b.php5", false),
        ("/", false),
    ] {
        assert_eq!(blocks(&settings, get(&format!("http://a.example{path}"))), blocked, "{path}");
    }
}

#[test]
fn allowing_needs_every_reading_of_the_path() {
    let settings = json!({ "default": "block", "rules": [{ "action": "allow", "prefixes": ["/public"] }] });
    for (path, blocked) in [
        ("/public/a", false),
        ("/public/%61", false),
        ("/public/../admin", true),
        ("/public%2f..%2fadmin", true),
        ("/admin/%2e%2e/public", true),
        ("/", true),
    ] {
        assert_eq!(blocks(&settings, get(&format!("http://a.example{path}"))), blocked, "{path}");
    }
}

#[test]
fn the_first_rule_that_matches_decides() {
    let settings = json!({ "rules": [
        { "action": "allow", "prefixes": ["/admin"], "clients": ["10.0.0.0/8", "2001:db8::/32"] },
        { "action": "block", "prefixes": ["/admin"] },
        { "action": "allow", "prefixes": ["/admin"] },
    ]});
    for (client, path, blocked) in [
        ("10.1.2.3", "/admin", false),
        ("2001:db8::1", "/admin", false),
        ("192.0.2.1", "/admin", true),
        ("192.0.2.1", "/", false),
    ] {
        assert_eq!(blocks(&settings, get(&format!("http://a.example{path}")).from(client)), blocked, "{client} {path}");
    }
}

#[test]
fn methods_and_agents_are_conditions() {
    let methods = json!({ "rules": [{ "action": "block", "methods": ["TRACE", "PUT"] }] });
    for (method, blocked) in [("GET", false), ("TRACE", true), ("PUT", true), ("put", false)] {
        assert_eq!(blocks(&methods, request(method, "http://a.example/")), blocked, "{method}");
    }
    let agents = json!({ "rules": [{ "action": "block", "user_agents": ["SQLmap", ""] }] });
    for (agent, blocked) in [("sqlmap/1.7", true), ("Mozilla (SQLMAP)", true), ("curl/8", false), ("", true)] {
        assert_eq!(blocks(&agents, get("http://a.example/").with("user-agent", agent)), blocked, "{agent}");
    }
    assert!(blocks(&agents, get("http://a.example/")), "no agent at all");
}

#[test]
fn all_conditions_of_a_rule_must_fit() {
    let settings = json!({ "rules": [
        { "action": "block", "prefixes": ["/api"], "methods": ["POST"], "user_agents": ["bot"], "clients": ["192.0.2.0/24"] },
    ]});
    let message = |method: &str, path: &str, agent: &str, client: &str| {
        request(method, &format!("http://a.example{path}")).with("user-agent", agent).from(client)
    };
    assert!(blocks(&settings, message("POST", "/api/x", "bot", "192.0.2.9")));
    for other in [
        message("GET", "/api/x", "bot", "192.0.2.9"),
        message("POST", "/x", "bot", "192.0.2.9"),
        message("POST", "/api/x", "curl", "192.0.2.9"),
        message("POST", "/api/x", "bot", "198.51.100.1"),
    ] {
        assert!(!blocks(&settings, other.clone()), "{other:?}");
    }
}

#[test]
fn an_unknown_client_is_never_let_in_by_its_network() {
    let unknown = || get("http://a.example/").property("source.address", "");
    let allow = json!({ "default": "block", "rules": [{ "action": "allow", "clients": ["0.0.0.0/0"] }] });
    let block = json!({ "rules": [{ "action": "block", "clients": ["192.0.2.1"] }] });
    assert!(blocks(&allow, unknown()));
    assert!(blocks(&block, unknown()));
}

#[test]
fn a_block_answers_and_is_counted_by_rule() {
    let guard = guard(&json!({
        "status": 451,
        "body": "no\n",
        "default": "block",
        "rules": [
            { "action": "block", "prefixes": ["/a"], "name": "first", "status": 404, "body": "" },
            { "action": "block", "prefixes": ["/b"] },
            { "action": "allow", "prefixes": ["/c"] },
        ],
    }));
    for (path, status, body) in [("/a", 404, ""), ("/b", 451, "no\n"), ("/b/x", 451, "no\n"), ("/d", 451, "no\n")] {
        let exchange = guard.request(get(&format!("http://a.example{path}")));
        let reply = exchange.reply().expect(path);
        assert_eq!((reply.status(), reply.body()), (status, body.as_bytes()), "{path}");
        assert_eq!(reply.header("cache-control"), Some("no-store"), "{path}");
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "a block has safe headers too");
    }
    assert!(guard.request(get("http://a.example/c")).reply().is_none());
    for (rule, count) in [("first", 1), ("rule-2", 2), ("rule-3", 0), ("default", 1)] {
        assert_eq!(guard.metric(&format!("guard_blocked_total{{rule=\"{rule}\"}}")), count, "{rule}");
    }
}

#[test]
fn wrong_settings_are_refused_with_their_place() {
    for (settings, expected) in [
        (json!({ "rule": [] }), "settings.rule: unknown field `rule`"),
        (json!({ "default": "deny" }), "settings.default: unknown variant `deny`"),
        (json!({ "status": 200, "z": 1 }), "settings.status: a request is blocked with 400 to 599"),
        (json!({ "rules": [{ "prefixes": ["/"] }] }), "settings.rules[0]: missing field `action`"),
        (json!({ "rules": [{ "action": "block" }] }), "settings.rules[0]: the rule has no condition"),
        (
            json!({ "rules": [{ "action": "allow", "methods": ["GET"], "status": 404 }] }),
            "settings.rules[0]: `status` and",
        ),
        (json!({ "rules": [{ "prefixes": ["a"] }] }), "settings.rules[0].prefixes[0]: prefix \"a\" must"),
        (json!({ "rules": [{ "paths": ["/a**"] }] }), "settings.rules[0].paths[0]: \"/a**\" is no path pattern"),
        (
            json!({ "rules": [{ "clients": ["::1", "10.0.0.1/8"] }] }),
            "settings.rules[0].clients[1]: \"10.0.0.1/8\" is no",
        ),
        (json!({ "headers": { "x-frame-options": true } }), "settings.headers.x-frame-options: invalid value"),
        (json!({ "headers": { "x-frame": "DENY" } }), "settings.headers.x-frame: unknown field"),
        (json!({ "hide": ["a b"] }), "settings.hide[0]: \"a b\" is no header name"),
    ] {
        let fault = rehearse::<Guard>(&settings.to_string()).expect_err("wrong settings");
        assert!(fault.starts_with(expected), "{settings}: {fault}");
    }
}
