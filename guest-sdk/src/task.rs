//! Work that no exchange waits for: what a tick, a queue or the start of a filter begins and the answer to a call goes on
//! with. `stage` says when; nothing but an answer wakes it.

use std::cell::RefCell;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use crate::http;

type Work = Pin<Box<dyn Future<Output = ()>>>;

struct Task {
    context: u32,
    work: Work,
}

thread_local! {
    static TASKS: RefCell<Vec<Task>> = const { RefCell::new(Vec::new()) };
}

/// Begins work and lets it go on by itself whenever a call of its is answered, for a filter that is exported with `calls`.
///
/// Begun in a tick, for a queue or in [`Filter::new`](crate::Filter::new) it goes on beside the exchanges; begun in the
/// callback of an exchange it holds nothing up and ends with it. What it is to keep for exchanges goes through
/// [`shared`](crate::shared).
///
/// ```
/// use forebay_sdk::prelude::*;
/// use forebay_sdk::rehearsal::{get, rehearse, response};
/// use forebay_sdk::{http, shared, spawn};
/// use std::time::Duration;
///
/// struct Listed;
///
/// impl Filter for Listed {
///     type Settings = ();
///     const TICK: Option<Duration> = Some(Duration::from_secs(60));
///     fn new((): ()) -> Self { Self }
///     fn on_tick(&self) {
///         spawn(async {
///             match http::call("lists").path("/blocked").await {
///                 Ok(answer) if answer.status() == 200 => _ = shared::set("blocked", answer.body()),
///                 _ => log::warn("no new list"),
///             }
///         });
///     }
///     fn on_request(&self, request: &mut Request) -> Flow {
///         let (blocked, _) = shared::get("blocked").unwrap_or_default();
///         if request.path().as_bytes() == blocked { Flow::reply(403) } else { Flow::Continue }
///     }
/// }
/// export!(Listed: calls);
///
/// # fn main() -> Result<(), String> {
/// let listed = rehearse::<Listed>("")?;
/// listed.on_call(|call| Some(response(200).chunk(if call.target() == "/blocked" { "/old" } else { "" })));
/// listed.tick();
/// assert_eq!(listed.request(get("http://shop.example/old")).reply().map(|reply| reply.status()), Some(403));
/// # Ok(())
/// # }
/// ```
pub fn spawn(work: impl Future<Output = ()> + 'static) {
    go_on(Task { context: http::speaker(), work: Box::pin(work) });
}

/// Goes on with what this context has begun.
pub(crate) fn answered(context: u32) {
    let tasks = TASKS.with_borrow_mut(|tasks| tasks.extract_if(.., |task| task.context == context).collect::<Vec<_>>());
    tasks.into_iter().for_each(go_on);
}

/// Gives up what a context has begun, as it is over.
pub(crate) fn forget(context: u32) {
    TASKS.with_borrow_mut(|tasks| tasks.retain(|task| task.context != context));
}

fn go_on(mut task: Task) {
    if let Poll::Pending = task.work.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        TASKS.with_borrow_mut(|tasks| tasks.push(task));
    }
}
