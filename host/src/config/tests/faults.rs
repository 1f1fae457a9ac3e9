//! What is wrong with a file, where, and how to mend it: the exact lines an operator reads.

use std::fs;

use proptest::prelude::{any, proptest};
use tempfile::TempDir;

use super::{ORIGIN, ROUTE, check, folder_with};
use crate::config::load;

/// Pieces of files, each followed by the one fault it has.
const FAULTS: &str = r#"nodes = 1
=> 1:1: nodes: is not a key; did you mean "node"?
node = 1
=> 1:8: node: is an integer; write [node]
listener = {}
=> 1:12: listener: is a table; write [[listener]], one for each
listener = [1]
=> 1:13: listener[0]: is an integer; write [[listener]]
static = []
=> 1:10: static: is an array; write [static.NAME]
static.a = 1
=> 1:12: static.a: is an integer; write [static.a]
node.name = "a b"
=> 1:13: node.name: "a b" is not a token; write letters, digits, '-', '_' and '.', without spaces
node.name = true
=> 1:13: node.name: is a boolean; write a string
node.workers = 257
=> 1:16: node.workers: 257 is too large; write 256 or less
node.workers = -1
=> 1:16: node.workers: -1 is too small; write 1 or more
node.workers = "all"
=> 1:16: node.workers: "all" is not a whole number; write one, as in 100
node.workers = 1.5
=> 1:16: node.workers: is a float; write a whole number
node.drain_timeout = "2h"
=> 1:22: node.drain_timeout: 2h is too large; write "1h" or less
admin.address = "0.0.0.0:9090"
=> 1:17: admin.address: 0.0.0.0:9090 can be reached from outside; add a token, or write "127.0.0.1:9090"
admin.token = "a b"
=> 1:15: admin.token: is not a token for Authorization: Bearer; write visible ASCII characters without spaces
[[listener]]
address = "127.0.0.1:9090"
=> 2:11: listener[0].address: 127.0.0.1:9090 is already admin.address; write another port or address
[[listener]]
[[listener]]
=> 2:1: listener[1].address: 127.0.0.1:8080 is already listener[0].address; write another port or address
[[listener]]
name = "a/b"
=> 2:8: listener[0].name: "a/b" is not a name; write up to 64 letters, digits, '_', '-' and '.'
[[listener]]
trusted_proxies = ["10/8"]
=> 2:20: listener[0].trusted_proxies[0]: "10/8" is not a network; write one as in "10.0.0.0/8" or "192.0.2.7"
[[listener]]
header_bytes_max = "4KiB"
=> 2:20: listener[0].header_bytes_max: 4KiB is too small; write "8KiB" or more
log.level = "inof"
=> 1:13: log.level: "inof" is not a level; did you mean "info"?
log.level = "verbose"
=> 1:13: log.level: "verbose" is not a level; write one of off, error, warn, info, debug, trace, or PART=LEVEL for one part
log.access = "stdot"
=> 1:14: log.access: "stdot" is not one of the choices; write "off", "stderr", "stdout" or a path
log.access = "/nowhere/at/all.log"
=> 1:14: log.access: there is no folder /nowhere/at; make it, or correct the path
log.access = "/"
=> 1:14: log.access: / is a folder; write the path of a file
cache.memory = 0
=> 1:16: cache.memory: 0B is too small; write "1MiB" or more
cache.memory = -1
=> 1:16: cache.memory: -1 is not a size; write bytes, or "512MiB"
cache.purge_records_max = 0
=> 1:27: cache.purge_records_max: 0 is too small; write 1 or more
[[listener]]
purge_from = ["localhost"]
=> 2:15: listener[0].purge_from[0]: "localhost" is not a network; write one as in "10.0.0.0/8" or "192.0.2.7"
cache.object_max = 0
=> 1:20: cache.object_max: 0B is too small; write "1KiB" or more
[cache]
memory = "1MiB"
object_max = "2MiB"
=> 3:14: cache.object_max: "2MiB" is larger than cache.memory; write "1MiB" or less
cache.targeted_fields = ["CDN-Cache-Control", "Cache-Control"]
=> 1:47: cache.targeted_fields[1]: "Cache-Control" counts in any case, after all of these; leave it out
cache.targeted_fields = ["Edge-Control"]
=> 1:26: cache.targeted_fields[0]: "Edge-Control" is not a targeted field; write a name that ends in "-Cache-Control", or "Surrogate-Control"
cache.targeted_fields = ["a b"]
=> 1:26: cache.targeted_fields[0]: "a b" is not a field name; write one as in "CDN-Cache-Control"
cache.targeted_fields = ["Surrogate-Control", "surrogate-control"]
=> 1:47: cache.targeted_fields[1]: "surrogate-control" is in the list already; leave one out
cache.retry_backoff_max = "2h"
=> 1:27: cache.retry_backoff_max: 2h is too large; write "1h" or less
cache.disk = { path = "cache" }
=> 1:14: cache.disk.size: is missing; write the bytes it may take, as in size = "10GiB"
cache.disk = { size = "1GiB" }
=> 1:14: cache.disk.path: is missing; write the folder it lies in, as in path = "/var/cache/forebay"
cache.disk = { path = "cache", size = "1MiB" }
=> 1:39: cache.disk.size: 1MiB is too small; write "16MiB" or more
cache.disk = { path = "cache", size = "64MiB", object_max = "32MiB" }
=> 1:61: cache.disk.object_max: "32MiB" is too large for this size; write "16MiB" or less
cache.disk = { path = "cache", size = "64MiB", segment_size = "16MiB" }
=> 1:63: cache.disk.segment_size: "16MiB" is too large for this size; write "8MiB" or less
cache.disk = { path = "cache", size = "64MiB", admission = "some" }
=> 1:60: cache.disk.admission: "some" is not one of the choices; write "all" or "second_request"
compression.jobs_max = 0
=> 1:24: compression.jobs_max: 0 is too small; write 1 or more
compression.streams_max = -1
=> 1:27: compression.streams_max: -1 is too small; write 0 or more
compression.zstd_level = 20
=> 1:26: compression.zstd_level: 20 is too large; write 19 or less
origins.empty = {}
=> 1:17: origins.empty.servers: is missing; write servers = ["http://HOST:PORT"]
origins.empty.servers = []
=> 1:25: origins.empty.servers: is empty; write servers = ["http://HOST:PORT"]
origins.tls.servers = ["https://a"]
=> 1:24: origins.tls.servers[0]: "https://a" asks for TLS, and TLS to origins is not available in this version; write http://HOST[:PORT]
origins."a b".servers = ["http://a"]
=> 1:9: origins."a b": "a b" is not a name; write up to 64 letters, digits, '_', '-' and '.'
static.docs.root = "/"
=> 1:8: static.docs: "docs" is already origins.docs; write another name, routes name both alike
static.site.root = "/dev/null"
=> 1:20: static.site.root: /dev/null is not a folder; write the folder that holds the files
static.site = {}
=> 1:15: static.site.root: is missing; write root = "FOLDER"
filters.a.module = "/"
=> 1:20: filters.a.module: / is not a file; write the path of a compiled filter
filter_limits.memory = "5GiB"
=> 1:24: filter_limits.memory: 5GiB is too large; write "4GiB" or less
filter_limits.tables = 99999999999999999999
=> 1:24: filter_limits.tables: 99999999999999999999 is too large; write 10000000 or less
node.name = "${NOBODY}"
=> 1:13: node.name: the environment variable NOBODY is not set; set it, or write ${NOBODY:-default}
"#;

