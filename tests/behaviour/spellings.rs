//! One resource in several spellings: no spelling leads around a route, and equal ones share an entry (RFC 3986 section 6).

use support::{Answer, Origin, TestNode};

#[tokio::test]
async fn no_spelling_of_a_path_leads_around_its_route() {
    let (open, private) = (Origin::start().await, Origin::start().await);
    open.otherwise(Answer::ok("open"));
    private.otherwise(Answer::ok("private"));
    let node = TestNode::start(&format!(
        "[origins.open]\nservers = [\"{}\"]\n[origins.private]\nservers = [\"{}\"]\n\
         [[route]]\npath = \"/\"\norigin = \"open\"\n[[route]]\npath = \"/private\"\norigin = \"private\"\n",
        open.url(),
        private.url()
    ));
    let same = [
        "/private/x",
        "/%70rivate/x",
        "/%70%72ivate",
        "//private/x",
        "///private//x",
        "/private%2fx",
        "/%2Fprivate/x",
        "/./private/x",
        "/%2e/private/x",
        "/a/../private/x",
        "/a%2e/%2e%2E/private/x",
    ];
    for target in same {
        assert_eq!(node.get(target).await.text(), "private", "{target}");
    }
    for target in ["/", "/privateer", "/PRIVATE/x", "/a/private", "/private/../a", "/?/private", "/%2570rivate/x"] {
        assert_eq!(node.get(target).await.text(), "open", "{target}");
    }
}

#[tokio::test]
async fn escapes_that_say_nothing_make_no_second_entry() {
    let origin = Origin::start().await;
    origin.otherwise(Answer::ok("a").header("Cache-Control", "max-age=60"));
    let node = TestNode::before(&origin, "");
    for target in ["/%7Ea", "/~a", "/%7ea", "/%7E%61"] {
        assert_eq!(node.get(target).await.text(), "a", "{target}");
    }
    assert_eq!((origin.seen().len(), origin.count("/~a")), (1, 1));
    node.metric_is("forebay_cache_entries", &[], 1.0).await;
}

#[tokio::test]
async fn a_name_with_its_last_dot_is_the_same_name() {
    let (named, other) = (Origin::start().await, Origin::start().await);
    named.otherwise(Answer::ok("named").header("Cache-Control", "max-age=60"));
    other.otherwise(Answer::ok("other"));
    let node = TestNode::start(&format!(
        "[origins.named]\nservers = [\"{}\"]\n[origins.other]\nservers = [\"{}\"]\n\
         [[route]]\nhost = \"a.example\"\norigin = \"named\"\n[[route]]\nhost = \"*\"\norigin = \"other\"\n",
        named.url(),
        other.url()
    ));
    for host in ["a.example", "a.example.", "A.Example.:80"] {
        let response = node.connect().await.request("GET", "/", &[("Host", host)], b"").await;
        assert_eq!(response.text(), "named", "{host}");
    }
    assert_eq!((named.seen().len(), named.seen()[0].header("host")), (1, Some("a.example")));
}
