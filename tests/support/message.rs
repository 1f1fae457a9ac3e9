//! HTTP/1.1 messages as bytes on the wire: the little that both the scripted origin and the raw client need.
//!
//! Written by hand and apart from the node's HTTP library, so that the tests do not share its mistakes.

use tokio::io::{AsyncRead, AsyncReadExt};

/// What one read brings at most.
const READ_BYTES: usize = 64 << 10;

/// A start line and a header section, names as sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    pub start: String,
    pub headers: Vec<(String, String)>,
}

/// How long a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    Empty,
    Length(usize),
    Chunked,
    UntilClose,
}

/// One request as the origin saw it.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: String,
    pub target: String,
    pub head: Head,
    pub body: Vec<u8>,
    pub trailers: Vec<(String, String)>,
}

/// One response as the client saw it.
#[derive(Debug, Clone)]
pub struct Response {
    pub status: u16,
    pub head: Head,
    pub body: Vec<u8>,
    pub trailers: Vec<(String, String)>,
    /// False where the connection ended before the body did.
    pub complete: bool,
}

/// Bytes read ahead of the messages that are made of them.
pub(crate) struct Incoming<R> {
    stream: R,
    ahead: Vec<u8>,
    /// What followed the last body.
    trailers: Vec<(String, String)>,
}

impl Head {
    /// Fails the test where `text` is no header section.
    fn parse(text: &str) -> Self {
        let mut lines = text.split("\r\n");
        let start = lines.next().unwrap_or_default().to_owned();
        Self { start, headers: lines.filter(|line| !line.is_empty()).map(field).collect() }
    }

    /// The first field of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).first().copied()
    }

    /// All fields of this name, in the order they came.
    pub fn headers(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str()).collect()
    }

    /// What the header section says; `otherwise` where it says nothing.
    pub fn framing(&self, otherwise: Framing) -> Framing {
        if self.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
            return Framing::Chunked;
        }
        match self.header("content-length").map(str::parse) {
            Some(length) => Framing::Length(length.expect("content-length is a number")),
            None => otherwise,
        }
    }
}

/// Fails the test where the line is no field.
fn field(line: &str) -> (String, String) {
    let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("no field: {line:?}"));
    (name.to_owned(), value.trim().to_owned())
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.header(name)
    }
}

impl Response {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.header(name)
    }

    pub fn headers(&self, name: &str) -> Vec<&str> {
        self.head.headers(name)
    }

    /// The body as text; fails the test where it is none.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is UTF-8")
    }
}

impl<R: AsyncRead + Unpin> Incoming<R> {
    pub(crate) fn new(stream: R) -> Self {
        Self { stream, ahead: Vec::new(), trailers: Vec::new() }
    }

    /// The next header section; `None` where the connection ends before one is whole.
    pub(crate) async fn head(&mut self) -> Option<Head> {
        loop {
            if let Some(end) = find(&self.ahead, b"\r\n\r\n") {
                let head = self.ahead.drain(..end + 4).collect::<Vec<u8>>();
                return Some(Head::parse(&String::from_utf8_lossy(&head)));
            }
            self.more().await?;
        }
    }

    /// The body, and whether all of it came.
    pub(crate) async fn body(&mut self, framing: Framing) -> (Vec<u8>, bool) {
        let mut body = Vec::new();
        let complete = match framing {
            Framing::Empty => true,
            Framing::Length(length) => self.exactly(length, &mut body).await.is_some(),
            Framing::Chunked => self.chunks(&mut body).await.is_some(),
            Framing::UntilClose => {
                while self.more().await.is_some() {}
                body.append(&mut self.ahead);
                true
            }
        };
        (body, complete)
    }

    /// What followed the body that was read last.
    pub(crate) fn take_trailers(&mut self) -> Vec<(String, String)> {
        std::mem::take(&mut self.trailers)
    }

    /// What comes next, as it comes; empty at the end of the connection.
    pub(crate) async fn some(&mut self) -> Vec<u8> {
        if self.ahead.is_empty() {
            self.more().await;
        }
        std::mem::take(&mut self.ahead)
    }

    /// The same, but no more than so many bytes.
    pub(crate) async fn some_of(&mut self, bytes: usize) -> Vec<u8> {
        let mut some = self.some().await;
        self.ahead = some.split_off(bytes.min(some.len()));
        some
    }

    async fn chunks(&mut self, body: &mut Vec<u8>) -> Option<()> {
        loop {
            let line = self.line().await?;
            let size = line.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16).expect("a chunk size is hexadecimal");
            if size == 0 {
                loop {
                    match self.line().await? {
                        end if end.is_empty() => return Some(()),
                        line => self.trailers.push(field(&line)),
                    }
                }
            }
            self.exactly(size, body).await?;
            assert_eq!(self.line().await?, "", "a chunk ends with its line");
        }
    }

    async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = find(&self.ahead, b"\r\n") {
                let line = self.ahead.drain(..end + 2).collect::<Vec<u8>>();
                return Some(String::from_utf8_lossy(&line[..end]).into_owned());
            }
            self.more().await?;
        }
    }

    /// Moves `length` bytes to `into`; where the connection ends before, what there was.
    async fn exactly(&mut self, length: usize, into: &mut Vec<u8>) -> Option<()> {
        while self.ahead.len() < length {
            if self.more().await.is_none() {
                into.append(&mut self.ahead);
                return None;
            }
        }
        into.extend(self.ahead.drain(..length));
        Some(())
    }

    async fn more(&mut self) -> Option<()> {
        // Without room for more, a read brings 64 bytes.
        self.ahead.reserve(READ_BYTES);
        let read = self.stream.read_buf(&mut self.ahead).await;
        read.ok().filter(|&count| count > 0).map(|_| ())
    }
}

fn find(bytes: &[u8], pattern: &[u8]) -> Option<usize> {
    bytes.windows(pattern.len()).position(|window| window == pattern)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn two_messages_on_one_connection_are_told_apart() {
        let mut incoming = Incoming::new(&b"GET /a HTTP/1.1\r\nX-A: 1\r\nx-a:2\r\n\r\nabcGET /b HTTP/1.1\r\n\r\n"[..]);
        let first = incoming.head().await.unwrap();
        assert_eq!((first.start.as_str(), first.headers("X-a")), ("GET /a HTTP/1.1", vec!["1", "2"]));
        assert_eq!(incoming.body(Framing::Length(3)).await, (b"abc".to_vec(), true));
        assert_eq!(incoming.head().await.unwrap().start, "GET /b HTTP/1.1");
        assert!(incoming.head().await.is_none());
    }

    #[tokio::test]
    async fn chunks_are_joined_and_a_missing_end_is_noticed() {
        let mut incoming = Incoming::new(&b"3;x=1\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 1\r\n\r\n"[..]);
        assert_eq!(incoming.body(Framing::Chunked).await, (b"abcde".to_vec(), true));
        assert_eq!(incoming.take_trailers(), [("X-Sum".to_owned(), "1".to_owned())]);
        let cut = Incoming::new(&b"3\r\nabc\r\n2\r\nd"[..]).body(Framing::Chunked).await;
        assert_eq!(cut, (b"abcd".to_vec(), false));
        assert_eq!(Incoming::new(&b"ab"[..]).body(Framing::Length(3)).await, (b"ab".to_vec(), false));
    }
}
