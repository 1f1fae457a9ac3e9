//! The checked configuration: plain data with every default filled in, every path absolute and every name resolved.
//!
//! Built by `check`, read by everything above. A value of these types is known to be usable: names of origins and
//! filters exist, sizes and durations are within their limits, addresses are parsed.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use http::HeaderName;
use ipnet::IpNet;

use super::filter::{Filter, FilterLimits, RouteFilter};
use super::media_range::MediaRange;

/// A whole, checked configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// The file it was read from; relative where it was named so.
    pub file: PathBuf,
    pub node: Node,
    pub listeners: Vec<Listener>,
    pub admin: Admin,
    pub log: Log,
    pub cache: Cache,
    pub compression: Compression,
    pub origins: Vec<Origin>,
    pub statics: Vec<StaticSite>,
    pub filter_limits: FilterLimits,
    /// `[filter_cache]`: the folder of compiled modules; `None` compiles at every start.
    pub filter_cache: Option<PathBuf>,
    pub filters: Vec<Filter>,
    pub routes: Vec<Route>,
}

/// `[node]`: who this node is.
#[derive(Debug, Clone)]
pub struct Node {
    /// Named in `Via`, `Cache-Status` and `Proxy-Status`; a token (RFC 9110 section 5.6.2).
    pub name: String,
    /// Worker threads, each with its own runtime; `"auto"` is one per core.
    pub workers: usize,
    /// How long a drain waits for running exchanges before it closes them.
    pub drain_timeout: Duration,
}

/// `[[listener]]`: one address clients connect to, and the limits of a connection there.
#[derive(Debug, Clone)]
pub struct Listener {
    /// The `listener` label in metrics; the address as written where no name is given.
    pub name: String,
    pub address: SocketAddr,
    /// Open connections at most; above it accepting waits.
    pub connections_max: usize,
    /// From the first byte of a request head to its last.
    pub header_timeout: Duration,
    /// Idle time between requests on one connection.
    pub keep_alive_timeout: Duration,
    /// The longest gap between two pieces of a request body.
    pub body_timeout: Duration,
    /// The longest time a client may refuse to read.
    pub send_timeout: Duration,
    pub header_count_max: usize,
    pub header_bytes_max: usize,
    /// Peers whose `X-Forwarded-*` and `X-Request-Id` are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Peers whose `PURGE` requests are obeyed.
    pub purge_from: Vec<IpNet>,
}

/// `[admin]`: the operator's door.
#[derive(Debug, Clone)]
pub struct Admin {
    pub address: SocketAddr,
    /// Asked for as `Authorization: Bearer` on everything but the health checks. Needed off loopback.
    pub token: Option<String>,
}

/// `[log]`: what goes to stderr and to the access log.
#[derive(Debug, Clone)]
pub struct Log {
    /// A `tracing` filter: `info`, or `info,forebay::cache=debug`.
    pub level: String,
    pub format: LogFormat,
    pub access: AccessLog,
    pub access_format: LogFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One readable line per event; for the access log, NCSA combined with the node's fields after it.
    Text,
    Json,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccessLog {
    Off,
    Stderr,
    Stdout,
    File(PathBuf),
}

/// `[cache]`: the memory tier, shared by all routes.
#[derive(Debug, Clone)]
pub struct Cache {
    /// Bytes of the memory tier: bodies, headers, keys and bookkeeping.
    pub memory_bytes: u64,
    /// The largest body that is stored.
    pub object_bytes_max: u64,
    /// Fetches under way that others may share, at most; above it, each request fetches for itself.
    pub fills_max: usize,
    /// How long a key whose answer could not be stored lets later requests pass without waiting for each other.
    pub uncacheable_ttl: Duration,
    /// Scopes of purges on record, at most; above it the oldest is given up, and everything older counts as purged.
    pub purge_records_max: usize,
    /// Response fields that speak to this node before `Cache-Control` does, the weightiest first.
    pub targeted_fields: Vec<HeaderName>,
    /// The longest time that a failing origin is left alone while there are stale responses to use.
    pub retry_backoff_max: Duration,
    /// The disk tier; `None` where there is memory only.
    pub disk: Option<Disk>,
}

/// `[cache.disk]`: the disk tier under the memory tier.
#[derive(Debug, Clone)]
pub struct Disk {
    /// The folder it lies in; made where it is missing.
    pub path: PathBuf,
    /// Bytes of all its files.
    pub bytes_max: u64,
    /// The largest body that is stored.
    pub object_bytes_max: u64,
    /// Bytes of one file of the log.
    pub segment_bytes: u64,
    /// Bytes that wait to be written; above it, what comes is not stored.
    pub queue_bytes_max: usize,
    pub admission: Admission,
    /// How long a first request is remembered, where the second one counts.
    pub admission_window: Duration,
    /// Bytes per second that are written, on average; `None` where there is no limit.
    pub write_rate: Option<u64>,
    /// Reads that wait for the disk at the same time.
    pub reads_max: usize,
}

/// What enters the disk tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    All,
    /// What is asked for again within a window.
    SecondRequest,
}

