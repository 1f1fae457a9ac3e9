//! A fetch of one range for everybody who asks for the same, and of what is missing of a response that is stored in parts.
//!
//! What comes back is believed only where it fits: a 206 says exactly where its bytes belong, and they are joined to others
//! under the same strong validator only (RFC 9111 section 3.4). Whatever else comes lands like any answer.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body::Body as _;
use http_body_util::BodyExt;
use tokio::sync::oneshot;

use super::compress;
use super::failure::Failure;
use super::fetch::{Fetch, Word, pump};
use super::forward::Audience;
use super::forward::trip::{Asked, Back};
use super::visit::Visit;
use crate::body::{Body, BodyError};
use crate::cache::{Aside, Filling, Head, Lead, Rest};
use crate::origin::Origin;
use crate::semantics::{
    ContentRange, Freshness, RangeSpec, Refusal, Selection, StrongValidator, Verdict, add_tags, forget_content_digests,
    update, withhold,
};

/// The type of a body with several parts, each with a place of its own.
const SEVERAL: &[u8] = b"multipart/byteranges";

/// Starts the fetch of a range in a task of its own.
pub(super) fn start(
    visit: &Visit<'_>,
    origin: &Origin,
    lead: Lead,
    spec: RangeSpec,
) -> Result<oneshot::Receiver<Word>, Failure> {
    let request = request(visit, Some(spec))?;
    let fetch = PartFetch { fetch: Fetch::new(visit, origin, None)? };
    let (word, mine) = oneshot::channel();
    tokio::spawn(async move { fetch.range(request, lead, word).await });
    Ok(mine)
}

/// Starts the fetch of what is missing beside stored parts, in a task of its own.
pub(super) fn complete(
    visit: &Visit<'_>,
    origin: &Origin,
    lead: Lead,
    rest: Rest,
) -> Result<oneshot::Receiver<Word>, Failure> {
    let mut missing = request(visit, Some(RangeSpec::exactly(&rest.missing, rest.parts.total())))?;
    if let Some(validator) = rest.parts.validator() {
        missing.headers_mut().insert(header::IF_RANGE, validator.value().clone());
    }
    let otherwise = request(visit, rest.spec)?;
    let fetch = PartFetch { fetch: Fetch::new(visit, origin, None)? };
    let (word, mine) = oneshot::channel();
    tokio::spawn(async move { fetch.rest(rest, (missing, otherwise), lead, word).await });
    Ok(mine)
}

fn request(visit: &Visit<'_>, spec: Option<RangeSpec>) -> Result<Request<Body>, Failure> {
    let mut request = visit.outgoing()?.request(Audience::Everybody, Body::Empty)?;
    if let Some(spec) = spec {
        let value = HeaderValue::from_str(&spec.to_string());
        request.headers_mut().insert(header::RANGE, value.map_err(|error| Failure::Unsendable(error.to_string()))?);
    }
    Ok(request)
}

/// What the head of an answer to a request for missing bytes means.
enum Fit {
    /// They are the missing ones, and with these terms the joined response may be kept.
    Yes(HeaderMap, Terms),
    /// It is about another representation, or says nothing: ask again, without a condition.
    No,
    /// It stands for itself.
    Answer,
}

/// On which terms a response may be kept, and without which fields.
struct Terms {
    freshness: Freshness,
    withheld: Vec<HeaderName>,
}

struct PartFetch {
    fetch: Fetch,
}

impl PartFetch {
    async fn range(&self, request: Request<Body>, lead: Lead, word: oneshot::Sender<Word>) {
        match self.fetch.ask(request, &lead).await {
            Ok(back) => self.land(back, lead, word).await,
            Err(failure) => lead.fail(failure),
        }
    }