/// The same for what stands below `[[route]]`.
const ROUTE_FAULTS: &str = r#"[[route]]
=> 1:1: route[0].origin: is missing; write origin = "NAME"
[[route]]
path="docs"
origin="docs"
=> 2:6: route[0].path: "docs" does not start with a slash; write a path as in "/docs"
[[route]]
path="/a%20"
origin="docs"
=> 2:6: route[0].path: "/a%20" has an escape; write the path as it reads, without %
[[route]]
path="/a?b"
origin="docs"
=> 2:6: route[0].path: "/a?b" has a query or a fragment; write the path alone
[[route]]
path="/a/*"
origin="docs"
=> 2:6: route[0].path: "/a/*" has a *; write the prefix alone, everything below it matches
[[route]]
path="/a/../b"
origin="docs"
=> 2:6: route[0].path: "/a/../b" has an empty, '.' or '..' segment, which no request path keeps; leave it out
[[route]]
path="/ä"
origin="docs"
=> 2:6: route[0].path: "/ä" has a space or a character that is not ASCII; write a prefix that ends before it
[[route]]
host="A.example"
origin="docs"
[[route]]
host="a.example"
origin="docs"
=> 4:1: route[1]: has the host and path of route[0]; change one of them, or join the two
[[route]]
name="a"
path="/a"
origin="docs"
[[route]]
name="a"
origin="docs"
path="/b"
=> 6:6: route[1].name: "a" is already route[0].name; write another name, metrics tell routes apart by it
[[route]]
path="/a"
origin="docs"
filters=["x"]
=> 4:10: route[0].filters[0]: "x" is not a filter; none is defined
[[route]]
path="/a"
origin="docs"
cache.enabled=1
=> 4:15: route[0].cache.enabled: is an integer; write true or false
[[route]]
path="/a"
origin="docs"
cache.stale_on=["connect", "404"]
=> 4:28: route[0].cache.stale_on[1]: "404" is not one of the choices; write "connect" or "timeout" or "5xx"
[[route]]
path="/a"
origin="docs"
cache.stale_if_error="1"
=> 4:22: route[0].cache.stale_if_error: "1" has no unit; write d, h, m, s, ms or us after each number
[[route]]
path="/a"
origin="docs"
cache.status_ttl={4xx="1m", "40x"="1m"}
=> 4:35: route[0].cache.status_ttl.40x: "40x" is not a status; write one as in "404", or a class as in "5xx"
[[route]]
path="/a"
origin="docs"
cache.status_ttl={206="1m"}
=> 4:23: route[0].cache.status_ttl.206: "206" is no whole response and stored in no case by its status; leave it out
[[route]]
path="/a"
origin="docs"
cache.status_ttl={1xx="1m"}
=> 4:23: route[0].cache.status_ttl.1xx: "1xx" is never a last response; write 200 to 599
[[route]]
path="/a"
origin="docs"
cache.status_ttl={404=60}
=> 4:23: route[0].cache.status_ttl.404: "60" has no unit; write "60s" or "60ms"
[[route]]
origin="docs"
cache.key.keep_query=["id"]
cache.key.drop_query=["utm_*"]
=> 4:22: route[0].cache.key.drop_query: stands beside keep_query, which drops all others already; leave one of them out
[[route]]
origin="docs"
cache.key.drop_query=["a=b"]
=> 3:23: route[0].cache.key.drop_query[0]: "a=b" is not the name of a parameter; write one, as in "id" or "utm_*"
[[route]]
origin="docs"
cache.key.keep_query=["id", "id"]
=> 3:29: route[0].cache.key.keep_query[1]: is in this list already; leave one out
[[route]]
origin="docs"
cache.key.keep_query="id"
=> 3:22: route[0].cache.key.keep_query: is a string; write a list, as in ["..."]
[[route]]
origin="docs"
cache.key.headers=["x device"]
=> 3:20: route[0].cache.key.headers[0]: "x device" is not the name of a header field; write one, as in "x-device"
[[route]]
origin="docs"
cache.key.headers=["Cookie"]
=> 3:20: route[0].cache.key.headers[0]: the whole of Cookie is every visitor's own; name the cookies in cookies = []
[[route]]
origin="docs"
cache.key.cookies=["a;b"]
=> 3:20: route[0].cache.key.cookies[0]: "a;b" is not the name of a cookie; write one, as in "tier"
[[route]]
origin="docs"
cache.key.sort_qery=true
=> 3:11: route[0].cache.key.sort_qery: is not a key; did you mean "sort_query"?
[[route]]
origin="docs"
compression.codings=["br", "deflate"]
=> 3:28: route[0].compression.codings[1]: "deflate" is not one of the choices; write "br" or "zstd" or "gzip"
[[route]]
origin="docs"
compression.codings=["br", "br"]
=> 3:28: route[0].compression.codings[1]: is in this list already; leave one out
[[route]]
origin="docs"
compression.types=["html"]
=> 3:20: route[0].compression.types[0]: "html" is not a media type; write one as in "text/html", "text/*" or "+json"
"#;

