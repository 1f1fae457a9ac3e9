//! What the arguments of each host call mean: which are numbers, which point to texts, and where answers go.
//!
//! By it a recording reads what a guest asks and was told, and a replay tells it again, without knowing what any call
//! does. A call that is not in the table has only numbers, and answers nothing but a status.

use wasmtime::Val;

use super::super::recording::trace::{Answer, Call};
use super::memory::{self, Out, Slice, split};
use super::outcome::{Fault, Guest};

/// One argument, or two that belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Number,
    /// Where a text is and how long.
    Text,
    /// Where the place of a text and its length are to be written.
    Value,
    /// The same, with a null pointer for what is not wanted.
    ValueIfWanted,
    /// Where so many bytes are to be written: a number.
    Place(u32),
    /// A buffer and its length, to be filled.
    Fill,
    /// Where a list of texts is, and how many.
    Texts,
}

use Part::{Fill, Number, Place, Text, Texts, Value, ValueIfWanted};

/// Pieces of one write, as the host reads them.
const PIECES_MAX: u32 = 1024;

#[rustfmt::skip]
const SHAPES: [(&str, &[Part]); 43] = [
    ("proxy_log", &[Number, Text]),
    ("proxy_get_log_level", &[Place(4)]),
    ("proxy_get_current_time_nanoseconds", &[Place(8)]),
    ("proxy_set_buffer_bytes", &[Number, Number, Number, Text]),
    ("proxy_get_buffer_bytes", &[Number, Number, Number, Value]),
    ("proxy_get_buffer_status", &[Number, Place(4), Place(4)]),
    ("proxy_get_header_map_size", &[Number, Place(4)]),
    ("proxy_get_header_map_pairs", &[Number, Value]),
    ("proxy_set_header_map_pairs", &[Number, Text]),
    ("proxy_get_header_map_value", &[Number, Text, Value]),
    ("proxy_add_header_map_value", &[Number, Text, Text]),
    ("proxy_replace_header_map_value", &[Number, Text, Text]),
    ("proxy_remove_header_map_value", &[Number, Text]),
    ("proxy_get_status", &[Place(4), Value]),
    ("proxy_send_local_response", &[Number, Text, Text, Text, Number]),
    ("proxy_http_call", &[Text, Text, Text, Text, Number, Place(4)]),
    ("proxy_grpc_call", &[Text, Text, Text, Text, Text, Number, Place(4)]),
    ("proxy_grpc_stream", &[Text, Text, Text, Text, Place(4)]),
    ("proxy_grpc_send", &[Number, Text, Number]),
    ("proxy_set_shared_data", &[Text, Text, Number]),
    ("proxy_get_shared_data", &[Text, Value, Place(4)]),
    ("proxy_register_shared_queue", &[Text, Place(4)]),
    ("proxy_resolve_shared_queue", &[Text, Text, Place(4)]),
    ("proxy_enqueue_shared_queue", &[Number, Text]),
    ("proxy_dequeue_shared_queue", &[Number, Value]),
    ("proxy_define_metric", &[Number, Text, Place(4)]),
    ("proxy_get_metric", &[Number, Place(8)]),
    ("proxy_get_property", &[Text, Value]),
    ("proxy_set_property", &[Text, Text]),
    ("proxy_call_foreign_function", &[Text, Text, ValueIfWanted]),
    ("proxy_get_configuration", &[Value]),
    ("fd_write", &[Number, Texts, Place(4)]),
    ("fd_fdstat_get", &[Number, Place(24)]),
    ("args_sizes_get", &[Place(4), Place(4)]),
    ("environ_sizes_get", &[Place(4), Place(4)]),
    ("clock_res_get", &[Number, Place(8)]),
    ("clock_time_get", &[Number, Number, Place(8)]),
    ("random_get", &[Fill]),
    ("poll_oneoff", &[Number, Number, Number, Place(4)]),
    ("proxy_record_metric", &[Number, Number]),
    ("proxy_increment_metric", &[Number, Number]),
    ("proxy_set_effective_context", &[Number]),
    ("proxy_set_tick_period_milliseconds", &[Number]),
];

