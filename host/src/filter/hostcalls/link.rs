//! The table of imports: names and argument shapes on one side, what they do on the other.
//!
//! One table serves all versions of the ABI; a call that another version does not know is simply never imported. All
//! calls answer a status and take `i32` arguments, but for the metrics' values.

use wasmtime::{Engine, Linker};

use super::super::messages::message::Joining;
use super::super::state::State;
use super::local_reply::Arguments;
use super::memory::{Out, Slice};
use super::outcome::{Guest, always, gated};
use super::{
    buffers, context, foreign, headers, local_reply, log, metrics, properties, shared_data, shared_queues,
    unimplemented, wasi,
};

const ENV: &str = "env";

/// A linker that knows every import.
pub(in super::super) fn linker(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    link_headers(&mut linker)?;
    link_header_values(&mut linker)?;
    link_buffers(&mut linker)?;
    link_properties(&mut linker)?;
    link_streams(&mut linker)?;
    link_metrics(&mut linker)?;
    link_shared_data(&mut linker)?;
    link_shared_queues(&mut linker)?;
    link_host(&mut linker)?;
    link_root(&mut linker)?;
    link_0_1_0(&mut linker)?;
    unimplemented::link(&mut linker)?;
    wasi::link(&mut linker)?;
    Ok(linker)
}

fn link_headers(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap(ENV, "proxy_get_header_map_size", |guest: Guest<'_>, map: u32, out: u32| {
        gated(guest, |guest| headers::size(guest, map, out))
    })?;
    linker.func_wrap(ENV, "proxy_get_header_map_pairs", |guest: Guest<'_>, map: u32, data: u32, len: u32| {
        gated(guest, |guest| headers::pairs(guest, map, Out::new(data, len)))
    })?;
    linker.func_wrap(ENV, "proxy_set_header_map_pairs", |guest: Guest<'_>, map: u32, at: u32, len: u32| {
        gated(guest, |guest| headers::set_pairs(guest, map, Slice::new(at, len)))
    })?;
    Ok(())
}

fn link_header_values(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap(
        ENV,
        "proxy_get_header_map_value",
        |guest: Guest<'_>, map: u32, name: u32, name_len: u32, data: u32, len: u32| {
            gated(guest, |guest| headers::value(guest, map, Slice::new(name, name_len), Out::new(data, len)))
        },
    )?;
    for (call, joining) in
        [("proxy_add_header_map_value", Joining::Add), ("proxy_replace_header_map_value", Joining::Replace)]
    {
        linker.func_wrap(
            ENV,
            call,
            move |guest: Guest<'_>, map: u32, name: u32, name_len: u32, value: u32, value_len: u32| {
                let (name, value) = (Slice::new(name, name_len), Slice::new(value, value_len));
                gated(guest, |guest| headers::set(guest, map, name, value, joining))
            },
        )?;
    }
    linker.func_wrap(
        ENV,
        "proxy_remove_header_map_value",
        |guest: Guest<'_>, map: u32, name: u32, name_len: u32| {
            gated(guest, |guest| headers::remove(guest, map, Slice::new(name, name_len)))
        },
    )?;
    Ok(())
}

fn link_buffers(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap(
        ENV,
        "proxy_get_buffer_bytes",
        |guest: Guest<'_>, buffer: u32, start: u32, max: u32, data: u32, len: u32| {
            gated(guest, |guest| buffers::bytes(guest, buffer, start, max, Out::new(data, len)))
        },
    )?;
    linker.func_wrap(ENV, "proxy_get_buffer_status", |guest: Guest<'_>, buffer: u32, len: u32, flags: u32| {
        gated(guest, |guest| buffers::status(guest, buffer, len, flags))
    })?;
    linker.func_wrap(
        ENV,
        "proxy_set_buffer_bytes",
        |guest: Guest<'_>, buffer: u32, start: u32, size: u32, data: u32, len: u32| {
            gated(guest, |guest| buffers::set(guest, buffer, (start, size), Slice::new(data, len)))
        },
    )?;
    Ok(())
}

fn link_properties(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap(
        ENV,
        "proxy_get_property",
        |guest: Guest<'_>, path: u32, path_len: u32, data: u32, len: u32| {
            gated(guest, |guest| properties::get(guest, Slice::new(path, path_len), Out::new(data, len)))
        },
    )?;
    linker.func_wrap(
        ENV,
        "proxy_set_property",
        |guest: Guest<'_>, path: u32, path_len: u32, value: u32, value_len: u32| {
            gated(guest, |guest| properties::set(guest, Slice::new(path, path_len), Slice::new(value, value_len)))
        },
    )?;
    Ok(())
}

fn link_streams(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap(ENV, "proxy_continue_stream", |guest: Guest<'_>, stream: u32| {
        gated(guest, |guest| context::continue_stream(guest, stream))
    })?;
    linker.func_wrap(ENV, "proxy_close_stream", |guest: Guest<'_>, stream: u32| {
        gated(guest, |guest| context::close_stream(guest, stream))
    })?;
    linker.func_wrap(ENV, "proxy_set_effective_context", |guest: Guest<'_>, id: u32| {
        gated(guest, |guest| context::set_effective(guest, id))
    })?;
    linker.func_wrap(ENV, "proxy_done", |guest: Guest<'_>| gated(guest, context::done))?;
    linker.func_wrap(
        ENV,
        "proxy_send_local_response",
        |guest: Guest<'_>,
         status: u32,
         why: u32,
         why_len: u32,
         body: u32,
         body_len: u32,
         at: u32,
         len: u32,
         _grpc: u32| {
            let (details, body) = (Slice::new(why, why_len), Slice::new(body, body_len));
            let arguments = Arguments { status, details, body, headers: Slice::new(at, len) };
            gated(guest, |guest| local_reply::send(guest, &arguments))
        },
    )?;
    Ok(())
}

