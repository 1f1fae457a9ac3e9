//! Asks an upstream of the node before it lets a message on, as the field `x-call` of the request says.

use std::time::Duration;

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, Status};

use crate::tell::{show, tell};

const TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Default)]
pub struct Caller {
    way: String,
    phase: Phase,
    /// Answers to come.
    open: usize,
    answers: Vec<String>,
    bodies: Vec<String>,
}

#[derive(Default, Clone, Copy, PartialEq)]
enum Phase {
    #[default]
    Request,
    Response,
    Body,
    Over,
}

impl Caller {
    fn call(&mut self, upstream: &str, path: &str, timeout: Duration) -> Result<u32, Status> {
        let headers = vec![(":method", "POST"), (":path", path), (":authority", "calls.example"), ("x-from", "guest")];
        let trailers = if self.way == "trailers" { vec![("x-sum", "5")] } else { vec![] };
        let token = self.dispatch_http_call(upstream, headers, Some(b"asked"), trailers, timeout);
        self.open += usize::from(token.is_ok());
        token
    }

    fn go(&mut self, upstream: &str, paths: &[&str]) -> Action {
        for path in paths {
            if let Err(status) = self.call(upstream, path, TIMEOUT) {
                show("call status", status);
            }
        }
        if self.open > 0 { Action::Pause } else { Action::Continue }
    }

    fn close(&self) {
        match self.phase {
            Phase::Response => self.reset_http_response(),
            _ => self.reset_http_request(),
        }
    }

    fn resume(&self) {
        match self.phase {
            Phase::Request => {
                self.set_http_request_header("x-called", Some(&self.answers.join(",")));
                self.resume_http_request();
            }
            Phase::Response => {
                self.set_http_response_header("x-called", Some(&self.answers.join(",")));
                self.resume_http_response();
            }
            Phase::Body => self.resume_http_request(),
            Phase::Over => {
                let _ = hostcalls::done();
            }
        }
    }
}

impl Context for Caller {
    fn on_http_call_response(&mut self, _token: u32, headers: usize, body: usize, trailers: usize) {
        self.open -= 1;
        let status = self.get_http_call_response_header(":status").unwrap_or_else(|| "none".to_owned());
        let listed = self.get_http_call_response_headers().len();
        let text = self.get_http_call_response_body(0, body).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        tell("call answered", format!("{status}, all counted: {}, trailers: {trailers}", headers == listed));
        show("call ended", self.get_grpc_status());
        if trailers > 0 {
            show("call trailers", self.get_http_call_response_trailers());
            show("call trailer x-sum", self.get_http_call_response_trailer("x-sum"));
            show("call trailer x-missing", self.get_http_call_response_trailer("x-missing"));
        }
        if status == "200" {
            self.bodies.push(text.clone());
        }
        self.answers.push(status);
        if self.open > 0 {
            return;
        }
        // Answers to calls that are in flight together come in any order.
        self.answers.sort();
        self.bodies.sort();
        tell("call bodies", self.bodies.join(", "));
        match self.way.as_str() {
            "reply" => self.send_http_response(403, vec![("x-guest", "calls")], Some(text.as_bytes())),
            "again" if self.answers.len() == 1 => {
                let _ = self.call("site", "/call/again", TIMEOUT);
            }
            "panic" => panic!("asked to panic in a call's answer"),
            "close" | "close the response" => self.close(),
            _ => self.resume(),
        }
    }

    fn on_done(&mut self) -> bool {
        self.phase = Phase::Over;
        if self.way != "done" {
            return true;
        }
        tell("call done", "waits");
        self.call("site", "/call/done", TIMEOUT).is_err()
    }
}

impl HttpContext for Caller {
    fn on_http_request_headers(&mut self, _count: usize, _end: bool) -> Action {
        self.way = self.get_http_request_header("x-call").unwrap_or_default();
        match self.way.as_str() {
            "one" | "reply" | "again" | "panic" | "close" => self.go("site", &["/call/one"]),
            "two" => self.go("site", &["/call/first", "/call/second"]),
            "trailers" => self.go("site", &["/trailers/call"]),
            "unknown" => self.go("nowhere", &["/call/unknown"]),
            "closed" => self.go("closed", &["/call/closed"]),
            "missing" => self.go("site", &["/missing/call"]),
            "incomplete" => {
                let headers = vec![(":method", "GET"), (":path", "/call/incomplete")];
                show("call status", self.dispatch_http_call("site", headers, None, vec![], TIMEOUT));
                Action::Continue
            }
            _ => Action::Continue,
        }
    }

    fn on_http_request_body(&mut self, _size: usize, end: bool) -> Action {
        if self.way == "body" && end && self.phase == Phase::Request {
            self.phase = Phase::Body;
            return self.go("site", &["/call/body"]);
        }
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _count: usize, _end: bool) -> Action {
        self.phase = Phase::Response;
        match self.way.as_str() {
            "response" | "close the response" => self.go("site", &["/call/response"]),
            _ => Action::Continue,
        }
    }

    fn on_log(&mut self) {
        tell("call log", self.answers.join(","));
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        tell("call deleted", self.answers.join(","));
    }
}
