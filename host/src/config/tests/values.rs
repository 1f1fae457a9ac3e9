//! What a right file means: defaults, settings, the environment, and the files we ship.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use super::{ORIGIN, ROUTE, check, checked, folder_with};
use crate::config::{
    AccessLog, Admission, Balance, Coding, Config, HostPattern, LogFormat, OnError, Origin, OriginHost, Place,
    QueryParameters, RouteKey, Server, StaleOn, for_origin, load,
};

#[test]
fn an_absent_key_has_its_default() {
    let config = checked("");
    assert_eq!(config.node.name, "forebay");
    assert_eq!(config.node.workers, std::thread::available_parallelism().unwrap().get());
    assert_eq!(config.node.drain_timeout, Duration::from_secs(25));
    let [listener] = &config.listeners[..] else { panic!("one listener") };
    assert_eq!((listener.name.as_str(), listener.address.to_string().as_str()), ("127.0.0.1:8080", "127.0.0.1:8080"));
    assert_eq!(listener.connections_max, 10_000);
    assert_eq!(listener.header_timeout, Duration::from_secs(10));
    assert_eq!(listener.keep_alive_timeout, Duration::from_secs(75));
    assert_eq!((listener.body_timeout, listener.send_timeout), (Duration::from_secs(60), Duration::from_secs(60)));
    assert_eq!((listener.header_count_max, listener.header_bytes_max), (100, 32 << 10));
    assert!(listener.trusted_proxies.is_empty() && listener.purge_from.is_empty());
    assert_eq!((config.admin.address.to_string().as_str(), config.admin.token), ("127.0.0.1:9090", None));
    assert_eq!((config.log.level.as_str(), config.log.access), ("info", AccessLog::Off));
    assert_eq!((config.log.format, config.log.access_format), (LogFormat::Text, LogFormat::Text));
    assert_eq!((config.cache.memory_bytes, config.cache.object_bytes_max), (512 << 20, 16 << 20));
    assert_eq!(config.cache.fills_max, 1_024);
    assert_eq!(config.cache.uncacheable_ttl, Duration::from_secs(120));
    assert_eq!(config.cache.purge_records_max, 100_000);
    assert_eq!(config.cache.targeted_fields, ["cdn-cache-control", "surrogate-control"]);
    assert_eq!(config.cache.retry_backoff_max, Duration::from_secs(60));
    assert!(config.cache.disk.is_none());
    let compression = &config.compression;
    assert_eq!((compression.jobs_max, compression.streams_max), (2, 128));
    assert_eq!((compression.br_level, compression.zstd_level, compression.gzip_level), (5, 6, 6));
}

