//! A client's kept connection: one request after the other, and every answer checked.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::ask::Ask;
use crate::verdict::{Reader, Verdict};

const READ_BYTES: usize = 256 * 1024;

pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    reader: Reader,
}

/// A whole answer that was as it must be.
#[derive(Debug, Clone, Copy)]
pub struct Answer {
    pub verdict: Verdict,
    pub body_bytes: usize,
}

/// The server answered with something else than what it was asked for.
#[derive(Debug, thiserror::Error)]
#[error("WRONG BYTES after byte {after} of {path}")]
pub struct WrongBytes {
    pub path: String,
    pub after: usize,
}

impl Connection {
    pub async fn open(address: SocketAddr, reader: Reader) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; READ_BYTES], reader })
    }

    /// One request and its whole answer. After an error the connection is of no more use.
    pub async fn exchange(&mut self, ask: &Ask) -> Result<Answer> {
        self.stream.write_all(&ask.request).await?;
        let mut read = 0;
        let head_end = loop {
            read += self.read_from(read).await?;
            if let Some(at) = self.buffer[..read].windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            ensure!(read < self.buffer.len(), "a header section of more than {READ_BYTES} bytes");
        };
        let head = std::str::from_utf8(&self.buffer[..head_end])?;
        let body_bytes = ask.check(head)?;
        let verdict = (self.reader)(head);
        let body = if body_bytes > 0 { ask.body() } else { None };
        let mut seen = 0;
        let mut part = head_end..read;
        loop {
            let end = seen + part.len();
            ensure!(end <= body_bytes, "more bytes than the body has: {}", ask.object.path());
            let right = body.is_none_or(|body| body[seen..end] == self.buffer[part.clone()]);
            ensure!(right, WrongBytes { path: ask.object.path(), after: seen });
            if end == body_bytes {
                return Ok(Answer { verdict, body_bytes });
            }
            seen = end;
            part = 0..self.read_from(0).await.context("in a body")?;
        }
    }

    async fn read_from(&mut self, start: usize) -> Result<usize> {
        let read = self.stream.read(&mut self.buffer[start..]).await?;
        ensure!(read > 0, "the server closed the connection");
        Ok(read)
    }
}
