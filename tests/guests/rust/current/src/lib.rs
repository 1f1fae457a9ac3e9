//! Filters on the SDK that most filters are written with. The settings choose the part; any others choose the greeter.

mod bodies;
mod calls;
mod clockwork;
mod commons;
mod greeter;
mod lacking;
mod metrics;
mod notebook;
mod properties;
mod rash;
mod repeated;
mod tell;
mod trailers;
mod turnstile;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{ContextType, LogLevel};

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Trace);
    proxy_wasm::set_root_context(|_| Box::new(Root::default()));
}}

#[derive(Default)]
struct Root {
    settings: String,
    started: bool,
    clockwork: clockwork::Clockwork,
}

impl Context for Root {
    fn on_http_call_response(&mut self, _token: u32, headers: usize, body: usize, _trailers: usize) {
        self.clockwork.fetched(headers > 0, self.get_http_call_response_body(0, body));
    }

    fn on_done(&mut self) -> bool {
        tell::tell("plugin", "done");
        true
    }
}

impl RootContext for Root {
    fn on_vm_start(&mut self, _size: usize) -> bool {
        self.started = true;
        true
    }

    fn on_configure(&mut self, _size: usize) -> bool {
        self.settings = String::from_utf8(self.get_plugin_configuration().unwrap_or_default()).unwrap();
        match self.settings.as_str() {
            "clockwork" => self.clockwork.wind(),
            "commons" => commons::prepare(),
            "turnstile" => turnstile::open(),
            _ => {}
        }
        self.settings != "refuse-to-start"
    }

    fn on_tick(&mut self) {
        match self.settings.as_str() {
            "turnstile" => turnstile::turn(),
            _ => self.clockwork.tick(),
        }
    }

    fn on_queue_ready(&mut self, queue: u32) {
        let vm = self.get_property(vec!["plugin_vm_id"]).unwrap_or_default();
        commons::ready(queue, std::str::from_utf8(&vm).unwrap());
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, id: u32) -> Option<Box<dyn HttpContext>> {
        Some(match self.settings.as_str() {
            "bodies" => Box::new(bodies::Editor::default()),
            "calls" => Box::new(calls::Caller::default()),
            "clockwork" => Box::new(clockwork::Dial),
            "commons" => Box::new(commons::Visitor),
            "lacking" => Box::new(lacking::Asker),
            "metrics" => Box::new(metrics::Meter::new()),
            "notebook" => Box::new(notebook::Notebook::new(id, self.started)),
            "properties" => Box::new(properties::Reader),
            "rash" => Box::new(rash::Rash),
            "repeated" => Box::new(repeated::Repeated),
            "trailers" => Box::new(trailers::Trailers),
            "turnstile" => Box::new(turnstile::Waiting { id }),
            settings => Box::new(greeter::Greeter::new(settings)),
        })
    }
}
