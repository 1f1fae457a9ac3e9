//! A filter on this repository's own SDK that uses all of it that waits, ticks or comes late, one path for each.

mod asking;
mod beside;
mod bodies;

use std::time::Duration;

use forebay_sdk::prelude::*;
use forebay_sdk::shared::{self, Queue};

const TICKS: &str = "sdk-ticks";

struct Errands {
    errands: Option<Queue>,
}

impl Filter for Errands {
    type Settings = ();

    const TICK: Option<Duration> = Some(Duration::from_millis(20));

    fn new((): ()) -> Self {
        Self { errands: Queue::open(beside::ERRANDS).ok() }
    }

    fn on_request(&self, request: &mut Request) -> Flow {
        match request.path().as_str() {
            "/ticks" => {
                let (ticks, _) = shared::get(TICKS).unwrap_or_default();
                Flow::reply(200).body(ticks)
            }
            "/cached" => {
                request.cache().drop_query(["utm"]).ttl(Duration::from_secs(60)).tag("errands");
                Flow::Continue
            }
            "/emptied" => {
                request.cache().purge_tag("errands");
                Flow::reply(204)
            }
            "/wrapped" | "/marked" => {
                // Behind it comes more than it says.
                request.headers_mut().remove("content-length");
                Flow::Continue
            }
            path => match beside::on_request(path, request, self.errands) {
                Some(flow) => flow,
                None => asking::on_request(path, request),
            },
        }
    }

    fn on_response(&self, response: &mut Response) -> Flow {
        match response.request().path().as_str() {
            "/wrapped" | "/marked" => {
                response.headers_mut().remove("content-length");
                response.set_property("grade", "longer");
                Flow::Continue
            }
            path => asking::on_response(path, response),
        }
    }

    fn on_request_body(&self, body: &mut Body) -> Flow {
        bodies::on_body(body)
    }

    fn on_response_body(&self, body: &mut Body) -> Flow {
        bodies::on_body(body)
    }

    fn on_request_trailers(&self, trailers: &mut Headers) -> Flow {
        change(trailers)
    }

    fn on_response_trailers(&self, trailers: &mut Headers) -> Flow {
        change(trailers)
    }

    fn on_tick(&self) {
        let counted = shared::update(TICKS, |old| {
            let ticks: u32 = str::from_utf8(old).ok().and_then(|ticks| ticks.parse().ok()).unwrap_or(0);
            (ticks + 1).to_string().into_bytes()
        });
        if let Err(fault) = counted {
            log::error(format_args!("a tick was not counted: {fault}"));
        }
        beside::on_tick();
    }

    fn on_queue_ready(&self, queue: &Queue) {
        beside::on_queue_ready(queue);
    }
}

fn change(trailers: &mut Headers) -> Flow {
    let sum = trailers.get("x-sum").unwrap_or_default();
    trailers.set("x-checked", &sum).remove("x-internal");
    if sum == "doubtful" { asking::about_trailers() } else { Flow::Continue }
}

// Trailers of requests come with their bodies, unsaid.
export!(Errands: request_body, response_body, response_trailers, calls, queues);