fn link_metrics(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap(
        ENV,
        "proxy_define_metric",
        |guest: Guest<'_>, kind: u32, name: u32, name_len: u32, out: u32| {
            gated(guest, |guest| metrics::define(guest, kind, Slice::new(name, name_len), out))
        },
    )?;
    linker.func_wrap(ENV, "proxy_record_metric", |guest: Guest<'_>, number: u32, value: u64| {
        gated(guest, |guest| metrics::record(guest, number, value))
    })?;
    linker.func_wrap(ENV, "proxy_increment_metric", |guest: Guest<'_>, number: u32, delta: i64| {
        gated(guest, |guest| metrics::increment(guest, number, delta))
    })?;
    linker.func_wrap(ENV, "proxy_get_metric", |guest: Guest<'_>, number: u32, out: u32| {
        gated(guest, |guest| metrics::get(guest, number, out))
    })?;
    Ok(())
}

fn link_shared_data(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap(
        ENV,
        "proxy_get_shared_data",
        |guest: Guest<'_>, key: u32, key_len: u32, data: u32, len: u32, cas: u32| {
            gated(guest, |guest| shared_data::get(guest, Slice::new(key, key_len), Out::new(data, len), cas))
        },
    )?;
    linker.func_wrap(
        ENV,
        "proxy_set_shared_data",
        |guest: Guest<'_>, key: u32, key_len: u32, value: u32, value_len: u32, cas: u32| {
            let (key, value) = (Slice::new(key, key_len), Slice::new(value, value_len));
            gated(guest, |guest| shared_data::set(guest, key, value, cas))
        },
    )?;
    Ok(())
}

fn link_shared_queues(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap(ENV, "proxy_register_shared_queue", |guest: Guest<'_>, name: u32, name_len: u32, out: u32| {
        gated(guest, |guest| shared_queues::register(guest, Slice::new(name, name_len), out))
    })?;
    linker.func_wrap(
        ENV,
        "proxy_resolve_shared_queue",
        |guest: Guest<'_>, vm: u32, vm_len: u32, name: u32, name_len: u32, out: u32| {
            let (vm, name) = (Slice::new(vm, vm_len), Slice::new(name, name_len));
            gated(guest, |guest| shared_queues::resolve(guest, vm, name, out))
        },
    )?;
    linker.func_wrap(ENV, "proxy_enqueue_shared_queue", |guest: Guest<'_>, number: u32, at: u32, len: u32| {
        gated(guest, |guest| shared_queues::enqueue(guest, number, Slice::new(at, len)))
    })?;
    linker.func_wrap(ENV, "proxy_dequeue_shared_queue", |guest: Guest<'_>, number: u32, data: u32, len: u32| {
        gated(guest, |guest| shared_queues::dequeue(guest, number, Out::new(data, len)))
    })?;
    Ok(())
}

/// Logging and time are open to a guest even while it starts.
fn link_host(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap(ENV, "proxy_log", |guest: Guest<'_>, level: u32, at: u32, len: u32| {
        always(guest, |guest| log::log(guest, level, Slice::new(at, len)))
    })?;
    linker.func_wrap(ENV, "proxy_get_log_level", |guest: Guest<'_>, out: u32| {
        always(guest, |guest| log::level(guest, out))
    })?;
    linker.func_wrap(ENV, "proxy_get_current_time_nanoseconds", |guest: Guest<'_>, out: u32| {
        always(guest, |guest| context::current_time(guest, out))
    })?;
    linker.func_wrap(
        ENV,
        "proxy_call_foreign_function",
        |guest: Guest<'_>, name: u32, name_len: u32, at: u32, at_len: u32, data: u32, len: u32| {
            let (name, arguments) = (Slice::new(name, name_len), Slice::new(at, at_len));
            gated(guest, |guest| foreign::call(guest, name, arguments, Out::new(data, len)))
        },
    )?;
    Ok(())
}

fn link_root(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap(ENV, "proxy_set_tick_period_milliseconds", |guest: Guest<'_>, millis: u32| {
        gated(guest, |guest| context::set_tick_period(guest, millis))
    })?;
    Ok(())
}

/// What only 0.1.0 knows. A route is chosen before filters run, so that there is no cached one to clear.
fn link_0_1_0(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap(ENV, "proxy_get_configuration", |guest: Guest<'_>, data: u32, len: u32| {
        gated(guest, |guest| buffers::configuration(guest, Out::new(data, len)))
    })?;
    for (call, stream) in [("proxy_continue_request", 0), ("proxy_continue_response", 1)] {
        linker.func_wrap(ENV, call, move |guest: Guest<'_>| {
            gated(guest, |guest| context::continue_stream(guest, stream))
        })?;
    }
    linker.func_wrap(ENV, "proxy_clear_route_cache", |guest: Guest<'_>| gated(guest, |_| Ok(())))?;
    Ok(())
}
