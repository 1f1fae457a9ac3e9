//! The messages of an exchange, between a guest's store and a trace.
//!
//! `begin` and `end` take down what callbacks found and changed; `set` lends the same again.

use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Version, response};

use super::super::abi::{BufferType, MapType};
use super::super::bodies::direction::Direction;
use super::super::bodies::piece::Piece;
use super::super::messages::message::Message;
use super::super::notes::Notes;
use super::super::state::{self, State, no_request};
use super::super::stream::{EndOfStream, Stream};
use super::octets::Octets;
use super::trace::{Head, Moment, NotesFacts, Ruling, Scene, Standing, Step, StreamFacts};
use crate::clock::Timestamp;
use crate::config::Side;
use crate::semantics::RequestHead;

/// Takes down what is lent for the callbacks that come, where the exchange is recorded.
pub(in crate::filter) fn begin(state: &mut State, end: EndOfStream) {
    if let Some(mut tape) = state.tape.take() {
        let (moment, end, standing) = (moment(state), end == EndOfStream::Yes, standing(state));
        tape.begin_step(Step { moment, end, standing, lent: lent(state), ..Step::default() });
        state.tape = Some(tape);
    }
}

/// Takes down what came of it.
pub(in crate::filter) fn end(state: &mut State, ruling: impl FnOnce() -> Option<Ruling>) {
    if let Some(mut tape) = state.tape.take() {
        let ruling = ruling();
        let failed = matches!(ruling, Some(Ruling::Fail(_)));
        let left = tape.step().filter(|_| !failed).map(|step| left(state, &step.lent)).unwrap_or_default();
        tape.end_step(ruling, left);
        state.tape = Some(tape);
    }
}

/// What is lent to the guest of `state` now.
fn lent(state: &State) -> Scene {
    let body = (state.piece.buffer != BufferType::Absent).then(|| Octets::from(&state.piece.bytes[..]));
    Scene {
        request: state.request().map(|request| head(request)),
        response: state.response().map(|response| head(response)),
        body,
        trailers: (state.piece.map != MapType::Absent).then(|| fields(&state.piece.trailers)),
        stream: state.notes().map(|notes| stream_facts(&notes.stream, state.request().map(|request| request.version))),
        notes: state.notes().map(notes_facts),
    }
}

/// What of it the guest has left otherwise.
fn left(state: &State, before: &Scene) -> Scene {
    let now = lent(state);
    Scene {
        request: now.request.filter(|request| before.request.as_ref() != Some(request)),
        response: now.response.filter(|response| before.response.as_ref() != Some(response)),
        body: now.body.filter(|body| before.body.as_ref() != Some(body)),
        trailers: now.trailers.filter(|trailers| before.trailers.as_ref() != Some(trailers)),
        stream: None,
        notes: now.notes.filter(|notes| before.notes.as_ref() != Some(notes)),
    }
}

fn moment(state: &State) -> Moment {
    match state.moment {
        state::Moment::Start | state::Moment::Root => Moment::Root,
        state::Moment::Request => Moment::Request,
        state::Moment::Response => Moment::Response,
        state::Moment::Log | state::Moment::Abandoned => Moment::Log,
        state::Moment::Done => Moment::Done,
    }
}

fn standing(state: &State) -> Standing {
    match state.standing {
        state::Standing::UnderWay => Standing::UnderWay,
        state::Standing::Gone => Standing::Gone,
        state::Standing::Lingering => Standing::Lingering,
    }
}

fn head(message: &dyn Message) -> Head {
    let text = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
    message.pairs().map(|(name, value)| (text(name), value.into())).collect()
}

/// The pairs of a map as a trace has them.
pub(in crate::filter) fn fields(headers: &HeaderMap) -> Head {
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().into())).collect()
}

fn stream_facts(stream: &Stream, version: Option<Version>) -> StreamFacts {
    StreamFacts {
        connection_id: stream.connection_id,
        source: stream.source.to_string(),
        destination: stream.destination.to_string(),
        request_id: stream.request_id.to_string(),
        route: stream.route.to_string(),
        origin: stream.origin.to_string(),
        side: stream.side.word().to_owned(),
        started: stream.started.unix_nanos(),
        version: version.map(|version| format!("{version:?}")).unwrap_or_default(),
    }
}

