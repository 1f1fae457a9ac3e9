//! Origins that fail: each failure is a clear answer, is counted, is never stored, and the node serves on.

use std::net::SocketAddr;
use std::time::Duration;

use support::{Answer, Origin, Response, TestNode, one_route};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;

/// Short enough that a test waits for it, and long enough that nothing else runs into it.
const TIMEOUTS: &str = "connect_timeout = \"200ms\"\nfirst_byte_timeout = \"200ms\"\nread_timeout = \"200ms\"\n";

fn node_before(url: &str) -> TestNode {
    TestNode::start(&format!(
        "[origins.site]\nservers = [\"{url}\"]\n{TIMEOUTS}\
         [[route]]\nname = \"all\"\nhost = \"*\"\npath = \"/\"\norigin = \"site\"\n\
         [route.cache]\ndefault_ttl = \"5m\"\n"
    ))
}

fn proxy_status(response: &Response) -> &str {
    let status = response.header("proxy-status").expect("an error of the node's own says so");
    status.strip_prefix("edge-1; error=").expect("and who made it").split(';').next().unwrap_or_default()
}

/// The origin answers the next request as if nothing had been.
async fn serves_on(node: &TestNode, origin: &Origin) {
    origin.on("/good", Answer::ok("good"));
    assert_eq!(node.get("/good").await.text(), "good");
}

#[tokio::test]
async fn a_refused_connection_is_502() {
    let gone = Origin::start().await.url();
    let node = node_before(&gone);
    let response = node.get("/a").await;
    assert_eq!((response.status, proxy_status(&response)), (502, "connection_refused"));
    assert!(!response.text().contains("127.0.0.1"), "the client learns no address: {}", response.text());
    assert_eq!(response.header("cache-control"), Some("no-store"));
    node.metric_is("forebay_origin_requests_total", &[("origin", "site"), ("code", "connect")], 1.0).await;
    node.metric_is("forebay_http_requests_total", &[("route", "all"), ("code", "502")], 1.0).await;
}

#[tokio::test]
async fn an_origin_that_never_answers_is_504() {
    let origin = Origin::start().await;
    origin.on("/a", Answer::never());
    let node = node_before(&origin.url());
    let response = node.get("/a").await;
    assert_eq!((response.status, proxy_status(&response)), (504, "http_response_timeout"));
    node.metric_is("forebay_origin_requests_total", &[("code", "first_byte_timeout")], 1.0).await;
    serves_on(&node, &origin).await;
}

#[tokio::test]
async fn an_origin_that_hangs_up_is_502() {
    let origin = Origin::start().await;
    origin.on("/a", Answer::hang_up());
    let node = node_before(&origin.url());
    let response = node.get("/a").await;
    assert_eq!((response.status, proxy_status(&response)), (502, "connection_terminated"));
    serves_on(&node, &origin).await;
}

