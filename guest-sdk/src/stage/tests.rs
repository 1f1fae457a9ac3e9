//! The stage with contexts and callbacks in the orders that proxies have.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::{Action, Stage};
use crate::rehearsal::{Message, get, rehearse, request, response};
use crate::{Body, Filter, Flow, Headers, Request, Response, Whole, http, log, spawn};

thread_local! {
    static RECALLED: Cell<Option<u32>> = const { Cell::new(None) };
}

struct Once(Cell<u32>);

impl Filter for Once {
    type Settings = ();

    fn new((): ()) -> Self {
        Self(Cell::new(0))
    }

    fn on_request(&self, request: &mut Request) -> Flow {
        self.0.set(self.0.get() + 1);
        request.remember(self.0.get());
        Flow::Continue
    }

    fn on_response(&self, response: &mut Response) -> Flow {
        RECALLED.set(response.recall().copied());
        Flow::Continue
    }
}

fn recalled(stage: &Stage<Once>, context: u32) -> Option<u32> {
    assert_eq!(stage.response(context), Action::Continue);
    RECALLED.take()
}

#[test]
fn exchanges_do_not_mix_what_they_remember() {
    let stage = Stage::<Once>::new();
    assert!(stage.configure(1));
    for context in [2, 3] {
        stage.create(context, 1);
        stage.request(context);
    }
    assert_eq!((recalled(&stage, 3), recalled(&stage, 2)), (Some(2), Some(1)));
    for context in [2, 3] {
        stage.delete(context);
    }
    assert!(stage.exchanges.borrow().is_empty());
}

#[test]
fn two_plugins_in_one_instance_have_a_filter_each() {
    let stage = Stage::<Once>::new();
    assert!(stage.configure(1) && stage.configure(2));
    for (context, plugin) in [(3, 1), (4, 2), (5, 2)] {
        stage.create(context, plugin);
        stage.request(context);
    }
    assert_eq!([3, 4, 5].map(|context| recalled(&stage, context)), [Some(1), Some(1), Some(2)]);
}

#[test]
fn an_exchange_before_any_configuration_goes_on() {
    assert_eq!(Stage::<Once>::new().request(2), Action::Continue);
}

/// Refuses bodies with `bad` in them, once they are whole, and notes what it sees.
struct Checked;

impl Checked {
    fn check(body: &mut Body, map: &str) -> Flow {
        if body.is_end() {
            log::info(format_args!("{map} body"));
        }
        match body.whole(64) {
            Whole::Partly => Flow::Hold,
            Whole::Ready(bytes) if bytes.windows(3).any(|part| part == b"bad") => Flow::reply(422),
            Whole::Ready(_) => {
                body.append("!");
                Flow::Continue
            }
            Whole::TooLarge => Flow::reply(413),
        }
    }
}

impl Filter for Checked {
    type Settings = ();

    fn new((): ()) -> Self {
        Self
    }

    fn on_request_body(&self, body: &mut Body) -> Flow {
        Self::check(body, "request")
    }

    fn on_response_body(&self, body: &mut Body) -> Flow {
        Self::check(body, "response")
    }

    fn on_request_trailers(&self, trailers: &mut Headers) -> Flow {
        log::info("request trailers");
        trailers.set("x-checked", "1");
        Flow::Continue
    }

    fn on_response_trailers(&self, trailers: &mut Headers) -> Flow {
        log::info("response trailers");
        trailers.set("x-checked", "1");
        Flow::Continue
    }
}

fn pieces(message: Message, pieces: &[&str]) -> Message {
    pieces.iter().fold(message.trailer("x-sum", "1"), |message, piece| message.chunk(piece))
}

fn post() -> Message {
    request("POST", "http://shop.example/")
}

#[test]
fn held_body_is_whole_when_trailers_come() {
    for (sent, expected) in [
        (&["go", "od"][..], Ok("good!")),
        (&["good"], Ok("good!")),
        (&[], Ok("!")),
        (&["b", "ad"], Err(422)),
        (&["bad"], Err(422)),
        (&[&"a".repeat(60), "12345"], Err(413)),
    ] {
        let checked = rehearse::<Checked>("").expect("no settings");
        let exchange = checked.request(pieces(post(), sent));
        let passed = match exchange.reply() {
            Some(reply) => Err(reply.status()),
            None => Ok(str::from_utf8(exchange.sent().body()).expect("UTF-8")),
        };
        assert_eq!(passed, expected, "request {sent:?}");
        let answer = checked.request(post()).respond(pieces(response(200), sent));
        let (status, body) = (answer.status(), str::from_utf8(answer.body()).expect("UTF-8"));
        assert_eq!(if status == 200 { Ok(body) } else { Err(status) }, expected, "response {sent:?}");
    }
}

