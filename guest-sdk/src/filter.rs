//! The one trait of a filter, and the one macro that makes a module of it.

use serde::de::DeserializeOwned;

use crate::{Flow, Request, Response};

/// A filter: built once from its settings, then called for each request and response.
///
/// The proxy may hand every request a fresh copy of the filter as `new` left it, so nothing written to `self` (through
/// a cell) is certain to last. What one exchange must carry from its request to its response goes through
/// [`Request::remember`] and [`Response::recall`].
pub trait Filter: 'static {
    /// What the operator writes under `[filters.NAME.settings]`; `()` for a filter that has none. Where nothing is
    /// written, it is read from an empty table. See [`settings`](crate::settings) for faults that name their key.
    type Settings: DeserializeOwned;

    /// Builds the filter. Whatever can be wrong with the settings is found while they are read, so this cannot fail.
    fn new(settings: Self::Settings) -> Self;

    /// Sees a request's headers before the proxy looks into its cache.
    fn on_request(&self, _request: &mut Request) -> Flow {
        Flow::Continue
    }

    /// Sees a response's headers on their way to the client, also of a response that a filter itself made.
    fn on_response(&self, _response: &mut Response) -> Flow {
        Flow::Continue
    }
}

/// Makes a type that implements [`Filter`] the filter of this module. Once per crate, at its root.
///
/// ```
/// use forebay_sdk::{Filter, Flow, Response, export};
///
/// struct Hello;
///
/// impl Filter for Hello {
///     type Settings = ();
///     fn new((): ()) -> Self { Self }
///     fn on_response(&self, response: &mut Response) -> Flow {
///         response.headers_mut().set("x-hello", "world");
///         Flow::Continue
///     }
/// }
/// export!(Hello);
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! export {
    ($filter:ty) => {
        const _: () = {
            $crate::stage::assert_filter::<$filter>();

            #[cfg(target_arch = "wasm32")]
            std::thread_local! {
                static STAGE: $crate::stage::Stage<$filter> = const { $crate::stage::Stage::new() };
            }

            #[cfg(target_arch = "wasm32")]
            #[unsafe(no_mangle)]
            extern "C" fn proxy_abi_version_0_2_1() {}

            #[cfg(target_arch = "wasm32")]
            #[unsafe(no_mangle)]
            extern "C" fn proxy_on_memory_allocate(bytes: usize) -> *mut u8 {
                $crate::stage::allocate(bytes)
            }

            #[cfg(target_arch = "wasm32")]
            #[unsafe(no_mangle)]
            extern "C" fn proxy_on_context_create(context: u32, parent: u32) {
                STAGE.with(|stage| stage.create(context, parent));
            }

            #[cfg(target_arch = "wasm32")]
            #[unsafe(no_mangle)]
            extern "C" fn proxy_on_configure(context: u32, _bytes: usize) -> bool {
                STAGE.with(|stage| stage.configure(context))
            }

            #[cfg(target_arch = "wasm32")]
            #[unsafe(no_mangle)]
            extern "C" fn proxy_on_request_headers(context: u32, _count: usize, _end: bool) -> u32 {
                STAGE.with(|stage| stage.request(context)) as u32
            }

            #[cfg(target_arch = "wasm32")]
            #[unsafe(no_mangle)]
            extern "C" fn proxy_on_response_headers(context: u32, _count: usize, _end: bool) -> u32 {
                STAGE.with(|stage| stage.response(context)) as u32
            }

            #[cfg(target_arch = "wasm32")]
            #[unsafe(no_mangle)]
            extern "C" fn proxy_on_delete(context: u32) {
                STAGE.with(|stage| stage.delete(context));
            }
        };
    };
}
