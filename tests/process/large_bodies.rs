//! Bodies far larger than memory through the real program: what it holds does not grow with them.

use support::{Binary, RawClient, Response, River, drink};

const MIB: u64 = 1 << 20;
const BODY_BYTES: u64 = 600 * MIB;

/// What the node may hold beyond what it held idle: its memory tier of 16 MiB, its queue of 16 MiB, for each of five
/// readers 1 MiB of the socket's and as much of two slices, and as much as all this again, for what allocators keep.
const GROWTH_MAX: u64 = 84 * MIB;

async fn node(river: &River) -> Binary {
    Binary::start(&format!(
        "[[listener]]\naddress = \"{{listen}}\"\n[admin]\naddress = \"{{admin}}\"\n[log]\naccess = \"off\"\n\
         [cache]\nmemory = \"16MiB\"\nobject_max = \"4MiB\"\n\
         [cache.disk]\npath = \"disk\"\nsize = \"3GiB\"\nqueue = \"16MiB\"\n\
         [origins.site]\nservers = [\"{}\"]\n[[route]]\norigin = \"site\"\n",
        river.url()
    ))
    .await
}

async fn ask(node: &Binary, fields: &str) -> (RawClient, Response) {
    let mut client = RawClient::connect(node.address()).await;
    client.send(format!("GET /a HTTP/1.1\r\nHost: test.example\r\n{fields}\r\n")).await;
    let head = client.response_head().await;
    (client, head)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_far_larger_than_memory_passes_in_bounded_memory() {
    let river = River::of_length(BODY_BYTES).await;
    let half = BODY_BYTES / 2;
    river.dam(half);
    let node = node(&river).await;
    let idle = node.memory_peak();
    let (mut slow, _) = ask(&node, "").await;
    let (mut leaving, _) = ask(&node, "").await;
    drink(&mut leaving, 0, 10 * MIB).await;
    drop(leaving);
    river.pours(half).await;
    let (mut late, _) = ask(&node, "").await;
    let (mut other, _) = ask(&node, "").await;
    let (mut middle, head) = ask(&node, &format!("Range: bytes={}-{}\r\n", 200 * MIB, 210 * MIB - 1)).await;
    assert_eq!(head.status, 206);
    tokio::join!(
        drink(&mut middle, 200 * MIB, 210 * MIB),
        async {
            drink(&mut late, 0, half).await;
            river.dam(BODY_BYTES);
            drink(&mut late, half, BODY_BYTES).await;
        },
        drink(&mut other, 0, BODY_BYTES),
    );
    drink(&mut slow, 0, BODY_BYTES).await;
    let (mut after, head) = ask(&node, &format!("Range: bytes={}-\r\n", 590 * MIB)).await;
    assert!(head.header("cache-status").is_some_and(|status| status.contains("; hit;")), "{head:?}");
    drink(&mut after, 590 * MIB, BODY_BYTES).await;
    assert_eq!(river.requests(), 1);
    let growth = node.memory_peak() - idle;
    assert!(growth <= GROWTH_MAX, "{} MiB for a body of {} MiB", growth / MIB, BODY_BYTES / MIB);
}
