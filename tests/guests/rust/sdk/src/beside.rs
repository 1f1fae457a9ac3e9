//! What happens beside the exchanges: a queue of paths to call, calls from ticks, and values that run out.

use std::time::Duration;

use forebay_sdk::prelude::*;
use forebay_sdk::shared::{self, Fault, Queue};
use forebay_sdk::spawn;

use crate::asking::{call, said};

pub const ERRANDS: &str = "sdk-errands";
const QUEUED: &str = "sdk-queued";
const WANTED: &str = "sdk-wanted";
const TICKED: &str = "sdk-ticked";

pub fn on_request(path: &str, request: &Request, errands: Option<Queue>) -> Option<Flow> {
    let answered = |key| Some(Flow::reply(200).body(shared::get(key).unwrap_or_default().0));
    match path {
        "/errand" => {
            // As a filter would that only puts in.
            let vm = request.property("plugin_vm_id").unwrap_or_default();
            let found = Queue::find(&vm, ERRANDS).filter(|found| Some(*found) == errands);
            let pushed = found.is_some_and(|queue| queue.push("/from-queue").is_ok());
            Some(Flow::reply(if pushed { 202 } else { 500 }))
        }
        "/errand/answered" => answered(QUEUED),
        "/tick" => Some(Flow::reply(if shared::set(WANTED, "1").is_ok() { 202 } else { 500 })),
        "/tick/answered" => answered(TICKED),
        "/values" => Some(Flow::reply(200).body(values())),
        _ => None,
    }
}

/// Calls what stands in the queue.
pub fn on_queue_ready(queue: &Queue) {
    while let Some(path) = queue.pop().and_then(|path| String::from_utf8(path).ok()) {
        ask(path, QUEUED);
    }
}

/// Calls once for each time that it is wanted.
pub fn on_tick() {
    if shared::delete(WANTED).is_ok() {
        ask(String::from("/from-tick"), TICKED);
    }
}

fn ask(path: String, key: &'static str) {
    spawn(async move {
        let answer = call(&path).await;
        let sum = answer.as_ref().ok().and_then(|answer| answer.trailer("x-sum")).unwrap_or("no sum").to_owned();
        if let Err(fault) = shared::set(key, [said(answer), sum].join(", ")) {
            log::error(format_args!("an answer was not kept: {fault}"));
        }
    });
}

/// How the verbs on a key end, one after the other.
fn values() -> String {
    let (key, hour) = ("sdk-brief", Duration::from_secs(3600));
    let ends = [
        shared::set_ttl(key, hour),
        shared::set(key, "1"),
        shared::set_ttl(key, hour),
        shared::delete(key),
        shared::delete(key),
    ];
    ends.map(|end| match end {
        Ok(()) => "done",
        Err(Fault::Absent) => "absent",
        Err(_) => "refused",
    })
    .join(", ")
}
