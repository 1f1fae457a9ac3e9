//! Cache directives addressed to caches like this one: RFC 9213, and section 2.2 of the Edge Architecture note.
//!
//! `Targets` is the node's target list. The first field on it with a valid value that is not empty decides alone, and
//! `Cache-Control`, `Expires` and `Pragma` say nothing then. A field that does not parse, or gives a directive a value of
//! the wrong type, is ignored whole. Asked by `storing`, once per response.

use std::time::Duration;

use http::header::{HeaderMap, HeaderName};
use sfv::{BareItem, Dictionary, ListEntry, Parser};

use super::cache_control::{CacheControl, delta_seconds};
use super::fields;

const SURROGATE_CONTROL: HeaderName = HeaderName::from_static("surrogate-control");

/// The fields that a node listens to, the weightiest first.
#[derive(Debug, Clone, Default)]
pub struct Targets {
    fields: Vec<HeaderName>,
    /// This node, as `Surrogate-Control` may name it.
    node: String,
}

impl Targets {
    /// `Surrogate-Control` has a syntax of its own; every other field is read as RFC 9213 says.
    pub fn new(fields: &[HeaderName], node: &str) -> Self {
        Self { fields: fields.to_vec(), node: node.to_owned() }
    }

    /// Does the node act on `Surrogate-Control`, so that it may say so upstream?
    pub fn is_surrogate(&self) -> bool {
        self.fields.contains(&SURROGATE_CONTROL)
    }

    /// What the first field with something valid to say says. `None` where none has: then `Cache-Control` counts.
    pub(super) fn directives(&self, response: &HeaderMap) -> Option<CacheControl> {
        let mut present = self.fields.iter().filter(|name| response.contains_key(*name));
        present.find_map(|name| {
            if *name == SURROGATE_CONTROL { surrogate(response, &self.node) } else { structured(response, name) }
        })
    }
}

/// A targeted field of RFC 9213: a dictionary of directives (section 2.1). Parameters say nothing.
fn structured(response: &HeaderMap, name: &HeaderName) -> Option<CacheControl> {
    let value = fields::joined(response, name)?;
    let members: Dictionary = Parser::new(&value).parse().ok()?;
    let mut control = CacheControl::default();
    for (name, member) in &members {
        directive(&mut control, name.as_str(), member)?;
    }
    (!members.is_empty()).then_some(control)
}

/// What the argument of a directive maps to (RFC 9213 section 2.1).
#[derive(Debug, Clone, Copy)]
enum Argument {
    Seconds,
    /// Always true.
    Flag,
    /// True, or a string of field names.
    Fields,
}

impl Argument {
    /// `None` for a directive that is not known here.
    fn of(directive: &str) -> Option<Self> {
        Some(match directive {
            "max-age" | "s-maxage" | "stale-while-revalidate" | "stale-if-error" => Self::Seconds,
            "no-cache" | "private" => Self::Fields,
            "no-store" | "public" | "must-revalidate" | "proxy-revalidate" | "no-transform" | "must-understand"
            | "immutable" => Self::Flag,
            _ => return None,
        })
    }
}

/// Takes in one member. `None` where its value has not the type that the directive's argument maps to; RFC 9213 section
/// 2.1 would not have such a value used, and RFC 8941 section 2 gives it the effect of a field that does not parse.
fn directive(control: &mut CacheControl, name: &str, member: &ListEntry) -> Option<()> {
    let Some(argument) = Argument::of(name) else { return Some(()) };
    let ListEntry::Item(item) = member else { return None };
    match (argument, &item.bare_item) {
        // Less than nothing is no freshness at all (RFC 9111 section 4.2.1).
        (Argument::Seconds, BareItem::Integer(n)) => control.take(name, Some(&i64::from(*n).max(0).to_string())),
        (Argument::Fields, BareItem::String(names)) => control.take(name, Some(names.as_str())),
        (Argument::Flag | Argument::Fields, BareItem::Boolean(true)) => control.take(name, None),
        _ => return None,
    }
    Some(())
}