/// The shape of one imported call.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    name: Box<str>,
    parts: Vec<Part>,
}

impl Shape {
    /// The shape of `name`, which takes so many arguments.
    pub(super) fn of(name: &str, arguments: usize) -> Self {
        let known = SHAPES.iter().find(|(known, _)| *known == name).map(|(_, parts)| parts.to_vec());
        let fitting = known.filter(|parts| parts.iter().copied().map(width).sum::<usize>() == arguments);
        Self { name: name.into(), parts: fitting.unwrap_or_else(|| vec![Number; arguments]) }
    }

    /// What the guest asks.
    pub(super) fn asked(&self, guest: &mut Guest<'_>, arguments: &[Val]) -> Call {
        let mut call = Call { name: self.name.to_string(), ..Call::default() };
        let Ok((memory, _)) = split(guest) else { return call };
        for (part, arguments) in self.parts(arguments) {
            match part {
                Number => call.numbers.push(number(&arguments[0])),
                Text => call.texts.push(slice(arguments).read(memory).ok().map(Into::into)),
                Texts => call.texts.push(gathered(memory, slice(arguments)).map(|text| text[..].into())),
                // How much chance is wanted is asked; where it goes is not.
                Fill => call.numbers.push(number(&arguments[1])),
                Value | ValueIfWanted | Place(_) => {}
            }
        }
        call
    }

    /// What the guest was told, where all went well.
    pub(super) fn told(&self, guest: &mut Guest<'_>, arguments: &[Val]) -> Vec<Answer> {
        let Ok((memory, _)) = split(guest) else { return Vec::new() };
        let read = |at: u32, len: u32| Slice::new(at, len).read(memory).unwrap_or_default();
        let answers = self.parts(arguments).filter_map(|(part, arguments)| {
            Some(match part {
                Number | Text | Texts => return None,
                ValueIfWanted if address(&arguments[1]) == 0 => Answer::Unwanted,
                ValueIfWanted if address(&arguments[0]) == 0 => {
                    Answer::Number(little_endian(read(address(&arguments[1]), 4)))
                }
                Value | ValueIfWanted => {
                    let place = |argument| memory::read_u32(memory, address(argument)).unwrap_or_default();
                    Answer::Text(read(place(&arguments[0]), place(&arguments[1])).into())
                }
                Place(bytes @ ..=8) => Answer::Number(little_endian(read(address(&arguments[0]), bytes))),
                Place(bytes) => Answer::Text(read(address(&arguments[0]), bytes).into()),
                Fill => Answer::Text(read(address(&arguments[0]), address(&arguments[1])).into()),
            })
        });
        answers.collect()
    }

