//! What filters want of the cache for one exchange: the verbs that reach the host as properties and foreign functions.
//!
//! Each is a name below `forebay.cache.` and a few bytes. Here they are read and held to their bounds; the exchange does
//! what they say.

use std::time::Duration;

use http::{HeaderName, Uri};

use super::abi::Status;
use crate::semantics::{NAME_BYTES_MAX, Overrides};

/// Bytes of everything that the filters of one exchange say; what they say is short: an experiment's arm, a dozen
/// patterns, some tags.
const BYTES_MAX: usize = 16 * 1024;

/// Purges that wait to be made: those of one head, or those of all that follows it. Each is written to disk.
const PURGES_MAX: usize = 16;

const PART_NAME_BYTES_MAX: usize = 64;

/// The longest lifetime that caches count (RFC 9111 section 1.2.2).
const SECONDS_MAX: Duration = Duration::from_secs(1 << 31);

/// What the filters of one exchange said, in one value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CacheVerbs {
    /// Names and values that become part of the key.
    pub parts: Vec<(String, Vec<u8>)>,
    /// Patterns of query parameters that do not count.
    pub drop_query: Vec<String>,
    /// Patterns of the only ones that do; `None` where nobody said so.
    pub keep_query: Option<Vec<String>>,
    /// Request fields whose values become part of the key.
    pub vary: Vec<HeaderName>,
    pub overrides: Overrides,
    pub tags: Vec<String>,
    pub bypass: bool,
    pub purges: Vec<PurgeWish>,
    bytes: usize,
}

/// A purge that a filter asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PurgeWish {
    pub target: PurgeTarget,
    /// What is purged may still be used stale.
    pub soft: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PurgeTarget {
    Url(String),
    Tag(String),
}

/// The verbs by their names below `forebay.cache.`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CacheVerb {
    Key,
    DropQuery,
    KeepQuery,
    Vary,
    Ttl,
    StaleWhileRevalidate,
    StaleIfError,
    Tag,
    Bypass,
    Purge,
}

impl CacheVerb {
    pub(super) fn named(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"key" => Self::Key,
            b"drop_query" => Self::DropQuery,
            b"keep_query" => Self::KeepQuery,
            b"vary" => Self::Vary,
            b"ttl" => Self::Ttl,
            b"stale_while_revalidate" => Self::StaleWhileRevalidate,
            b"stale_if_error" => Self::StaleIfError,
            b"tag" => Self::Tag,
            b"bypass" => Self::Bypass,
            b"purge" => Self::Purge,
            _ => return None,
        })
    }

    /// Does it say something of the response, rather than of how it is looked for?
    pub(super) fn is_of_the_response(self) -> bool {
        match self {
            Self::Vary | Self::Ttl | Self::StaleWhileRevalidate | Self::StaleIfError | Self::Tag | Self::Bypass => true,
            Self::Key | Self::DropQuery | Self::KeepQuery | Self::Purge => false,
        }
    }
}

impl CacheVerbs {
    /// Adds what a filter says; where it is refused, nothing has changed.
    pub(super) fn say(&mut self, verb: CacheVerb, value: &[u8]) -> Result<(), Status> {
        let bytes = self.bytes + value.len();
        if bytes > BYTES_MAX {
            return Err(Status::InternalFailure);
        }
        match verb {
            CacheVerb::Key => self.add_part(part(value)?),
            CacheVerb::DropQuery => self.drop_query.extend(patterns(value)?),
            CacheVerb::KeepQuery => {
                let patterns = patterns(value)?;
                self.keep_query.get_or_insert_default().extend(patterns);
            }
            CacheVerb::Vary => self.vary.extend(names(value)?),
            CacheVerb::Ttl => self.overrides.ttl = Some(seconds(value)?),
            CacheVerb::StaleWhileRevalidate => self.overrides.while_revalidate = Some(seconds(value)?),
            CacheVerb::StaleIfError => self.overrides.if_error = Some(seconds(value)?),
            CacheVerb::Tag => self.tags.extend(tags(value)?),
            CacheVerb::Bypass if value == b"1" => self.bypass = true,
            CacheVerb::Bypass => return Err(Status::BadArgument),
            CacheVerb::Purge if self.purges.len() == PURGES_MAX => return Err(Status::InternalFailure),
            CacheVerb::Purge => self.purges.push(purge(value)?),
        }
        self.bytes = bytes;
        Ok(())
    }

