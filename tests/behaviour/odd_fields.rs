//! Responses whose fields are malformed, doubled, contradictory or from another time: what becomes of each is defined.
//!
//! Where RFC 9111 leaves a choice, the stricter reading counts: a field that nobody understands never makes a response
//! live longer.

use support::{Answer, Origin, TestNode};

/// The node's clock stands at 2027-01-15T08:00:00Z.
const NOW: &str = "Fri, 15 Jan 2027 08:00:00 GMT";
const IN_A_MINUTE: &str = "Fri, 15 Jan 2027 08:01:00 GMT";
const IN_AN_HOUR: &str = "Fri, 15 Jan 2027 09:00:00 GMT";
const LONG_AGO: &str = "Thu, 01 Jan 1970 00:00:00 GMT";
const FAR_AHEAD: &str = "Fri, 31 Dec 9999 23:59:59 GMT";

#[derive(Debug, Clone, Copy)]
enum Kept {
    /// A second request is answered from the cache, with so many seconds left.
    For(u64),
    /// Kept, but the origin is asked before it is used.
    Checked,
    /// Not kept, and why.
    Not(&'static str),
}

use Kept::{Checked, For, Not};

type Fields<'a> = &'a [(&'a str, &'a str)];

/// Asks twice for each answer.
async fn holds(table: &[(Fields<'_>, Kept)]) {
    let origin = Origin::start().await;
    let node = TestNode::before(&origin, "");
    for (number, (fields, kept)) in table.iter().enumerate() {
        let target = format!("/{number}");
        let answer = fields.iter().fold(Answer::ok("body"), |answer, (name, value)| answer.header(name, value));
        origin.on(&target, answer);
        let (first, second) = (node.get(&target).await, node.get(&target).await);
        let said = |response: &support::Response| response.header("cache-status").unwrap_or_default().to_owned();
        let (first_said, second_said) = (said(&first), said(&second));
        let right = match kept {
            For(seconds) => second_said == format!("edge-1; hit; ttl={seconds}"),
            Checked => second_said.starts_with("edge-1; fwd=stale"),
            Not(word) => first_said == format!("edge-1; fwd=uri-miss; detail={word}"),
        };
        assert!(right, "{fields:?} is {kept:?}: {first_said:?}, then {second_said:?}");
        assert_eq!((first.status, first.text(), second.text()), (200, "body", "body"), "{fields:?}");
        assert_eq!(origin.count(&target), if matches!(kept, For(_)) { 1 } else { 2 }, "{fields:?}");
    }
}

#[tokio::test]
async fn cache_control_that_is_odd() {
    holds(&[
        (&[("Cache-Control", "max-age=60")], For(60)),
        (&[("Cache-Control", ",, MAX-AGE = 60 ,,")], For(60)),
        (&[("Cache-Control", "max-age=\"60\"")], For(60)),
        (&[("Cache-Control", "max-age=99999999999999999999")], For(1 << 31)),
        (&[("Cache-Control", "max-age=60, max-age=30")], For(30)),
        (&[("Cache-Control", "max-age=60"), ("Cache-Control", "max-age=30")], For(30)),
        (&[("Cache-Control", "x=\"no-store, private\", max-age=60")], For(60)),
        (&[("Cache-Control", "max-age=-1")], Not("expired")),
        (&[("Cache-Control", "max-age=1.5")], Not("expired")),
        (&[("Cache-Control", "max-age=")], Not("expired")),
        (&[("Cache-Control", "max-age")], Not("expired")),
        (&[("Cache-Control", "max-age='60'")], Not("expired")),
        (&[("Cache-Control", "max-age=60 public")], Not("expired")),
        (&[("Cache-Control", "max-age=60;public")], Not("expired")),
        (&[("Cache-Control", "s-maxage=soon, max-age=60")], Not("expired")),
        (&[("Cache-Control", "max-age=60"), ("Cache-Control", "no-store")], Not("no_store")),
        (&[("Cache-Control", "max-age=60, no-store=\"x\"")], Not("no_store")),
        (&[("Cache-Control", "max-age=60, x=\"never closed, no-store")], Not("no_store")),
        (&[("Cache-Control", "max-age=60, private=")], Not("private")),
        (&[("Cache-Control", "")], Not("no_freshness")),
        (&[("Cache-Control", "=60, ;, \"")], Not("no_freshness")),
    ])
    .await;
}

#[tokio::test]
async fn an_age_that_is_odd() {
    const FRESH: (&str, &str) = ("Cache-Control", "max-age=60");
    holds(&[
        (&[FRESH, ("Age", "59")], For(1)),
        (&[FRESH, ("Age", "60")], Not("expired")),
        (&[FRESH, ("Age", "007")], For(53)),
        (&[FRESH, ("Age", "7, 9")], For(53)),
        (&[FRESH, ("Age", "-1")], Not("expired")),
        (&[FRESH, ("Age", "1.5")], Not("expired")),
        (&[FRESH, ("Age", "soon")], Not("expired")),
        (&[FRESH, ("Age", "")], Not("expired")),
        (&[FRESH, ("Age", "99999999999999999999")], Not("expired")),
        (&[FRESH, ("Age", "0"), ("Age", "0")], Not("expired")),
    ])
    .await;
}

#[tokio::test]
async fn an_expires_that_is_odd() {
    holds(&[
        (&[("Date", NOW), ("Expires", IN_A_MINUTE)], For(60)),
        (&[("Date", NOW), ("Expires", "Friday, 15-Jan-27 08:01:00 GMT")], For(60)),
        (&[("Date", NOW), ("Expires", "Fri Jan 15 08:01:00 2027")], For(60)),
        (&[("Date", NOW), ("Expires", FAR_AHEAD)], For(251_602_300_799)),
        (&[("Date", NOW), ("Expires", IN_A_MINUTE), ("Expires", IN_AN_HOUR)], For(60)),
        (&[("Date", NOW), ("Expires", IN_AN_HOUR), ("Cache-Control", "max-age=60")], For(60)),
        (&[("Date", NOW), ("Expires", "0")], Not("expired")),
        (&[("Date", NOW), ("Expires", "-1")], Not("expired")),
        (&[("Date", NOW), ("Expires", "")], Not("expired")),
        (&[("Date", NOW), ("Expires", "tomorrow")], Not("expired")),
        (&[("Date", NOW), ("Expires", LONG_AGO)], Not("expired")),
        (&[("Date", NOW), ("Expires", NOW)], Not("expired")),
        (&[("Date", NOW), ("Expires", "Fri, 15 Jan 2027 08:01:00 PST")], Not("expired")),
        (&[("Date", NOW), ("Expires", "Fri, 31 Feb 2027 08:01:00 GMT")], Not("expired")),
        (&[("Date", NOW), ("Expires", "Fri, 31 Dec 99999 23:59:59 GMT")], Not("expired")),
    ])
    .await;
}

#[tokio::test]
async fn a_date_that_is_odd() {
    const FRESH: (&str, &str) = ("Cache-Control", "max-age=60");
    holds(&[
        (&[FRESH, ("Date", "Fri, 15 Jan 2027 07:59:30 GMT")], For(30)),
        (&[FRESH, ("Date", LONG_AGO)], Not("expired")),
        (&[FRESH, ("Date", FAR_AHEAD)], For(60)),
        (&[FRESH, ("Date", "today")], For(60)),
        (&[FRESH, ("Date", "")], For(60)),
        (&[FRESH, ("Date", NOW), ("Date", LONG_AGO)], For(60)),
        (&[("Date", "today"), ("Expires", IN_A_MINUTE)], For(60)),
        (&[("Expires", IN_A_MINUTE)], For(60)),
        (&[("Date", FAR_AHEAD), ("Expires", IN_A_MINUTE)], Not("expired")),
        (&[("Date", LONG_AGO), ("Expires", IN_A_MINUTE)], For(60)),
    ])
    .await;
}

#[tokio::test]
async fn validators_that_are_odd() {
    holds(&[
        (&[("Last-Modified", "Fri, 15 Jan 2027 07:58:20 GMT")], For(10)),
        (&[("Last-Modified", LONG_AGO)], For(86_400)),
        (&[("Last-Modified", IN_AN_HOUR)], Checked),
        (&[("Last-Modified", "yesterday")], Checked),
        (&[("ETag", "")], Checked),
        (&[("ETag", "not quoted"), ("Cache-Control", "no-cache")], Checked),
        (&[("ETag", "\"a\""), ("ETag", "\"b\""), ("Cache-Control", "max-age=60")], For(60)),
        (&[("ETag", "W/\"never closed"), ("Cache-Control", "max-age=60")], For(60)),
    ])
    .await;
}

#[tokio::test]
async fn a_vary_that_is_odd() {
    const FRESH: (&str, &str) = ("Cache-Control", "max-age=60");
    holds(&[
        (&[FRESH, ("Vary", "")], For(60)),
        (&[FRESH, ("Vary", ",, Accept ,,")], For(60)),
        (&[FRESH, ("Vary", "Accept, accept"), ("Vary", "ACCEPT")], For(60)),
        (&[FRESH, ("Vary", "*")], Not("vary_star")),
        (&[FRESH, ("Vary", "Accept"), ("Vary", "Cookie, *")], Not("vary_star")),
        (&[FRESH, ("Vary", "Accept Language")], Not("vary_star")),
        (&[FRESH, ("Vary", "\"Accept\"")], Not("vary_star")),
    ])
    .await;
}

#[tokio::test]
async fn conditions_that_are_odd_are_met_by_nothing_they_do_not_name() {
    let origin = Origin::start().await;
    let node = TestNode::before(&origin, "");
    let cases = [
        ("\"a\"", "If-None-Match", "\"a\"", 304),
        ("\"a\"", "If-None-Match", ",, \"b\",\"a\" ,", 304),
        ("\"a,b\"", "If-None-Match", "\"a,b\"", 304),
        ("\"a\"", "If-None-Match", "*", 304),
        ("\"a\"", "If-None-Match", "a", 200),
        ("\"a\"", "If-None-Match", "\"a", 200),
        ("\"a\"", "If-None-Match", "w/\"a\"", 200),
        ("\"a\"", "If-None-Match", "\"b\" \"a\"", 200),
        ("\"a\"", "If-None-Match", "", 200),
        ("\"a\"", "If-Modified-Since", "", 200),
        ("\"a\"", "If-Modified-Since", "yesterday", 200),
        ("\"a\"", "If-Modified-Since", LONG_AGO, 200),
        ("\"a\"", "If-Modified-Since", FAR_AHEAD, 304),
    ];
    for (number, (tag, name, value, status)) in cases.into_iter().enumerate() {
        let target = format!("/{number}");
        let answer = Answer::ok("body").header("Cache-Control", "max-age=60").header("ETag", tag);
        origin.on(&target, answer.header("Last-Modified", "Fri, 01 Jan 2027 00:00:00 GMT"));
        node.get(&target).await;
        let response = node.get_with(&target, &[(name, value)]).await;
        assert_eq!(response.status, status, "{tag} against {name}: {value:?}");
        assert_eq!(origin.count(&target), 1, "{name}: {value:?}");
    }
}

#[tokio::test]
async fn heads_of_odd_bytes() {
    let origin = Origin::start().await;
    let node = TestNode::before(&origin, "");
    let cases: [(&[u8], u16); 14] = [
        (b"X-Odd: caf\xe9", 200),
        (b"X-Odd: \t spaced \t", 200),
        (b"X-Odd:", 200),
        (b"X-Odd: a\0b", 502),
        (b"X-Odd: a\x7fb", 502),
        (b"X-Odd: a\rb", 502),
        (b"X-Odd: a\r\n folded", 502),
        (b"X Odd: 1", 502),
        (b"X-Odd : 1", 502),
        (b": 1", 502),
        (b"Content-Length: 4\r\nContent-Length: 5", 502),
        (b"Content-Length: +4", 502),
        (b"Content-Length: -4", 502),
        (b"Content-Length: 18446744073709551616", 502),
    ];
    for (number, (line, status)) in cases.into_iter().enumerate() {
        let target = format!("/{number}");
        let framing: &[u8] = if line.starts_with(b"Content-Length") { b"" } else { b"Content-Length: 4\r\n" };
        let head = [b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n", framing, line, b"\r\n\r\nbody"].concat();
        origin.on(&target, Answer::raw(head));
        let response = node.get(&target).await;
        assert_eq!(response.status, status, "{}", String::from_utf8_lossy(line));
        if status == 200 {
            assert_eq!((response.text(), node.get(&target).await.text(), origin.count(&target)), ("body", "body", 1));
        }
    }
}

#[tokio::test]
async fn a_length_said_twice_is_sent_once() {
    let origin = Origin::start().await;
    let node = TestNode::before(&origin, "");
    for (number, lengths) in ["Content-Length: 4\r\nContent-Length: 4", "Content-Length: 4, 4"].into_iter().enumerate()
    {
        let target = format!("/{number}");
        origin
            .on(&target, Answer::raw(format!("HTTP/1.1 200 OK\r\n{lengths}\r\nCache-Control: max-age=60\r\n\r\nbody")));
        let response = node.get(&target).await;
        let (length, text) = (response.headers("content-length"), response.text());
        assert!(response.status == 502 || (length == ["4"] && text == "body"), "{lengths}: {response:?}");
    }
}