#[test]
fn an_origin_a_filter_and_a_route_have_their_defaults() {
    let config = checked("");
    let [origin] = &config.origins[..] else { panic!("one origin") };
    assert_eq!(origin.servers, [Server { host: "127.0.0.1".to_owned(), port: 7011 }]);
    assert_eq!((origin.balance, &origin.host), (Balance::RoundRobin, &OriginHost::Client));
    assert_eq!(origin.connect_timeout, Duration::from_secs(5));
    assert_eq!((origin.first_byte_timeout, origin.read_timeout), (Duration::from_secs(60), Duration::from_secs(60)));
    assert_eq!((origin.idle_timeout, origin.idle_connections_max), (Duration::from_secs(60), 32));
    let limits = &config.filter_limits;
    assert_eq!(limits.callback_deadline, Duration::from_millis(10));
    assert_eq!(limits.configure_deadline, Duration::from_secs(1));
    assert_eq!((limits.memory_bytes_max, limits.table_elements_max), (16 << 20, 10_000));
    assert_eq!((limits.module_bytes_max, limits.log_bytes_max), (16 << 20, 8 << 10));
    assert_eq!(limits.metric_series_max, 1000);
    assert_eq!((limits.shared_data_bytes_max, limits.queue_length_max), (1 << 20, 1024));
    assert_eq!((limits.header_count_max, limits.header_bytes_max), (128, 64 << 10));
    assert_eq!((limits.tick_min, limits.done_max), (Duration::from_millis(10), Duration::from_secs(5)));
    assert_eq!((limits.body_buffer_max, limits.instances_max), (1 << 20, 1000));
    assert_eq!(limits.calls_max, 32);
    assert_eq!((limits.call_timeout_max, limits.pause_max), (Duration::from_secs(10), Duration::from_secs(15)));
    let [route] = &config.routes[..] else { panic!("one route") };
    assert_eq!((route.name.as_str(), &route.host, route.path.as_str()), ("*/", &HostPattern::Any, "/"));
    assert!(route.filters.is_empty() && route.cache.enabled && route.cache.default_ttl.is_none());
    let cache = &route.cache;
    assert_eq!((cache.stale_while_revalidate, cache.stale_if_error), (Duration::ZERO, Duration::ZERO));
    assert_eq!(cache.stale_on, [StaleOn::Connect, StaleOn::Timeout, StaleOn::ServerError]);
    assert!(cache.status_ttl.is_empty() && cache.honour_request && cache.store_set_cookie);
    assert_eq!(route.cache.key, RouteKey::default());
    assert!(route.compression.codings.is_empty(), "compression is switched on by naming codings");
    assert_eq!((route.compression.min_bytes, route.compression.types.len()), (1 << 10, 14));
}

#[test]
fn settings_limits_and_the_environment_reach_the_model() {
    let config = checked(
        r#"
        node = { name = "edge-1", workers = "${WORKERS}" }
        admin = { address = "0.0.0.0:9090", token = "${TOKEN}" }
        cache = { memory = "8MiB", uncacheable_ttl = "0s" }
        log = { level = "warn,forebay::cache=debug", format = "json", access = "./access.log" }
        listener = [
            { name = "public", address = "[::]:80", trusted_proxies = ["10.0.0.0/8", "::1"], purge_from = ["::1"], header_count_max = 1000 },
            { address = "127.0.0.1:0" },
            { address = "127.0.0.1:0" },
        ]
        [origins.next]
        servers = ["http://a.example:${PORT}", "http://b.example"]
        host = "Docs.example"
        idle_timeout = "0s"
        idle_connections_max = 0
        "#,
    );
    assert_eq!((config.node.name.as_str(), config.node.workers), ("edge-1", 3));
    assert_eq!(config.admin.token.as_deref(), Some("s3cret"));
    assert_eq!(config.cache.object_bytes_max, 8 << 20, "no larger than the memory it is kept in");
    assert_eq!(config.log.access, AccessLog::File(std::env::current_dir().unwrap().join("./access.log")));
    assert_eq!(config.listeners.len(), 3, "port 0 is a free port each time");
    assert_eq!(config.listeners[0].name, "public");
    assert_eq!((config.listeners[0].trusted_proxies.len(), config.listeners[0].purge_from.len()), (2, 1));
    let names: Vec<_> = config.origins.iter().map(|origin| origin.name.as_str()).collect();
    assert_eq!(names, ["next", "docs"], "in the order of the file");
    assert_eq!(config.origins[0].servers[0], Server { host: "a.example".to_owned(), port: 7011 });
    assert_eq!(config.origins[0].host, OriginHost::Fixed("docs.example".to_owned()));
}

#[test]
fn a_route_says_what_is_stored_and_what_stale_is_for() {
    let config = check(&format!(
        "cache.targeted_fields = [\"X-Cache-Control\"]\n{ORIGIN}{ROUTE}[route.cache]\nhonour_request = false\n\
         store_set_cookie = false\nstale_on = []\nstale_if_error = \"1d\"\n\
         [route.cache.status_ttl]\n4xx = \"1m\"\n404 = \"0s\"\n5xx = \"5s\"\n"
    ))
    .unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(config.cache.targeted_fields, ["x-cache-control"]);
    let cache = &config.routes[0].cache;
    assert!(!cache.honour_request && !cache.store_set_cookie && cache.stale_on.is_empty());
    assert_eq!(cache.stale_if_error, Duration::from_secs(86_400));
    let seconds = Duration::from_secs;
    assert_eq!(cache.status_ttl, [(404..=404, seconds(0)), (400..=499, seconds(60)), (500..=599, seconds(5))]);
}

