//! A client's socket that says something between two of hyper's messages: hyper's server sends no interim responses.
//!
//! Where one message ends, the socket has to know. hyper flushes only what it has written out, so while an exchange is
//! under way a flush is such a place, and stays one until hyper's next write. What has begun is finished before anything of
//! hyper's. The mailbox is closed with the final response, so nothing is ever said within one.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::exchange::{Found, Mailbox};

pub(super) struct Aside<S> {
    stream: S,
    mailbox: Mailbox,
    /// Taken from the mailbox, and not yet sent.
    begun: Bytes,
    /// hyper has nothing left to send, and has begun nothing since.
    between: bool,
}

impl<S: AsyncWrite + Unpin> Aside<S> {
    pub(super) fn new(stream: S, mailbox: Mailbox) -> Self {
        Self { stream, mailbox, begun: Bytes::new(), between: false }
    }

    /// Before anything of hyper's: the rest of what has begun, and what came before the final response.
    fn poll_before(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if std::mem::take(&mut self.between) {
            let (Found::Open(bytes) | Found::Closed(bytes)) = self.mailbox.take(cx);
            self.begin(bytes);
        }
        self.poll_begun(cx)
    }

    fn begin(&mut self, bytes: Bytes) {
        if self.begun.is_empty() {
            self.begun = bytes;
        } else if !bytes.is_empty() {
            self.begun = [&*self.begun, &*bytes].concat().into();
        }
    }

    fn poll_begun(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.begun.has_remaining() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.begun))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.begun.advance(written);
        }
        Poll::Ready(Ok(()))
    }

    fn has_nothing_to_say(&self) -> bool {
        !self.between && self.begun.is_empty()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Aside<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Aside<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if !self.has_nothing_to_say() {
            ready!(self.poll_before(cx))?;
        }
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if !self.has_nothing_to_say() {
            ready!(self.poll_before(cx))?;
        }
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.mailbox.in_use() {
            self.between = false;
            // A closed one found no place before the final response, which is out by now.
            if let Found::Open(bytes) = self.mailbox.take(cx) {
                self.between = true;
                self.begin(bytes);
            }
        }
        ready!(self.poll_begun(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Waker;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    const HINT: &[u8] = b"HTTP/1.1 103 Early Hints\r\n\r\n";

    /// What one attempt to write or flush does; nothing here waits.
    fn now<T>(poll: impl FnOnce(&mut Context<'_>) -> Poll<io::Result<T>>) -> Option<T> {
        match poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(done) => Some(done.expect("the other end is there")),
            Poll::Pending => None,
        }
    }

    impl Aside<DuplexStream> {
        fn write(&mut self, bytes: &[u8]) -> Option<usize> {
            now(|cx| Pin::new(self).poll_write(cx, bytes))
        }

        fn flushed(&mut self) -> bool {
            now(|cx| Pin::new(self).poll_flush(cx)).is_some()
        }
    }

    async fn read(client: &mut DuplexStream, length: usize) -> String {
        let mut bytes = vec![0; length];
        client.read_exact(&mut bytes).await.expect("so many bytes are there");
        String::from_utf8(bytes).expect("text")
    }

    async fn rest(mut client: DuplexStream, mut aside: Aside<DuplexStream>) -> String {
        aside.shutdown().await.expect("the other end is there");
        let mut text = String::new();
        client.read_to_string(&mut text).await.expect("text");
        text
    }

    fn connection(capacity: usize) -> (DuplexStream, Aside<DuplexStream>, Mailbox) {
        let (client, stream) = duplex(capacity);
        let mailbox = Mailbox::default();
        (client, Aside::new(stream, mailbox.clone()), mailbox)
    }

    #[tokio::test]
    async fn a_hint_goes_out_at_the_next_flush() {
        let (client, mut aside, mailbox) = connection(1_000);
        let slip = mailbox.slip();
        assert!(aside.flushed());
        slip.post(HINT);
        assert!(aside.flushed());
        mailbox.close();
        assert_eq!(aside.write(b"final"), Some(5));
        assert_eq!(rest(client, aside).await, "HTTP/1.1 103 Early Hints\r\n\r\nfinal");
    }

    #[tokio::test]
    async fn a_hint_just_before_the_final_response_still_goes_first() {
        let (client, mut aside, mailbox) = connection(1_000);
        let slip = mailbox.slip();
        assert!(aside.flushed());
        slip.post(HINT);
        mailbox.close();
        assert_eq!(aside.write(b"final"), Some(5));
        assert_eq!(rest(client, aside).await, "HTTP/1.1 103 Early Hints\r\n\r\nfinal");
    }

    #[tokio::test]
    async fn a_hint_never_gets_between_the_bytes_of_one_message() {
        let (mut client, mut aside, mailbox) = connection(4);
        assert_eq!(aside.write(b"first response"), Some(4));
        // The next exchange begins while the answer of this one is still going out.
        let slip = mailbox.slip();
        slip.post(HINT);
        assert_eq!(read(&mut client, 4).await, "firs");
        assert_eq!(aside.write(b"t response"), Some(4));
        assert_eq!(read(&mut client, 4).await, "t re");
        mailbox.close();
        assert_eq!(aside.write(b"spon"), Some(4));
        assert!(aside.flushed() && !mailbox.in_use());
        assert_eq!(read(&mut client, 4).await, "spon");
        assert_eq!(aside.write(b"se"), Some(2));
        assert_eq!(rest(client, aside).await, "se", "the hint found no place and is gone");
    }

    #[tokio::test]
    async fn a_hint_that_has_begun_is_finished_before_anything_else() {
        let (mut client, mut aside, mailbox) = connection(8);
        let slip = mailbox.slip();
        slip.post(HINT);
        assert!(!aside.flushed(), "the socket is full");
        slip.post(b"more");
        mailbox.close();
        assert_eq!(aside.write(b"final"), None);
        let mut text = read(&mut client, 8).await;
        let mut left: &[u8] = b"final";
        while !left.is_empty() {
            match aside.write(left) {
                Some(written) => left = &left[written..],
                None => text.push_str(&read(&mut client, 8).await),
            }
        }
        text.push_str(&rest(client, aside).await);
        assert_eq!(text, "HTTP/1.1 103 Early Hints\r\n\r\nmorefinal");
    }

    #[tokio::test]
    async fn after_the_final_response_nothing_is_said() {
        let (client, mut aside, mailbox) = connection(1_000);
        let slip = mailbox.slip();
        assert!(aside.flushed());
        mailbox.close();
        assert_eq!(aside.write(b"head "), Some(5));
        slip.post(HINT);
        assert!(aside.flushed());
        assert_eq!(aside.write(b"body"), Some(4));
        assert_eq!(rest(client, aside).await, "head body");
    }
}
