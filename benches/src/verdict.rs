//! What a server says of its own answer: from its cache or not, in its own words.
//!
//! nginx: `X-Cache-Status`, added by the configuration. Traffic Server: the codes in `Via`. Forebay: `Cache-Status`
//! (RFC 9211), always there.

use crate::ask::field;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// From the cache, without a word to the origin.
    Hit(Tier),
    /// The origin said that what is stored is still right.
    Revalidated,
    /// From the origin.
    Miss,
}

impl Verdict {
    pub fn is_hit(self) -> bool {
        matches!(self, Self::Hit(_))
    }
}

/// Where a hit came from, as far as the answer tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    Memory,
    Disk,
    Unsaid,
}

/// Reads an answer's head.
pub type Reader = fn(&str) -> Verdict;

pub fn nginx(head: &str) -> Verdict {
    match field(head, "x-cache-status") {
        Some("HIT" | "STALE" | "UPDATING") => Verdict::Hit(Tier::Unsaid),
        Some("REVALIDATED") => Verdict::Revalidated,
        _ => Verdict::Miss,
    }
}

/// In the last brackets of `Via`, after `c`: `R` is a hit in memory, `H` one on disk, `S` stale; after `s`, `N` is a 304.
pub fn traffic_server(head: &str) -> Verdict {
    let codes = field(head, "via").and_then(|via| via.rsplit_once('[')).map_or("", |(_, codes)| codes);
    let after = |letter: char| codes.split_once(letter).and_then(|(_, rest)| rest.chars().next());
    match (after('c'), after('s')) {
        (Some('R'), _) => Verdict::Hit(Tier::Memory),
        (Some('H'), _) => Verdict::Hit(Tier::Disk),
        (Some('S'), Some('N')) => Verdict::Revalidated,
        _ => Verdict::Miss,
    }
}

pub fn forebay(head: &str) -> Verdict {
    let status = field(head, "cache-status").unwrap_or_default();
    if status.contains("; hit") {
        Verdict::Hit(Tier::Unsaid)
    } else if status.contains("fwd=stale") && status.contains("fwd-status=304") {
        Verdict::Revalidated
    } else {
        Verdict::Miss
    }
}

/// Of a server that has no cache.
pub fn silent(_: &str) -> Verdict {
    Verdict::Miss
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_server_is_understood() {
        let cases: [(Reader, &str, Verdict); 10] = [
            (nginx, "X-Cache-Status: HIT", Verdict::Hit(Tier::Unsaid)),
            (nginx, "X-Cache-Status: REVALIDATED", Verdict::Revalidated),
            (nginx, "X-Cache-Status: EXPIRED", Verdict::Miss),
            (nginx, "ETag: \"1\"", Verdict::Miss),
            (traffic_server, "Via: http/1.1 a (ApacheTrafficServer/9.2.9 [cRs f ])", Verdict::Hit(Tier::Memory)),
            (traffic_server, "Via: http/1.1 a (ApacheTrafficServer/9.2.9 [cHs f ])", Verdict::Hit(Tier::Disk)),
            (traffic_server, "Via: http/1.1 a (ApacheTrafficServer/9.2.9 [cSsNfU])", Verdict::Revalidated),
            (traffic_server, "Via: http/1.1 a (ApacheTrafficServer/9.2.9 [cMsSfW])", Verdict::Miss),
            (forebay, "cache-status: bench; hit; ttl=9", Verdict::Hit(Tier::Unsaid)),
            (forebay, "cache-status: bench; fwd=uri-miss; stored", Verdict::Miss),
        ];
        for (reader, line, verdict) in cases {
            assert_eq!(reader(&format!("HTTP/1.1 200 OK\r\n{line}\r\n\r\n")), verdict, "{line}");
        }
    }
}