#[test]
fn a_route_says_what_its_key_is_made_of() {
    let key = |lines: &str| {
        let route = format!("[[route]]\norigin = \"docs\"\n[route.cache.key]\n{lines}\n{ORIGIN}");
        check(&route).unwrap_or_else(|faults| panic!("{faults}")).routes[0].cache.key.clone()
    };
    let all = key("sort_query = true\ndrop_query = [\"utm_*\"]\nheaders = [\"X-Device\"]\ncookies = [\"Tier\"]");
    assert!(all.sort_query);
    assert_eq!(all.query, QueryParameters::AllBut(vec!["utm_*".to_owned()]));
    assert_eq!((all.headers[0].as_str(), all.cookies[0].as_str()), ("x-device", "Tier"));
    assert_eq!(key("keep_query = []").query, QueryParameters::Only(Vec::new()));
    assert_eq!(key("").query, QueryParameters::All);
}

#[test]
fn a_filter_gets_its_settings_as_json_and_its_module_from_the_folder_of_the_file() {
    let digest = "AB".repeat(32);
    let (folder, file) = folder_with(&format!(
        "sha256 = \"{digest}\"\non_error = \"fail_open\"\n[filters.a.settings]\npercent = 10\nrules = [{{ from = \"$1\" }}]\n\
         ratio = 0.5\nsince = 2020-01-01\nlarge = 0xffff_ffff_ffff_ffff\non = true\ntext = \"$${{x}}\""
    ));
    let config = load(&file).unwrap();
    let [filter] = &config.filters[..] else { panic!("one filter") };
    assert_eq!(filter.module, folder.path().join("a.wasm"));
    assert_eq!(filter.vm, "a", "its own name where none is given");
    let pin = filter.sha256.as_ref().unwrap();
    assert_eq!((&*pin.digest, filter.on_error), (&*"ab".repeat(32), OnError::FailOpen));
    assert!(matches!(&pin.place, Place::Position { column: 10, .. }), "{}", pin.place);
    assert_eq!(
        filter.settings,
        r#"{"large":18446744073709551615,"on":true,"percent":10,"ratio":0.5,"rules":[{"from":"$1"}],"since":"2020-01-01","text":"${x}"}"#
    );
    assert_eq!(config.routes[0].filters[0].name, "a");
}

#[test]
fn settings_may_be_a_string_or_absent() {
    for (settings, expected) in [("", ""), ("settings = \"as is\"", "as is"), ("settings = {}", "{}")] {
        let (_folder, file) = folder_with(settings);
        assert_eq!(load(&file).unwrap().filters[0].settings, expected, "{settings}");
    }
}

#[test]
fn an_origin_alone_makes_a_configuration() {
    let config = for_origin("http://[::1]:7011/", Some("127.0.0.1:0".parse().unwrap()), None).unwrap();
    assert_eq!(config.origins[0].servers, [Server { host: "::1".to_owned(), port: 7011 }]);
    assert_eq!(config.origins[0].host, OriginHost::Server);
    assert_eq!(config.listeners[0].address.to_string(), "127.0.0.1:0");
    assert!(config.filters.is_empty() && config.routes[0].cache.enabled);
    assert_eq!(for_origin("http://a", None, None).unwrap().listeners[0].address.to_string(), "127.0.0.1:8080");
    let fault = for_origin("http://a", Some("127.0.0.1:9090".parse().unwrap()), None).unwrap_err().to_string();
    assert_eq!(fault, "--listen: 127.0.0.1:9090 is already admin.address; write another port or address");
    let admin = |address: &str| for_origin("http://a", None, Some(address.parse().unwrap()));
    assert_eq!(admin("127.0.0.1:9191").unwrap().admin.address.to_string(), "127.0.0.1:9191");
    let fault = admin("0.0.0.0:9191").unwrap_err().to_string();
    assert!(fault.starts_with("--admin: 0.0.0.0:9191 can be reached from outside"), "{fault}");
    let fault = for_origin("example.com", None, None).unwrap_err().to_string();
    assert_eq!(fault, "--origin: \"example.com\" is not an http URL; write http://HOST[:PORT]");
}