/// `Surrogate-Control` (Edge Architecture sections 2.2 and 2.3). A directive with `;name` is for that surrogate alone and
/// overrules the same one for all. With nothing for this node, as in `content="ESI/1.0"`, it is as good as absent.
fn surrogate(response: &HeaderMap, node: &str) -> Option<CacheControl> {
    let (mut general, mut own) = (CacheControl::default(), CacheControl::default());
    for member in fields::list(response, &SURROGATE_CONTROL) {
        match member.split_once(';') {
            Some((directive, target)) if target.trim() == node => surrogate_directive(&mut own, directive.trim_end()),
            Some(_) => {}
            None => surrogate_directive(&mut general, &member),
        }
    }
    let control = overruled(general, own);
    (control != CacheControl::default()).then_some(control)
}

fn surrogate_directive(control: &mut CacheControl, directive: &str) {
    let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
    match name.trim_end().to_ascii_lowercase().as_str() {
        // For surrogates that are far from the origin, which an edge is.
        "no-store-remote" => control.no_store = true,
        "max-age" if value.contains('+') => extended_max_age(control, value.trim_start()),
        _ => control.read(directive),
    }
}

/// `max-age=600+30`: fresh for 600 seconds, and for 30 more usable although stale (section 2.2.3).
fn extended_max_age(control: &mut CacheControl, value: &str) {
    let parts = value.split_once('+').and_then(|(fresh, more)| Some((delta_seconds(fresh)?, delta_seconds(more)?)));
    let (fresh, more) = parts.unwrap_or((Duration::ZERO, Duration::ZERO));
    control.max_age = Some(control.max_age.map_or(fresh, |standing| standing.min(fresh)));
    control.stale_while_revalidate.get_or_insert(more);
    control.stale_if_error.get_or_insert(more);
}

