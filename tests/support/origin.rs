//! A scripted origin: an HTTP/1.1 server that answers as told and remembers every request.
//!
//! It runs on the test's own runtime and ends with it or with the `Origin`. A path without a script is answered 404.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

use crate::answer::{Answer, Step};
use crate::message::{Framing, Incoming, Seen};
use crate::patience::patiently;

pub struct Origin {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: AbortHandle,
}

struct Shared {
    script: Mutex<Script>,
    seen: Mutex<Vec<Seen>>,
    counts: watch::Sender<Counts>,
}

#[derive(Default)]
struct Script {
    /// Used up one by one, before `always`.
    once: HashMap<String, VecDeque<Answer>>,
    always: HashMap<String, Answer>,
    otherwise: Option<Answer>,
    /// Answers what no other line of the script does.
    reply: Option<Reply>,
}

/// Makes an answer of what was asked.
type Reply = Arc<dyn Fn(&Seen) -> Answer + Send + Sync>;

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    requests: usize,
    open: usize,
    accepted: usize,
}

impl Origin {
    /// Starts on a port of the system's choice; needs a tokio runtime.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port is free");
        let address = listener.local_addr().expect("a bound socket has an address");
        let script = Mutex::new(Script::default());
        let shared = Arc::new(Shared { script, seen: Mutex::default(), counts: watch::Sender::default() });
        let task = tokio::spawn(accept(listener, shared.clone())).abort_handle();
        Self { address, shared, task }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// For a `servers` line of the configuration.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers every request for `target` (path and query) like this.
    pub fn on(&self, target: &str, answer: Answer) -> &Self {
        lock(&self.shared.script).always.insert(target.to_owned(), answer);
        self
    }

    /// Answers the next request for `target` like this, after those queued before, before what `on` says.
    pub fn once(&self, target: &str, answer: Answer) -> &Self {
        lock(&self.shared.script).once.entry(target.to_owned()).or_default().push_back(answer);
        self
    }

    /// Answers every request that no script names.
    pub fn otherwise(&self, answer: Answer) -> &Self {
        lock(&self.shared.script).otherwise = Some(answer);
        self
    }

    /// Answers every request that no script names with what this makes of it.
    pub fn replying(&self, reply: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> &Self {
        lock(&self.shared.script).reply = Some(Arc::new(reply));
        self
    }

    /// All requests so far, in the order they came.
    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.shared.seen).clone()
    }

    /// How many requests came for `target`.
    pub fn count(&self, target: &str) -> usize {
        lock(&self.shared.seen).iter().filter(|seen| seen.target == target).count()
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> usize {
        self.shared.counts.borrow().accepted
    }

    /// Returns once so many requests have come in all.
    pub async fn requests_reach(&self, requests: usize) {
        self.counts(&format!("{requests} requests at the origin"), |counts| counts.requests >= requests).await;
    }

    /// Returns once so many connections are open.
    pub async fn open_connections_are(&self, open: usize) {
        self.counts(&format!("{open} open connections at the origin"), |counts| counts.open == open).await;
    }

    async fn counts(&self, what: &str, reached: impl FnMut(&Counts) -> bool) {
        let mut counts = self.shared.counts.subscribe();
        // The sender lives in `self`, so waiting ends only by the count being reached.
        _ = patiently(what, counts.wait_for(reached)).await;
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // Dropped with this task, and all connections with it.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        shared.counts.send_modify(|counts| (counts.open, counts.accepted) = (counts.open + 1, counts.accepted + 1));
        connections.spawn(serve(stream, Open(shared.clone())));
        while connections.try_join_next().is_some() {}
    }
}

/// An open connection, counted for as long as it lives.
struct Open(Arc<Shared>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.counts.send_modify(|counts| counts.open -= 1);
    }
}

