//! The origins that a filter calls in a case: each call has the next scripted answer that fits, and is remembered.
//!
//! The filter host carries calls out by it as by the node's own origins, so that filters wait for answers as they do there.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;
use http::{Request, Response, request};

use super::answer::Scripted;
use super::content::Whole;
use crate::body::Body;
use crate::filter::{CallFailure, Dispatch};

#[derive(Clone, Default)]
pub(super) struct Switchboard(Arc<Mutex<Lines>>);

#[derive(Default)]
struct Lines {
    origins: Vec<String>,
    /// Not given yet.
    answers: Vec<Scripted>,
    asked: Vec<Asked>,
}

/// A call that the filter made.
pub(super) struct Asked {
    pub(super) origin: String,
    pub(super) head: request::Parts,
    pub(super) body: Whole,
    pub(super) reached: Reached,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reached {
    Answer,
    /// No scripted answer was left that fits.
    Nobody,
}

impl Switchboard {
    /// Begins a case with these answers.
    pub(super) fn begin(&self, answers: &[Scripted]) {
        let origins = answers.iter().map(|answer| answer.origin.clone()).collect();
        *self.lines() = Lines { origins, answers: answers.to_vec(), asked: Vec::new() };
    }

    /// Ends the case: the calls that were made, in order.
    pub(super) fn end(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.lines()).asked
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<Switchboard> for Arc<dyn Dispatch> {
    fn from(board: Switchboard) -> Self {
        Arc::new(board)
    }
}

impl Dispatch for Switchboard {
    fn knows(&self, origin: &str) -> bool {
        self.lines().origins.iter().any(|known| known == origin)
    }

    fn dispatch(
        &self,
        origin: &str,
        request: Request<Body>,
    ) -> BoxFuture<'static, Result<Response<Body>, CallFailure>> {
        let (board, origin) = (self.clone(), origin.to_owned());
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let body = Whole::of(body).await.map_err(|error| CallFailure::Body(error.to_string()))?;
            board.lines().answer(origin, head, body)
        })
    }
}

impl Lines {
    fn answer(&mut self, origin: String, head: request::Parts, body: Whole) -> Result<Response<Body>, CallFailure> {
        let next = self.answers.iter().position(|answer| answer.answers(&origin, &head));
        let answer = next.map(|next| self.answers.remove(next));
        let reached = if answer.is_some() { Reached::Answer } else { Reached::Nobody };
        self.asked.push(Asked { origin, head, body, reached });
        let nobody = || Err(CallFailure::Origin("the case has no answer for this call".to_owned()));
        answer.map_or_else(nobody, |answer| answer.ending())
    }
}

impl Asked {
    /// Path and query.
    pub(super) fn path(&self) -> &str {
        self.head.uri.path_and_query().map_or("/", |path| path.as_str())
    }
}

/// As differences show it.
impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} of {:?}", self.head.method, self.path(), self.origin)
    }
}