#[tokio::test]
async fn an_answer_that_is_not_http_is_502() {
    let origin = Origin::start().await;
    let node = node_before(&origin.url());
    let nonsense = [
        "nonsense\r\n\r\n",
        "HTTP/1.1 abc Bad\r\n\r\n",
        "HTTP/1.1 200 OK\r\nbad field\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    ];
    for (number, bytes) in nonsense.into_iter().enumerate() {
        let target = format!("/{number}");
        origin.on(&target, Answer::raw(bytes));
        let response = node.get(&target).await;
        assert_eq!((response.status, proxy_status(&response)), (502, "http_protocol_error"), "{bytes:?}");
    }
    node.metric_is("forebay_origin_requests_total", &[("code", "malformed")], 5.0).await;
    serves_on(&node, &origin).await;
}

#[tokio::test]
async fn a_response_cut_short_is_cut_short_for_the_client_and_never_stored() {
    let origin = Origin::start().await;
    let cut = [
        ("/length", Answer::ok("abcdef").cut_after(3)),
        ("/lie", Answer::ok("abc").declare_length(6)),
        ("/chunked", Answer::chunked(&["abc", "def"]).cut_after(9)),
        ("/bad-chunk", Answer::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n")),
    ];
    let node = node_before(&origin.url());
    for (target, answer) in cut {
        origin.once(target, answer).on(target, Answer::ok("whole"));
        let response = node.get(target).await;
        assert!(!response.complete, "{target}: {response:?}");
        let again = node.get(target).await;
        assert_eq!((again.text(), again.complete), ("whole", true), "{target}");
    }
    let line = node.logged("/length").await;
    assert!(line.contains("ending=origin_abort"), "{line}");
}

#[tokio::test]
async fn an_origin_that_stalls_in_its_body_is_given_up() {
    let origin = Origin::start().await;
    let gate = support::Gate::closed();
    origin.once("/a", Answer::ok("abc").finishing_after(&gate)).on("/a", Answer::ok("whole"));
    let node = node_before(&origin.url());
    assert!(!node.get("/a").await.complete);
    assert_eq!(node.get("/a").await.text(), "whole");
}

#[tokio::test]
async fn errors_of_the_origin_are_the_origins_and_pass() {
    let origin = Origin::start().await;
    let node = TestNode::start(&one_route(&origin));
    for status in [404, 500, 503] {
        let target = format!("/{status}");
        origin.on(&target, Answer::status(status, "its own words"));
        let response = node.get(&target).await;
        assert_eq!((response.status, response.text()), (status, "its own words"));
        assert_eq!(response.header("proxy-status"), None);
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_counted_and_logged_as_the_origins_failure() {
    let origin = Origin::start().await;
    origin.on("/stored", Answer::ok("abcdef").cut_after(3));
    origin.on("/passed", Answer::ok("abcdef").cut_after(3).header("Cache-Control", "no-store"));
    let node = node_before(&origin.url());
    for target in ["/stored", "/passed"] {
        assert!(!node.get(target).await.complete, "{target}");
        let line = node.logged(target).await;
        assert!(line.contains("failure=incomplete fault=origin"), "{line}");
    }
    node.metric_is("forebay_origin_requests_total", &[("origin", "site"), ("code", "incomplete")], 2.0).await;
    node.metric_is("forebay_connection_errors_total", &[("kind", "cut_short")], 2.0).await;
    assert_eq!(node.scrape().await.value("forebay_connection_errors_total", &[("kind", "closed_by_filter")]), 0.0);
}

#[tokio::test]
async fn of_two_framings_the_coding_decides_and_the_length_is_gone() {
    let origin = Origin::start().await;
    origin.on("/after", Answer::ok("after"));
    let node = node_before(&origin.url());
    for caching in ["max-age=60", "no-store"] {
        let (target, head) =
            (format!("/{caching}"), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked");
        let answer = format!("{head}\r\nCache-Control: {caching}\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
        origin.on(&target, Answer::raw(answer));
        let mut client = node.connect().await;
        for turn in ["first", "second"] {
            let response = client.get(&target).await;
            assert!(response.complete && response.text() == "hello", "{caching} {turn}: {response:?}");
            let length = response.header("content-length");
            assert!(matches!(length, None | Some("5")), "{caching} {turn}: {length:?}");
            assert!(length.is_none() || response.header("transfer-encoding").is_none(), "{caching} {turn}");
            assert_eq!(client.get("/after").await.text(), "after", "{caching} {turn}");
        }
    }
    assert_eq!((origin.count("/max-age=60"), origin.count("/no-store")), (1, 2));
}

#[tokio::test]
async fn an_origin_that_switches_protocols_unasked_is_502() {
    let origin = Origin::start().await;
    let switch = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    origin.on("/a", Answer::raw(switch));
    let node = node_before(&origin.url());
    for fields in [&[][..], &[("Connection", "Upgrade"), ("Upgrade", "websocket")]] {
        let response = node.connect().await.request("GET", "/a", fields, b"").await;
        assert_eq!((response.status, proxy_status(&response)), (502, "http_protocol_error"), "{fields:?}");
    }
    serves_on(&node, &origin).await;
}

/// A server whose queue of connections is full: whoever comes next hears nothing. `None` where the system lets in more
/// than it was told to.
async fn full_server() -> Option<(TcpListener, Vec<TcpStream>)> {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a loopback port is free");
    let listener = socket.listen(0).expect("a bound socket listens");
    let address = listener.local_addr().expect("a bound socket has an address");
    let mut queued = Vec::new();
    while queued.len() < 8 {
        match timeout(Duration::from_millis(200), TcpStream::connect(address)).await {
            Ok(connected) => queued.push(connected.expect("nobody refuses")),
            Err(_) => return Some((listener, queued)),
        }
    }
    None
}

#[tokio::test]
async fn a_server_that_does_not_take_the_connection_is_504() {
    let Some((listener, _queued)) = full_server().await else {
        return support::skip("connect_timeout: this system's queue of connections cannot be filled");
    };
    let node = node_before(&format!("http://{}", listener.local_addr().unwrap()));
    let response = node.get("/a").await;
    assert_eq!((response.status, proxy_status(&response)), (504, "connection_timeout"));
    node.metric_is("forebay_origin_requests_total", &[("origin", "site"), ("code", "connect_timeout")], 1.0).await;
}