/// The same for what stands below `[filters.a]` and its `module`.
const FILTER_FAULTS: &str = r#"settings = 1
=> 3:12: filters.a.settings: is an integer; write a table or a string
settings.a = [inf]
=> 3:15: filters.a.settings.a[0]: inf cannot be written in JSON, which filters read; write a finite number of 64 bits
sha256 = "ab"
=> 3:10: filters.a.sha256: "ab" is not a SHA-256 digest; write the 64 digits that sha256sum prints
on_eror = "fail_open"
=> 3:1: filters.a.on_eror: is not a key; did you mean "on_error"?
"#;

/// The pieces of a table and their faults.
fn cases(table: &str) -> Vec<(String, String)> {
    let mut cases = Vec::new();
    let mut piece = String::new();
    for line in table.lines() {
        match line.strip_prefix("=> ") {
            Some(fault) => cases.push((std::mem::take(&mut piece), fault.to_owned())),
            None => piece.extend([line, "\n"]),
        }
    }
    assert!(piece.is_empty(), "a piece without a fault: {piece}");
    cases
}

/// The fault lines of a file made of `text` and what makes it complete.
fn faults_of(text: &str) -> Vec<String> {
    let complete = format!("{text}\n{ORIGIN}{ROUTE}");
    check(&complete).map_or_else(|faults| faults.iter().map(ToString::to_string).collect(), |_| Vec::new())
}

