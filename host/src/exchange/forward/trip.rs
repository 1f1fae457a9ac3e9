//! One trip to an origin: the request goes out, an answer comes back, and the filters at the origin's side see both.
//!
//! Fetches for everybody, their revalidations and their parts go by it, and passes. What its filters make of an answer is
//! what there is to store. They end with the last byte of the answer, whatever becomes of the client.

use std::mem;
use std::sync::Arc;

use http::header::{self, HeaderMap, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Method, Request, Response, StatusCode, Uri, Version, request, response};
use http_body::Body as _;

use super::super::edge::Edge;
use super::super::failure::Failure;
use super::super::reply::{self, bodiless};
use super::super::routes::Route;
use super::super::verbs::Terms;
use super::super::visit::Visit;
use super::super::visit::company::Company;
use super::accompanied::Accompanied;
use super::receive;
use crate::body::Body;
use crate::clock::Timestamp;
use crate::config::Side;
use crate::filter::{CacheVerbs, EndOfStream, Stream, Verdict};
use crate::origin::Origin;
use crate::semantics::{RequestHead, Signatures, fields};

pub(in crate::exchange) struct Trip {
    pub(in crate::exchange) edge: Arc<Edge>,
    pub(in crate::exchange) route: Arc<Route>,
    pub(in crate::exchange) origin: Origin,
    /// What the client's side says of the answer.
    terms: Terms,
    /// `None` where nobody goes along.
    filtered: Option<Filtered>,
}

/// What filters see of the exchange beside its messages.
struct Filtered {
    stream: Stream,
    scheme: Scheme,
    version: Version,
}

/// An answer as it may be stored and passed on.
pub(in crate::exchange) struct Back {
    pub(in crate::exchange) parts: response::Parts,
    pub(in crate::exchange) body: Body,
    pub(in crate::exchange) asked: Asked,
    /// The origin's own, before filters saw it; `None` where one of them answered in its place.
    pub(in crate::exchange) status: Option<StatusCode>,
}

/// When an answer was asked for and came, and what filters say of it.
#[derive(Clone)]
pub(in crate::exchange) struct Asked {
    pub(in crate::exchange) requested: Timestamp,
    pub(in crate::exchange) received: Timestamp,
    pub(in crate::exchange) terms: Terms,
}

impl Trip {
    pub(in crate::exchange) fn new(visit: &Visit<'_>, origin: &Origin) -> Result<Self, Failure> {
        let passage = visit.passage()?;
        let head = &passage.head;
        let filtered = (!passage.route.origin_chain.is_empty()).then(|| Filtered {
            stream: Stream { origin: origin.name().clone(), ..visit.stream(&passage.route, Side::Origin) },
            scheme: head.scheme.clone(),
            version: head.version,
        });
        Ok(Self {
            edge: visit.edge.clone(),
            route: passage.route.clone(),
            origin: origin.clone(),
            terms: visit.terms(),
            filtered,
        })
    }

    /// Sends the request and brings the head of the answer back; its body streams. A failure is the origin's or a filter's.
    pub(in crate::exchange) async fn go(&self, request: Request<Body>) -> Result<Back, Failure> {
        if let Some(filtered) = &self.filtered {
            return Box::pin(self.accompanied(filtered, request)).await;
        }
        let requested = self.edge.clock.now();
        let answer = self.ask(request).await?;
        let received = self.edge.clock.now();
        let (mut parts, body) = answer.into_parts();
        receive(&mut parts, &self.edge.via, received);
        let (status, terms) = (Some(parts.status), self.terms.clone());
        Ok(Back { parts, body, asked: Asked { requested, received, terms }, status })
    }

    async fn ask(&self, mut request: Request<Body>) -> Result<Response<Body>, Failure> {
        frame(&mut request);
        self.origin.fetch(request).await.map_err(Failure::from)
    }

    /// The same with filters.
    async fn accompanied(&self, filtered: &Filtered, request: Request<Body>) -> Result<Back, Failure> {
        let requested = self.edge.clock.now();
        let chain = &self.route.origin_chain;
        let mut company = Company::begin(chain, filtered.stream.clone(), Some(&self.edge));
        let (mut message, body) = request.into_parts();
        let mut head = filtered.head(&mut message)?;
        let answer = match self.out(&mut company, &mut head, body).await? {
            Onward::Reply(reply) => Err(reply),
            Onward::Body(body) => {
                put(&head, &mut message)?;
                if company.reads_responses() {
                    // A part of a body is not what they work on.
                    message.headers.remove(header::RANGE);
                    message.headers.remove(header::IF_RANGE);
                }
                match self.ask(Request::from_parts(message, body)).await {
                    Ok(answer) => Ok(answer),
                    // Where a filter ended the body, the origin's failure is only what followed from it.
                    Err(failure) => Err(replied(company.ended().ok_or(failure)?)?),
                }
            }
        };
        let status = answer.as_ref().ok().map(Response::status);
        let received = self.edge.clock.now();
        let (mut parts, body) = answer.unwrap_or_else(|reply| reply).into_parts();
        receive(&mut parts, &self.edge.via, received);
        let (body, said) = self.home(company, head, (&mut parts, body)).await?;
        let terms = self.terms.clone().with(said);
        Ok(Back { parts, body, asked: Asked { requested, received, terms }, status })
    }

