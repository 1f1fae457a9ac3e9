//! `[filters.NAME]`: a compiled module with its settings; `[filter_limits]`: the bounds of all of them.

use std::fs;
use std::path::PathBuf;

use super::{condition, settings};
use crate::config::bound;
use crate::config::field::Field;
use crate::config::filter::{Filter, FilterCanary, FilterLimits, HeaderPause, Isolation, OnError, RouteFilter, Side};
use crate::config::section::Section;

/// A filter that guards must not be skipped because it fails, so failing closed is the default, as in Envoy.
const ON_ERROR: [(&str, OnError); 2] = [("fail_closed", OnError::FailClosed), ("fail_open", OnError::FailOpen)];

/// What one visitor's request left in a filter must never show in another's, unless that is what the filter is for.
const ISOLATION: [(&str, Isolation); 2] = [("request", Isolation::Request), ("shared", Isolation::Shared)];

/// What every filter elsewhere does: it sees each client's request and response.
pub(super) const AT: [(&str, Side); 2] = [("client", Side::Client), ("origin", Side::Origin)];

const DIGEST_LENGTH: usize = 64;

const VM_BYTES_MAX: usize = 255;

pub(super) fn check_limits(section: &mut Section<'_>) -> FilterLimits {
    FilterLimits {
        callback_deadline: section.duration("callback_deadline", &bound::CALLBACK_DEADLINE),
        configure_deadline: section.duration("configure_deadline", &bound::CONFIGURE_DEADLINE),
        memory_bytes_max: section.size("memory", &bound::FILTER_MEMORY),
        table_elements_max: section.count("tables", &bound::FILTER_TABLES) as u64,
        module_bytes_max: section.size("module", &bound::FILTER_MODULE),
        log_bytes_max: section.size("log", &bound::FILTER_LOG),
        metric_series_max: section.count("metric_series", &bound::METRIC_SERIES),
        shared_data_bytes_max: section.bytes("shared_data", &bound::FILTER_SHARED_DATA),
        queue_length_max: section.count("queue_length", &bound::FILTER_QUEUE_LENGTH),
        header_count_max: section.count("header_count_max", &bound::FILTER_HEADER_COUNT),
        header_bytes_max: section.bytes("header_bytes_max", &bound::FILTER_HEADER_BYTES),
        body_buffer_max: section.bytes("body_buffer", &bound::FILTER_BODY_BUFFER),
        calls_max: section.count("calls_max", &bound::FILTER_CALLS),
        call_timeout_max: section.duration("call_timeout_max", &bound::FILTER_CALL_TIMEOUT),
        pause_max: section.duration("pause_max", &bound::FILTER_PAUSE),
        breaker_failures: section.count("breaker_failures", &bound::BREAKER_FAILURES),
        breaker_cooldown: section.duration("breaker_cooldown", &bound::BREAKER_COOLDOWN),
        tick_min: section.duration("tick_min", &bound::TICK_MIN),
        done_max: section.duration("done_max", &bound::DONE_MAX),
        instances_max: section.count("instances_max", &bound::FILTER_INSTANCES),
    }
}

pub(super) fn check(name: &str, section: &mut Section<'_>) -> Filter {
    Filter {
        name: name.to_owned(),
        vm: section.field("vm").and_then(|field| vm(&field)).unwrap_or_else(|| name.to_owned()),
        module: section
            .required("module", "module = \"FILTER.wasm\"")
            .and_then(|field| module(&field))
            .unwrap_or_default(),
        sha256: section.field("sha256").and_then(|field| digest(&field)),
        settings: section.field("settings").and_then(|field| settings::text(&field)).unwrap_or_default(),
        vm_settings: section.field("vm_settings").and_then(|field| settings::text(&field)).unwrap_or_default(),
        root_id: section.field("root_id").and_then(|field| field.text()).unwrap_or_default(),
        on_error: section.choice("on_error", &ON_ERROR),
        isolation: section.choice("isolation", &ISOLATION),
        at: section.choice("at", &AT),
        header_pause: header_pause(section),
        condition: condition::check(section),
        canary: section.optional("canary", check_canary),
    }
}

/// The filter as the element of a route that only names it.
pub(super) fn named(filter: &Filter) -> RouteFilter {
    let Filter { name, at, condition, .. } = filter;
    RouteFilter { name: name.clone(), settings: None, at: *at, condition: condition.clone() }
}

/// Off by default, as Envoy's `allow_on_headers_stop_iteration` is: filters in use expect to hold everything back.
fn header_pause(section: &mut Section<'_>) -> HeaderPause {
    match section.field("on_headers_stop_iteration").and_then(|field| field.boolean()) {
        Some(true) => HeaderPause::Headers,
        Some(false) | None => HeaderPause::All,
    }
}

fn check_canary(section: &mut Section<'_>) -> FilterCanary {
    FilterCanary {
        module: section
            .required("module", "module = \"NEXT.wasm\"")
            .and_then(|field| field.file_path())
            .unwrap_or_default(),
        sha256: section.field("sha256").and_then(|field| digest(&field)),
        percent: u8::try_from(section.count("percent", &bound::CANARY_PERCENT)).unwrap_or(u8::MAX),
        settings: section.field("settings").and_then(|field| settings::text(&field)),
    }
}

fn module(field: &Field<'_>) -> Option<PathBuf> {
    let path = field.file_path()?;
    if !field.document().needs_files() {
        return Some(path);
    }
    match fs::metadata(&path) {
        Ok(metadata) if metadata.is_file() => return Some(path),
        Ok(_) => field.fault(format!("{} is not a file; write the path of a compiled filter", path.display())),
        Err(error) => {
            field.fault(format!("{} cannot be read: {error}; build the filter, or correct the path", path.display()))
        }
    }
    None
}

/// What a guest names to reach another's queues, so it is no longer than such names are.
fn vm(field: &Field<'_>) -> Option<String> {
    let text = field.text()?;
    if text.is_empty() || text.len() > VM_BYTES_MAX {
        field.fault(format!("{text:?} is no name; write 1 to {VM_BYTES_MAX} bytes, or leave it out"));
        return None;
    }
    Some(text)
}

/// As `sha256sum` prints it, in lower case.
fn digest(field: &Field<'_>) -> Option<String> {
    let text = field.text()?;
    if text.len() != DIGEST_LENGTH || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        field
            .fault(format!("{text:?} is not a SHA-256 digest; write the {DIGEST_LENGTH} digits that sha256sum prints"));
        return None;
    }
    Some(text.to_ascii_lowercase())
}
