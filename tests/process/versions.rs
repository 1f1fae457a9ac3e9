//! A node with one filter `tried`, whose modules a test writes: a stable version, and whatever should come next.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use support::{Answer, Binary, Exposition, Origin, RawClient, Response, get};
use tempfile::TempDir;

/// Ends an exchange in its filter.
pub(super) const TRAP: &str = "unreachable";
pub(super) const LOOP: &str = "(loop $for_ever (br $for_ever))";
/// Traps where the origin asks for it.
pub(super) const TRAP_WHERE_ASKED: &str = "(if (i32.eqz (call $value (i32.const 2) (i32.const 19) (i32.const 6)
    (i32.const 512) (i32.const 516))) (then unreachable))";
/// Makes an error of the response.
pub(super) const ANSWER_503: &str =
    "(drop (call $replace (i32.const 2) (i32.const 9) (i32.const 7) (i32.const 16) (i32.const 3)))";

/// A module that says its name in `x-version` of each response, and then does `statements`.
pub(super) fn module(name: &str, statements: &str) -> Vec<u8> {
    let text = format!(
        r#"(module
          (import "env" "proxy_replace_header_map_value" (func $replace (param i32 i32 i32 i32 i32) (result i32)))
          (import "env" "proxy_get_header_map_value" (func $value (param i32 i32 i32 i32 i32) (result i32)))
          (memory (export "memory") 1)
          (data (i32.const 0) "x-version:status503x-trap{name}")
          (func (export "proxy_abi_version_0_2_1"))
          (func (export "malloc") (param i32) (result i32) (i32.const 1024))
          (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
            (drop (call $replace (i32.const 2) (i32.const 0) (i32.const 9) (i32.const 25) (i32.const {})))
            {statements} (i32.const 0)))"#,
        name.len()
    );
    wat::parse_str(text).expect("the guest is well formed")
}

/// A real node before a scripted origin, and the folder that its modules are in.
pub(super) struct Stage {
    pub(super) origin: Origin,
    pub(super) node: Binary,
    modules: TempDir,
    extra: String,
}

impl Stage {
    /// A node whose filter has a stable version and these lines; `extra` are further tables.
    pub(super) async fn with(filter: &str, extra: &str) -> Self {
        let (origin, modules) = (Origin::start().await, TempDir::new().expect("a temporary folder can be made"));
        origin.otherwise(Answer::ok("good").header("Cache-Control", "no-store"));
        fs::write(modules.path().join("stable.wasm"), module("stable", "")).expect("a file can be written");
        let node = Binary::start(&config(&origin, &modules, filter, extra)).await;
        Self { origin, node, modules, extra: extra.to_owned() }
    }

    /// The same with a canary for so many of a hundred exchanges, which does `statements`.
    pub(super) async fn trying(statements: &str, percent: u8, extra: &str) -> Self {
        let this = Self::with("", extra).await;
        this.put("next", &module("next", statements));
        this.reload(&this.canary(percent)).await;
        this
    }

    /// The lines of a canary that is the module `next`.
    pub(super) fn canary(&self, percent: u8) -> String {
        format!("[filters.tried.canary]\nmodule = {:?}\npercent = {percent}\n", self.path("next"))
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.modules.path().join(format!("{name}.wasm"))
    }

    pub(super) fn put(&self, name: &str, module: &[u8]) {
        fs::write(self.path(name), module).expect("a file can be written");
    }

    /// Brings these lines of the filter into force, and gives the node's answer.
    pub(super) async fn reload(&self, filter: &str) -> Response {
        let text = config(&self.origin, &self.modules, filter, &self.extra)
            .replace("{listen}", &self.node.address().to_string())
            .replace("{admin}", &self.node.admin().to_string());
        fs::write(self.node.folder().join("edge.toml"), text).expect("a file can be written");
        let mut admin = RawClient::connect(self.node.admin()).await;
        admin.request("POST", "/v1/reload", &[], b"").await
    }

    /// So many requests, one after the other: the status of each, and the version that it met.
    pub(super) async fn ask(&self, times: usize) -> Vec<(u16, String)> {
        let mut client = RawClient::connect(self.node.address()).await;
        let mut met = Vec::new();
        for _ in 0..times {
            let response = client.get("/").await;
            met.push((response.status, response.header("x-version").unwrap_or_default().to_owned()));
        }
        met
    }

    /// What `/v1/filters` tells of each version.
    pub(super) async fn states(&self) -> Vec<Value> {
        let told = get(self.node.admin(), "/v1/filters").await;
        let told: Value = serde_json::from_slice(&told.body).expect("it is JSON");
        told["filters"].as_array().expect("a list").clone()
    }

    /// The sum of a metric's series with these labels.
    pub(super) async fn metric(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        Exposition::parse(get(self.node.admin(), "/metrics").await.text()).value(name, labels)
    }

    /// The line of the log that holds `text`, once it is there.
    pub(super) async fn line(&self, text: &str) -> String {
        self.node.says(text).await;
        let said = self.node.stderr();
        said.lines().find(|line| line.contains(text)).expect("it has said so").to_owned()
    }
}

fn config(origin: &Origin, modules: &TempDir, filter: &str, extra: &str) -> String {
    format!(
        "[[listener]]\naddress = \"{{listen}}\"\n[admin]\naddress = \"{{admin}}\"\n{extra}\
         [filters.tried]\nmodule = {:?}\n{filter}\
         [origins.site]\nservers = [\"{}\"]\n[[route]]\nname = \"all\"\norigin = \"site\"\nfilters = [\"tried\"]\n",
        modules.path().join("stable.wasm"),
        origin.url()
    )
}