#[test]
fn one_run_lists_every_fault_of_a_file_in_its_order() {
    let text = r#"
[node]
nmae = "edge-1"
workers = 0
[[listener]]
address = "localhost:8080"
header_timeout = 10
colour = "blue"
[cache]
memory = "512M"
[origins.docs]
servers = ["htp://x", 3]
[filters.guard]
module = "there/is/no.wasm"
on_error = "ignore"
[[route]]
host = "docs.example.com:80"
origin = "dosc"
filters = ["gaurd", "other"]
"#;
    let expected = "\
edge.toml:3:1: node.nmae: is not a key; did you mean \"name\"?
edge.toml:4:11: node.workers: 0 is too small; write 1 or more
edge.toml:6:11: listener[0].address: \"localhost:8080\" is a name, not an address; write \"127.0.0.1:8080\" or \"[::1]:8080\"
edge.toml:7:18: listener[0].header_timeout: \"10\" has no unit; write \"10s\" or \"10ms\"
edge.toml:8:1: listener[0].colour: is not a key; the keys here are address, name, connections_max, header_timeout, \
keep_alive_timeout, body_timeout, send_timeout, header_count_max, header_bytes_max, trusted_proxies, purge_from
edge.toml:10:10: cache.memory: \"512M\" has an unknown unit; write B, KiB, MiB, GiB, TiB, KB, MB, GB or TB
edge.toml:12:12: origins.docs.servers[0]: \"htp://x\" is not an http URL; write http://HOST[:PORT]
edge.toml:12:23: origins.docs.servers[1]: is an integer; write a string
edge.toml:14:10: filters.guard.module: /tmp/there/is/no.wasm cannot be read: No such file or directory (os error 2); \
build the filter, or correct the path
edge.toml:15:12: filters.guard.on_error: \"ignore\" is not one of the choices; write \"fail_closed\" or \"fail_open\"
edge.toml:17:8: route[0].host: \"docs.example.com:80\" has a port; write the name alone, a route holds for every port
edge.toml:18:10: route[0].origin: \"dosc\" is not an origin; did you mean \"docs\"?
edge.toml:19:12: route[0].filters[0]: \"gaurd\" is not a filter; did you mean \"guard\"?
edge.toml:19:21: route[0].filters[1]: \"other\" is not a filter; there are guard";
    let here = std::env::current_dir().unwrap().display().to_string();
    assert_eq!(check(text).unwrap_err().to_string().replace(&here, "/tmp"), expected);
}

