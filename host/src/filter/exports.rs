//! The callbacks that a module exports, in the shapes that its version of the ABI gives them.
//!
//! Found once per instance; a callback that a module does not have is `None`, and entering it costs nothing.

use wasmtime::{AsContextMut, Instance as Guest, Store, TypedFunc, WasmParams, WasmResults};

use super::abi::{Abi, MapType};
use super::loading::load_error::LoadFault;
use super::messages::message::Message;
use super::one_line::one_line;
use super::state::State;
use super::stream::EndOfStream;

/// What the host calls once the guest is configured; `None` where the module has no use for it.
pub(super) struct Exports {
    pub(super) context_create: Option<TypedFunc<(u32, u32), ()>>,
    pub(super) request_headers: Option<HeadersCallback>,
    pub(super) response_headers: Option<HeadersCallback>,
    /// Context, size and end of stream.
    pub(super) request_body: Option<TypedFunc<(u32, u32, u32), u32>>,
    pub(super) response_body: Option<TypedFunc<(u32, u32, u32), u32>>,
    /// Context and number of trailers.
    pub(super) request_trailers: Option<TypedFunc<(u32, u32), u32>>,
    pub(super) response_trailers: Option<TypedFunc<(u32, u32), u32>>,
    pub(super) log: Option<TypedFunc<u32, ()>>,
    pub(super) done: Option<TypedFunc<u32, u32>>,
    pub(super) delete: Option<TypedFunc<u32, ()>>,
    pub(super) tick: Option<TypedFunc<u32, ()>>,
    /// Context and queue.
    pub(super) queue_ready: Option<TypedFunc<(u32, u32), ()>>,
}

/// The two shapes of a header callback.
pub(super) enum HeadersCallback {
    /// Context and number of headers: 0.1.0.
    Without(TypedFunc<(u32, u32), u32>),
    /// The end of the stream too: from 0.2.0.
    WithEnd(TypedFunc<(u32, u32, u32), u32>),
}

impl Exports {
    pub(super) fn find(store: &mut Store<State>, guest: &Guest, abi: Abi) -> Result<Self, LoadFault> {
        Ok(Self {
            context_create: callback(store, guest, "proxy_on_context_create")?,
            request_headers: HeadersCallback::find(store, guest, (abi, "proxy_on_request_headers"))?,
            response_headers: HeadersCallback::find(store, guest, (abi, "proxy_on_response_headers"))?,
            request_body: callback(store, guest, "proxy_on_request_body")?,
            response_body: callback(store, guest, "proxy_on_response_body")?,
            request_trailers: callback(store, guest, "proxy_on_request_trailers")?,
            response_trailers: callback(store, guest, "proxy_on_response_trailers")?,
            log: callback(store, guest, "proxy_on_log")?,
            done: callback(store, guest, "proxy_on_done")?,
            delete: callback(store, guest, "proxy_on_delete")?,
            tick: callback(store, guest, "proxy_on_tick")?,
            queue_ready: callback(store, guest, "proxy_on_queue_ready")?,
        })
    }
}

impl HeadersCallback {
    pub(super) fn call(
        &self,
        store: &mut Store<State>,
        context: u32,
        map: MapType,
        end: EndOfStream,
    ) -> wasmtime::Result<u32> {
        let count = store.data().message(map).map_or(0, <dyn Message>::len);
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        match self {
            Self::Without(callback) => callback.call(store, (context, count)),
            Self::WithEnd(callback) => callback.call(store, (context, count, end.flag())),
        }
    }

    fn find(store: &mut Store<State>, guest: &Guest, (abi, name): (Abi, &str)) -> Result<Option<Self>, LoadFault> {
        Ok(match abi {
            Abi::V0_1_0 => callback(store, guest, name)?.map(Self::Without),
            Abi::V0_2_0 | Abi::V0_2_1 => callback(store, guest, name)?.map(Self::WithEnd),
        })
    }
}

/// The export `name`; an error where it is there with another type.
pub(super) fn callback<P: WasmParams, R: WasmResults>(
    store: &mut Store<State>,
    guest: &Guest,
    name: &str,
) -> Result<Option<TypedFunc<P, R>>, LoadFault> {
    let Some(function) = guest.get_func(store.as_context_mut(), name) else {
        return Ok(None);
    };
    let typed = function.typed(&*store).map_err(|error| LoadFault::Type(one_line(&format!("{name}: {error:#}"))))?;
    Ok(Some(typed))
}
