//! Filters on the SDK that most filters are written with. The settings choose the part; any others choose the greeter.

mod greeter;
mod metrics;
mod notebook;
mod properties;
mod rash;
mod repeated;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{ContextType, LogLevel};

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Trace);
    proxy_wasm::set_root_context(|_| Box::new(Root { settings: String::new() }));
}}

struct Root {
    settings: String,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        self.settings = String::from_utf8(self.get_plugin_configuration().unwrap_or_default()).unwrap();
        self.settings != "refuse-to-start"
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, id: u32) -> Option<Box<dyn HttpContext>> {
        Some(match self.settings.as_str() {
            "metrics" => Box::new(metrics::Meter::new()),
            "notebook" => Box::new(notebook::Notebook::new(id)),
            "properties" => Box::new(properties::Reader),
            "rash" => Box::new(rash::Rash),
            "repeated" => Box::new(repeated::Repeated),
            settings => Box::new(greeter::Greeter::new(settings)),
        })
    }
}
