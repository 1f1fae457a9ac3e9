//! The one macro: it makes a WebAssembly module of a filter.
//!
//! The callbacks it writes are those of proxy-wasm 0.2.1 that the SDK needs. Each hands over to the module's one
//! [`Stage`](crate::stage::Stage). On every other target it only checks that what is exported is a filter.

/// Makes a type that implements [`Filter`](crate::Filter) the filter of this module. Once per crate, at its root.
///
/// After a colon stand the callbacks that it has besides those for headers, as each costs every exchange:
/// `export!(Hello: request_body, response_body, request_trailers, response_trailers, calls, queues);`. `calls` is for
/// filters that wait for [`http`](crate::http) calls, `queues` for those with [`Filter::on_queue_ready`]. A filter that sees
/// a body is also told of trailers behind it, since what it holds back until then would else go on unseen.
///
/// [`Filter::on_queue_ready`]: crate::Filter::on_queue_ready
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
#[macro_export(local_inner_macros)]
macro_rules! export {
    ($filter:ty $(: $($callback:ident),+ $(,)?)?) => {
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
            extern "C" fn proxy_on_tick(plugin: u32) {
                STAGE.with(|stage| stage.tick(plugin));
            }

            $($(export_callback!($callback);)+)?
            $(export_request_trailers!($($callback)+);)?
            $(export_response_trailers!($($callback)+);)?

            #[cfg(target_arch = "wasm32")]
            #[unsafe(no_mangle)]
            extern "C" fn proxy_on_delete(context: u32) {
                STAGE.with(|stage| stage.delete(context));
            }
        };
    };
}

/// Exports one more callback.
#[doc(hidden)]
#[macro_export]
macro_rules! export_callback {
    (request_body) => {
        #[cfg(target_arch = "wasm32")]
        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_request_body(context: u32, bytes: usize, end: bool) -> u32 {
            STAGE.with(|stage| stage.request_body(context, bytes, end)) as u32
        }
    };
    (response_body) => {
        #[cfg(target_arch = "wasm32")]
        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_response_body(context: u32, bytes: usize, end: bool) -> u32 {
            STAGE.with(|stage| stage.response_body(context, bytes, end)) as u32
        }
    };
    // Exported once, together with those that see the body before them.
    (request_trailers) => {};
    (response_trailers) => {};
    (calls) => {
        #[cfg(target_arch = "wasm32")]
        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_http_call_response(
            _plugin: u32,
            call: u32,
            headers: usize,
            bytes: usize,
            trailers: usize,
        ) {
            STAGE.with(|stage| stage.answered(call, headers, bytes, trailers));
        }
    };
    (queues) => {
        #[cfg(target_arch = "wasm32")]
        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_queue_ready(plugin: u32, queue: u32) {
            STAGE.with(|stage| stage.queue_ready(plugin, queue));
        }
    };
}

/// Exports the callback for what follows a request's body, once, where the body or that is wanted.
#[doc(hidden)]
#[macro_export(local_inner_macros)]
macro_rules! export_request_trailers {
    () => {};
    (request_body $($rest:ident)*) => { export_request_trailers!(request_trailers); };
    (request_trailers $($rest:ident)*) => {
        #[cfg(target_arch = "wasm32")]
        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_request_trailers(context: u32, _count: usize) -> u32 {
            STAGE.with(|stage| stage.request_trailers(context)) as u32
        }
    };
    ($other:ident $($rest:ident)*) => { export_request_trailers!($($rest)*); };
}

/// Exports the callback for what follows a response's body, once, where the body or that is wanted.
#[doc(hidden)]
#[macro_export(local_inner_macros)]
macro_rules! export_response_trailers {
    () => {};
    (response_body $($rest:ident)*) => { export_response_trailers!(response_trailers); };
    (response_trailers $($rest:ident)*) => {
        #[cfg(target_arch = "wasm32")]
        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_response_trailers(context: u32, _count: usize) -> u32 {
            STAGE.with(|stage| stage.response_trailers(context)) as u32
        }
    };
    ($other:ident $($rest:ident)*) => { export_response_trailers!($($rest)*); };
}
