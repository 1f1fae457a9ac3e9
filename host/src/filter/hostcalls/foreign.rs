//! Foreign functions: calls by name, for what the ABI has no call for.
//!
//! Those of Envoy that make sense here, and this host's own, whose names begin with `forebay.`. Elsewhere these answer
//! `NotFound`, so that a filter can use them and go without.

use super::super::abi::Status;
use super::super::cache_verbs::{CacheVerb, seconds};
use super::super::state::State;
use super::memory::{Out, Slice};
use super::outcome::{Answer, Guest};
use super::{cache_verbs, filter_state, properties, zlib};

/// Where the names of cache verbs begin.
const VERBS: &[u8] = b"forebay.cache.";

/// Calls the function of this name. Null pointers for the result say that it is not wanted.
pub(super) fn call(guest: &mut Guest<'_>, name: Slice, arguments: Slice, out: Out) -> Answer {
    out.deliver_if_wanted(guest, |memory, state, result| {
        let arguments = arguments.read(memory)?;
        match name.read(memory)? {
            b"compress" => zlib::compress(arguments, result),
            b"uncompress" => zlib::uncompress(arguments, result),
            b"set_envoy_filter_state" => filter_state::set(state, arguments),
            b"declare_property" => filter_state::declare(arguments),
            // A route is chosen anew after the filters wherever they wrote another target.
            b"clear_route_cache" => Ok(()),
            b"forebay.origin" => properties::set_origin(state, arguments),
            b"forebay.shared_data.delete" => delete(state, arguments),
            b"forebay.shared_data.set_ttl" => set_ttl(state, arguments),
            name => {
                let verb = name.strip_prefix(VERBS).and_then(CacheVerb::named).ok_or(Status::NotFound)?;
                cache_verbs::say(state, verb, arguments)
            }
        }
    })
}

/// Removes the value of a key.
fn delete(state: &State, key: &[u8]) -> Result<(), Status> {
    state.profile.vm.data.remove(key, 0, state.profile.clock.now())
}

/// A key, a NUL and seconds; none for ever.
fn set_ttl(state: &State, arguments: &[u8]) -> Result<(), Status> {
    let nul = arguments.iter().rposition(|byte| *byte == 0).ok_or(Status::BadArgument)?;
    let ttl = seconds(&arguments[nul + 1..])?;
    let ttl = (!ttl.is_zero()).then_some(ttl);
    state.profile.vm.data.expire(&arguments[..nul], ttl, state.profile.clock.now())
}