    /// The request callbacks.
    async fn out(&self, company: &mut Company, head: &mut RequestHead, mut body: Body) -> Result<Onward, Failure> {
        let signatures = Signatures::of(&head.headers);
        let end = EndOfStream::from(body.is_end_stream());
        if end == EndOfStream::No {
            company.lend_body(mem::take(&mut body));
        }
        let verdict = company.on_request(head, end).await;
        if let Some(back) = company.body_back() {
            body = back;
        }
        signatures.restore(&mut head.headers);
        if !matches!(verdict, Verdict::Continue) {
            return replied(verdict).map(Onward::Reply);
        }
        if body.is_end_stream() {
            return Ok(Onward::Body(body));
        }
        match company.through_request(head, body).await {
            Ok(body) => Ok(Onward::Body(body)),
            Err(verdict) => replied(verdict).map(Onward::Reply),
        }
    }

    /// The response callbacks: the body as they let it through, and what they say of the answer.
    async fn home(
        &self,
        mut company: Company,
        mut head: RequestHead,
        (parts, mut body): (&mut response::Parts, Body),
    ) -> Result<(Body, Option<Box<CacheVerbs>>), Failure> {
        let bare = |status, body: &Body| head.method == Method::HEAD || bodiless(status) || body.is_end_stream();
        let end = EndOfStream::from(bare(parts.status, &body));
        company.set_details("via_upstream");
        if end == EndOfStream::No {
            company.lend_body(mem::take(&mut body));
        }
        let verdict = company.on_response(&mut head, parts, end).await;
        if let Some(back) = company.body_back() {
            body = back;
        }
        match verdict {
            Verdict::Continue => {}
            Verdict::Reply(local) => {
                body = Body::from(local.body);
                reply::set_length(&mut parts.headers, &body);
            }
            Verdict::Close => return Err(Failure::closed_at_origin()),
            Verdict::Fail(failure) => return Err(Failure::Filter(failure)),
        }
        fields::strip_hop_by_hop(&mut parts.headers);
        let mut said = company.take_cache_verbs();
        if let Some(said) = &mut said {
            self.edge.purge_as_wished(mem::take(&mut said.purges));
            vary(&mut parts.headers, said);
        }
        if !company.stays() {
            company.finish();
            return Ok((body, said));
        }
        let bare = head.method == Method::HEAD || bodiless(parts.status) || body.is_end_stream();
        company.keep(&mut head, parts.clone());
        if bare {
            return Ok((body, said));
        }
        body = company.through_response(body);
        Ok((Body::stream(Accompanied::new(body, company)), said))
    }
}

/// A request after its filters: its body goes on, or they answer in the origin's place.
enum Onward {
    Body(Body),
    Reply(Response<Body>),
}

/// What a verdict that is not to go on comes to.
fn replied(verdict: Verdict) -> Result<Response<Body>, Failure> {
    match verdict {
        Verdict::Reply(local) => Ok(reply::response(local)),
        Verdict::Fail(failure) => Err(Failure::Filter(failure)),
        Verdict::Close | Verdict::Continue => Err(Failure::closed_at_origin()),
    }
}

impl Filtered {
    /// The message's head as filters work on it. Its fields are taken out, `Host` is the authority.
    fn head(&self, message: &mut request::Parts) -> Result<RequestHead, Failure> {
        let mut headers = mem::take(&mut message.headers);
        let host = headers.remove(header::HOST).unwrap_or_else(|| HeaderValue::from_static(""));
        let authority = Authority::try_from(host.as_bytes()).map_err(|error| Failure::Unsendable(error.to_string()))?;
        let path = message.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        let (method, scheme, version) = (message.method.clone(), self.scheme.clone(), self.version);
        Ok(RequestHead { method, scheme, authority, path, version, headers })
    }
}

/// Puts the head back into the message. What an answer to another method would mean to the store, nobody knows.
fn put(head: &RequestHead, message: &mut request::Parts) -> Result<(), Failure> {
    let host = HeaderValue::from_str(head.authority.as_str());
    if head.method != message.method {
        return Err(Failure::Unsendable(format!("its method is {} no more", message.method)));
    }
    message.uri = Uri::from(head.path.clone());
    message.headers = head.headers.clone();
    message.headers.insert(header::HOST, host.map_err(|error| Failure::Unsendable(error.to_string()))?);
    Ok(())
}

/// Makes the length of a request say what its body is: filters may have changed how much there is. Without a length the
/// connection frames it.
fn frame(request: &mut Request<Body>) {
    if request.headers().contains_key(header::CONTENT_LENGTH) {
        match request.body().size_hint().exact() {
            Some(length) => drop(request.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length))),
            None => drop(request.headers_mut().remove(header::CONTENT_LENGTH)),
        }
    }
}

/// Has a response say by which fields filters have chosen it.
fn vary(headers: &mut HeaderMap, said: &CacheVerbs) {
    for name in &said.vary {
        headers.append(header::VARY, HeaderValue::from(name.clone()));
    }
}
