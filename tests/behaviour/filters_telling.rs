//! The shipped filters that tell the origin and the cache about a request, in a node: device, geo-headers, ab-test and
//! query-normalise.

use support::{Answer, Origin, Response, TestNode, filter_module, one_route};

async fn origin() -> Origin {
    let origin = Origin::start().await;
    origin.otherwise(Answer::ok("a").header("Cache-Control", "max-age=60"));
    origin
}

fn is_hit(response: &Response) -> bool {
    response.header("cache-status").is_some_and(|status| status.starts_with("edge-1; hit"))
}

const PHONES: [&str; 2] = ["Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) Mobile/15E148", "Mozilla/5.0 (Android 15) Mobile"];
const DESKTOP: &str = "Mozilla/5.0 (X11; Linux x86_64) Chrome/130.0";

#[tokio::test]
async fn each_class_of_devices_has_its_own_entry() {
    let origin = origin().await;
    let node = TestNode::through("device", "vary = true", &origin);
    for (agent, class, hit) in [
        (PHONES[0], "mobile", false),
        (DESKTOP, "desktop", false),
        (PHONES[1], "mobile", true),
        (DESKTOP, "desktop", true),
    ] {
        let response = node.get_with("/page", &[("User-Agent", agent), ("X-Device", "bot")]).await;
        assert_eq!(is_hit(&response), hit, "{agent}");
        assert_eq!(response.header("vary"), Some("sec-ch-ua-mobile, user-agent"), "{agent}");
        if !hit {
            assert_eq!(origin.seen().pop().expect("a miss").head.headers("x-device"), [class], "{agent}");
        }
    }
    assert_eq!(origin.seen().len(), 2);
}

#[tokio::test]
async fn a_client_is_where_its_network_is_whatever_it_says() {
    let origin = origin().await;
    let settings = "networks = [{ network = \"127.0.0.0/8\", headers = { x-country = \"DE\", x-region = \"eu\" } },\n\
                    { network = \"127.0.0.1/32\", headers = { x-country = \"CH\" } }]\n\
                    otherwise = { x-country = \"ZZ\" }\nkey_headers = [\"x-country\"]";
    let node = TestNode::through("geo-headers", settings, &origin);
    let forged = [("X-Country", "US"), ("X-Country", "GB"), ("X-Region", "us")];
    assert!(!is_hit(&node.get_with("/page", &forged).await));
    let seen = &origin.seen()[0];
    assert_eq!((seen.head.headers("x-country"), seen.header("x-region")), (vec!["CH"], None));
    assert!(is_hit(&node.get("/page").await), "of the same country");
}

#[tokio::test]
async fn another_country_has_another_entry() {
    let origin = origin().await;
    let settings = "networks = [{ network = \"192.0.2.0/24\", headers = { x-country = \"CH\" } }]\n\
                    otherwise = { x-country = \"ZZ\" }\nkey_headers = [\"x-country\"]";
    let module = filter_module("geo-headers");
    let node = TestNode::start(&format!(
        "[[listener]]\nname = \"front\"\naddress = \"127.0.0.1:0\"\ntrusted_proxies = [\"127.0.0.0/8\"]\n\
         [filters.one]\nmodule = {module:?}\n[filters.one.settings]\n{settings}\n{}filters = [\"one\"]\n",
        one_route(&origin)
    ));
    for (client, country, hit) in [("192.0.2.7", "CH", false), ("198.51.100.7", "ZZ", false), ("192.0.2.8", "CH", true)]
    {
        let response = node.get_with("/page", &[("X-Forwarded-For", client)]).await;
        assert_eq!(is_hit(&response), hit, "{client}");
        if !hit {
            assert_eq!(origin.seen().pop().expect("a miss").header("x-country"), Some(country), "{client}");
        }
    }
}

#[tokio::test]
async fn users_stay_in_their_arm_and_arms_have_their_own_entries() {
    let (old, next) = (origin().await, origin().await);
    next.otherwise(Answer::ok("next").header("Cache-Control", "max-age=60"));
    let module = filter_module("ab-test");
    let node = TestNode::start(&format!(
        "[origins.next]\nservers = [\"{}\"]\n[filters.one]\nmodule = {module:?}\n[filters.one.settings]\n\
         name = \"cart\"\narms = [{{ name = \"old\", weight = 1 }}, {{ name = \"new\", weight = 1, origin = \"next\" }}]\n\
         {}filters = [\"one\"]\n",
        next.url(),
        one_route(&old)
    ));
    let mut newcomers = [0, 0];
    for _ in 0..100 {
        let mut client = node.connect().await;
        let first = client.get("/page").await;
        let cookie = first.header("set-cookie").expect("a newcomer's cookie").split(';').next().unwrap().to_owned();
        let new = cookie == "ab_cart=new";
        newcomers[usize::from(new)] += 1;
        assert_eq!(first.text(), if new { "next" } else { "a" }, "{cookie}");
        let again = client.request("GET", "/page", &[("Cookie", &cookie), ("X-Ab-Cart", "old")], b"").await;
        assert_eq!((again.text(), again.header("set-cookie"), is_hit(&again)), (first.text(), None, true), "{cookie}");
    }
    // 50 expected, standard deviation 5: outside once in ten million runs.
    assert!((23..=77).contains(&newcomers[0]), "{newcomers:?}");
    assert_eq!((old.count("/page"), next.count("/page")), (1, 1));
    assert_eq!(next.seen()[0].head.headers("x-ab-cart"), ["new"]);
}

#[tokio::test]
async fn queries_that_mean_the_same_share_an_entry() {
    let origin = origin().await;
    let node = TestNode::through("query-normalise", "drop = [\"utm_*\"]", &origin);
    assert!(!is_hit(&node.get("/page?b=2&utm_source=mail&a=1").await));
    for target in ["/page?a=1&b=2", "/page?b=2&a=1", "/page?utm_medium=x&a=1&b=2"] {
        assert!(is_hit(&node.get(target).await), "{target}");
    }
    assert!(!is_hit(&node.get("/page?a=2&b=1").await));
    let targets: Vec<_> = origin.seen().into_iter().map(|seen| seen.target).collect();
    assert_eq!(targets, ["/page?a=1&b=2", "/page?a=2&b=1"]);
}
