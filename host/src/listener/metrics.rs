//! What is counted of connections: how many are open, and why some ended badly.

use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};

/// The listeners' metrics. Cloning shares them.
#[derive(Clone)]
pub struct Metrics {
    connections: IntGaugeVec,
    accepted: IntCounterVec,
    errors: IntCounterVec,
}

/// The handles of one listener.
#[derive(Clone)]
pub(super) struct ListenerMetrics {
    pub(super) active: IntGauge,
    pub(super) accepted: IntCounter,
    errors: IntCounterVec,
    name: String,
}

/// Why a connection ended badly, or could not be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ConnectionError {
    Accept,
    /// Bytes that are no HTTP/1.1 request; answered with 400 or 431.
    Malformed,
    HeaderTimeout,
    SendTimeout,
    /// The client closed in the middle of something.
    Aborted,
    /// The response broke off on the origin's side.
    CutShort,
    /// A filter closed the stream.
    Closed,
}

impl ConnectionError {
    const ALL: [Self; 7] = [
        Self::Accept,
        Self::Malformed,
        Self::HeaderTimeout,
        Self::SendTimeout,
        Self::Aborted,
        Self::CutShort,
        Self::Closed,
    ];

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Malformed => "malformed",
            Self::HeaderTimeout => "header_timeout",
            Self::SendTimeout => "send_timeout",
            Self::Aborted => "aborted",
            Self::CutShort => "cut_short",
            Self::Closed => "closed_by_filter",
        }
    }
}

impl Metrics {
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let connections = IntGaugeVec::new(
            Opts::new("forebay_connections", "Open client connections, by state"),
            &["listener", "state"],
        )?;
        let accepted = IntCounterVec::new(
            Opts::new("forebay_connections_accepted_total", "Client connections accepted"),
            &["listener"],
        )?;
        let errors = IntCounterVec::new(
            Opts::new("forebay_connection_errors_total", "Client connections that failed, by kind"),
            &["listener", "kind"],
        )?;
        registry.register(Box::new(connections.clone()))?;
        registry.register(Box::new(accepted.clone()))?;
        registry.register(Box::new(errors.clone()))?;
        Ok(Self { connections, accepted, errors })
    }

    pub(super) fn of(&self, listener: &str) -> ListenerMetrics {
        for error in ConnectionError::ALL {
            self.errors.with_label_values(&[listener, error.word()]);
        }
        ListenerMetrics {
            active: self.connections.with_label_values(&[listener, "open"]),
            accepted: self.accepted.with_label_values(&[listener]),
            errors: self.errors.clone(),
            name: listener.to_owned(),
        }
    }
}

impl ListenerMetrics {
    pub(super) fn count(&self, error: ConnectionError) {
        self.errors.with_label_values(&[self.name.as_str(), error.word()]).inc();
    }
}