#[test]
fn every_kind_of_fault_has_its_place_and_its_remedy() {
    for (text, expected) in cases(FAULTS) {
        assert_eq!(faults_of(&text), [format!("edge.toml:{expected}")], "{text}");
    }
}

#[test]
fn every_kind_of_route_fault_has_its_place_and_its_remedy() {
    for (text, expected) in cases(ROUTE_FAULTS) {
        let faults = check(&format!("{text}{ORIGIN}")).unwrap_err();
        assert_eq!(faults.to_string(), format!("edge.toml:{expected}"), "{text}");
    }
    let faults = check("").unwrap_err().to_string();
    assert_eq!(faults, "edge.toml:1:1: route: is missing; write [[route]] with origin = \"NAME\"");
}

#[test]
fn what_is_not_toml_is_a_fault_with_its_place() {
    for (text, expected) in [
        ("[node\n", "edge.toml:1:6: is not TOML: unclosed table, expected `]`"),
        ("[node]\nname = \n", "edge.toml:2:8: is not TOML: "),
        ("a = 1\na = 2\n", "edge.toml:2:1: is not TOML: duplicate key"),
        ("a = \"\\q\"\n", "edge.toml:1:7: is not TOML: "),
    ] {
        let faults = check(text).unwrap_err().to_string();
        assert!(faults.starts_with(expected), "{text:?} gave {faults}");
        assert!(!faults.contains("is not a key"), "{text:?} gave {faults}");
    }
    let deep = check(&format!("a = {}", "[".repeat(100_000))).unwrap_err().to_string();
    assert!(deep.starts_with("edge.toml:1:"), "{deep}");
}

#[test]
fn a_file_that_cannot_be_read_is_one_fault() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("edge.toml");
    let absent = load(&file).unwrap_err().to_string();
    assert_eq!(
        absent,
        format!("{}: cannot be read: No such file or directory (os error 2); name a file with -c", file.display())
    );
    fs::write(&file, b"# fine\n# \xff").unwrap();
    let garbled = load(&file).unwrap_err().to_string();
    assert_eq!(garbled, format!("{}:2:3: is not UTF-8; save the file as UTF-8", file.display()));
}

#[test]
fn every_kind_of_filter_fault_has_its_place_and_its_remedy() {
    for (settings, expected) in cases(FILTER_FAULTS) {
        let (_folder, file) = folder_with(&settings);
        assert_eq!(load(&file).unwrap_err().to_string(), format!("{}:{expected}", file.display()), "{settings}");
    }
}

proptest! {
    #[test]
    fn no_file_panics(text in any::<String>(), near in "(\\[{1,2}(node|route|origins\\.a|static)\\]{1,2}|[a-z]{1,4}|=|\"|\\$\\{|[0-9]|\n|\\.){0,24}") {
        let _ = check(&text);
        let _ = check(&near);
    }
}
