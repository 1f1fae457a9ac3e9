//! The filter as an operator sees it: arms in, headers, cookies, origins and counters out.

use forebay_sdk::rehearsal::{get, rehearse, response};

use crate::AbTest;

const SETTINGS: &str = r#"{ "name": "cart", "arms": [ { "name": "old", "weight": 3 },
    { "name": "new", "weight": 1, "origin": "next" }, { "name": "gone", "weight": 0 } ] }"#;

#[test]
fn a_known_user_stays_in_the_arm() {
    let test = rehearse::<AbTest>(SETTINGS).expect("settings");
    for (arm, origin) in [("old", None), ("new", Some("next"))] {
        for _ in 0..20 {
            let user = get("http://a.example/").with("cookie", format!("ab_cart={arm}")).with("x-ab-cart", "forged");
            let exchange = test.request(user);
            assert_eq!((exchange.sent().headers("x-ab-cart"), exchange.origin()), (vec![arm], origin));
            assert_eq!(exchange.cache().key_parts(), [("ab.cart".to_owned(), arm.to_string())]);
            assert_eq!(exchange.respond(response(200)).header("set-cookie"), None);
        }
    }
}

#[test]
fn newcomers_are_divided_by_weight_and_get_a_cookie() {
    let test = rehearse::<AbTest>(SETTINGS).expect("settings");
    for cookie in [None, Some("ab_cart=gone"), Some("ab_cart=other"), Some("ab_cart=")].into_iter().cycle().take(4_000)
    {
        let user = cookie.into_iter().fold(get("http://a.example/"), |user, cookie| user.with("cookie", cookie));
        let exchange = test.request(user);
        let arm = exchange.sent().header("x-ab-cart").expect("an arm").to_owned();
        let answer = exchange.respond(response(200));
        assert!(answer.header("set-cookie").expect("a cookie").starts_with(&format!("ab_cart={arm}; Path=/")));
    }
    let count = |arm: &str| test.metric(&format!(r#"ab_test_requests_total{{test="cart",arm="{arm}"}}"#));
    assert!((850..1_150).contains(&count("new")), "{} of 4000", count("new"));
    assert_eq!((count("old") + count("new"), count("gone")), (4_000, 0));
}

#[test]
fn wrong_settings_are_refused() {
    for (settings, expected) in [
        ("{}", "missing field `name`"),
        (r#"{ "name": "a b" }"#, "settings.name"),
        (r#"{ "name": "a!", "arms": [{ "name": "x", "weight": 1 }] }"#, "\"a!\" is no name of a test"),
        (r#"{ "name": "a", "arms": [] }"#, "there must be an arm with a weight"),
        (r#"{ "name": "a", "arms": [{ "name": "x", "weight": 0 }] }"#, "there must be an arm with a weight"),
        (r#"{ "name": "a", "arms": [{ "name": "x", "weight": -1 }] }"#, "settings.arms[0].weight"),
        (r#"{ "name": "a", "arms": [{ "name": "x", "weight": 1 }, { "name": "X", "weight": 1 }] }"#, "the same name"),
    ] {
        let fault = rehearse::<AbTest>(settings).expect_err(settings);
        assert!(fault.contains(expected), "{settings}: {fault}");
    }
}
