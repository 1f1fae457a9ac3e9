//! The body of an answer with the filters that saw it fetched: they end with its last byte, or where it is given up.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::super::visit::company::Company;
use crate::body::{Body, BodyError};

pub(super) struct Accompanied {
    body: Body,
    company: Option<Company>,
}

impl Accompanied {
    pub(super) fn new(body: Body, company: Company) -> Self {
        Self { body, company: Some(company) }
    }
}

impl HttpBody for Accompanied {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if !matches!(frame, Some(Ok(_))) || self.body.is_end_stream() {
            self.company = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
