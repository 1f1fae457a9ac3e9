//! The default, the least and the most of every setting that is a number, a size or a duration.
//!
//! Defaults follow what operators know from nginx, Varnish and Envoy; where this node differs, the constant says why.
//! The least and the most refuse only what cannot work or is surely a slip of the pen.

use std::time::Duration;

use http::HeaderName;

/// What a setting is when it is absent, and what it may be.
pub(super) struct Bound<T> {
    pub(super) default: T,
    pub(super) least: T,
    pub(super) most: T,
}

/// What is listened to by default: RFC 9213's field for CDNs, and the one that CDNs had before it.
pub(super) const TARGETED_FIELDS: [HeaderName; 2] =
    [HeaderName::from_static("cdn-cache-control"), HeaderName::from_static("surrogate-control")];

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const MINUTE: u64 = 60;
const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

const fn seconds(default: u64, least: u64, most: u64) -> Bound<Duration> {
    millis(default * 1000, least * 1000, most * 1000)
}

const fn millis(default: u64, least: u64, most: u64) -> Bound<Duration> {
    Bound {
        default: Duration::from_millis(default),
        least: Duration::from_millis(least),
        most: Duration::from_millis(most),
    }
}

/// `"auto"` is one per core; the most is a guard against a slip of the pen, a node has one thread per worker.
pub(super) const WORKERS: Bound<usize> = Bound { default: 1, least: 1, most: 256 };

/// Orchestrators kill 30 s after they ask to stop (Kubernetes `terminationGracePeriodSeconds`); this leaves 5 s.
pub(super) const DRAIN_TIMEOUT: Bound<Duration> = seconds(25, 0, HOUR);

/// nginx's stock 512 per worker is the first thing its operators raise. Each connection may hold `header_bytes_max`, so
/// this default times that one is the memory that clients can claim with headers alone: 320 MB.
pub(super) const CONNECTIONS_MAX: Bound<usize> = Bound { default: 10_000, least: 1, most: 1_000_000 };

/// nginx waits 60 s, which lets a client that dribbles its header section hold a connection for a minute. HAProxy's
/// sample configurations set `timeout http-request 10s`, enough for a header section with several lost packets.
pub(super) const HEADER_TIMEOUT: Bound<Duration> = millis(10_000, 10, HOUR * 1000);

/// nginx `keepalive_timeout`.
pub(super) const KEEP_ALIVE_TIMEOUT: Bound<Duration> = millis(75_000, 10, DAY * 1000);

/// nginx `client_body_timeout`, also between two reads.
pub(super) const BODY_TIMEOUT: Bound<Duration> = millis(60_000, 10, DAY * 1000);

/// nginx `send_timeout`, also between two writes.
pub(super) const SEND_TIMEOUT: Bound<Duration> = millis(60_000, 10, DAY * 1000);

/// Envoy `max_headers_count`, and hyper's own default.
pub(super) const HEADER_COUNT_MAX: Bound<usize> = Bound { default: 100, least: 8, most: 1000 };

/// nginx `large_client_header_buffers 4 8k`. The least is the smallest read buffer hyper takes.
pub(super) const HEADER_BYTES_MAX: Bound<u64> = Bound { default: 32 * KIB, least: 8 * KIB, most: MIB };

/// Envoy `connect_timeout`. nginx's 60 s is longer than a client waits, so its operators see 499 instead of 504.
pub(super) const CONNECT_TIMEOUT: Bound<Duration> = millis(5_000, 1, 10 * MINUTE * 1000);

/// Varnish `first_byte_timeout`, nginx `proxy_read_timeout`.
pub(super) const FIRST_BYTE_TIMEOUT: Bound<Duration> = millis(60_000, 1, HOUR * 1000);

/// Varnish `between_bytes_timeout`, nginx `proxy_read_timeout`.
pub(super) const READ_TIMEOUT: Bound<Duration> = millis(60_000, 1, HOUR * 1000);

/// Varnish `backend_idle_timeout`, nginx upstream `keepalive_timeout`. It must be shorter than the server's own, or
/// requests meet connections that are just being closed; nginx as a server keeps 75 s.
pub(super) const IDLE_TIMEOUT: Bound<Duration> = millis(60_000, 0, HOUR * 1000);

/// nginx's `keepalive 32`, per server and worker as there; 0 keeps none.
pub(super) const IDLE_CONNECTIONS_MAX: Bound<usize> = Bound { default: 32, least: 0, most: 10_000 };

/// Fits a machine with 1 GiB. Below the least, a handful of pages would push each other out.
pub(super) const CACHE_MEMORY: Bound<u64> = Bound { default: 512 * MIB, least: MIB, most: 16 << 40 };