#[test]
fn the_summary_says_what_was_understood() {
    let config = checked("node = { name = \"edge-1\", workers = 1 }\nlistener = [{ name = \"public\" }]");
    assert_eq!(
        config.summary().to_string(),
        "\
node      edge-1, 1 worker
listener  127.0.0.1:8080 as public
admin     127.0.0.1:9090, without a token
cache     512MiB of memory, objects up to 16MiB
origin    docs at 127.0.0.1:7011
route     */ -> docs, cached where the origin says so
"
    );
}

#[test]
fn the_summary_names_what_is_not_by_default() {
    let node =
        "listener = [{ purge_from = [\"10.0.0.0/8\"] }]\ncache = { targeted_fields = [\"Edge-Cache-Control\"] }\n";
    let route = "compression = { codings = [\"br\", \"gzip\"] }\n[route.cache.key]\nsort_query = true\n\
         drop_query = [\"utm_*\"]\nheaders = [\"X-Device\"]\ncookies = [\"tier\"]\n";
    let told = check(&format!("{node}{ORIGIN}{ROUTE}{route}")).unwrap().summary().to_string();
    let expected = [
        "listener  127.0.0.1:8080, purged from 10.0.0.0/8",
        "terms     by edge-cache-control, cache-control",
        "route     */ -> docs, cached where the origin says so, keyed without the parameters utm_*, \
         keyed by the sorted query, keyed by the fields x-device, keyed by the cookies tier, compressed in br, gzip",
    ];
    for line in expected {
        assert!(told.lines().any(|told| told == line), "{line} is not in\n{told}");
    }
}

fn shipped(name: &str) -> Config {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config").join(name);
    load(&file).unwrap_or_else(|faults| panic!("{faults}"))
}

#[test]
fn the_reference_serves_the_small_site_through_three_filters() {
    let edge = shipped("edge.toml");
    assert_eq!(edge.node.name, "edge-1");
    assert_eq!(edge.listeners[0].address.to_string(), "127.0.0.1:8080");
    assert_eq!(edge.admin.address.to_string(), "127.0.0.1:9090");
    assert_eq!((edge.routes[0].origin.as_str(), &edge.routes[0].host), ("site", &HostPattern::Any));
    let chain = edge.routes[0].filters.iter().map(|filter| filter.name.as_str());
    assert_eq!(chain.collect::<Vec<_>>(), ["guard", "rewrite", "canary"]);
    assert_eq!(edge.routes[0].cache.default_ttl, Some(Duration::from_secs(300)));
    assert_eq!(edge.routes[0].compression.codings, [Coding::Br, Coding::Zstd, Coding::Gzip]);
    assert!(edge.statics.iter().all(|site| site.root.join("index.html").is_file()));
    let canary = edge.filters.iter().find(|filter| filter.name == "canary").unwrap();
    assert!(canary.settings.contains(&edge.statics[1].name), "the canary goes to the other edition");
}

