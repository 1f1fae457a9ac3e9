//! The heads of an exchange, kept for the callbacks that come after the exchange has given them away.

use std::iter;

use http::response;

use super::super::abi::MapType;
use super::super::messages::message::Message;
use crate::semantics::RequestHead;

/// The heads of an exchange as its later callbacks see them.
#[derive(Debug, Clone)]
pub(in crate::filter) struct Heads {
    pub(in crate::filter) request: RequestHead,
    pub(in crate::filter) response: Option<response::Parts>,
}

impl Heads {
    pub(in crate::filter) fn messages(&self) -> impl Iterator<Item = &dyn Message> {
        let response = self.response.as_ref().map(|response| response as &dyn Message);
        iter::once(&self.request as &dyn Message).chain(response)
    }

    /// The heads among a guest's maps.
    pub(in crate::filter) fn message_mut(&mut self, map: MapType) -> Option<&mut dyn Message> {
        match map {
            MapType::RequestHeaders => Some(&mut self.request),
            MapType::ResponseHeaders => self.response.as_mut().map(|response| response as &mut dyn Message),
            _ => None,
        }
    }
}
