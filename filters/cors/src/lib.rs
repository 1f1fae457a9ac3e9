//! The cors filter: answers preflights and tells browsers which origins may read responses (Fetch standard, CORS).
//!
//! | key | default | what it does |
//! |---|---|---|
//! | `origins` | required | as `"https://a.example"`, `"https://*.a.example"` for its subdomains, or `"*"` for all |
//! | `methods` | `GET, HEAD, POST` | what a preflight permits |
//! | `headers` | none | request headers that a preflight permits |
//! | `expose` | none | response headers that scripts may read |
//! | `credentials` | `false` | whether cookies may be sent; not with `"*"` |
//! | `max_age` | none | how long a browser keeps the answer to a preflight |
//!
//! What the origin itself says about CORS is replaced.

mod allowed;

use forebay_sdk::{Filter, Flow, HeaderName, Request, Response, Span, export, settings};
use serde::{Deserialize, Deserializer};

use crate::allowed::Allowed;

/// `[filters.NAME.settings]` of this filter.
#[derive(Debug)]
pub struct Settings {
    origins: Vec<Allowed>,
    methods: String,
    headers: String,
    expose: String,
    credentials: bool,
    max_age: Option<Span>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    origins: Vec<Allowed>,
    methods: Option<Vec<HeaderName>>,
    #[serde(default)]
    headers: Vec<HeaderName>,
    #[serde(default)]
    expose: Vec<HeaderName>,
    #[serde(default)]
    credentials: bool,
    max_age: Option<Span>,
}

impl TryFrom<Written> for Settings {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, &'static str> {
        let Written { origins, methods, headers, expose, credentials, max_age } = written;
        if credentials && origins.contains(&Allowed::Any) {
            return Err("with credentials origins must be named: \"*\" would open every user's data to every site");
        }
        // Methods are tokens like header names, in upper case.
        let methods =
            methods.map_or_else(|| "GET, HEAD, POST".to_owned(), |methods| list(&methods).to_ascii_uppercase());
        Ok(Self { origins, methods, headers: list(&headers), expose: list(&expose), credentials, max_age })
    }
}

impl<'de> Deserialize<'de> for Settings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        settings::checked::<D, Written, Self>(deserializer)
    }
}

fn list(names: &[HeaderName]) -> String {
    names.iter().map(HeaderName::as_str).collect::<Vec<_>>().join(", ")
}

/// The filter.
#[derive(Debug)]
pub struct Cors {
    settings: Settings,
}

/// What the filter's own answer to a preflight is told from.
struct Preflight;

impl Filter for Cors {
    type Settings = Settings;

    fn new(settings: Settings) -> Self {
        Self { settings }
    }

    fn on_request(&self, request: &mut Request) -> Flow {
        let headers = request.headers();
        let asks = headers.get("origin").is_some() && headers.get("access-control-request-method").is_some();
        if request.method() != "OPTIONS" || !asks {
            return Flow::Continue;
        }
        request.remember(Preflight);
        Flow::reply(204)
    }

    fn on_response(&self, response: &mut Response) -> Flow {
        let origin = response.request().headers().get("origin");
        let preflight = response.recall::<Preflight>().is_some();
        for name in OWN {
            response.headers_mut().remove(name);
        }
        // Also where there is no origin or a strange one: a cache behind must not give this response to another.
        if !self.is_open() {
            response.headers_mut().add_vary("origin");
        }
        if preflight {
            response.headers_mut().add_vary("access-control-request-method, access-control-request-headers");
        }
        if let Some(origin) = origin.filter(|origin| self.settings.origins.iter().any(|allowed| allowed.has(origin))) {
            self.permit(response, if self.is_open() { "*" } else { &origin });
            if preflight {
                self.permit_request(response);
            }
        }
        Flow::Continue
    }
}

/// What the filter alone says.
const OWN: [&str; 7] = [
    "access-control-allow-origin",
    "access-control-allow-credentials",
    "access-control-allow-methods",
    "access-control-allow-headers",
    "access-control-allow-private-network",
    "access-control-expose-headers",
    "access-control-max-age",
];

impl Cors {
    /// Whether every origin gets the same answer.
    fn is_open(&self) -> bool {
        self.settings.origins.contains(&Allowed::Any)
    }

    fn permit(&self, response: &mut Response, origin: &str) {
        let headers = response.headers_mut();
        headers.set("access-control-allow-origin", origin);
        if self.settings.credentials {
            headers.set("access-control-allow-credentials", "true");
        }
        if !self.settings.expose.is_empty() {
            headers.set("access-control-expose-headers", &self.settings.expose);
        }
    }

    fn permit_request(&self, response: &mut Response) {
        let headers = response.headers_mut();
        headers.set("access-control-allow-methods", &self.settings.methods);
        if !self.settings.headers.is_empty() {
            headers.set("access-control-allow-headers", &self.settings.headers);
        }
        if let Some(age) = self.settings.max_age {
            headers.set("access-control-max-age", age.as_secs().to_string());
        }
    }
}

export!(Cors);

#[cfg(test)]
mod tests;