#[test]
fn the_reference_shows_the_defaults() {
    let mut edge = shipped("edge.toml");
    let mut default = checked("[cache.disk]\npath = \"cache\"\nsize = \"1GiB\"");
    let (disk, usual) = (edge.cache.disk.as_mut().expect("shown"), default.cache.disk.as_mut().expect("given"));
    usual.path.clone_from(&disk.path);
    assert_eq!(format!("{:?}", edge.listeners), format!("{:?}", default.listeners));
    assert_eq!(format!("{:?}", edge.admin), format!("{:?}", default.admin));
    assert_eq!(format!("{:?}", edge.cache), format!("{:?}", default.cache));
    assert_eq!(format!("{:?}", edge.compression), format!("{:?}", default.compression));
    assert_eq!(format!("{:?}", edge.filter_limits), format!("{:?}", default.filter_limits));
    assert_eq!((edge.node.workers, edge.node.drain_timeout), (default.node.workers, default.node.drain_timeout));
    assert_eq!((edge.log.level, edge.log.format), (default.log.level, default.log.format));
    let (shown, usual) = (&edge.routes[0].compression, &default.routes[0].compression);
    assert_eq!((shown.min_bytes, &shown.types), (usual.min_bytes, &usual.types));
    let (app, docs) = (&edge.origins[0], &default.origins[0]);
    let docs = Origin { name: app.name.clone(), servers: app.servers.clone(), ..docs.clone() };
    assert_eq!(format!("{app:?}"), format!("{docs:?}"));
}

/// The checks name each key once, in the call that reads it; whatever they read must be in the reference.
#[test]
fn the_reference_has_every_key() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let reference = fs::read_to_string(root.join("../config/edge.toml")).unwrap();
    let readers = [
        "field", "required", "duration", "size", "bytes", "count", "choice", "section", "sections", "named", "optional",
    ];
    let mut keys = BTreeSet::new();
    for file in fs::read_dir(root.join("src/config/check")).unwrap() {
        let source = fs::read_to_string(file.unwrap().path()).unwrap();
        for reader in readers {
            let call = format!(".{reader}(\"");
            let calls = source.split(&call).skip(1);
            keys.extend(calls.map(|rest| rest.split('"').next().unwrap().to_owned()));
        }
    }
    assert!(keys.len() > 50, "only {} keys found: have the readers been renamed?", keys.len());
    let explained = |key: &str| {
        let lines = reference.lines().map(|line| line.trim_start_matches("# "));
        let headers = [format!("[{key}]"), format!("[[{key}]]"), format!("[{key}."), format!(".{key}]")];
        lines.into_iter().any(|line| {
            line.starts_with(&format!("{key} = "))
                || line.starts_with('[') && headers.iter().any(|it| line.contains(it))
        })
    };
    let missing: Vec<_> = keys.iter().filter(|key| !explained(key)).collect();
    assert!(missing.is_empty(), "config/edge.toml does not show {missing:?}");
}

#[test]
fn the_minimal_file_stands_in_front_of_a_web_server() {
    let minimal = shipped("minimal.toml");
    assert_eq!(minimal.origins[0].servers, [Server { host: "127.0.0.1".to_owned(), port: 8000 }]);
    assert_eq!(minimal.routes[0].origin, "site");
}

#[test]
fn a_disk_tier_needs_a_folder_and_a_size_and_the_rest_follows() {
    let disk = |keys: &str| checked(&format!("[cache.disk]\n{keys}")).cache.disk.expect("a disk tier");
    let large = disk("path = \"cache\"\nsize = \"10GiB\"");
    assert!(large.path.ends_with("cache"));
    assert_eq!((large.bytes_max, large.object_bytes_max, large.segment_bytes), (10 << 30, 1 << 30, 64 << 20));
    assert_eq!((large.queue_bytes_max, large.reads_max, large.write_rate), (32 << 20, 32, None));
    assert_eq!((large.admission, large.admission_window), (Admission::All, Duration::from_secs(3600)));
    let small = disk("path = \"cache\"\nsize = \"64MiB\"\nadmission = \"second_request\"\nwrite_rate = \"1MiB\"");
    assert_eq!((small.object_bytes_max, small.segment_bytes), (16 << 20, 8 << 20));
    assert_eq!((small.admission, small.write_rate), (Admission::SecondRequest, Some(1 << 20)));
}