/// `[compression]`: the node's bounds and levels; what is compressed is each route's own.
#[derive(Debug, Clone)]
pub struct Compression {
    /// Stored responses that are compressed at the same time, on threads of their own.
    pub jobs_max: usize,
    /// Responses that are compressed as they pass, at the same time.
    pub streams_max: usize,
    pub br_level: usize,
    pub zstd_level: usize,
    pub gzip_level: usize,
}

/// A content coding by its name in `Accept-Encoding`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    Br,
    Zstd,
    Gzip,
}

/// `[origins.NAME]`: a group of servers with the same content.
#[derive(Debug, Clone)]
pub struct Origin {
    pub name: String,
    /// At least one.
    pub servers: Vec<Server>,
    pub balance: Balance,
    /// The `Host` sent upstream.
    pub host: OriginHost,
    pub connect_timeout: Duration,
    /// From the end of the request to the response's header section.
    pub first_byte_timeout: Duration,
    /// The longest gap between two pieces of a response body.
    pub read_timeout: Duration,
    /// How long an unused connection is kept.
    pub idle_timeout: Duration,
    /// Unused connections kept, per server and worker.
    pub idle_connections_max: usize,
}

/// One server of an origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// A name or an address, without brackets.
    pub host: String,
    pub port: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Balance {
    RoundRobin,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OriginHost {
    /// What the client asked for.
    Client,
    /// The name in the server's URL.
    Server,
    /// A fixed name.
    Fixed(String),
}

/// `[static.NAME]`: a folder served as an origin.
#[derive(Debug, Clone)]
pub struct StaticSite {
    pub name: String,
    /// Absolute.
    pub root: PathBuf,
}

/// `[[route]]`: which requests go where, and through what.
#[derive(Debug, Clone)]
pub struct Route {
    /// The `route` label in metrics; host and path as written where no name is given.
    pub name: String,
    pub host: HostPattern,
    /// A path prefix that ends at a segment boundary; the longest one wins.
    pub path: String,
    /// The name of an origin or of a static site.
    pub origin: String,
    /// In request order.
    pub filters: Vec<RouteFilter>,
    pub cache: RouteCache,
    pub compression: RouteCompression,
}

/// The `host` of a route, in lower case, without port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostPattern {
    Exact(String),
    /// `*.example.com`, held as `.example.com`: every name below it, not itself.
    Suffix(String),
    Any,
}

/// `[route.cache]`.
#[derive(Debug, Clone)]
pub struct RouteCache {
    pub enabled: bool,
    /// Freshness where the origin says nothing; `None` stores no such response.
    pub default_ttl: Option<Duration>,
    pub key: RouteKey,
    /// The same for single statuses and classes of them, the narrower ones first; also for statuses that are not stored
    /// otherwise.
    pub status_ttl: Vec<(RangeInclusive<u16>, Duration)>,
    /// How long after its freshness a response is used while it is fetched anew, where the origin says nothing.
    pub stale_while_revalidate: Duration,
    /// How long it stands in for an origin that fails, where the origin says nothing.
    pub stale_if_error: Duration,
    pub stale_on: Vec<StaleOn>,
    /// Whether the `Cache-Control` and `Pragma` of requests are heeded.
    pub honour_request: bool,
    /// Whether a response with `Set-Cookie` is stored where the origin states its freshness.
    pub store_set_cookie: bool,
}

/// A failure that a stale response may stand in for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StaleOn {
    /// No connection, or one that broke or brought something that is not HTTP before a whole head.
    Connect,
    /// No connection or no head in time.
    Timeout,
    /// 500, 502, 503 and 504.
    ServerError,
}

/// `[route.cache.key]`: what tells a route's stored responses apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RouteKey {
    /// Parameters count in the order of their names, not as written.
    pub sort_query: bool,
    pub query: QueryParameters,
    /// Request fields whose values are part of the key.
    pub headers: Vec<HeaderName>,
    /// Cookies whose values are.
    pub cookies: Vec<String>,
}

/// The parameters of a query that count, by patterns in which `*` stands for anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum QueryParameters {
    #[default]
    All,
    /// `keep_query`
    Only(Vec<String>),
    /// `drop_query`
    AllBut(Vec<String>),
}

/// `[route.compression]`.
#[derive(Debug, Clone)]
pub struct RouteCompression {
    /// In the node's order of preference; none compresses nothing.
    pub codings: Vec<Coding>,
    /// Smaller bodies are sent as they are.
    pub min_bytes: u64,
    pub types: Vec<MediaRange>,
}
