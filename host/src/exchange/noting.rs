//! Makes notes for an explanation of what the cache and the back-off show.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use http::header::{self, HeaderName};

use super::backoff::Doubt;
use super::explanation::DoubtNote;
use super::stored_note::{FreshnessNote, HeadNote, PartsNote, PurgeNote, VariantNote};
use crate::cache::{Concern, Entry, Form, Forms, Head, Parts, Prospect, Standing, Validity, Variant, Want};
use crate::clock::Timestamp;
use crate::semantics::{Coding, http_date};

pub(super) fn date(at: Timestamp) -> String {
    httpdate::fmt_http_date(at.system_time())
}

pub(super) fn purge(concern: &Concern) -> PurgeNote {
    PurgeNote { scope: concern.scope, value: concern.text.clone(), epoch: concern.epoch }
}

pub(super) fn doubt(doubt: Doubt) -> DoubtNote {
    let resting = doubt.standing == Standing::Resting;
    DoubtNote { cause: doubt.trouble.word(), resting, until: date(doubt.until) }
}

pub(super) fn whole(variant: &Variant<Entry>, prospect: &Prospect, now: Timestamp) -> VariantNote {
    let entry = &variant.stored;
    let selected = match prospect {
        Prospect::Hit(own) | Prospect::Stale(own, _) => Some(own),
        Prospect::Fetch(errand) => errand.stale.as_ref(),
        Prospect::Part(..) => None,
    };
    let selected = selected.is_some_and(|own| Arc::ptr_eq(own, entry));
    VariantNote {
        head: HeadNote { tier: entry.tier(), ..head(variant, (&entry.head, &entry.validity), selected, now) },
        body_bytes: entry.content.len(),
        forms: entry.head.forms.as_deref().map(|forms| made(forms).collect()).unwrap_or_default(),
    }
}

/// The forms that are settled; `None` of one that would be no smaller.
fn made(forms: &Forms) -> impl Iterator<Item = (&'static str, Option<usize>)> {
    let bytes = |form: &Form| if let Form::Smaller(bytes) = form { Some(bytes.len()) } else { None };
    Coding::ALL.into_iter().filter_map(move |coding| Some((coding.token(), bytes(forms.get(coding)?))))
}

pub(super) fn parts(variant: &Variant<Parts>, prospect: &Prospect, now: Timestamp) -> PartsNote {
    let parts = &variant.stored;
    let selected = match prospect {
        Prospect::Part(own, _) => Some(own),
        Prospect::Fetch(errand) if let Want::Rest(rest) = &errand.want => Some(&rest.parts),
        _ => None,
    };
    let selected = selected.is_some_and(|own| Arc::ptr_eq(own, parts));
    PartsNote {
        head: head(variant, (&parts.head, &parts.validity), selected, now),
        ranges: parts.pieces().into_iter().map(|piece| (piece.start, piece.end - 1)).collect(),
        total: parts.total(),
        validator: parts.validator().map(|validator| readable(validator.value().as_bytes())),
    }
}

fn head<T>(variant: &Variant<T>, stored: (&Head, &Validity), selected: bool, now: Timestamp) -> HeadNote {
    let (head, validity) = stored;
    let tags = &head.aside.tags;
    let texts = |names: &[Box<str>]| names.iter().map(ToString::to_string).collect();
    let vary = head.selection.fields().map(|(name, value)| (name.to_string(), value.map(readable)));
    HeadNote {
        selected,
        purged: variant.purged,
        tier: "memory",
        status: head.status.as_u16(),
        vary: vary.collect(),
        freshness: freshness(head, validity, now),
        tags: texts(&tags.names()[..tags.names().len() - tags.groups().len()]),
        groups: texts(tags.groups()),
        tags_cut: tags.are_cut(),
        epoch: validity.epoch(),
        purges: variant.purges.iter().map(purge).collect(),
    }
}

fn freshness(head: &Head, validity: &Validity, now: Timestamp) -> FreshnessNote {
    let terms = &head.freshness;
    let field = |name: &HeaderName| head.headers.get(name).map(HeaderValue::as_bytes).map(readable);
    let dated = head.headers.get(header::DATE).and_then(http_date);
    // An age that nobody knows is the longest there is.
    let known = |age: Duration| (terms.initial_age != Duration::MAX).then_some(age.as_secs());
    FreshnessNote {
        received: date(head.received),
        date: field(&header::DATE),
        age_field: field(&header::AGE),
        apparent_age: dated.map_or(0, |dated| head.received.since(dated).as_secs()),
        initial_age: known(terms.initial_age),
        resident_time: resident_time(head, now).as_secs(),
        age: known(head.age(now)),
        lifetime: terms.lifetime.as_secs(),
        lifetime_source: terms.source.word(),
        soft_purged: validity.ends().map(date),
        lifetime_in_force: head.terms(validity).lifetime.as_secs(),
        ttl: head.ttl_by(validity, now),
        stale_while_revalidate: terms.while_revalidate.as_secs(),
        stale_if_error: terms.if_error.as_secs(),
        validate_always: terms.validate_always,
        never_stale: terms.never_stale,
    }
}

/// The rest of the age, in whole seconds of both, so that the sum comes out as it is written.
fn resident_time(head: &Head, now: Timestamp) -> Duration {
    match head.freshness.initial_age {
        Duration::MAX => now.since(head.received),
        initial => Duration::from_secs(head.age(now).as_secs().saturating_sub(initial.as_secs())),
    }
}

fn readable(value: &[u8]) -> String {
    String::from_utf8_lossy(value).into_owned()
}