async fn serve(stream: TcpStream, open: Open) {
    // Steps are writes of their own on the wire too.
    stream.set_nodelay(true).expect("a connected socket takes options");
    let (reader, mut writer) = stream.into_split();
    let mut incoming = Incoming::new(reader);
    while let Some(head) = incoming.head().await {
        let (body, complete) = incoming.body(head.framing(Framing::Empty)).await;
        if !complete {
            return;
        }
        let mut words = head.start.split(' ').map(str::to_owned);
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let seen = Seen { method, target, head, body, trailers: incoming.take_trailers() };
        let steps = open.0.next_answer(&seen).steps(&seen.method);
        lock(&open.0.seen).push(seen);
        open.0.counts.send_modify(|counts| counts.requests += 1);
        for step in steps {
            let gone = match step {
                Step::Send(bytes) => writer.write_all(&bytes).await.is_err(),
                Step::Wait(gate) => tokio::select! {
                    () = gate.passed() => false,
                    silence = closed(&mut incoming) => silence,
                },
                Step::Close => true,
                Step::Hang => closed(&mut incoming).await,
            };
            if gone {
                return;
            }
        }
    }
}

/// Returns when the other side is gone. Nothing else can come: the node does not pipeline.
async fn closed<R: tokio::io::AsyncRead + Unpin>(incoming: &mut Incoming<R>) -> bool {
    let early = incoming.some().await;
    assert!(early.is_empty(), "a second request before the first was answered");
    true
}

impl Shared {
    fn next_answer(&self, seen: &Seen) -> Answer {
        let mut script = lock(&self.script);
        let queued = script.once.get_mut(&seen.target).and_then(VecDeque::pop_front);
        let always = || script.always.get(&seen.target).or(script.otherwise.as_ref()).cloned();
        if let Some(answer) = queued.or_else(always) {
            return answer;
        }
        let reply = script.reply.clone();
        drop(script);
        reply.map_or_else(|| Answer::status(404, "no such script"), |reply| reply(seen))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no test panics while it holds the script")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{RawClient, get};
    use crate::gate::Gate;

    #[tokio::test]
    async fn answers_come_as_scripted_and_requests_are_remembered() {
        let origin = Origin::start().await;
        origin.once("/a", Answer::status(500, "first")).on("/a", Answer::ok("then"));
        assert_eq!(get(origin.address(), "/a").await.status, 500);
        assert_eq!(get(origin.address(), "/a").await.text(), "then");
        assert_eq!(get(origin.address(), "/b").await.status, 404);
        assert_eq!((origin.count("/a"), origin.seen().len()), (2, 3));
        assert_eq!(origin.seen()[0].header("host"), Some("test.example"));
    }

    #[tokio::test]
    async fn one_connection_carries_many_requests() {
        let origin = Origin::start().await;
        origin.on("/a", Answer::chunked(&["ab", "c"]).byte_by_byte());
        let mut client = RawClient::connect(origin.address()).await;
        for _ in 0..3 {
            assert_eq!(client.get("/a").await.text(), "abc");
        }
        assert_eq!(origin.connections(), 1);
    }

    #[tokio::test]
    async fn a_lie_about_the_length_is_seen_as_an_incomplete_body() {
        let origin = Origin::start().await;
        origin.on("/a", Answer::ok("abc").declare_length(9));
        let response = get(origin.address(), "/a").await;
        assert_eq!((response.text(), response.complete), ("abc", false));
    }

    #[tokio::test]
    async fn a_gate_holds_the_answer_and_a_lost_client_is_noticed() {
        let origin = Origin::start().await;
        let gate = Gate::closed();
        origin.once("/a", Answer::ok("abc").after(&gate)).once("/a", Answer::never());
        let mut client = RawClient::connect(origin.address()).await;
        client.send("GET /a HTTP/1.1\r\nHost: test.example\r\n\r\n").await;
        origin.requests_reach(1).await;
        gate.open();
        assert_eq!(client.response().await.text(), "abc");
        client.send("GET /a HTTP/1.1\r\nHost: test.example\r\n\r\n").await;
        origin.requests_reach(2).await;
        drop(client);
        origin.open_connections_are(0).await;
    }
}
