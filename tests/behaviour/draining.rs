//! Taking a node down: what is running ends well, nothing new begins.

use forebay::node::Drained;
use support::{Answer, Gate, Origin, TestNode, get};

#[tokio::test]
async fn a_running_exchange_is_finished_before_the_node_ends() {
    let origin = Origin::start().await;
    let gate = Gate::closed();
    origin.on("/a", Answer::ok("a").after(&gate));
    let node = TestNode::before(&origin, "");
    let (address, admin) = (node.address(), node.admin());
    let mut client = node.connect().await;
    client.send("GET /a HTTP/1.1\r\nHost: test.example\r\n\r\n").await;
    origin.requests_reach(1).await;
    assert_eq!(get(admin, "/readyz").await.status, 200);
    let draining = tokio::spawn(node.drain());
    support::patiently("the node to be unready", async { while get(admin, "/readyz").await.status != 503 {} }).await;
    assert_eq!(get(admin, "/healthz").await.status, 200);
    gate.open();
    assert_eq!(client.response().await.text(), "a");
    assert!(client.is_closed().await, "the connection takes no further request");
    assert_eq!(draining.await.unwrap(), Drained::Clean);
    assert!(tokio::net::TcpStream::connect(address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn what_takes_longer_than_the_deadline_is_cut_off() {
    let origin = Origin::start().await;
    origin.on("/a", Answer::never());
    let node = TestNode::start(&format!("[node]\ndrain_timeout = \"1s\"\n{}", support::one_route(&origin)));
    let mut client = node.connect().await;
    client.send("GET /a HTTP/1.1\r\nHost: test.example\r\n\r\n").await;
    origin.requests_reach(1).await;
    assert_eq!(node.drain().await, Drained::CutOff);
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn an_idle_connection_does_not_hold_up_a_drain() {
    let origin = Origin::start().await;
    origin.on("/a", Answer::ok("a"));
    let node = TestNode::before(&origin, "");
    let mut client = node.connect().await;
    client.get("/a").await;
    assert_eq!(node.drain().await, Drained::Clean);
    assert!(client.is_closed().await);
}
