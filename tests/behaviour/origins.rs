//! Groups of servers: turns, kept connections, and what a dead server costs.

use support::{Answer, Origin, TestNode};

fn two(first: &str, second: &str, more: &str) -> String {
    format!(
        "[origins.site]\nservers = [\"{first}\", \"{second}\"]\n{more}\
         [[route]]\nname = \"all\"\nhost = \"*\"\npath = \"/\"\norigin = \"site\"\n"
    )
}

#[tokio::test]
async fn servers_take_turns() {
    let (first, second) = (Origin::start().await, Origin::start().await);
    first.otherwise(Answer::ok("1"));
    second.otherwise(Answer::ok("2"));
    let node = TestNode::start(&format!("[node]\nworkers = 1\n{}", two(&first.url(), &second.url(), "")));
    for number in 0..10 {
        node.get(&format!("/{number}")).await;
    }
    assert_eq!((first.seen().len(), second.seen().len()), (5, 5));
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_made_up_for_by_the_next() {
    let alive = Origin::start().await;
    alive.otherwise(Answer::ok("alive"));
    let dead = Origin::start().await.url();
    let node = TestNode::start(&two(&dead, &alive.url(), ""));
    for number in 0..4 {
        assert_eq!(node.get(&format!("/{number}")).await.text(), "alive");
    }
}

#[tokio::test]
async fn connections_to_a_server_are_kept_and_used_again() {
    let origin = Origin::start().await;
    origin.otherwise(Answer::ok("a"));
    let node = TestNode::start(&format!("[node]\nworkers = 1\n{}", support::one_route(&origin)));
    let mut client = node.connect().await;
    for number in 0..10 {
        client.get(&format!("/{number}")).await;
    }
    assert_eq!(origin.connections(), 1);
    node.metric_is("forebay_origin_connections", &[("origin", "site"), ("state", "idle")], 1.0).await;
    node.metric_is("forebay_origin_requests_total", &[("origin", "site"), ("code", "200")], 10.0).await;
    assert_eq!(node.scrape().await.value("forebay_origin_duration_seconds_count", &[("phase", "connect")]), 1.0);
    assert_eq!(node.scrape().await.value("forebay_origin_duration_seconds_count", &[("phase", "first_byte")]), 10.0);
}

#[tokio::test]
async fn a_kept_connection_that_nobody_needs_is_closed() {
    let origin = Origin::start().await;
    origin.otherwise(Answer::ok("a"));
    let url = origin.url();
    let node = TestNode::start(&format!(
        "[origins.site]\nservers = [\"{url}\"]\nidle_timeout = \"1s\"\n[[route]]\nhost = \"*\"\norigin = \"site\"\n"
    ));
    node.get("/a").await;
    let idle = ("forebay_origin_connections", [("origin", "site"), ("state", "idle")]);
    node.metric_is(idle.0, &idle.1, 1.0).await;
    // Without any traffic that could notice its age.
    origin.open_connections_are(0).await;
    node.metric_is(idle.0, &idle.1, 0.0).await;
    assert_eq!(node.get("/b").await.status, 200);
}

#[tokio::test]
async fn a_kept_connection_that_the_server_closed_costs_no_request() {
    let origin = Origin::start().await;
    origin.otherwise(Answer::ok("a").closing());
    let node = TestNode::start(&format!("[node]\nworkers = 1\n{}", support::one_route(&origin)));
    for number in 0..5 {
        assert_eq!(node.get(&format!("/{number}")).await.status, 200);
    }
}

#[tokio::test]
async fn what_cannot_be_sent_twice_gets_a_new_connection() {
    let origin = Origin::start().await;
    origin.otherwise(Answer::ok("a"));
    let node = TestNode::start(&format!("[node]\nworkers = 1\n{}", support::one_route(&origin)));
    let requests: [(&str, &[u8], usize); 5] =
        [("GET", b"", 1), ("DELETE", b"", 1), ("POST", b"", 2), ("PUT", b"x", 3), ("OPTIONS", b"", 3)];
    for (number, (method, body, connections)) in requests.into_iter().enumerate() {
        let response = node.connect().await.request(method, &format!("/{number}"), &[], body).await;
        assert_eq!((response.status, origin.connections()), (200, connections), "{method}");
    }
}

#[tokio::test]
async fn the_origin_hears_the_host_that_its_configuration_says() {
    let origin = Origin::start().await;
    origin.otherwise(Answer::ok("a"));
    for (setting, expected) in [("server", origin.address().to_string()), ("fixed.example", "fixed.example".to_owned())]
    {
        let node = TestNode::start(&format!(
            "[origins.site]\nservers = [\"{}\"]\nhost = \"{setting}\"\n\
             [[route]]\nhost = \"*\"\npath = \"/\"\norigin = \"site\"\n",
            origin.url()
        ));
        node.get("/a").await;
        assert_eq!(origin.seen().last().unwrap().header("host"), Some(&*expected));
    }
}
