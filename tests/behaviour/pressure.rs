//! Slow readers: the node takes no more from an origin than its client takes, and does not wait for ever.

use std::time::Duration;

use support::{TestNode, patiently};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::timeout;

const MIB: usize = 1 << 20;
/// Far more than the kernel's buffers of two loopback connections hold: 4 MiB to send and 6 MiB received on each.
const BODY_BYTES: usize = 64 * MIB;
/// A write that waits for longer is held back.
const HELD_BACK: Duration = Duration::from_millis(300);

/// An origin with one large body for one request, sent as fast as it is taken.
struct Flood {
    url: String,
    /// How much was taken when the first write was held back; an error where none was.
    held_back_after: oneshot::Receiver<usize>,
}

impl Flood {
    /// `fields` stand in the response's head.
    async fn start(fields: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port is free");
        let url = format!("http://{}", listener.local_addr().expect("a bound socket has an address"));
        let (tell, held_back_after) = oneshot::channel();
        // A node that hangs up ends it.
        tokio::spawn(async move { pour(listener, fields, tell).await.ok() });
        Self { url, held_back_after }
    }
}

async fn pour(listener: TcpListener, fields: String, tell: oneshot::Sender<usize>) -> std::io::Result<()> {
    let (mut stream, _) = listener.accept().await?;
    let (reader, mut writer) = stream.split();
    let mut head = BufReader::new(reader).lines();
    while head.next_line().await?.is_some_and(|line| !line.is_empty()) {}
    writer.write_all(format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n").as_bytes()).await?;
    let (piece, mut tell) = (vec![b'x'; MIB / 4], Some(tell));
    for taken in (0..BODY_BYTES).step_by(piece.len()) {
        let mut write = std::pin::pin!(writer.write_all(&piece));
        match timeout(HELD_BACK, write.as_mut()).await {
            Ok(written) => written?,
            Err(_) => {
                tell.take().into_iter().for_each(|tell| _ = tell.send(taken));
                write.await?;
            }
        }
    }
    Ok(())
}

fn node_before(flood: &Flood, more: &str) -> TestNode {
    TestNode::start(&format!("{more}[origins.site]\nservers = [\"{}\"]\n[[route]]\norigin = \"site\"\n", flood.url))
}

const REQUEST: &str = "GET /a HTTP/1.1\r\nHost: test.example\r\n\r\n";

#[tokio::test]
async fn an_origin_is_held_back_while_its_client_reads_nothing() {
    let sized = format!("Content-Length: {BODY_BYTES}\r\n");
    let cases = [
        ("passed by", sized.clone() + "Cache-Control: no-store"),
        ("too large", sized + "Cache-Control: max-age=60"),
        ("found to be too large", "Connection: close\r\nCache-Control: max-age=60".to_owned()),
    ];
    for (case, fields) in cases {
        let flood = Flood::start(fields).await;
        let node = node_before(&flood, "[cache]\nobject_max = \"1MiB\"\n");
        let mut client = node.connect().await;
        client.send(REQUEST).await;
        let taken = patiently("the origin to be held back", flood.held_back_after).await;
        let taken = taken.unwrap_or_else(|_| panic!("{case}: the node took it all"));
        assert!(taken < BODY_BYTES / 2, "{case}: {taken} bytes were taken");
        let response = client.response().await;
        assert!(response.complete && response.body.len() == BODY_BYTES, "{case}: {} bytes", response.body.len());
    }
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_given_up() {
    let flood = Flood::start(format!("Content-Length: {BODY_BYTES}\r\nCache-Control: no-store")).await;
    let node = node_before(&flood, "[[listener]]\naddress = \"127.0.0.1:0\"\nsend_timeout = \"200ms\"\n");
    let mut client = node.connect().await;
    client.send(REQUEST).await;
    node.metric_is("forebay_connection_errors_total", &[("kind", "send_timeout")], 1.0).await;
    assert!(!client.response().await.complete);
    assert!(node.logged("/a").await.contains("ending=client_abort"));
    node.metric_is("forebay_origin_connections", &[], 0.0).await;
}