#[test]
fn trailers_are_seen_after_the_body_and_not_behind_a_refusal() {
    let checked = rehearse::<Checked>("").expect("no settings");
    let logs = || checked.logs().into_iter().map(|(_, line)| line).collect::<Vec<_>>();
    assert_eq!(checked.request(pieces(post(), &["a"])).sent().trailers("x-checked"), ["1"]);
    assert_eq!(logs(), ["request body", "request trailers"]);
    assert!(checked.request(pieces(post(), &["bad"])).reply().is_some());
    assert_eq!(logs()[2..], ["request body"]);
}

/// Asks about bodies and about trailers, and waits for both.
struct Asking;

impl Filter for Asking {
    type Settings = ();

    fn new((): ()) -> Self {
        Self
    }

    fn on_request_body(&self, body: &mut Body) -> Flow {
        Self::ask("body", body.chunk())
    }

    fn on_request_trailers(&self, trailers: &mut Headers) -> Flow {
        Self::ask("trailers", trailers.bytes("x-sum").unwrap_or_default())
    }

    fn on_response_body(&self, body: &mut Body) -> Flow {
        Self::ask("body", body.chunk())
    }
}

impl Asking {
    fn ask(about: &'static str, bytes: Vec<u8>) -> Flow {
        http::later(async move {
            match http::call(about).body(bytes).await {
                Ok(answer) if answer.status() == 200 => Flow::Continue,
                _ => Flow::reply(403).body(about),
            }
        })
    }
}

#[test]
fn bodies_and_trailers_wait_for_calls() {
    for (refused, expected) in [("", None), ("body", Some(&b"body"[..])), ("trailers", Some(b"trailers"))] {
        let asking = rehearse::<Asking>("").expect("no settings");
        let asked = Rc::new(RefCell::new(Vec::new()));
        let noted = Rc::clone(&asked);
        asking.on_call(move |call| {
            noted.borrow_mut().push((call.origin().to_owned(), call.body().to_vec()));
            Some(response(if call.origin() == refused { 403 } else { 200 }))
        });
        let exchange = asking.request(pieces(post(), &["a", "b"]));
        assert_eq!(exchange.reply().map(Message::body), expected, "{refused} is refused");
        let all = [("body".to_owned(), b"ab".to_vec()), ("trailers".to_owned(), b"1".to_vec())];
        // The whole body is asked about, and once.
        assert_eq!(asked.borrow()[..2], all, "{refused} is refused");
        if expected.is_none() {
            assert_eq!(exchange.sent().body(), b"ab");
        }
    }
}

#[test]
fn response_body_waits_for_a_call_at_its_end() {
    let asking = rehearse::<Asking>("").expect("no settings");
    asking.on_call(|call| Some(response(if call.body() == b"bad" { 403 } else { 200 })));
    let answered = |pieces: [&str; 2]| {
        let message = pieces.iter().fold(response(200), |message, piece| message.chunk(piece));
        let answer = asking.request(get("http://shop.example/")).respond(message);
        (answer.status(), answer.body().to_vec())
    };
    assert_eq!(answered(["go", "od"]), (200, b"good".to_vec()));
    assert_eq!(answered(["b", "ad"]), (403, b"body".to_vec()));
}

/// Begins work in each tick and each request, of which nobody waits for the end.
struct Beside;

impl Filter for Beside {
    type Settings = ();

    fn new((): ()) -> Self {
        Self
    }

    fn on_request(&self, request: &mut Request) -> Flow {
        let path = request.path();
        spawn(async move {
            let answer = http::call("first").path(&path).await;
            let second =
                http::call("second").path(&answer.map(|answer| answer.status().to_string()).unwrap_or_default());
            log::info(second.await.map(|answer| answer.status()).unwrap_or_default());
        });
        Flow::Continue
    }

    fn on_tick(&self) {
        spawn(async {
            let answers = [http::call("first").send(), http::call("second").send()];
            for answer in answers {
                log::info(answer.await.map(|answer| answer.status()).unwrap_or_default());
            }
        });
    }
}

#[test]
fn work_beside_goes_on_with_each_answer() {
    let beside = rehearse::<Beside>("").expect("no settings");
    beside.on_call(|call| Some(response(if call.origin() == "first" { 201 } else { 202 })));
    let logs = || beside.logs().into_iter().map(|(_, line)| line).collect::<Vec<_>>();
    beside.tick();
    assert_eq!(logs(), ["201", "202"]);
    assert!(beside.request(get("http://shop.example/")).reply().is_none());
    assert_eq!(logs()[2..], ["202"]);
}

#[test]
fn work_ends_with_its_exchange() {
    struct Dropped(Rc<Cell<bool>>);

    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.set(true);
        }
    }

    let gone = Rc::new(Cell::new(false));
    let dropped = Dropped(Rc::clone(&gone));
    let stage = Stage::<Once>::new();
    http::speak_for(7);
    spawn(async move {
        let _dropped = dropped;
        std::future::pending().await
    });
    stage.delete(8);
    assert!(!gone.get());
    stage.delete(7);
    assert!(gone.get());
}
