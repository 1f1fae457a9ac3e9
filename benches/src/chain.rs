//! Header filters in a row, in the words of Forebay and of Envoy: the same module and settings, under a name each.
//!
//! Each sets one header on every request and one on every response. The module is the `rewrite` filter, which both run.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::configuration::Place;

/// The response header that tells of a filter at work.
pub const TRACE: &str = "x-served-by";

#[derive(Debug, Clone)]
pub struct Chain {
    pub module: PathBuf,
    pub filters: usize,
    pub isolation: Isolation,
}

/// How Forebay keeps requests apart; Envoy does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    Request,
    Shared,
}

impl Isolation {
    pub fn word(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Shared => "shared",
        }
    }
}

impl Chain {
    /// What stands in Forebay's configuration below the route's origin.
    pub fn forebay(&self) -> String {
        let names: Vec<String> = (0..self.filters).map(|number| format!("f{number}")).collect();
        let tables = names.iter().map(|name| forebay_filter(name, &self.module, self.isolation.word()));
        format!("filters = {names:?}\n") + &tables.collect::<String>()
    }

    /// Envoy's whole configuration: it answers from itself, with as many bytes as the load wants, through these filters.
    pub fn envoy(&self, place: &Place<'_>, body_bytes: usize) -> String {
        let filters: String = (0..self.filters).map(|number| envoy_filter(number, &self.module)).collect();
        let Place { listen, .. } = place;
        let (ip, port, body) = (listen.ip(), listen.port(), "x".repeat(body_bytes));
        format!(
            "static_resources:\n  listeners:\n  - address: {{ socket_address: {{ address: {ip}, port_value: {port} }} }}\n    \
             filter_chains:\n    - filters:\n      - name: manager\n        typed_config:\n          \
             \"@type\": {TYPES}.network.http_connection_manager.v3.HttpConnectionManager\n          \
             stat_prefix: front\n          generate_request_id: false\n          route_config:\n            \
             virtual_hosts:\n            - name: all\n              domains: [\"*\"]\n              routes:\n              \
             - match: {{ prefix: / }}\n                direct_response: {{ status: 200, body: {{ inline_string: {body} }} }}\n          \
             http_filters:\n{filters}          - name: router\n            typed_config:\n              \
             \"@type\": {TYPES}.http.router.v3.Router\n"
        )
    }
}

/// The module that both run.
pub fn module() -> Result<PathBuf> {
    let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("../filters/dist/rewrite.wasm");
    module.canonicalize().with_context(|| format!("{} is missing: scripts/build-filters", module.display()))
}

/// The table of one such filter.
pub fn forebay_filter(name: &str, module: &Path, isolation: &str) -> String {
    format!(
        "[filters.{name}]\nmodule = {module:?}\nisolation = {isolation:?}\n\
         [filters.{name}.settings.request_headers]\nset = {{ x-edge = \"bench\" }}\n\
         [filters.{name}.settings.response_headers]\nset = {{ {TRACE} = \"bench\" }}\n"
    )
}

const TYPES: &str = "type.googleapis.com/envoy.extensions.filters";

fn envoy_filter(number: usize, module: &Path) -> String {
    let settings = format!(
        r#"{{"request_headers":{{"set":{{"x-edge":"bench"}}}},"response_headers":{{"set":{{"{TRACE}":"bench"}}}}}}"#
    );
    format!(
        "          - name: f{number}\n            typed_config:\n              \"@type\": {TYPES}.http.wasm.v3.Wasm\n              \
         config:\n                name: f{number}\n                configuration:\n                  \
         \"@type\": type.googleapis.com/google.protobuf.StringValue\n                  value: '{settings}'\n                \
         vm_config:\n                  runtime: envoy.wasm.runtime.v8\n                  \
         code: {{ local: {{ filename: {module:?} }} }}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_have_as_many_filters() {
        for filters in [0, 1, 10] {
            let chain = Chain { module: "m.wasm".into(), filters, isolation: Isolation::Shared };
            let address = "127.0.0.1:1".parse().unwrap();
            let room = crate::configuration::Room { memory_bytes: 1, disk_bytes: None };
            let place = Place { folder: Path::new("/"), listen: address, admin: address, origin: address, room };
            assert_eq!(chain.forebay().matches("isolation = \"shared\"").count(), filters);
            assert_eq!(chain.envoy(&place, 3).matches("v3.Wasm").count(), filters);
            assert!(chain.envoy(&place, 3).contains("inline_string: xxx "));
        }
    }
}