    async fn rest(
        &self,
        rest: Rest,
        (missing, otherwise): (Request<Body>, Request<Body>),
        mut lead: Lead,
        word: oneshot::Sender<Word>,
    ) {
        let back = match self.fetch.ask(missing, &lead).await {
            Ok(back) => back,
            Err(failure) => return lead.fail(failure),
        };
        match self.fit(&rest, &back) {
            Fit::Yes(mut headers, terms) => {
                let own = withhold(&mut headers, &terms.withheld);
                let _ = word.send(Word::Shared(StatusCode::PARTIAL_CONTENT, own));
                lead.builds_on(&rest.parts);
                let filling = self.joined(&rest, headers, (terms.freshness, &back), lead);
                fill(&rest, back.body, filling).await;
            }
            Fit::No => {
                drop(back);
                lead.discard(&rest.parts);
                match (self.fetch.ask(otherwise, &lead).await, rest.spec) {
                    (Ok(back), None) => self.fetch.land(back, lead, word).await,
                    (Ok(back), Some(_)) => self.land(back, lead, word).await,
                    (Err(failure), _) => lead.fail(failure),
                }
            }
            Fit::Answer => self.land(back, lead, word).await,
        }
    }

    /// What becomes of the answer to a request with `Range`.
    async fn land(&self, back: Back, lead: Lead, word: oneshot::Sender<Word>) {
        let (status, body_length) = (back.parts.status, back.body.size_hint().exact());
        let refusal = match status {
            StatusCode::PARTIAL_CONTENT => match self.part(&back) {
                Ok((place, terms)) => {
                    let mut headers = back.parts.headers;
                    let _ = word.send(Word::Shared(status, withhold(&mut headers, &terms.withheld)));
                    let terms = (terms.freshness, &back.asked);
                    let filling = if is_whole(&place) {
                        let headers = of_whole(headers, place.total);
                        lead.fill(self.head(StatusCode::OK, headers, Some(place.total), terms))
                    } else {
                        lead.fill_part(self.head(status, headers, body_length, terms), place)
                    };
                    return pump(back.body, filling).await;
                }
                Err(refusal) => refusal,
            },
            status if of_the_range(status) => Refusal::Status,
            _ => return self.fetch.land(back, lead, word).await,
        };
        let _ = word.send(Word::Own(Response::from_parts(back.parts, back.body), refusal));
        lead.release(refusal);
    }

    /// Where the bytes of a 206 belong and on which terms they may be kept, or why not.
    fn part(&self, back: &Back) -> Result<(ContentRange, Terms), Refusal> {
        let place = place(back).ok_or(Refusal::Partial)?;
        let cache = &self.fetch.edge.cache;
        let bytes_max = if is_whole(&place) { cache.body_bytes_max() } else { cache.object_bytes_max() };
        if place.length() > bytes_max {
            return Err(Refusal::TooLarge);
        }
        let (verdict, withheld) = self.fetch.verdict(StatusCode::OK, &back.parts.headers, &back.asked);
        match verdict {
            Verdict::Refuse(refusal) => Err(refusal),
            // Parts are not validated, so what may not be used unasked is of no use.
            Verdict::Store(freshness) if freshness.validate_always => Err(Refusal::NoCache),
            Verdict::Store(freshness) if freshness.for_one_use() => Err(Refusal::Expired),
            Verdict::Store(freshness) => Ok((place, Terms { freshness, withheld })),
        }
    }

    fn fit(&self, rest: &Rest, back: &Back) -> Fit {
        match back.parts.status {
            StatusCode::PARTIAL_CONTENT => {
                self.joinable(rest, back).map_or(Fit::No, |(headers, terms)| Fit::Yes(headers, terms))
            }
            StatusCode::NOT_MODIFIED | StatusCode::PRECONDITION_FAILED | StatusCode::RANGE_NOT_SATISFIABLE => Fit::No,
            _ => Fit::Answer,
        }
    }

    /// The joined response's header section and terms, where the 206 brings exactly the missing bytes of what is stored.
    fn joinable(&self, rest: &Rest, back: &Back) -> Option<(HeaderMap, Terms)> {
        let place = place(back)?;
        let validator = StrongValidator::of(&back.parts.headers);
        let missing = place.range == rest.missing && place.total == rest.parts.total();
        if !missing || validator.as_ref() != rest.parts.validator() {
            return None;
        }
        // A 206 to If-Range need not repeat everything (RFC 9110 section 15.3.7.1), but its age is its own.
        let mut headers = rest.parts.head.whole();
        headers.remove(header::AGE);
        update(&mut headers, &back.parts.headers);
        forget_content_digests(&mut headers);
        let (verdict, withheld) = self.fetch.verdict(StatusCode::OK, &headers, &back.asked);
        match verdict {
            Verdict::Store(freshness) if !freshness.for_one_use() => Some((headers, Terms { freshness, withheld })),
            _ => None,
        }
    }

