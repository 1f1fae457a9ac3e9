//! What was purged never comes back, whatever ends the node: 2,000 purges over four restarts.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use support::{Answer, Binary, Origin, RawClient};

/// Purged in each life.
const PURGES: usize = 500;
const ENDS: [&str; 4] = ["KILL", "TERM", "KILL", "TERM"];
/// Never purged.
const KEPT: usize = 500;
const OBJECTS: usize = ENDS.len() * PURGES + KEPT;

fn path(object: usize) -> String {
    format!("/{object}/x")
}

/// An object's number and the origin's life, as bodies have them.
fn body(object: usize, life: usize) -> String {
    format!("object {object} of life {life}")
}

async fn origin(life: &Arc<AtomicUsize>) -> Origin {
    let (origin, life) = (Origin::start().await, life.clone());
    origin.replying(move |seen| {
        let object = seen.target.split('/').nth(1).and_then(|text| text.parse().ok()).expect("a path of this test");
        let answer = Answer::ok(body(object, life.load(Ordering::SeqCst)));
        answer.header("Cache-Control", "max-age=3600").header("Surrogate-Key", &format!("tag-{object}"))
    });
    origin
}

fn configuration(origin: &Origin) -> String {
    format!(
        "[[listener]]\naddress = \"{{listen}}\"\n[admin]\naddress = \"{{admin}}\"\n\
         [cache.disk]\npath = \"cache\"\nsize = \"64MiB\"\n\
         [origins.site]\nservers = [\"{}\"]\n[[route]]\norigin = \"site\"\n",
        origin.url()
    )
}

/// Purges an object by its URL, a prefix of it, or its tag.
async fn purge(admin: &mut RawClient, object: usize) {
    let named = match object % 3 {
        0 => format!("{{\"url\": \"http://test.example{}\"}}", path(object)),
        1 => format!("{{\"prefix\": \"http://test.example/{object}/\"}}"),
        _ => format!("{{\"tag\": \"tag-{object}\"}}"),
    };
    let json = [("Content-Type", "application/json")];
    let purged = admin.request("POST", "/v1/purge", &json, named.as_bytes()).await;
    assert_eq!(purged.status, 200, "{named}: {}", purged.text());
}

/// Asks for every object; each is as of the life in which it was last purged.
async fn look(node: &Binary, purged_in: impl Fn(usize) -> usize) {
    let mut client = RawClient::connect(node.address()).await;
    for object in 0..OBJECTS {
        let response = client.get(&path(object)).await;
        assert_eq!((response.status, response.text()), (200, body(object, purged_in(object)).as_str()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_purged_never_comes_back_and_the_rest_is_served_from_disk() {
    let life = Arc::new(AtomicUsize::new(0));
    let origin = origin(&life).await;
    let mut node = Binary::start(&configuration(&origin)).await;
    look(&node, |_| 0).await;
    for (before, end) in ENDS.into_iter().enumerate() {
        let mut admin = RawClient::connect(node.admin()).await;
        for object in before * PURGES..(before + 1) * PURGES {
            purge(&mut admin, object).await;
        }
        life.store(before + 1, Ordering::SeqCst);
        drop(admin);
        node.restart(end).await;
        let asked = origin.seen().len();
        // In the life after its purge an object is fetched anew, and served from disk in the lives after that.
        look(&node, |object| if object / PURGES <= before { object / PURGES + 1 } else { 0 }).await;
        assert_eq!(origin.seen().len() - asked, PURGES, "after {end}: only what was purged is fetched anew");
    }
}