fn notes_facts(notes: &Notes) -> NotesFacts {
    let marks = notes.marks.get();
    NotesFacts {
        status: notes.status.map(|status| status.as_u16()),
        details: notes.details.as_deref().map(str::to_owned),
        origin: marks.origin.clone(),
        properties: marks.properties().map(|(name, value)| (name.into(), value.into())).collect(),
    }
}

/// Lends `scene` to the guest of `state`; `None` where it cannot be one of a node.
pub(in crate::filter) fn set(state: &mut State, scene: &Scene, moment: Moment) -> Option<()> {
    state.request.swap(&mut no_request());
    if let Some(head) = &scene.request {
        let version = scene.stream.as_ref().map_or("", |stream| &stream.version);
        *state.request.change() = request(head, version)?;
    }
    if let Some(head) = &scene.response {
        *state.response.change() = response_parts(head)?;
    }
    state.piece = Piece::default();
    let direction = if moment == Moment::Request { Direction::Request } else { Direction::Response };
    if let Some(body) = &scene.body {
        state.piece = Piece::of(direction, body.0.clone().into());
    }
    if let Some(trailers) = &scene.trailers {
        state.piece.map = direction.trailers();
        trailers.iter().try_for_each(|(name, value)| append(&mut state.piece.trailers, name, value))?;
    }
    state.notes = None;
    if let (Some(stream), Some(facts)) = (&scene.stream, &scene.notes) {
        state.notes = Some(Box::new(notes(stream, facts)?));
    }
    Some(())
}

/// The moment in the store's terms.
pub(in crate::filter) fn state_moment(moment: Moment, scene: &Scene) -> state::Moment {
    match moment {
        Moment::Log if scene.response.is_none() => state::Moment::Abandoned,
        Moment::Root => state::Moment::Root,
        Moment::Request => state::Moment::Request,
        Moment::Response => state::Moment::Response,
        Moment::Log => state::Moment::Log,
        Moment::Done => state::Moment::Done,
    }
}

/// The standing in the store's terms.
pub(in crate::filter) fn state_standing(standing: Standing) -> state::Standing {
    match standing {
        Standing::UnderWay => state::Standing::UnderWay,
        Standing::Gone => state::Standing::Gone,
        Standing::Lingering => state::Standing::Lingering,
    }
}

fn request(head: &Head, version: &str) -> Option<RequestHead> {
    let mut request = no_request();
    let versions = [Version::HTTP_10, Version::HTTP_11, Version::HTTP_2, Version::HTTP_3];
    if let Some(known) = versions.into_iter().find(|known| format!("{known:?}") == version) {
        request.version = known;
    }
    for (name, value) in head {
        match name.as_str() {
            ":method" => request.method = Method::from_bytes(&value.0).ok()?,
            ":scheme" => request.scheme = value.0[..].try_into().ok()?,
            ":authority" => request.authority = value.0[..].try_into().ok()?,
            ":path" => request.path = value.0[..].try_into().ok()?,
            _ => append(&mut request.headers, name, value)?,
        }
    }
    Some(request)
}

fn response_parts(head: &Head) -> Option<response::Parts> {
    let mut parts = Response::new(()).into_parts().0;
    for (name, value) in head {
        match name.as_str() {
            ":status" => parts.status = StatusCode::from_bytes(&value.0).ok()?,
            _ => append(&mut parts.headers, name, value)?,
        }
    }
    Some(parts)
}

fn append(headers: &mut HeaderMap, name: &str, value: &Octets) -> Option<()> {
    let (name, value) = (HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_bytes(&value.0).ok()?);
    headers.try_append(name, value).ok().map(drop)
}

fn notes(facts: &StreamFacts, left: &NotesFacts) -> Option<Notes> {
    let mut notes = Notes::new(Stream {
        connection_id: facts.connection_id,
        source: facts.source.parse().ok()?,
        destination: facts.destination.parse().ok()?,
        request_id: facts.request_id.as_str().into(),
        route: facts.route.as_str().into(),
        origin: facts.origin.as_str().into(),
        side: if facts.side == Side::Origin.word() { Side::Origin } else { Side::Client },
        started: Timestamp::from_unix(std::time::Duration::from_nanos(facts.started)),
    });
    notes.status = left.status.and_then(|status| StatusCode::from_u16(status).ok());
    notes.details = left.details.clone().map(Into::into);
    let marks = notes.marks.change();
    marks.origin.clone_from(&left.origin);
    for (name, value) in &left.properties {
        marks.store(&name.0, &value.0).ok()?;
    }
    Some(notes)
}
