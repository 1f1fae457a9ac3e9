//! One connection to a server: opened within a time limit, then used for one exchange after another.

use std::sync::Arc;
use std::time::Duration;

use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::failure::OriginFailure;
use crate::body::Body;
use crate::config::Server;

/// Header fields of a response, at most; nginx has no such limit, Envoy's is 100.
const RESPONSE_HEADERS_MAX: usize = 256;
/// Bytes of a response's header section, at most.
const RESPONSE_HEADER_BYTES_MAX: usize = 256 * 1024;

/// Opens a connection and starts the task that drives it.
pub(super) async fn open(
    server: &Server,
    label: &Arc<str>,
    connect_timeout: Duration,
) -> Result<SendRequest<Body>, OriginFailure> {
    let stream = timeout(connect_timeout, connect(server, label))
        .await
        .map_err(|_| OriginFailure::ConnectTimeout { server: label.clone(), after: connect_timeout })??;
    let (sender, connection) = http1::Builder::new()
        .max_headers(RESPONSE_HEADERS_MAX)
        .max_header_size(RESPONSE_HEADER_BYTES_MAX)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| OriginFailure::Malformed { server: label.clone(), cause: error.to_string() })?;
    let label = label.clone();
    tokio::spawn(async move {
        // What it means for a request, that request's own result says.
        if let Err(error) = connection.await {
            tracing::debug!(server = %label, %error, "origin connection ended");
        }
    });
    Ok(sender)
}

async fn connect(server: &Server, label: &Arc<str>) -> Result<TcpStream, OriginFailure> {
    let addresses = tokio::net::lookup_host((server.host.as_str(), server.port))
        .await
        .map_err(|error| OriginFailure::Resolve { server: label.clone(), cause: error.to_string() })?;
    let mut last = None;
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                // Without it a small request could wait for an acknowledgement; where it fails, it only does that.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(error) => last = Some(error),
        }
    }
    Err(match last {
        None => OriginFailure::Resolve { server: label.clone(), cause: "the name has no address".to_owned() },
        Some(error) => OriginFailure::Connect {
            server: label.clone(),
            refused: error.kind() == std::io::ErrorKind::ConnectionRefused,
            cause: error.to_string(),
        },
    })
}
