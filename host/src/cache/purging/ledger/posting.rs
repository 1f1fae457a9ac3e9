//! What is written down of purges and changes, as bytes: single events, and how everything stands.
//!
//! A payload is a version and postings one after the other; numbers are little-endian, texts have their length before
//! them. Events carry their number, so one that is read twice, or that a standing has in it already, counts once.

use std::time::Duration;

use crate::cache::purging::purge::Mode;
use crate::cache::purging::records::{Record, ScopeKind};
use crate::clock::Timestamp;

/// Another one is not guessed at.
const VERSION: u8 = 1;

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cache) enum Posting<'a> {
    /// A purge, and the floor after it.
    Purged { event: Event, scope: (ScopeKind, &'a str), floor: u64 },
    /// The last purge of all, and the floor.
    Purges { latest: u64, floor: u64 },
    /// What is known of the purges of one scope.
    Standing { scope: (ScopeKind, &'a str), record: Record },
    /// A change, and the change that counts for whatever is not listed.
    Changed { number: u64, subject: &'a str, forgotten: u64 },
    /// The last change of all, and the one that counts for whatever is not listed.
    Changes { latest: u64, forgotten: u64 },
}

/// A purge without its scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cache) struct Event {
    pub(in crate::cache) number: u64,
    pub(in crate::cache) mode: Mode,
    pub(in crate::cache) at: Timestamp,
}

/// The bytes are not what this program writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(in crate::cache) enum Garbled {
    #[error("purges are written down in version {0}, this program reads {VERSION}")]
    Version(u8),
    #[error("what is written down of purges cannot be read")]
    Content,
}

const PURGED: u8 = 1;
const PURGES: u8 = 2;
const STANDING: u8 = 3;
const CHANGED: u8 = 4;
const CHANGES: u8 = 5;

const HARD: u8 = 0;
const SOFT: u8 = 1;

/// Postings that are written together.
pub(in crate::cache) struct Payload(Vec<u8>);

impl Payload {
    pub(in crate::cache) fn new() -> Self {
        Self(vec![VERSION])
    }

    pub(in crate::cache) fn with(mut self, posting: &Posting<'_>) -> Self {
        self.add(posting);
        self
    }

    pub(in crate::cache) fn add(&mut self, posting: &Posting<'_>) {
        match posting {
            Posting::Purged { event, scope, floor } => {
                self.0.push(PURGED);
                self.numbers(&[event.number, event.at.unix_nanos(), *floor]);
                self.0.push(if event.mode == Mode::Hard { HARD } else { SOFT });
                self.scope(*scope);
            }
            Posting::Purges { latest, floor } => {
                self.0.push(PURGES);
                self.numbers(&[*latest, *floor]);
            }
            Posting::Standing { scope, record } => {
                self.0.push(STANDING);
                self.scope(*scope);
                self.numbers(&[record.hard()]);
                self.0.push(record.soft().len() as u8);
                record.soft().iter().for_each(|(number, at)| self.numbers(&[*number, at.unix_nanos()]));
            }
            Posting::Changed { number, subject, forgotten } => {
                self.0.push(CHANGED);
                self.numbers(&[*number, *forgotten]);
                self.text(subject);
            }
            Posting::Changes { latest, forgotten } => {
                self.0.push(CHANGES);
                self.numbers(&[*latest, *forgotten]);
            }
        }
    }

    pub(in crate::cache) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    fn numbers(&mut self, numbers: &[u64]) {
        numbers.iter().for_each(|number| self.0.extend_from_slice(&number.to_le_bytes()));
    }

    fn scope(&mut self, (kind, text): (ScopeKind, &str)) {
        self.0.push(kind.code());
        self.text(text);
    }

    /// Texts are parts of request heads and lines of an operator: far from four gigabytes.
    fn text(&mut self, text: &str) {
        self.0.extend_from_slice(&(text.len() as u32).to_le_bytes());
        self.0.extend_from_slice(text.as_bytes());
    }
}

/// The postings of a payload, in their order.
pub(in crate::cache) fn read(payload: &[u8]) -> Result<Vec<Posting<'_>>, Garbled> {
    let (version, rest) = payload.split_first().ok_or(Garbled::Content)?;
    if *version != VERSION {
        return Err(Garbled::Version(*version));
    }
    let mut rest = Rest(rest);
    let mut postings = Vec::new();
    while !rest.0.is_empty() {
        postings.push(rest.posting().ok_or(Garbled::Content)?);
    }
    Ok(postings)
}

/// What has not been read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn posting(&mut self) -> Option<Posting<'a>> {
        Some(match self.byte()? {
            PURGED => {
                let (number, at, floor) = (self.number()?, self.time()?, self.number()?);
                let mode = match self.byte()? {
                    HARD => Mode::Hard,
                    SOFT => Mode::Soft,
                    _ => return None,
                };
                Posting::Purged { event: Event { number, mode, at }, scope: self.scope()?, floor }
            }
            PURGES => Posting::Purges { latest: self.number()?, floor: self.number()? },
            STANDING => {
                let (scope, hard) = (self.scope()?, self.number()?);
                let soft = (0..self.byte()?).map(|_| Some((self.number()?, self.time()?))).collect::<Option<_>>()?;
                Posting::Standing { scope, record: Record::of(hard, soft) }
            }
            CHANGED => {
                let (number, forgotten) = (self.number()?, self.number()?);
                Posting::Changed { number, subject: self.text()?, forgotten }
            }
            CHANGES => Posting::Changes { latest: self.number()?, forgotten: self.number()? },
            _ => return None,
        })
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn number(&mut self) -> Option<u64> {
        self.take(8)?.try_into().ok().map(u64::from_le_bytes)
    }

    fn time(&mut self) -> Option<Timestamp> {
        self.number().map(|nanos| Timestamp::from_unix(Duration::from_nanos(nanos)))
    }

    fn scope(&mut self) -> Option<(ScopeKind, &'a str)> {
        Some((ScopeKind::of(self.byte()?)?, self.text()?))
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = u32::from_le_bytes(self.take(4)?.try_into().ok()?);
        std::str::from_utf8(self.take(length as usize)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(nanos: u64) -> Timestamp {
        Timestamp::from_unix(Duration::from_nanos(nanos))
    }

    fn all<'a>(text: &'a str, numbers: [u64; 4], kind: ScopeKind) -> Vec<Posting<'a>> {
        let [number, other, nanos, floor] = numbers;
        let purged =
            |mode| Posting::Purged { event: Event { number, mode, at: at(nanos) }, scope: (kind, text), floor };
        let standing = |soft| Posting::Standing { scope: (kind, text), record: Record::of(number, soft) };
        vec![
            purged(Mode::Hard),
            purged(Mode::Soft),
            Posting::Purges { latest: number, floor },
            standing(Vec::new()),
            standing(vec![(number, at(nanos)), (other, at(floor))]),
            Posting::Changed { number, subject: text, forgotten: other },
            Posting::Changes { latest: number, forgotten: other },
        ]
    }

    fn written(postings: &[Posting<'_>]) -> Vec<u8> {
        postings.iter().fold(Payload::new(), Payload::with).into_bytes()
    }

    #[test]
    fn another_version_and_what_is_cut_off_are_refused() {
        assert_eq!(read(&[]), Err(Garbled::Content));
        assert_eq!(read(&[VERSION]), Ok(Vec::new()));
        assert_eq!(read(&[VERSION + 1, 9]), Err(Garbled::Version(VERSION + 1)));
        for posting in all("a text", [1, 2, 3, 4], ScopeKind::Prefix) {
            let whole = written(std::slice::from_ref(&posting));
            assert_eq!(read(&whole), Ok(vec![posting]));
            for length in 2..whole.len() {
                assert_eq!(read(&whole[..length]), Err(Garbled::Content), "{length} bytes of {whole:?}");
            }
        }
    }

    #[test]
    fn what_nobody_writes_is_refused() {
        let change = written(&[Posting::Changed { number: 1, subject: "\u{e9}", forgotten: 0 }]);
        let purge = written(&all("x", [1, 2, 3, 4], ScopeKind::Url)[..1]);
        let with = |bytes: &[u8], at: usize, byte: u8| {
            let mut bytes = bytes.to_vec();
            bytes[at] = byte;
            bytes
        };
        let cases = [
            ("a kind of posting", with(&purge, 1, 9)),
            ("a mode", with(&purge, 26, 2)),
            ("a kind of scope", with(&purge, 27, 8)),
            ("a text that is none", with(&change, change.len() - 1, b'a')),
            ("a text that is too long", with(&change, 21, 255)),
        ];
        for (what, bytes) in cases {
            assert_eq!(read(&bytes), Err(Garbled::Content), "{what}");
        }
    }

    proptest! {
        #[test]
        fn written_and_read_again_they_are_the_same(text in ".{0,20}", numbers: [u64; 4], code in 0_u8..8) {
            let kind = ScopeKind::of(code).expect("eight kinds");
            prop_assert_eq!(kind.code(), code);
            let postings = all(&text, numbers, kind);
            let written = written(&postings);
            prop_assert_eq!(read(&written), Ok(postings));
        }

        #[test]
        fn any_bytes_are_read_without_panic(mut bytes in prop::collection::vec(any::<u8>(), 1..200), kind in 0_u8..8) {
            _ = read(&bytes);
            bytes[0] = VERSION;
            if let Some(second) = bytes.get_mut(1) {
                *second = kind;
            }
            _ = read(&bytes);
        }
    }
}
