//! Requests that come back to the node that sent them on (RFC 8586).

use support::{Answer, Origin, Relay, Response, TestNode, one_route};

fn before_relay(relay: &Relay) -> TestNode {
    TestNode::start(&format!(
        "[origins.site]\nservers = [\"{}\"]\n[[route]]\nname = \"all\"\nhost = \"*\"\npath = \"/\"\norigin = \"site\"\n",
        relay.url()
    ))
}

fn is_refused(response: &Response) {
    assert_eq!(response.status, 508, "{response:?}");
    let status = response.header("proxy-status").expect("the node says why");
    assert!(status.starts_with("edge-1; error=proxy_loop_detected"), "{status}");
    // The first member is of the node that refused: it forwarded nothing.
    let status = response.header("cache-status").expect("the node says what it did");
    assert!(status.starts_with("edge-1; detail=loop"), "{status}");
}

#[tokio::test]
async fn a_node_that_is_its_own_origin_says_so_instead_of_waiting_for_itself() {
    let relay = Relay::start().await;
    let node = before_relay(&relay);
    relay.lead_to(node.address());
    for method in ["GET", "HEAD", "POST"] {
        let response = node.connect().await.request(method, "/a", &[], b"").await;
        if method == "HEAD" {
            assert_eq!(response.status, 508);
        } else {
            is_refused(&response);
        }
    }
    let line = node.logged("failure=loop").await;
    assert!(line.contains("fault=origin"), "{line}");
}

#[tokio::test]
async fn a_loop_over_two_nodes_ends_at_the_first() {
    let relay = Relay::start().await;
    let far = before_relay(&relay);
    let near = TestNode::start(&one_route_to(&far));
    relay.lead_to(near.address());
    is_refused(&near.get("/a").await);
}

fn one_route_to(node: &TestNode) -> String {
    format!(
        "[origins.site]\nservers = [\"http://{}\"]\n[[route]]\nhost = \"*\"\npath = \"/\"\norigin = \"site\"\n",
        node.address()
    )
}

#[tokio::test]
async fn two_nodes_of_one_name_may_stand_one_behind_the_other() {
    let origin = Origin::start().await;
    origin.otherwise(Answer::ok("good"));
    let far = TestNode::before(&origin, "");
    let near = TestNode::start(&one_route_to(&far));
    let response =
        near.connect().await.request("GET", "/a", &[("CDN-Loop", "other.example; trace=\"a, b\"")], b"").await;
    assert_eq!((response.status, response.text()), (200, "good"));
    let seen = origin.seen();
    let members = seen[0].head.headers("cdn-loop");
    assert_eq!((members.len(), members[0]), (3, "other.example; trace=\"a, b\""));
    assert!(members[1..].iter().all(|member| member.starts_with("edge-1; id=")), "{members:?}");
    assert_ne!(members[1], members[2]);
}

#[tokio::test]
async fn nobody_takes_a_signature_out() {
    let origin = Origin::start().await;
    origin.otherwise(Answer::ok("good"));
    let rewrite = support::filter_module("rewrite");
    let node = TestNode::start(&format!(
        "[filters.eraser]\nmodule = {rewrite:?}\n[filters.eraser.settings]\n\
         request_headers = {{ remove = [\"cdn-loop\"] }}\n{}filters = [\"eraser\"]\n",
        one_route(&origin)
    ));
    for fields in [&[("CDN-Loop", "other")][..], &[("CDN-Loop", "other"), ("Connection", "CDN-Loop")]] {
        node.connect().await.request("GET", "/a", fields, b"").await;
        let seen = origin.seen();
        let members = seen.last().expect("a request").head.headers("cdn-loop");
        assert_eq!((members.len(), members[0]), (2, "other"), "{fields:?}");
    }
}

#[tokio::test]
async fn what_others_sign_badly_is_passed_on_as_it_is() {
    let origin = Origin::start().await;
    origin.otherwise(Answer::ok("good"));
    let node = TestNode::before(&origin, "");
    for (number, value) in ["edge-1", "edge-1; id=0", ";;,=", "\"", "edge-1; id=\"", ""].into_iter().enumerate() {
        let response = node.connect().await.request("GET", &format!("/{number}"), &[("CDN-Loop", value)], b"").await;
        assert_eq!(response.text(), "good", "{value:?}");
        assert_eq!(origin.seen().last().expect("a request").head.headers("cdn-loop")[0], value);
    }
}
