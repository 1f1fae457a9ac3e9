//! In which form an answer goes out: as it is, in a coded form that is stored with it, or coded while it passes.
//!
//! Called by the arms of the recipe once they have a head. A stored head says already whether its body may be coded, so
//! what may not costs a hit one look. Response filters run afterwards and see the head as it leaves.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, HeaderMap};
use http::{Method, Response, StatusCode};

use super::compressor::Ready;
use super::explanation::{CodingNote, Readiness};
use super::offer::Offer;
use super::visit::{Passage, Visit};
use crate::body::Body;
use crate::cache::{Content, Entry, Form, Forms, Head, Prospect};
use crate::semantics::{Accepted, Coding, keep_tag_weak, recode, vary_by_coding};

/// What becomes of a body whose head is ready.
pub(super) enum Sending {
    AsItIs,
    Stored(Bytes),
    Coded(Box<Ready>),
}

impl Sending {
    /// The bytes that are sent of a body of this length, where that is known beforehand.
    pub(super) fn length(&self, body: u64) -> Option<u64> {
        match self {
            Self::AsItIs => Some(body),
            Self::Stored(form) => Some(form.len() as u64),
            Self::Coded(_) => None,
        }
    }

    pub(super) fn send(self, body: Body) -> Body {
        match self {
            Self::AsItIs => body,
            Self::Stored(form) => Body::from(form),
            Self::Coded(ready) => ready.code(body),
        }
    }
}

/// Room for the coded forms of a response that is about to be stored; `None` where it must be sent as it is. The forms of
/// a body that was only confirmed are good for it still.
pub(super) fn room(
    offer: Option<&Offer>,
    (status, headers): (StatusCode, &HeaderMap),
    confirmed: Option<&Arc<Forms>>,
) -> Option<Arc<Forms>> {
    let covered = offer.is_some_and(|offer| offer.covers(status, headers));
    covered.then(|| confirmed.cloned().unwrap_or_default())
}

/// How an entry goes out: in a stored form, where there is one. Its head becomes that form's. A better form that nobody has
/// made yet is begun, and this answer does not wait for it. Of a body that is on disk only no forms are kept, so it is
/// coded as it passes.
pub(super) fn stored(visit: &Visit<'_>, entry: &Entry, headers: &mut HeaderMap) -> Sending {
    let (Some(forms), Ok(passage)) = (&entry.head.forms, visit.passage()) else { return Sending::AsItIs };
    vary_by_coding(headers);
    let accepted = accepted(passage);
    if !entry.is_in_memory() {
        return passing_by(visit, passage, accepted, headers);
    }
    if passage.head.method == Method::GET {
        begin(visit, forms, accepted, &entry.content);
    }
    if let Some((coding, form)) = made(forms, accepted) {
        recode(headers, coding);
        return Sending::Stored(form);
    }
    keep_tag_weak(&passage.head.headers, headers);
    Sending::AsItIs
}

/// How a response that several requests read goes out to this one. `stored` is the entry that it may have been renewed
/// from.
pub(super) fn shared(visit: &Visit<'_>, head: &Head, stored: Option<&Arc<Entry>>, headers: &mut HeaderMap) -> Sending {
    let (Some(forms), Ok(passage)) = (&head.forms, visit.passage()) else { return Sending::AsItIs };
    vary_by_coding(headers);
    let accepted = accepted(passage);
    if let Some((coding, form)) = made(forms, accepted) {
        recode(headers, coding);
        return Sending::Stored(form);
    }
    let same = |entry: &&Arc<Entry>| entry.head.forms.as_ref().is_some_and(|own| Arc::ptr_eq(own, forms));
    if let Some(entry) = stored.filter(same) {
        begin(visit, forms, accepted, &entry.content);
    }
    passing_by(visit, passage, accepted, headers)
}

/// A response for this client only, coded as it streams where that may be.
pub(super) fn passing(visit: &Visit<'_>, response: Response<Body>) -> Response<Body> {
    let Ok(passage) = visit.passage() else { return response };
    let Some(offer) = passage.offer() else { return response };
    let (mut parts, mut body) = response.into_parts();
    if parts.status == StatusCode::NOT_MODIFIED {
        // The origin knows its own tag only, and says nothing of the type.
        if keep_tag_weak(&passage.head.headers, &mut parts.headers) {
            vary_by_coding(&mut parts.headers);
        }
    } else if offer.covers(parts.status, &parts.headers) {
        vary_by_coding(&mut parts.headers);
        let accepted = accepted(passage);
        if visit.head_only() {
            accepted.best_first().take(1).for_each(|coding| recode(&mut parts.headers, coding));
        } else {
            let sending = passing_by(visit, passage, accepted, &mut parts.headers);
            if matches!(sending, Sending::Coded(_)) {
                // A coded body ends without the trailers of the one that it was made of.
                parts.headers.remove(header::TRAILER);
            }
            body = sending.send(body);
        }
    }
    Response::from_parts(parts, body)
}

/// In which coding a GET would be answered, where it likes one that its route offers; nothing is begun by asking.
pub(super) fn prospect(passage: &Passage, prospect: &Prospect) -> Option<CodingNote> {
    let accepted = accepted(passage);
    let best = accepted.best_first().next()?;
    let note = |form, sent: Option<Coding>| CodingNote {
        best: best.token(),
        sent: sent.map_or("identity", Coding::token),
        form,
    };
    let (Prospect::Hit(entry) | Prospect::Stale(entry, _)) = prospect else {
        return Some(note(Readiness::AsItPasses, Some(best)));
    };
    let Some(forms) = &entry.head.forms else { return Some(note(Readiness::Forbidden, None)) };
    let form = match forms.get(best) {
        Some(Form::Smaller(_)) => Readiness::Stored,
        Some(Form::Useless) => Readiness::Useless,
        _ if !entry.is_in_memory() => return Some(note(Readiness::AsItPasses, Some(best))),
        None => Readiness::NotMade,
    };
    Some(note(form, made(forms, accepted).map(|(coding, _)| coding)))
}

fn accepted(passage: &Passage) -> Accepted {
    passage.offer().map_or_else(Accepted::default, |offer| offer.accepted(&passage.head.headers))
}

/// The best form that is there.
fn made(forms: &Forms, accepted: Accepted) -> Option<(Coding, Bytes)> {
    accepted.best_first().find_map(|coding| match forms.get(coding) {
        Some(Form::Smaller(form)) => Some((coding, form.clone())),
        Some(Form::Useless) | None => None,
    })
}

/// Has the best form made, where nobody has.
fn begin(visit: &Visit<'_>, forms: &Arc<Forms>, accepted: Accepted, content: &Content) {
    if let Some(body) = content.here()
        && let Some(best) = accepted.best_first().next()
        && forms.get(best).is_none()
    {
        visit.edge.compressor.make(forms, best, body);
    }
}

fn passing_by(visit: &Visit<'_>, passage: &Passage, accepted: Accepted, headers: &mut HeaderMap) -> Sending {
    let ready = accepted.best_first().next().and_then(|best| Some((best, visit.edge.compressor.stream(best)?)));
    match ready {
        Some((coding, ready)) => {
            recode(headers, coding);
            Sending::Coded(Box::new(ready))
        }
        None => {
            keep_tag_weak(&passage.head.headers, headers);
            Sending::AsItIs
        }
    }
}
