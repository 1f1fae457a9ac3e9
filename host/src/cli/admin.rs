//! One question to a running node, through its operator's door.
//!
//! Where the door is and what opens it comes from the node's own configuration, or from the command line.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::{Context, bail};
use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::arguments::Door;
use crate::config;

/// The answer is a page of text at most, or the node is no node.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// A node's operator's door.
pub(super) struct Admin {
    address: SocketAddr,
    token: Option<String>,
}

impl Admin {
    /// The door that the options name, or else the configuration.
    pub(super) fn of(door: &Door) -> anyhow::Result<Self> {
        if let Some(address) = door.admin {
            return Ok(Self { address, token: door.token.clone() });
        }
        let config = config::load_anew(&door.config).map_err(|faults| {
            let faults = faults.to_string();
            anyhow::anyhow!(
                "{}\nthe configuration says where the node is; name it by --admin ADDRESS",
                faults.trim_end()
            )
        })?;
        if config.admin.address.port() == 0 {
            bail!(
                "{}: admin.address has port 0, so only the node knows it; write --admin ADDRESS",
                door.config.display()
            );
        }
        Ok(Self { address: reachable(config.admin.address), token: door.token.clone().or(config.admin.token) })
    }

    /// Sends one request; the answer's status and text.
    pub(super) fn ask(&self, request: http::request::Builder, body: String) -> anyhow::Result<Response<String>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(self.exchange(request, body))
    }

    async fn exchange(&self, mut request: http::request::Builder, body: String) -> anyhow::Result<Response<String>> {
        let address = self.address;
        let stream = TcpStream::connect(address)
            .await
            .with_context(|| format!("no node answers at {address}; is it running, and is that its admin address?"))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        request = request.header(header::HOST, address.to_string());
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let request: Request<Full<Bytes>> = request.body(Full::from(body))?;
        let answer = sender.send_request(request).await.with_context(|| format!("{address} does not speak HTTP"))?;
        let (parts, body) = answer.into_parts();
        let whole = http_body_util::Limited::new(body, ANSWER_BYTES_MAX).collect().await;
        let whole = whole.map_err(|error| anyhow::anyhow!("the answer of {address} broke off: {error}"))?.to_bytes();
        if parts.status == http::StatusCode::UNAUTHORIZED {
            match &self.token {
                Some(_) => bail!("the node at {address} has another token; write it as --token TOKEN"),
                None => bail!("the node at {address} asks for its token; write --token TOKEN"),
            }
        }
        Ok(Response::from_parts(parts, String::from_utf8_lossy(&whole).into_owned()))
    }
}

/// A node that listens on every interface is reached on loopback.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_door_on_every_interface_is_reached_on_loopback() {
        for (written, reached) in [
            ("0.0.0.0:1", "127.0.0.1:1"),
            ("[::]:1", "[::1]:1"),
            ("192.0.2.1:1", "192.0.2.1:1"),
            ("[::1]:1", "[::1]:1"),
        ] {
            let address = |text: &str| text.parse::<SocketAddr>().expect("a test address");
            assert_eq!(reachable(address(written)), address(reached));
        }
    }
}
