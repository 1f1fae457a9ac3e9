//! What a filter wanted of the cache, as case files name it: by the property that says it.

use std::time::Duration;

use crate::filter::{CacheVerbs, PurgeTarget, PurgeWish};

/// The path under which all verbs are.
pub(super) const CACHE: &str = "forebay.cache";

/// What was wanted by `path`, a property below `forebay.cache`, in the form in which filters say it; `None` where nothing
/// was, or where there is no such verb.
pub(super) fn said(verbs: &CacheVerbs, path: &str) -> Option<String> {
    let verb = path.strip_prefix(CACHE)?.strip_prefix('.')?;
    if let Some(name) = verb.strip_prefix("key.") {
        let part = verbs.parts.iter().find(|(known, _)| known == name);
        return part.map(|(_, value)| String::from_utf8_lossy(value).into_owned());
    }
    match verb {
        "drop_query" => joined(&verbs.drop_query, ","),
        "keep_query" => verbs.keep_query.as_ref().map(|patterns| patterns.join(",")),
        "vary" => joined(&verbs.vary.iter().map(ToString::to_string).collect::<Vec<_>>(), ","),
        "ttl" => seconds(verbs.overrides.ttl),
        "stale_while_revalidate" => seconds(verbs.overrides.while_revalidate),
        "stale_if_error" => seconds(verbs.overrides.if_error),
        "tag" => joined(&verbs.tags, " "),
        "bypass" => verbs.bypass.then(|| "1".to_owned()),
        "purge" => joined(&verbs.purges.iter().map(purge).collect::<Vec<_>>(), ", "),
        _ => None,
    }
}

fn joined(words: &[String], between: &str) -> Option<String> {
    (!words.is_empty()).then(|| words.join(between))
}

fn seconds(time: Option<Duration>) -> Option<String> {
    time.map(|time| time.as_secs().to_string())
}

fn purge(wish: &PurgeWish) -> String {
    let soft = if wish.soft { "soft " } else { "" };
    match &wish.target {
        PurgeTarget::Url(url) => format!("{soft}url {url}"),
        PurgeTarget::Tag(tag) => format!("{soft}tag {tag}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_read_as_they_are_said() {
        let mut verbs = CacheVerbs::default();
        assert_eq!(said(&verbs, "forebay.cache.tag"), None);
        verbs.parts.push(("lang".to_owned(), b"de".to_vec()));
        verbs.tags.extend(["shop".to_owned(), "cart".to_owned()]);
        verbs.overrides.ttl = Some(Duration::from_secs(60));
        verbs.purges.push(PurgeWish { target: PurgeTarget::Tag("shop".to_owned()), soft: true });
        verbs.bypass = true;
        for (path, expected) in [
            ("forebay.cache.key.lang", Some("de")),
            ("forebay.cache.key.other", None),
            ("forebay.cache.tag", Some("shop cart")),
            ("forebay.cache.ttl", Some("60")),
            ("forebay.cache.stale_if_error", None),
            ("forebay.cache.purge", Some("soft tag shop")),
            ("forebay.cache.bypass", Some("1")),
            ("forebay.cache.nothing", None),
            ("forebay.origin", None),
        ] {
            assert_eq!(said(&verbs, path).as_deref(), expected, "{path}");
        }
    }
}