/// What is said to all, with what is said to this node put in its place.
fn overruled(general: CacheControl, own: CacheControl) -> CacheControl {
    CacheControl {
        no_store: general.no_store || own.no_store,
        no_cache: general.no_cache || own.no_cache,
        private: general.private || own.private,
        withheld: [general.withheld, own.withheld].concat(),
        public: general.public || own.public,
        must_revalidate: general.must_revalidate || own.must_revalidate,
        proxy_revalidate: general.proxy_revalidate || own.proxy_revalidate,
        no_transform: general.no_transform || own.no_transform,
        must_understand: general.must_understand || own.must_understand,
        immutable: general.immutable || own.immutable,
        max_age: own.max_age.or(general.max_age),
        s_maxage: own.s_maxage.or(general.s_maxage),
        stale_while_revalidate: own.stale_while_revalidate.or(general.stale_while_revalidate),
        stale_if_error: own.stale_if_error.or(general.stale_if_error),
        ..CacheControl::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    type Lines<'a> = &'a [(&'static str, &'a str)];

    fn heard(lines: Lines<'_>) -> Option<CacheControl> {
        let mut response = HeaderMap::new();
        for (name, value) in lines {
            response.append(*name, HeaderValue::from_str(value).expect("a test value"));
        }
        let fields = ["x-cache-control", "cdn-cache-control", "surrogate-control"].map(HeaderName::from_static);
        Targets::new(&fields, "edge-1").directives(&response)
    }

    fn max_age(lines: Lines<'_>) -> Option<u64> {
        heard(lines)?.max_age.map(|age| age.as_secs())
    }

    const CDN: &str = "cdn-cache-control";
    const SURROGATE: &str = "surrogate-control";

    #[test]
    fn a_field_is_a_dictionary_or_nothing() {
        let cases: [(&str, Option<u64>); 16] = [
            ("max-age=60", Some(60)),
            ("max-age=60;edge-2", Some(60)),
            ("max-age=5, max-age=60", Some(60)),
            ("foobar, max-age=60, other=(a b)", Some(60)),
            ("max-age=99999999999", Some(1 << 31)),
            ("max-age=-1", Some(0)),
            ("max-age=9999999999999999", None),
            ("max-age =60", None),
            ("max-age= 60", None),
            ("Max-Age=60", None),
            ("max-age=60, &&&&", None),
            ("max-age=60,", None),
            ("max-age=\"60\"", None),
            ("max-age=60.0", None),
            ("max-age", None),
            ("", None),
        ];
        for (value, expected) in cases {
            assert_eq!(max_age(&[(CDN, value)]), expected, "{value}");
        }
    }

    #[test]
    fn a_flag_is_true_or_the_field_is_ignored() {
        assert!(heard(&[(CDN, "no-store, max-age=60")]).expect("valid").no_store);
        assert!(heard(&[(CDN, "no-cache")]).expect("valid").no_cache);
        for wrong in ["no-store=1", "no-store=?0", "private=a", "no-cache=(a)", "immutable=\"x\"", "max-age=(60)"] {
            assert_eq!(heard(&[(CDN, wrong)]), None, "{wrong}");
        }
        let control = heard(&[(CDN, "private=\"set-cookie\", max-age=60")]).expect("valid");
        assert!(!control.private && control.withheld == ["set-cookie"]);
        assert_eq!(
            heard(&[(CDN, "none")]),
            Some(CacheControl::default()),
            "an unknown directive is a value all the same"
        );
    }

    #[test]
    fn the_first_field_with_something_to_say_is_heard() {
        assert_eq!(max_age(&[(CDN, "max-age=2"), ("x-cache-control", "max-age=1"), (SURROGATE, "max-age=3")]), Some(1));
        assert_eq!(max_age(&[(CDN, "max-age=2"), ("x-cache-control", "&"), (SURROGATE, "max-age=3")]), Some(2));
        assert_eq!(max_age(&[(CDN, ""), (SURROGATE, "max-age=3")]), Some(3));
        assert_eq!(max_age(&[(CDN, "max-age=1"), (CDN, "s-maxage=2")]), Some(1), "lines are one field");
        assert_eq!(heard(&[("cache-control", "max-age=1"), ("y-cache-control", "max-age=2")]), None);
        assert_eq!(Targets::default().directives(&HeaderMap::new()), None);
    }

    #[test]
    fn surrogate_control_as_the_note_has_it() {
        let cases: [(&str, Option<(u64, u64)>); 10] = [
            ("max-age=600", Some((600, 0))),
            ("max-age=600+30", Some((600, 30))),
            ("max-age=600+30;edge-1, max-age=5", Some((600, 30))),
            ("max-age=5, max-age=600;edge-1", Some((600, 0))),
            ("max-age=5;edge-2", None),
            ("max-age=600+x", Some((0, 0))),
            ("max-age=+30", Some((0, 0))),
            ("MAX-AGE=600+30, content=\"ESI/1.0\"", Some((600, 30))),
            ("max-age=99999999999999999999+99999999999999999999", Some((1 << 31, 1 << 31))),
            ("content=\"ESI/1.0\"", None),
        ];
        for (value, expected) in cases {
            let control = heard(&[(SURROGATE, value)]);
            let seconds = |duration: Option<Duration>| duration.unwrap_or_default().as_secs();
            let found = control.map(|control| {
                assert_eq!(control.stale_while_revalidate, control.stale_if_error, "{value}");
                (seconds(control.max_age), seconds(control.stale_if_error))
            });
            assert_eq!(found, expected, "{value}");
        }
        for value in ["no-store", "no-store-remote", "no-store, max-age=5;edge-1", "max-age=5, no-store-remote;edge-1"]
        {
            assert!(heard(&[(SURROGATE, value)]).expect("heard").no_store, "{value}");
        }
    }

    proptest! {
        #[test]
        fn any_value_is_read_without_panic(value in prop::collection::vec(any::<u8>(), 0..200), near in "[a-z=;,\"()?+0-9 -]{0,60}") {
            for value in [&value[..], near.as_bytes()] {
                let Ok(value) = HeaderValue::from_bytes(value) else { continue };
                for name in [CDN, SURROGATE] {
                    let response = HeaderMap::from_iter([(HeaderName::from_static(name), value.clone())]);
                    let _ = Targets::new(&[HeaderName::from_static(name)], "n").directives(&response);
                }
            }
        }
    }
}