    /// A later value of one name takes the place of an earlier one.
    fn add_part(&mut self, (name, value): (String, Vec<u8>)) {
        match self.parts.iter_mut().find(|(known, _)| *known == name) {
            Some(known) => known.1 = value,
            None => self.parts.push((name, value)),
        }
    }
}

fn text(value: &[u8]) -> Result<&str, Status> {
    let text = str::from_utf8(value).map_err(|_| Status::BadArgument)?;
    if text.chars().any(char::is_control) { Err(Status::BadArgument) } else { Ok(text) }
}

/// `name=value`; the value may be anything, the name is a word.
fn part(value: &[u8]) -> Result<(String, Vec<u8>), Status> {
    let equals = value.iter().position(|byte| *byte == b'=').ok_or(Status::BadArgument)?;
    let (name, value) = (text(&value[..equals])?, &value[equals + 1..]);
    let word = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if name.is_empty() || name.len() > PART_NAME_BYTES_MAX || !word {
        return Err(Status::BadArgument);
    }
    Ok((name.to_owned(), value.to_vec()))
}

/// What stands between commas.
fn list(value: &[u8]) -> Result<impl Iterator<Item = &str>, Status> {
    Ok(text(value)?.split(',').map(str::trim).filter(|element| !element.is_empty()))
}

/// Names of parameters, in which `*` stands for anything.
fn patterns(value: &[u8]) -> Result<Vec<String>, Status> {
    let patterns: Vec<String> = list(value)?.map(str::to_owned).collect();
    let name = |pattern: &String| !pattern.contains(['&', '=', '#', ' ']);
    if patterns.iter().all(name) { Ok(patterns) } else { Err(Status::BadArgument) }
}

/// At least one name of a field.
fn names(value: &[u8]) -> Result<Vec<HeaderName>, Status> {
    let names: Vec<HeaderName> =
        list(value)?.map(|name| name.parse().map_err(|_| Status::BadArgument)).collect::<Result<_, _>>()?;
    if names.is_empty() { Err(Status::BadArgument) } else { Ok(names) }
}

/// Decimal seconds, with or without a fraction.
pub(super) fn seconds(value: &[u8]) -> Result<Duration, Status> {
    let text = text(value)?;
    if !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return Err(Status::BadArgument);
    }
    let seconds: f64 = text.parse().map_err(|_| Status::BadArgument)?;
    Ok(Duration::try_from_secs_f64(seconds).unwrap_or(SECONDS_MAX).min(SECONDS_MAX))
}

/// At least one, with spaces between them.
fn tags(value: &[u8]) -> Result<Vec<String>, Status> {
    let tags: Vec<String> = text(value)?.split_ascii_whitespace().map(str::to_owned).collect();
    if tags.is_empty() || tags.iter().any(|tag| tag.len() > NAME_BYTES_MAX) {
        return Err(Status::BadArgument);
    }
    Ok(tags)
}

/// `url URL` or `tag TAG`, either after `soft `.
fn purge(value: &[u8]) -> Result<PurgeWish, Status> {
    let text = text(value)?;
    let (soft, named) = text.strip_prefix("soft ").map_or((false, text), |named| (true, named));
    let (kind, name) = named.split_once(' ').ok_or(Status::BadArgument)?;
    let target = match kind {
        "url" if is_whole(name) => PurgeTarget::Url(name.to_owned()),
        "tag" if tags(name.as_bytes())? == [name] => PurgeTarget::Tag(name.to_owned()),
        _ => return Err(Status::BadArgument),
    };
    Ok(PurgeWish { target, soft })
}

