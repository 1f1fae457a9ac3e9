//! What `forebay` without arguments shows: the shipped configuration, its site, its filters.

use support::TestNode;

use crate::codings::decoded;

#[tokio::test]
async fn the_reference_configuration_serves_its_site_through_filters_and_cache() {
    let node = TestNode::shipped("edge.toml");
    let mut client = node.connect().await;
    let first = client.get("/").await;
    assert_eq!(first.status, 200);
    assert!(first.text().contains("<html"), "{}", first.text());
    // The canary's cookie, so that the same edition answers.
    let cookie =
        first.header("set-cookie").and_then(|cookie| cookie.split(';').next()).expect("a place for a newcomer");
    let second = client.request("GET", "/", &[("Cookie", cookie)], b"").await;
    assert!(second.header("cache-status").unwrap().starts_with("edge-1; hit; ttl="), "{second:?}");
    for response in [&first, &second] {
        assert_eq!(response.header("x-edge"), Some("edge-1"), "rewrite");
        assert_eq!(response.header("x-content-type-options"), Some("nosniff"), "guard");
        assert!(matches!(response.header("x-forebay-canary"), Some("stable" | "canary")), "canary");
    }
    let moved = node.get("/index.html").await;
    assert_eq!((moved.status, moved.header("location")), (301, Some("/")));
}

#[tokio::test]
async fn the_site_has_no_dead_ends() {
    let node = TestNode::shipped("edge.toml");
    let mut client = node.connect().await;
    let page = client.get("/").await;
    // The canary's cookie: each edition has files of its own, and a visitor stays in one.
    let cookie = page.header("set-cookie").and_then(|cookie| cookie.split(';').next()).expect("a place for a newcomer");
    let named = ["href=\"", "src=\""].into_iter().flat_map(|attribute| page.text().split(attribute).skip(1));
    let links = named.filter_map(|text| text.split('"').next()).filter(|link| link.starts_with('/'));
    let links: Vec<&str> = links.collect();
    assert!(links.len() >= 3, "{links:?}");
    for link in links {
        let response = client.request("GET", link, &[("Cookie", cookie)], b"").await;
        assert_eq!(response.status, 200, "{link}");
    }
}

#[tokio::test]
async fn a_browser_gets_the_site_compressed() {
    let node = TestNode::shipped("edge.toml");
    let response = node.get_with("/", &[("Accept-Encoding", "gzip, deflate, br, zstd")]).await;
    assert_eq!((response.header("content-encoding"), response.header("vary")), (Some("br"), Some("Accept-Encoding")));
    assert!(decoded(&response).contains("<html"));
}

#[tokio::test]
async fn a_page_that_is_not_there_is_404_and_hardened_all_the_same() {
    let node = TestNode::shipped("edge.toml");
    let response = node.get("/no-such-page").await;
    assert_eq!((response.status, response.header("x-content-type-options")), (404, Some("nosniff")));
}
