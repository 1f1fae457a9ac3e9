//! html-rewrite in a node: pages that are rewritten while they stream, from the origin and from the cache.

use support::{Answer, Gate, Origin, TestNode};

const SETTINGS: &str = "rules = [\n\
    { selector = \"a[href]\", set = { rel = \"noopener\" } },\n\
    { selector = \"#ad\", remove = \"element\" },\n\
    { selector = \"body\", append = { html = \"<hr>\" } }]";
const PAGE: &str = "<body><a href=/x>x</a><div id=ad><p>buy</p></div></body>";
const REWRITTEN: &str = "<body><a href=/x rel=\"noopener\">x</a><hr></body>";

fn page(answer: Answer) -> Answer {
    answer.header("Content-Type", "text/html; charset=utf-8").header("Cache-Control", "max-age=60")
}

async fn through(origin: &Origin) -> TestNode {
    TestNode::through("html-rewrite", SETTINGS, origin)
}

#[tokio::test]
async fn pages_are_rewritten_whatever_pieces_they_come_in() {
    let origin = Origin::start().await;
    let node = through(&origin).await;
    origin.on("/whole", page(Answer::ok(PAGE)));
    origin.on("/chunked", page(Answer::chunked(&[&PAGE[..8], &PAGE[8..30], &PAGE[30..]])));
    origin.on("/slow", page(Answer::ok(PAGE).byte_by_byte()));
    origin.on("/close", page(Answer::until_close(PAGE)));
    for target in ["/whole", "/chunked", "/slow", "/close"] {
        let response = node.get(target).await;
        assert_eq!((response.text(), response.header("content-length")), (REWRITTEN, None), "{target}");
        let again = node.get(target).await;
        assert_eq!(again.text(), REWRITTEN, "{target}");
        assert_eq!(again.header("cache-status"), Some("edge-1; hit; ttl=60"), "{target}");
    }
    let head = node.connect().await.request("HEAD", "/whole", &[], b"").await;
    assert_eq!((head.status, head.header("content-length")), (200, None));
}

#[tokio::test]
async fn the_start_of_a_page_goes_out_before_its_end_is_there() {
    let origin = Origin::start().await;
    let node = through(&origin).await;
    let gate = Gate::closed();
    origin.on("/page", page(Answer::chunked(&["<body><a href=/x>x</a>", "</body>"]).finishing_after(&gate)));
    let mut client = node.connect().await;
    client.send("GET /page HTTP/1.1\r\nHost: test.example\r\n\r\n").await;
    client.until("rel=\"noopener\"").await;
    gate.open();
    client.until("<hr></body>").await;
}

#[tokio::test]
async fn two_pages_under_way_at_once_do_not_mix() {
    let origin = Origin::start().await;
    let node = through(&origin).await;
    let gate = Gate::closed();
    for name in ["one", "two"] {
        let pieces = [format!("<body><a href=/{name}"), format!(">{name}</a></body>")];
        let pieces = [pieces[0].as_str(), pieces[1].as_str()];
        origin.on(&format!("/{name}"), page(Answer::chunked(&pieces).finishing_after(&gate)));
    }
    let mut clients = Vec::new();
    for name in ["one", "two"] {
        let mut client = node.connect().await;
        client.send(format!("GET /{name} HTTP/1.1\r\nHost: test.example\r\n\r\n")).await;
        client.until("<body>").await;
        clients.push((name, client));
    }
    gate.open();
    for (name, client) in &mut clients {
        client.until(&format!("<a href=/{name} rel=\"noopener\">{name}</a><hr></body>")).await;
    }
}

#[tokio::test]
async fn no_client_can_choose_a_page_that_is_not_rewritten() {
    let origin = Origin::start().await;
    let node = through(&origin).await;
    origin.on("/page", page(Answer::ok(PAGE)).header("ETag", "\"a\""));
    let coded = node.get_with("/page", &[("Accept-Encoding", "gzip, br")]).await;
    assert_eq!((coded.text(), coded.header("content-encoding")), (REWRITTEN, None));
    assert_eq!(origin.seen()[0].header("accept-encoding"), Some("identity"));
    let part = node.get_with("/page", &[("Range", "bytes=0-9")]).await;
    assert_eq!((part.status, part.text()), (416, ""));
    let tag = coded.header("etag").expect("a tag");
    assert_eq!(tag, "W/\"a\"", "the same tag may stand for other bytes once the rules are others");
    assert_eq!(node.get_with("/page", &[("If-None-Match", tag)]).await.status, 304);
}

#[tokio::test]
async fn what_is_no_page_goes_through_untouched() {
    let origin = Origin::start().await;
    let node = through(&origin).await;
    let text = Answer::ok(PAGE).header("Content-Type", "text/plain").header("Cache-Control", "max-age=60");
    origin.on("/text", text.header("ETag", "\"a\""));
    origin.on("/coded", page(Answer::ok("not really br")).header("Content-Encoding", "br"));
    for _ in 0..2 {
        let response = node.get("/text").await;
        assert_eq!((response.text(), response.header("etag")), (PAGE, Some("\"a\"")));
        assert_eq!(response.header("content-length"), Some(&*PAGE.len().to_string()));
    }
    assert_eq!(node.get_with("/text", &[("Range", "bytes=0-5")]).await.text(), "<body>");
    assert_eq!(node.get("/coded").await.text(), "not really br");
    node.metric_is("forebay_wasm_html_rewrite_responses_total", &[("outcome", "coded")], 1.0).await;
}

#[tokio::test]
async fn a_large_page_streams_within_the_bounds_of_a_filter() {
    let origin = Origin::start().await;
    let node = through(&origin).await;
    let row = "<p>some text <a href=/x>x</a></p>\n";
    let large = format!("<body>{}</body>", row.repeat(20_000));
    origin.on("/large", page(Answer::ok(large.clone())));
    let expected = large.replace("<a href=/x>", "<a href=/x rel=\"noopener\">").replace("</body>", "<hr></body>");
    for way in ["from the origin", "from the cache"] {
        let response = node.get("/large").await;
        assert!(response.text() == expected, "{way}: {} bytes of {}", response.text().len(), expected.len());
    }
}

#[tokio::test]
async fn pages_of_usual_size_need_no_new_instance() {
    let origin = Origin::start().await;
    let node = through(&origin).await;
    let paragraph = format!("<p>{}<a href=/x>x</a></p>", "some words of a text ".repeat(20));
    origin.on("/page", page(Answer::ok(format!("<body>{}</body>", paragraph.repeat(70)))));
    for _ in 0..20 {
        assert!(node.get("/page").await.text().ends_with("<hr></body>"));
    }
    let made = node.scrape().await.value("forebay_filter_instances_total", &[("filter", "one")]);
    // Each of the two workers has its own, and makes it while the other may be busy with one more.
    assert!(made <= 4.0, "{made} instances for 20 pages");
}