/// Most of a site's bytes are below it (pages, scripts, pictures); a download of gigabytes must not empty the memory
/// tier. Where the memory tier is smaller, it is the default.
pub(super) const OBJECT_MAX: Bound<u64> = Bound { default: 16 * MIB, least: KIB, most: 16 << 40 };

/// The least holds a few segments of the least size.
pub(super) const DISK_SIZE: Bound<u64> = Bound { default: 10 * GIB, least: 16 * MIB, most: 1 << 50 };

/// A system image or a film. Where a quarter of the disk tier is smaller, that is the default.
pub(super) const DISK_OBJECT_MAX: Bound<u64> = Bound { default: GIB, least: KIB, most: 1 << 48 };

/// What is given up at once when the tier is full, and what a start may have to walk through after a kill: 0.04 s. Where
/// an eighth of the disk tier is smaller, that is the default. The most is what a place in the index can say.
pub(super) const DISK_SEGMENT_SIZE: Bound<u64> = Bound { default: 64 * MIB, least: 2 * MIB, most: 16 * GIB };

/// A tenth of a second of what a disk of this time takes in.
pub(super) const DISK_QUEUE: Bound<u64> = Bound { default: 32 * MIB, least: MIB, most: 16 * GIB };

/// ATS and Varnish leave one-hit wonders to chance; most pages that come back do so within the hour.
pub(super) const DISK_ADMISSION_WINDOW: Bound<Duration> = seconds(HOUR, 1, 30 * DAY);

/// Only the limits matter: without it writes are not held back.
pub(super) const DISK_WRITE_RATE: Bound<u64> = Bound { default: u64::MAX, least: 64 * KIB, most: 1 << 40 };

/// Reads that wait for the disk, each on a thread. One disk answers no faster with more.
pub(super) const DISK_READS_MAX: Bound<usize> = Bound { default: 32, least: 1, most: 1_024 };

/// A fill goes on when its client has gone, and may hold `object_max`: the bound on what clients can start and leave.
/// Twice nginx's stock 512 connections.
pub(super) const FILLS_MAX: Bound<usize> = Bound { default: 1_024, least: 1, most: 1_000_000 };

/// Varnish's built-in hit-for-miss time, 120 s.
pub(super) const UNCACHEABLE_TTL: Bound<Duration> = seconds(2 * MINUTE, 0, DAY);

/// A day of a purge per second, each of another scope. One costs about 300 bytes, with a URL of usual length.
pub(super) const PURGE_RECORDS_MAX: Bound<usize> = Bound { default: 100_000, least: 1, most: 10_000_000 };

/// Each takes a core for as long as it runs: 20 ms per MB with br. Two keep up with 100 MB of new text per second, and
/// leave most of a small machine to its workers.
pub(super) const COMPRESSION_JOBS_MAX: Bound<usize> = Bound { default: 2, least: 1, most: 256 };

/// The encoder of one stream holds 0.1 (gzip) to 0.4 MB (br, zstd): 50 MB in all.
pub(super) const COMPRESSION_STREAMS_MAX: Bound<usize> = Bound { default: 128, least: 0, most: 100_000 };

/// Of stored forms, which are made once. On HTML and JavaScript, one core of an EPYC: level 4 makes 2.96 to 3.75 of 1
/// in 13 ms per MB, 5 makes 3.14 to 4.02 in 17 to 21, 6 the same; from 10 on it takes seconds.
pub(super) const BR_LEVEL: Bound<usize> = Bound { default: 5, least: 0, most: 11 };

/// Level 3 makes 2.84 to 3.57 of 1 in 2 to 3 ms per MB, 6 makes 2.97 to 3.83 in 7, 9 makes 3.08 to 3.88 in 12. Above 19
/// the window outgrows the 8 MB that clients must accept (RFC 9659).
pub(super) const ZSTD_LEVEL: Bound<usize> = Bound { default: 6, least: 1, most: 19 };

/// gzip's own default. Level 4 makes 2.89 to 3.70 of 1 in 7 to 8 ms per MB, 6 makes 2.93 to 3.76 in 9 to 10, 9 makes
/// 2.97 to 3.79 in 15 to 18.
pub(super) const GZIP_LEVEL: Bound<usize> = Bound { default: 6, least: 1, most: 9 };

/// Below it a response fits into the first packet either way, and the fields that coding adds eat up most of the gain.
/// nginx's 20 bytes makes responses longer.
pub(super) const COMPRESSION_MIN_BYTES: Bound<u64> = Bound { default: KIB, least: 0, most: GIB };

