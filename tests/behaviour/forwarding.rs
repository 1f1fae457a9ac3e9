//! What passes through a proxy, what it takes out, and what it adds (RFC 9110 sections 7.6 and 7.8).

use support::{Answer, Gate, Origin, TestNode, one_route};

#[tokio::test]
async fn hop_by_hop_fields_stop_at_the_node() {
    let origin = Origin::start().await;
    origin.on("/a", Answer::ok("a").header("Connection", "x-inner").header("X-Inner", "1").header("X-Outer", "2"));
    let node = TestNode::before(&origin, "");
    let fields = [("Connection", "X-Secret"), ("X-Secret", "1"), ("Keep-Alive", "timeout=5"), ("X-Kept", "2")];
    let response = node.connect().await.request("GET", "/a", &fields, b"").await;
    assert_eq!((response.header("x-inner"), response.header("x-outer")), (None, Some("2")));
    let seen = &origin.seen()[0];
    assert_eq!((seen.header("x-secret"), seen.header("keep-alive"), seen.header("x-kept")), (None, None, Some("2")));
}

#[tokio::test]
async fn a_client_cannot_take_out_what_a_filter_put_in() {
    let origin = Origin::start().await;
    origin.on("/a", Answer::ok("a"));
    let rewrite = support::filter_module("rewrite");
    let node = TestNode::start(&format!(
        "[filters.mark]\nmodule = {rewrite:?}\n[filters.mark.settings]\n\
         request_headers = {{ set = {{ x-secret = \"edge\" }} }}\n{}filters = [\"mark\"]\n",
        one_route(&origin)
    ));
    for fields in [&[("Connection", "x-secret")][..], &[("Connection", "x-secret"), ("X-Secret", "forged")]] {
        node.connect().await.request("GET", "/a", fields, b"").await;
        assert_eq!(origin.seen().last().unwrap().head.headers("x-secret"), ["edge"], "{fields:?}");
    }
}