    /// Tells the guest the same again, as far as it fits.
    pub(super) fn tell(&self, guest: &mut Guest<'_>, arguments: &[Val], answers: &[Answer]) -> wasmtime::Result<()> {
        let takes_answer = |part: Part| matches!(part, Value | ValueIfWanted | Place(_) | Fill);
        let parts = self.parts(arguments).filter(|(part, _)| takes_answer(*part));
        for ((part, arguments), answer) in parts.zip(answers) {
            match (part, answer) {
                (Value | ValueIfWanted, Answer::Text(text)) => {
                    let out = Out::new(address(&arguments[0]), address(&arguments[1]));
                    let delivered = out.deliver(guest, |_, _, value| {
                        value.extend_from_slice(&text.0);
                        Ok(())
                    });
                    if let Err(Fault::Trap(error)) = delivered {
                        return Err(error);
                    }
                }
                (ValueIfWanted, Answer::Number(len)) => put(guest, address(&arguments[1]), &len.to_le_bytes()[..4]),
                (Place(bytes), Answer::Number(number)) => {
                    let bytes = (bytes as usize).min(8);
                    put(guest, address(&arguments[0]), &number.to_le_bytes()[..bytes]);
                }
                (Place(max), Answer::Text(text)) => {
                    put(guest, address(&arguments[0]), &text.0[..text.0.len().min(max as usize)]);
                }
                (Fill, Answer::Text(text)) => {
                    let len = text.0.len().min(address(&arguments[1]) as usize);
                    put(guest, address(&arguments[0]), &text.0[..len]);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn parts<'a>(&self, mut arguments: &'a [Val]) -> impl Iterator<Item = (Part, &'a [Val])> {
        self.parts.iter().map_while(move |part| {
            let (mine, rest) = arguments.split_at_checked(width(*part))?;
            arguments = rest;
            Some((*part, mine))
        })
    }
}

/// How many arguments a part takes.
fn width(part: Part) -> usize {
    match part {
        Number | Place(_) => 1,
        Text | Value | ValueIfWanted | Fill | Texts => 2,
    }
}

fn number(value: &Val) -> u64 {
    match value {
        Val::I32(value) => u64::from(value.cast_unsigned()),
        Val::I64(value) => value.cast_unsigned(),
        _ => 0,
    }
}

fn address(value: &Val) -> u32 {
    u32::try_from(number(value)).unwrap_or(u32::MAX)
}

fn slice(arguments: &[Val]) -> Slice {
    Slice::new(address(&arguments[0]), address(&arguments[1]))
}

fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// A place outside of the memory takes nothing: the guest that gave it was told so then, too.
fn put(guest: &mut Guest<'_>, at: u32, bytes: &[u8]) {
    if let Ok((memory, _)) = split(guest) {
        let _ = memory::write(memory, at, bytes);
    }
}

/// The pieces of a write, put together; `None` where one of them is nowhere, or where there is more than a memory holds.
fn gathered(memory: &[u8], list: Slice) -> Option<Vec<u8>> {
    let (at, count) = list.bounds();
    let mut text = Vec::new();
    for piece in 0..count.min(PIECES_MAX) {
        let entry = at.checked_add(piece * 8)?;
        let piece = [entry, entry.checked_add(4)?].map(|at| memory::read_u32(memory, at).ok());
        let [Some(at), Some(len)] = piece else { return None };
        text.extend_from_slice(Slice::new(at, len).read(memory).ok()?);
        if text.len() > memory.len() {
            return None;
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use wasmtime::{Engine, Store};

    use super::super::super::state::State;
    use super::super::super::tests::profile;
    use super::super::link::linker;
    use super::*;

    /// Calls without a text and without an answer but their status.
    const PLAIN: [&str; 11] = [
        "proxy_continue_stream",
        "proxy_close_stream",
        "proxy_done",
        "proxy_continue_request",
        "proxy_continue_response",
        "proxy_clear_route_cache",
        "proxy_grpc_cancel",
        "proxy_grpc_close",
        "pthread_equal",
        "emscripten_notify_memory_growth",
        "proc_exit",
    ];

    #[test]
    fn every_call_that_links_has_a_shape_of_its_width() {
        let engine = Engine::default();
        let mut store = Store::new(&engine, State::new(profile()));
        let linker = linker(&engine).unwrap();
        let all: Vec<_> = linker.iter(&mut store).map(|(_, name, item)| (name.to_owned(), item)).collect();
        for (name, item) in all {
            let arguments = item.into_func().unwrap().ty(&store).params().len();
            let Some((_, parts)) = SHAPES.iter().find(|(known, _)| *known == name) else {
                let refused = !name.starts_with("proxy_");
                assert!(PLAIN.contains(&&*name) || refused, "{name} has no shape");
                continue;
            };
            assert_eq!(parts.iter().copied().map(width).sum::<usize>(), arguments, "{name}");
        }
    }
}
