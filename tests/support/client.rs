//! A client that sends any bytes and reads responses one at a time.

use std::net::SocketAddr;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use crate::message::{Framing, Incoming, Response};
use crate::patience::patiently;

/// What requests made by name are sent for.
const HOST: &str = "test.example";

/// One connection.
pub struct RawClient {
    incoming: Incoming<OwnedReadHalf>,
    writer: OwnedWriteHalf,
}

/// One request on a connection of its own.
pub async fn get(address: SocketAddr, target: &str) -> Response {
    RawClient::connect(address).await.get(target).await
}

impl RawClient {
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = patiently("a connection", TcpStream::connect(address)).await.expect("the server listens");
        stream.set_nodelay(true).expect("a connected socket takes options");
        let (reader, writer) = stream.into_split();
        Self { incoming: Incoming::new(reader), writer }
    }

    /// Sends these bytes; a server that has closed the connection already is left to `response` to find.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        _ = patiently("the server to read", self.writer.write_all(bytes.as_ref())).await;
    }

    /// Tells the server that nothing more will come.
    pub async fn finish_sending(&mut self) {
        _ = self.writer.shutdown().await;
    }

    pub async fn get(&mut self, target: &str) -> Response {
        self.request("GET", target, &[], b"").await
    }

    /// A well-formed request with these extra fields; `Host` unless it is among them, `Content-Length` if there is a body.
    pub async fn request(&mut self, method: &str, target: &str, fields: &[(&str, &str)], body: &[u8]) -> Response {
        let mut request = format!("{method} {target} HTTP/1.1\r\n");
        if !fields.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            request.push_str(&format!("Host: {HOST}\r\n"));
        }
        if !body.is_empty() {
            request.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        for (name, value) in fields {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        self.send([request.as_bytes(), body].concat()).await;
        if method == "HEAD" { self.response_to_head().await } else { self.response().await }
    }

    /// The next response; fails the test where the connection ends without one.
    pub async fn response(&mut self) -> Response {
        self.read(Framing::UntilClose).await.expect("a response before the connection ends")
    }

    /// The next response, which has no body whatever its header section says.
    pub async fn response_to_head(&mut self) -> Response {
        self.read(Framing::Empty).await.expect("a response before the connection ends")
    }

    /// The next response's header section; the body is left to `some`.
    pub async fn response_head(&mut self) -> Response {
        let head = patiently("a response's head", self.incoming.head()).await;
        let head = head.expect("a response before the connection ends");
        Response { status: status(&head.start), head, body: Vec::new(), trailers: Vec::new(), complete: false }
    }

    /// Whatever bytes come next; empty where the connection has ended.
    pub async fn some(&mut self) -> Vec<u8> {
        patiently("more bytes", self.incoming.some()).await
    }

    /// The same, but no more than so many bytes.
    pub async fn some_of(&mut self, bytes: usize) -> Vec<u8> {
        patiently("more bytes", self.incoming.some_of(bytes)).await
    }

    /// All bytes up to `text` and with it, however they are cut into pieces on the way.
    pub async fn until(&mut self, text: &str) -> String {
        let mut read = String::new();
        while !read.contains(text) {
            let more = self.some().await;
            assert!(!more.is_empty(), "the connection ended before {text:?}: {read:?}");
            read.push_str(std::str::from_utf8(&more).expect("a body of text"));
        }
        read
    }

    /// Whether the server closes the connection before it sends anything else.
    pub async fn is_closed(&mut self) -> bool {
        self.some().await.is_empty()
    }

    async fn read(&mut self, otherwise: Framing) -> Option<Response> {
        loop {
            let head = patiently("a response's head", self.incoming.head()).await?;
            let status = status(&head.start);
            if (100..200).contains(&status) && status != 101 {
                continue;
            }
            let bodiless = otherwise == Framing::Empty || matches!(status, 204 | 304);
            let framing = if bodiless { Framing::Empty } else { head.framing(otherwise) };
            let (body, complete) = patiently("a response's body", self.incoming.body(framing)).await;
            let trailers = self.incoming.take_trailers();
            return Some(Response { status, head, body, trailers, complete });
        }
    }
}

fn status(start: &str) -> u16 {
    let code = start.split(' ').nth(1).and_then(|code| code.parse().ok());
    code.unwrap_or_else(|| panic!("no status line: {start:?}"))
}