#[tokio::test]
async fn the_origin_learns_who_asked_and_through_whom() {
    let origin = Origin::start().await;
    origin.on("/a", Answer::ok("a"));
    let node = TestNode::before(&origin, "");
    let forged = [("X-Forwarded-For", "192.0.2.1"), ("X-Forwarded-Proto", "https"), ("X-Request-Id", "forged")];
    let response = node.connect().await.request("GET", "/a", &forged, b"").await;
    let seen = &origin.seen()[0];
    assert_eq!(seen.header("host"), Some("test.example"));
    assert_eq!(seen.header("via"), Some("1.1 edge-1"));
    assert_eq!(seen.header("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(seen.header("x-forwarded-proto"), Some("http"));
    assert_eq!(seen.header("x-forwarded-host"), Some("test.example"));
    let id = seen.header("x-request-id").unwrap();
    assert!(id.len() == 32 && id != "forged", "{id}");
    assert_eq!(response.header("x-request-id"), Some(id));
    assert_eq!(response.header("via"), Some("1.1 edge-1"));
}

#[tokio::test]
async fn a_trusted_proxy_is_believed() {
    let origin = Origin::start().await;
    origin.on("/a", Answer::ok("a"));
    let listener = "[[listener]]\naddress = \"127.0.0.1:0\"\ntrusted_proxies = [\"127.0.0.0/8\"]\n";
    let node = TestNode::start(&format!("{listener}{}", one_route(&origin)));
    let told = [("X-Forwarded-For", "192.0.2.1"), ("X-Forwarded-Proto", "https"), ("X-Request-Id", "from-outside")];
    node.connect().await.request("GET", "/a", &told, b"").await;
    let seen = &origin.seen()[0];
    assert_eq!(seen.header("x-forwarded-for"), Some("192.0.2.1, 127.0.0.1"));
    assert_eq!(seen.header("x-forwarded-proto"), Some("https"));
    assert_eq!(seen.header("x-request-id"), Some("from-outside"));
}

#[tokio::test]
async fn only_a_trusted_proxy_says_whom_it_speaks_for() {
    let told = [("Forwarded", "for=192.0.2.1"), ("X-Real-IP", "192.0.2.1"), ("X-Forwarded-Port", "443")];
    for trusted in [false, true] {
        let origin = Origin::start().await;
        origin.on("/a", Answer::ok("a"));
        let proxies = if trusted { "127.0.0.0/8" } else { "10.0.0.0/8" };
        let listener = format!("[[listener]]\naddress = \"127.0.0.1:0\"\ntrusted_proxies = [\"{proxies}\"]\n");
        let node = TestNode::start(&format!("{listener}{}", one_route(&origin)));
        node.connect().await.request("GET", "/a", &told, b"").await;
        for (name, value) in told {
            assert_eq!(origin.seen()[0].header(name), trusted.then_some(value), "{name}");
        }
    }
}

#[tokio::test]
async fn what_an_origin_may_read_as_a_proxys_word_stays_here() {
    let forged =
        ["X_Forwarded_For", "x-forwarded_for", "X_Forwarded_Proto", "X_Forwarded-Host", "X_Request_Id", "X_Real_IP"];
    let told = forged.map(|name| (name, "192.0.2.1"));
    for proxies in ["127.0.0.0/8", "10.0.0.0/8"] {
        let origin = Origin::start().await;
        origin.otherwise(Answer::ok("a"));
        let listener = format!("[[listener]]\naddress = \"127.0.0.1:0\"\ntrusted_proxies = [\"{proxies}\"]\n");
        let node = TestNode::start(&format!("{listener}{}", one_route(&origin)));
        let mut fields = told.to_vec();
        fields.push(("X_Own_Field", "kept"));
        for method in ["GET", "POST"] {
            node.connect().await.request(method, "/a", &fields, b"").await;
        }
        for seen in origin.seen() {
            let sent: Vec<_> = forged.iter().filter(|name| seen.header(name).is_some()).collect();
            assert_eq!((sent, seen.header("x_own_field")), (Vec::new(), Some("kept")), "{}", seen.method);
        }
        assert_eq!(origin.seen().len(), 2);
    }
}

#[tokio::test]
async fn routes_are_chosen_by_host_and_longest_path() {
    let (shop, docs) = (Origin::start().await, Origin::start().await);
    shop.otherwise(Answer::ok("shop"));
    docs.otherwise(Answer::ok("docs"));
    let node = TestNode::start(&format!(
        "[origins.shop]\nservers = [\"{}\"]\n[origins.docs]\nservers = [\"{}\"]\n\
         [[route]]\nhost = \"shop.example\"\npath = \"/\"\norigin = \"shop\"\n\
         [[route]]\nhost = \"shop.example\"\npath = \"/docs\"\norigin = \"docs\"\n\
         [[route]]\nhost = \"*.docs.example\"\npath = \"/\"\norigin = \"docs\"\n",
        shop.url(),
        docs.url()
    ));
    let cases = [
        ("shop.example", "/", 200, "shop"),
        ("SHOP.example:80", "/docsish", 200, "shop"),
        ("shop.example", "/docs", 200, "docs"),
        ("shop.example", "/docs/a", 200, "docs"),
        ("en.docs.example", "/", 200, "docs"),
        ("docs.example", "/", 404, "no route"),
        ("other.example", "/", 404, "no route"),
    ];
    for (host, target, status, body) in cases {
        let response = node.connect().await.request("GET", target, &[("Host", host)], b"").await;
        assert_eq!(response.status, status, "{host}{target}");
        assert!(response.text().contains(body), "{host}{target}: {}", response.text());
    }
    let refused = node.connect().await.request("GET", "/", &[("Host", "other.example")], b"").await;
    assert!(refused.header("proxy-status").unwrap().starts_with("edge-1; error=destination_not_found"));
}

#[tokio::test]
async fn a_request_body_reaches_the_origin_and_its_answer_comes_back() {
    let origin = Origin::start().await;
    origin.on("/form", Answer::status(201, "made"));
    let node = TestNode::before(&origin, "");
    let body = vec![b'x'; 300_000];
    let response = node.connect().await.request("POST", "/form", &[("Content-Type", "text/plain")], &body).await;
    assert_eq!((response.status, response.text()), (201, "made"));
    assert_eq!(response.header("cache-status"), Some("edge-1; fwd=method; detail=method"));
    let seen = &origin.seen()[0];
    assert_eq!((seen.method.as_str(), seen.body.len()), ("POST", body.len()));
}

#[tokio::test]
async fn a_chunked_request_body_streams_through() {
    let origin = Origin::start().await;
    origin.on("/form", Answer::ok("made"));
    let node = TestNode::before(&origin, "");
    let mut client = node.connect().await;
    client.send("POST /form HTTP/1.1\r\nHost: test.example\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n").await;
    client.send("2\r\nde\r\n0\r\n\r\n").await;
    assert_eq!(client.response().await.status, 200);
    assert_eq!(origin.seen()[0].body, b"abcde");
}

#[tokio::test]
async fn a_response_body_reaches_the_client_before_its_end_is_there() {
    let origin = Origin::start().await;
    let gate = Gate::closed();
    origin.on("/slow", Answer::chunked(&["early ", "late"]).finishing_after(&gate).header("Cache-Control", "no-store"));
    let node = TestNode::before(&origin, "");
    let mut client = node.connect().await;
    client.send("GET /slow HTTP/1.1\r\nHost: test.example\r\n\r\n").await;
    assert_eq!(client.response_head().await.status, 200);
    client.until("early ").await;
    gate.open();
    client.until("late").await;
}

#[tokio::test]
async fn head_gets_the_head_alone_and_the_connection_goes_on() {
    let origin = Origin::start().await;
    origin.on("/a", Answer::ok("abc").header("X-A", "1"));
    let node = TestNode::before(&origin, "");
    let mut client = node.connect().await;
    let head = client.request("HEAD", "/a", &[], b"").await;
    assert_eq!((head.status, head.header("content-length"), head.header("x-a")), (200, Some("3"), Some("1")));
    assert_eq!(client.get("/a").await.text(), "abc");
}

#[tokio::test]
async fn every_framing_and_every_split_of_a_response_gives_the_same_body() {
    let origin = Origin::start().await;
    let answers = [
        Answer::ok("abcde"),
        Answer::chunked(&["a", "bcd", "e"]),
        Answer::until_close("abcde"),
        Answer::ok("abcde").byte_by_byte(),
        Answer::chunked(&["a", "bcd", "e"]).byte_by_byte(),
    ];
    let node = TestNode::before(&origin, "");
    for (number, answer) in answers.into_iter().enumerate() {
        let target = format!("/{number}");
        origin.on(&target, answer);
        let response = node.get(&target).await;
        assert!(response.complete && response.text() == "abcde", "{number}: {response:?}");
    }
}

#[tokio::test]
async fn absolute_form_is_served_by_the_host_it_names() {
    let origin = Origin::start().await;
    origin.on("/a?b=1", Answer::ok("a"));
    let node = TestNode::before(&origin, "");
    let mut client = node.connect().await;
    client.send("GET http://named.example/a?b=1 HTTP/1.1\r\nHost: ignored.example\r\n\r\n").await;
    assert_eq!(client.response().await.text(), "a");
    let seen = &origin.seen()[0];
    assert_eq!((seen.target.as_str(), seen.header("host")), ("/a?b=1", Some("named.example")));
}

#[tokio::test]
async fn dot_segments_are_gone_before_anybody_looks_at_the_path() {
    let origin = Origin::start().await;
    origin.otherwise(Answer::ok("a"));
    let node = TestNode::before(&origin, "");
    for (sent, forwarded) in [("/a/./b/../c", "/a/c"), ("/a/%2e%2E/c", "/c"), ("/a//b", "/a//b"), ("/a%2Fb", "/a%2Fb")]
    {
        assert_eq!(node.get(sent).await.status, 200, "{sent}");
        assert_eq!(origin.seen().last().unwrap().target, forwarded, "{sent}");
    }
    for sent in ["/..", "/a/../../b", "/%2e%2e/etc/passwd"] {
        assert_eq!(node.get(sent).await.status, 400, "{sent}");
    }
}
