//! Chains as routes write them: settings and conditions of their own.

use http::Method;

use super::super::{EndOfStream, Filters};
use super::guest::{Guest, OUT};
use super::node::{Node, element, request, run_both, run_request, statuses, stream, values};
use crate::config::{self, FilterCondition, RouteFilter};

/// A guest that shows its settings in every request, and in every response that it was there.
pub(super) fn shows_settings() -> Vec<u8> {
    let settings = format!("(drop (call $buffer (i32.const 7) (i32.const 0) (i32.const 100) {OUT})) (call $show)");
    Guest::new().on_request(&settings).on_response("(call $tell (i32.const 7))").build()
}

/// Routes of one origin with these chains.
pub(super) fn routes(chains: &[Vec<RouteFilter>]) -> Vec<config::Route> {
    let text = "[origins.o]\nservers = [\"http://127.0.0.1:1\"]\n[[route]]\norigin = \"o\"\n";
    let config = config::parse(text, "test.toml".as_ref(), &|_| None).unwrap();
    let route = |filters: &Vec<RouteFilter>| config::Route { filters: filters.clone(), ..config.routes[0].clone() };
    chains.iter().map(route).collect()
}

pub(super) fn with_settings(name: &str, settings: &str) -> RouteFilter {
    RouteFilter { settings: Some(settings.to_owned()), ..element(name) }
}

#[test]
fn routes_configure_one_module_differently_and_it_is_compiled_once() {
    let mut node = Node::new();
    node.add("show", &shows_settings()).settings = "own".to_owned();
    let chains = [vec![element("show")], vec![with_settings("show", "a")], vec![with_settings("show", "b")]];
    let routes = routes(&chains);
    let filters = Filters::load(&node.wanted(&routes), &node.environment).unwrap();
    for (chain, expected) in chains.iter().zip(["own", "a", "b"]) {
        let (_run, head, _) = run_request(&filters.chain(chain).unwrap());
        assert_eq!(values(&head.headers, "x-value"), [expected]);
    }
    let compiled = node.metric("forebay_filter_compiles_total{result=\"compiled\"}");
    assert_eq!(compiled.as_deref(), Some("1"));
    let failures = "forebay_filter_failures_total{filter=\"show\",kind=\"trap\"}";
    assert_eq!(node.metric(failures).as_deref(), Some("0"), "one series for all of them");
}

#[test]
fn each_kind_of_settings_is_configured_once_and_every_route_with_it_finds_that_image() {
    let mut guest = Guest::new();
    let name = guest.text("configured");
    let count = format!(
        "(drop (call $define (i32.const 0) {name} (i32.const 32)))
         (drop (call $increment (i32.load (i32.const 32)) (i64.const 1)))"
    );
    let module = guest.on_configure(&count).on_request("(call $tell (i32.const 1))").build();
    let mut node = Node::new();
    node.add("show", &module).settings = "own".to_owned();
    let chains = [element("show"), with_settings("show", "a"), with_settings("show", "b"), with_settings("show", "a")];
    let chains = chains.map(|element| vec![element]);
    let wanted = routes(&chains);
    let filters = Filters::load(&node.wanted(&wanted), &node.environment).unwrap();
    for chain in chains.iter().chain(&chains) {
        let chain = filters.chain(chain).unwrap();
        drop(run_request(&chain));
        assert!(chain.pristine(), "its instance is its image again");
    }
    // The fourth route has the settings of the second, and a second exchange the instance of the first.
    let count = |series: &str| node.metric(series);
    assert_eq!(count("forebay_filter_compiles_total{result=\"compiled\"}").as_deref(), Some("1"));
    assert_eq!(count("forebay_wasm_configured_total{filter=\"show\"}").as_deref(), Some("3"));
    assert_eq!(count("forebay_filter_instances_total{cause=\"first\",filter=\"show\"}").as_deref(), Some("3"));
    let (_, outcomes) = filters.renewed(&node.wanted(&wanted), &node.environment);
    assert_eq!(outcomes.len(), 3, "one for each kind of settings");
    assert_eq!(count("forebay_wasm_configured_total{filter=\"show\"}").as_deref(), Some("3"), "nothing has changed");
}

#[test]
fn settings_that_every_route_replaces_are_not_tried() {
    let mut node = Node::new();
    let guest = Guest::new().with(
        r#"(func (export "proxy_on_configure") (param $context i32) (param $size i32) (result i32)
             (i32.eq (local.get $size) (i32.const 1)))"#,
    );
    node.add("picky", &guest.build());
    assert!(node.fault().contains("refused its settings"));
    let routes = routes(&[vec![with_settings("picky", "a")]]);
    assert!(Filters::load(&node.wanted(&routes), &node.environment).is_ok());
}

#[test]
fn a_filter_is_not_entered_where_its_condition_does_not_hold() {
    let mut node = Node::new();
    let only =
        |path: &str, methods: &[Method]| FilterCondition { paths: vec![path.to_owned()], methods: methods.to_vec() };
    node.add("elsewhere", &shows_settings()).condition = only("/other", &[]);
    node.add("posts", &shows_settings()).condition = only("/guide", &[Method::POST]);
    node.add("here", &shows_settings()).condition = only("/guide", &[Method::GET]);
    let (run, parts, _) = run_both(&node.chain());
    assert_eq!(statuses(&parts.headers), [7], "one of three had the response");
    drop(run);
    for (name, entered) in [("elsewhere", "0"), ("posts", "0"), ("here", "1")] {
        let series = format!("forebay_filter_duration_seconds_count{{callback=\"request_headers\",filter=\"{name}\"}}");
        assert_eq!(node.metric(&series).as_deref(), Some(entered), "{name}");
    }
}

#[test]
fn a_condition_is_about_the_request_as_earlier_filters_left_it() {
    let mut node = Node::new();
    let mut moves = Guest::new();
    let [path, to] = [":path", "/moved/x"].map(|text| moves.text(text));
    node.add("moves", &moves.on_request(&format!("(drop (call $replace (i32.const 0) {path} {to}))")).build());
    let entered = Guest::new().on_request("(call $tell (i32.const 5))").build();
    node.add("behind", &entered).condition.paths = vec!["/moved".to_owned()];
    let mut run = node.chain().begin(stream());
    let mut head = request();
    run.ask(&mut head, EndOfStream::Yes);
    assert_eq!(statuses(&head.headers), [5]);
}