    /// Begins the joined response: the whole, or the range that was asked for.
    fn joined(
        &self,
        rest: &Rest,
        mut headers: HeaderMap,
        (freshness, back): (Freshness, &Back),
        lead: Lead,
    ) -> Filling {
        let place = ContentRange { range: rest.wanted.clone(), total: rest.parts.total() };
        let (length, terms) = (Some(place.length()), (freshness, &back.asked));
        if rest.spec.is_none() {
            return lead.fill(self.head(StatusCode::OK, headers, length, terms));
        }
        headers.insert(header::CONTENT_RANGE, place.value());
        lead.fill_part(self.head(StatusCode::PARTIAL_CONTENT, headers, length, terms), place)
    }

    fn head(
        &self,
        status: StatusCode,
        mut headers: HeaderMap,
        length: Option<u64>,
        (freshness, asked): (Freshness, &Asked),
    ) -> Head {
        add_tags(&mut headers, &asked.terms.tags);
        let received = asked.received;
        let selection = Selection::of(&headers, &self.fetch.headers);
        let forms = compress::room(self.fetch.trip.route.offer.as_ref(), (status, &headers), None);
        Head { status, headers, freshness, received, selection, length, forms, aside: Aside::default() }
    }
}

/// Answers to a request with `Range` that one without might not have had: nobody else may be given them.
fn of_the_range(status: StatusCode) -> bool {
    matches!(status, StatusCode::BAD_REQUEST | StatusCode::RANGE_NOT_SATISFIABLE) || status.is_server_error()
}

/// Are these all the bytes there are? Players ask so for what they are about to play.
fn is_whole(place: &ContentRange) -> bool {
    place.length() == place.total
}

/// The header section of a 206 with all bytes as a 200 has it.
fn of_whole(mut headers: HeaderMap, total: u64) -> HeaderMap {
    headers.remove(header::CONTENT_RANGE);
    forget_content_digests(&mut headers);
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(total));
    headers
}

/// Where the body of a 206 belongs, if that is certain and, as far as its length is known, true.
fn place(back: &Back) -> Option<ContentRange> {
    let headers = &back.parts.headers;
    let content_type = headers.get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    let multipart = content_type.get(..SEVERAL.len()).is_some_and(|start| start.eq_ignore_ascii_case(SEVERAL));
    let place = ContentRange::of(headers).filter(|_| !multipart)?;
    let length = back.body.size_hint().exact();
    length.is_none_or(|length| length == place.length()).then_some(place)
}

/// Brings the joined body to its end: what is stored before, what comes, what is stored after.
async fn fill(rest: &Rest, mut body: Body, mut filling: Filling) {
    let (wanted, missing) = (&rest.wanted, &rest.missing);
    for stored in rest.parts.slices(&(wanted.start..missing.start)) {
        if filling.push(stored).await.is_err() {
            return;
        }
    }
    let mut left = missing.end - missing.start;
    while let Some(frame) = body.frame().await {
        let data = match frame {
            Ok(frame) => frame.into_data(),
            Err(error) => return filling.fail(error),
        };
        let Ok(chunk) = data else { continue };
        let Some(still) = left.checked_sub(chunk.len() as u64) else {
            return filling.fail(BodyError::Malformed("a part is longer than its Content-Range".to_owned()));
        };
        left = still;
        if filling.push(chunk).await.is_err() {
            return;
        }
    }
    if left > 0 {
        return filling.fail(BodyError::Incomplete);
    }
    for stored in rest.parts.slices(&(missing.end..wanted.end)) {
        if filling.push(stored).await.is_err() {
            return;
        }
    }
    filling.finish().await;
}