fn is_whole(url: &str) -> bool {
    let uri = url.parse::<Uri>();
    uri.is_ok_and(|uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.authority().is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the verbs said in this order answered, and what came of them.
    fn said(verbs: &[(&str, &str)]) -> (Vec<Result<(), Status>>, CacheVerbs) {
        let mut all = CacheVerbs::default();
        let say = |(name, value): &(&str, &str)| all.say(CacheVerb::named(name.as_bytes()).unwrap(), value.as_bytes());
        (verbs.iter().map(say).collect(), all)
    }

    #[test]
    fn verbs_add_up() {
        let (answers, all) = said(&[
            ("key", "arm=a"),
            ("key", "tier="),
            ("key", "arm=b=c, d"),
            ("drop_query", "utm_*, gclid"),
            ("drop_query", "fbclid"),
            ("keep_query", ""),
            ("vary", "X-Device,accept-language"),
            ("ttl", "60"),
            ("ttl", "0.5"),
            ("stale_while_revalidate", "10"),
            ("stale_if_error", "99999999999999999999"),
            ("tag", "site:shop  page"),
            ("tag", "more"),
            ("bypass", "1"),
            ("purge", "soft url https://a.example/x?y"),
            ("purge", "tag soft"),
        ]);
        assert!(answers.iter().all(Result::is_ok), "{answers:?}");
        assert_eq!(all.parts, [("arm".to_owned(), b"b=c, d".to_vec()), ("tier".to_owned(), Vec::new())]);
        assert_eq!(all.drop_query, ["utm_*", "gclid", "fbclid"]);
        assert_eq!(all.keep_query, Some(Vec::new()), "an empty list keeps nothing");
        assert_eq!(all.vary, ["x-device", "accept-language"]);
        assert_eq!(all.overrides.ttl, Some(Duration::from_millis(500)));
        assert_eq!(all.overrides.while_revalidate, Some(Duration::from_secs(10)));
        assert_eq!(all.overrides.if_error, Some(SECONDS_MAX));
        assert_eq!((all.tags.len(), all.bypass), (3, true));
        assert_eq!(
            all.purges,
            [
                PurgeWish { target: PurgeTarget::Url("https://a.example/x?y".to_owned()), soft: true },
                PurgeWish { target: PurgeTarget::Tag("soft".to_owned()), soft: false },
            ]
        );
    }

    #[test]
    fn wrong_values_are_refused_and_change_nothing() {
        let long_name = format!("{}=1", "n".repeat(PART_NAME_BYTES_MAX + 1));
        let long_tag = "t".repeat(NAME_BYTES_MAX + 1);
        let wrong = [
            ("key", "arm"),
            ("key", "=a"),
            ("key", "two words=a"),
            ("key", long_name.as_str()),
            ("drop_query", "a=b"),
            ("drop_query", "a\nb"),
            ("keep_query", "a&b"),
            ("vary", ""),
            ("vary", "x y"),
            ("ttl", ""),
            ("ttl", "-1"),
            ("ttl", "1m"),
            ("ttl", "inf"),
            ("ttl", "."),
            ("tag", " "),
            ("tag", long_tag.as_str()),
            ("bypass", ""),
            ("bypass", "0"),
            ("purge", "all"),
            ("purge", "url /page"),
            ("purge", "url ftp://a.example/"),
            ("purge", "tag "),
            ("purge", "tag a b"),
            ("purge", "hard tag a"),
        ];
        let (answers, all) = said(&wrong);
        for (case, answer) in wrong.iter().zip(answers) {
            assert_eq!(answer, Err(Status::BadArgument), "{case:?}");
        }
        assert_eq!(all, CacheVerbs::default());
        assert!(CacheVerb::named(b"").is_none() && CacheVerb::named(b"Key").is_none());
    }

    #[test]
    fn what_filters_say_is_bounded() {
        let value = format!("a={}", "x".repeat(BYTES_MAX - 2));
        assert_eq!(said(&[("key", &value), ("ttl", "1")]).0, [Ok(()), Err(Status::InternalFailure)]);
        let purges = vec![("purge", "tag a"); PURGES_MAX + 1];
        assert_eq!(said(&purges).0.last(), Some(&Err(Status::InternalFailure)));
    }
}