/// Only the limits matter: without `default_ttl`, what the origin does not date is not stored. RFC 9111 section 1.2.2
/// lets a cache treat more than a year as any other large number.
pub(super) const DEFAULT_TTL: Bound<Duration> = seconds(0, 0, 365 * DAY);

/// Off by default: what the origin does not allow, only the operator can. The most is that of a lifetime.
pub(super) const STALE_WINDOW: Bound<Duration> = seconds(0, 0, 365 * DAY);

/// One request a minute and key is nothing to a server that is starting up, and a minute is soon after an outage.
pub(super) const RETRY_BACKOFF_MAX: Bound<Duration> = seconds(MINUTE, 0, HOUR);

/// Twenty thousand times what the six callbacks of a small filter take together (0.45 us), and short enough that a
/// filter in an endless loop costs its worker 10 ms per exchange and nobody a timeout.
pub(super) const CALLBACK_DEADLINE: Bound<Duration> = millis(10, 1, 10_000);

/// Settings are parsed and regular expressions compiled here, once; nobody's exchange waits for it.
pub(super) const CONFIGURE_DEADLINE: Bound<Duration> = millis(1_000, 10, MINUTE * 1000);

/// A Rust filter starts with 17 pages, 1.1 MiB; runtimes with a garbage collector want room above that. The least is
/// one page, the most is what 32 bits address.
pub(super) const FILTER_MEMORY: Bound<u64> = Bound { default: 16 * MIB, least: 64 * KIB, most: 4 * GIB };

/// One element per function whose address a module takes; ten thousand cost the host 80 KB per instance.
pub(super) const FILTER_TABLES: Bound<usize> = Bound { default: 10_000, least: 1, most: 10_000_000 };

/// A module is compiled whole, so its size bounds the time and the memory of a load.
pub(super) const FILTER_MODULE: Bound<u64> = Bound { default: 16 * MIB, least: 64, most: GIB };

/// About eighty log lines; a filter that logs more in one exchange is a filter that loops.
pub(super) const FILTER_LOG: Bound<u64> = Bound { default: 8 * KIB, least: 0, most: 16 * MIB };

/// Envoy has no limit, and a filter that names a metric after a path fills its memory there.
pub(super) const METRIC_SERIES: Bound<usize> = Bound { default: 1000, least: 0, most: 1_000_000 };

/// A few thousand counters or tokens. Envoy has no limit and forgets nothing; here what was not used for longest goes.
pub(super) const FILTER_SHARED_DATA: Bound<u64> = Bound { default: MIB, least: 0, most: GIB };

/// Ten bursts of the 100 streams that one HTTP/2 client may open. Envoy has no limit.
pub(super) const FILTER_QUEUE_LENGTH: Bound<usize> = Bound { default: 1024, least: 0, most: 1_000_000 };

/// A client's or origin's hundred, and 28 more that a chain may add.
pub(super) const FILTER_HEADER_COUNT: Bound<usize> = Bound { default: 128, least: 8, most: 10_000 };

/// Twice what a listener accepts by default, so that a chain may add to the largest header section.
pub(super) const FILTER_HEADER_BYTES: Bound<u64> = Bound { default: 64 * KIB, least: 8 * KIB, most: 16 * MIB };

/// Envoy's default for what it buffers of a body. Each exchange may hold as much per filter and direction.
pub(super) const FILTER_BODY_BUFFER: Bound<u64> = Bound { default: MIB, least: KIB, most: 256 * MIB };

/// Ten in a row are no accident: a filter that fails one exchange in a hundred by chance gets there once in 10^20.
pub(super) const BREAKER_FAILURES: Bound<usize> = Bound { default: 10, least: 0, most: 1_000_000 };

/// Long enough that what a try costs is nothing, short enough that nobody has to wake a filter that is well again.
pub(super) const BREAKER_COOLDOWN: Bound<Duration> = millis(10_000, 10, 60 * MINUTE * 1000);

/// A tick changes what the filter is, and every worker takes the change over: some 20 us each. At this rate that is under
/// one percent of a core.
pub(super) const TICK_MIN: Bound<Duration> = millis(10, 1, HOUR * 1000);

/// Time for a last call or two; a node that ends waits for it.
pub(super) const DONE_MAX: Bound<Duration> = millis(5_000, 0, MINUTE * 1000);
/// Each reserves 4 GiB of the 128 TiB of addresses that a process has, so that 32 filters can have as many; what they take
/// of memory is what they write. Beyond the most, one filter could take all addresses.
pub(super) const FILTER_INSTANCES: Bound<usize> = Bound { default: 1_000, least: 1, most: 30_000 };

/// All exchanges are no canary but the new version itself, which the filter's own keys name.
pub(super) const CANARY_PERCENT: Bound<usize> = Bound { default: 5, least: 0, most: 100 };
