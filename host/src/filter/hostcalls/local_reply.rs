//! The host call that answers in the origin's place.
//!
//! It takes effect when the callback is over; a second one in the same callback takes the place of the first.

use bytes::Bytes;

use super::super::LocalReply;
use super::super::abi::Status;
use super::super::messages::framing::fields;
use super::super::messages::message;
use super::super::messages::wire;
use super::super::state::Moment;
use super::memory::{Slice, split};
use super::outcome::{Answer, Guest};

/// Bytes kept of the guest's word for why: it goes into a log field.
const DETAILS_BYTES_MAX: usize = 256;

/// What a guest passes.
pub(super) struct Arguments {
    pub(super) status: u32,
    pub(super) details: Slice,
    pub(super) body: Slice,
    pub(super) headers: Slice,
}

/// `BadArgument` for a status that is not final, a header that cannot be, or where there is nothing to answer.
pub(super) fn send(guest: &mut Guest<'_>, arguments: &Arguments) -> Answer {
    let (memory, state) = split(guest)?;
    if !matches!(state.sight(), Moment::Request | Moment::Response) && !state.acts_for_other() {
        return Err(Status::BadArgument.into());
    }
    let details = arguments.details.read(memory)?;
    let pairs = wire::read(arguments.headers.read(memory)?)?;
    let reply = LocalReply {
        status: message::status(arguments.status)?,
        headers: fields(&pairs)?,
        body: Bytes::copy_from_slice(arguments.body.read(memory)?),
        details: String::from_utf8_lossy(&details[..details.len().min(DETAILS_BYTES_MAX)]).into_owned(),
        filter: state.profile.name.clone(),
    };
    state.wish_mut().ok_or(Status::BadArgument)?.reply = Some(Box::new(reply));
    Ok(())
}
