//! What a signed URL grants: a path or all below a prefix, until a time.

use std::time::{Duration, SystemTime};

use forebay_sdk::{Query, Readings};
use serde::Deserialize;

/// `parameters` of the settings: the names of the query parameters.
///
/// | key | default | its value in a URL |
/// |---|---|---|
/// | `signature` | `"sig"` | as `encoding` says |
/// | `expires` | `"exp"` | seconds since 1970 |
/// | `key` | `"kid"` | the id of the key; may be left out where there is one key only |
/// | `prefix` | `"prefix"` | the path prefix that is granted; without it, this very path is |
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Parameters {
    signature: String,
    expires: String,
    key: String,
    prefix: String,
}

/// Why a request may not pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    Unsigned,
    Malformed,
    UnknownKey,
    Forged,
    Expired,
    Outside,
    Method,
}

/// What the parameters of a request say, nothing of it proven.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Grant<'q> {
    pub(crate) signature: &'q str,
    pub(crate) key: Option<&'q str>,
    /// As it was sent, since that is what was signed.
    expires: &'q str,
    until: u64,
    scope: Scope,
}

#[derive(Debug, PartialEq, Eq)]
enum Scope {
    Path(String),
    Prefix(String),
}

impl Refusal {
    pub(crate) const ALL: [Self; 7] =
        [Self::Unsigned, Self::Malformed, Self::UnknownKey, Self::Forged, Self::Expired, Self::Outside, Self::Method];

    /// The refusal in answers and metrics.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Unsigned => "unsigned",
            Self::Malformed => "malformed",
            Self::UnknownKey => "unknown_key",
            Self::Forged => "forged",
            Self::Expired => "expired",
            Self::Outside => "outside",
            Self::Method => "method",
        }
    }
}

impl Parameters {
    /// Takes what only this filter reads off, so that it does not part the cache.
    pub(crate) fn take_off(&self, query: &mut Query) {
        let own = [&self.signature, &self.expires, &self.key, &self.prefix];
        query.retain(|name| !own.iter().any(|own| *own == name));
    }
}

impl Default for Parameters {
    fn default() -> Self {
        let [signature, expires, key, prefix] = ["sig", "exp", "kid", "prefix"].map(str::to_owned);
        Self { signature, expires, key, prefix }
    }
}

impl<'q> Grant<'q> {
    pub(crate) fn read(query: &'q Query, parameters: &'q Parameters, path: &str) -> Result<Self, Refusal> {
        let signature = single(query, &parameters.signature)?.ok_or(Refusal::Unsigned)?;
        let expires = single(query, &parameters.expires)?.ok_or(Refusal::Malformed)?;
        let digits = !expires.is_empty() && expires.bytes().all(|byte| byte.is_ascii_digit());
        let until = expires.parse().ok().filter(|_| digits).ok_or(Refusal::Malformed)?;
        let scope = match single(query, &parameters.prefix)? {
            // Libraries that build queries escape slashes in them.
            Some(prefix) => Scope::Prefix(prefix.replace("%2F", "/").replace("%2f", "/")),
            None => Scope::Path(path.to_owned()),
        };
        Ok(Self { signature, key: single(query, &parameters.key)?, expires, until, scope })
    }

    /// The text that was signed. The first word keeps a signature for one path from serving for all below it.
    pub(crate) fn text(&self) -> String {
        let (word, path) = match &self.scope {
            Scope::Path(path) => ("path", path),
            Scope::Prefix(prefix) => ("prefix", prefix),
        };
        format!("{word}\n{path}\n{}", self.expires)
    }

    /// Whether it is for this path and this time, given that the signature holds.
    pub(crate) fn permits(&self, path: &str, now: SystemTime) -> Result<(), Refusal> {
        let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
        if now > self.until {
            return Err(Refusal::Expired);
        }
        match &self.scope {
            Scope::Path(_) => Ok(()),
            Scope::Prefix(prefix) if Readings::of(path).all(|path| below(prefix, path)) => Ok(()),
            Scope::Prefix(_) => Err(Refusal::Outside),
        }
    }
}

/// The value of a parameter that may stand once: of two, origin and filter might each believe another.
fn single<'q>(query: &'q Query, name: &'q str) -> Result<Option<&'q str>, Refusal> {
    let mut values = query.values(name);
    let first = values.next();
    if values.next().is_some() { Err(Refusal::Malformed) } else { Ok(first) }
}

/// Whether a path is a prefix itself or continues it behind a slash.
fn below(prefix: &str, path: &str) -> bool {
    let rest = path.strip_prefix(prefix.strip_suffix('/').unwrap_or(prefix));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::below;

    #[test]
    fn a_prefix_is_of_whole_segments() {
        for (prefix, path, expected) in [
            ("/video", "/video", true),
            ("/video", "/video/1.ts", true),
            ("/video/", "/video/1.ts", true),
            ("/", "/anything", true),
            ("", "/anything", true),
            ("/video", "/videos", false),
            ("/video/1", "/video", false),
            ("video", "/video", false),
        ] {
            assert_eq!(below(prefix, path), expected, "{prefix} {path}");
        }
    }
}
