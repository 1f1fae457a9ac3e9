//! One metric of each type, and what reading them back says.

use proxy_wasm::hostcalls::{define_metric, get_metric, increment_metric, record_metric};
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, MetricType};

pub struct Meter {
    requests: u32,
    level: u32,
    sizes: u32,
}

impl Meter {
    pub fn new() -> Self {
        Self {
            requests: define_metric(MetricType::Counter, "guest_requests").unwrap(),
            level: define_metric(MetricType::Gauge, "guest_level").unwrap(),
            sizes: define_metric(MetricType::Histogram, "guest_sizes").unwrap(),
        }
    }
}

impl Context for Meter {}

impl HttpContext for Meter {
    fn on_http_request_headers(&mut self, count: usize, _end: bool) -> Action {
        increment_metric(self.requests, 2).unwrap();
        record_metric(self.level, 7).unwrap();
        increment_metric(self.level, -3).unwrap();
        record_metric(self.sizes, count as u64).unwrap();
        let requests = get_metric(self.requests).unwrap();
        let level = get_metric(self.level).unwrap();
        self.set_http_request_header("x-metrics", Some(&format!("{requests} {level}")));
        Action::Continue
    }
}
