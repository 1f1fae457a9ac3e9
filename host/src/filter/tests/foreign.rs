//! Foreign functions and cache verbs, as guests call them.

use super::guest::{Guest, OUT};
use super::node::{Node, chain_of, run_both, run_request, statuses, values};

/// Out parameters of a foreign function: a null pointer is no place.
const PLACES: &str = "(i32.const 4) (i32.const 8)";
const UNWANTED: &str = "(i32.const 0) (i32.const 0)";

/// A guest's call, whose result nobody wants.
fn call(guest: &mut Guest, name: &str, arguments: &str) -> String {
    let [name, arguments] = [name, arguments].map(|text| guest.text(text));
    format!("(call $tell (call $foreign {name} {arguments} {UNWANTED}))")
}

#[test]
fn what_is_compressed_comes_out_again() {
    let mut guest = Guest::new();
    let [pack, unpack, text] =
        ["compress", "uncompress", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"].map(|text| guest.text(text));
    let body = format!(
        "(call $tell (call $foreign {pack} {text} {PLACES}))
         (call $tell (i32.load (i32.const 8)))
         (call $tell (call $foreign {unpack} (i32.load (i32.const 4)) (i32.load (i32.const 8)) {PLACES}))
         (drop (call $add (i32.const 0) (i32.const 80) (i32.const 7) (i32.load (i32.const 4)) (i32.load (i32.const 8))))
         (call $tell (call $foreign {unpack} {text} {PLACES}))
         (call $tell (call $foreign {pack} {text} {UNWANTED}))
         (call $tell (call $foreign {pack} {text} (i32.const 0) (i32.const 12)))
         (call $tell (i32.load (i32.const 12)))"
    );
    let (_run, head, _) = run_request(&chain_of(&guest.on_request(&body).build()));
    let told = statuses(&head.headers);
    assert!((4..32).contains(&told[1]), "{told:?}");
    assert_eq!(told, [0, told[1], 0, 3, 0, 0, told[1]]);
    assert_eq!(values(&head.headers, "x-value"), ["a".repeat(32)]);
}

#[test]
fn every_function_answers_and_unknown_ones_are_not_found() {
    let cases = [
        ("clear_route_cache", "", 0),
        ("set_envoy_filter_state", "\x0a\x04user\x12\x03ada\x18\x01", 0),
        ("set_envoy_filter_state", "\x0a\x7fuser", 2),
        ("set_envoy_filter_state", "", 2),
        ("declare_property", "\x0a\x04user\x10\x01", 0),
        ("declare_property", "", 2),
        ("forebay.origin", "next", 0),
        ("forebay.shared_data.delete", "key", 1),
        ("forebay.shared_data.set_ttl", "key\x005", 1),
        ("forebay.shared_data.set_ttl", "key", 2),
        ("forebay.cache.tag", "a b", 0),
        ("forebay.cache.ttl", "soon", 2),
        ("forebay.cache.nothing", "", 1),
        ("expr_create", "1 == 1", 1),
        ("", "", 1),
    ];
    let mut guest = Guest::new();
    let mut body: String = cases.iter().map(|(name, arguments, _)| call(&mut guest, name, arguments)).collect();
    let user = guest.text("user");
    body += &format!("(call $tell (call $property {user} {OUT})) (call $show)");
    let (mut run, head, _) = run_request(&chain_of(&guest.on_request(&body).build()));
    let expected: Vec<u32> = cases.iter().map(|(_, _, status)| *status).chain([0]).collect();
    assert_eq!(statuses(&head.headers), expected);
    assert_eq!(values(&head.headers, "x-value"), ["ada"]);
    assert_eq!(run.origin().as_deref(), Some("next"));
    let verbs = run.take_cache_verbs().expect("a verb was said");
    assert_eq!(verbs.tags, ["a", "b"]);
    assert!(run.take_cache_verbs().is_none(), "they are taken once");
}

#[test]
fn shared_data_expires_and_goes_when_told() {
    let mut guest = Guest::new();
    let [key, value] = ["key", "value"].map(|text| guest.text(text));
    let get = format!("(call $tell (call $shared {key} {OUT} (i32.const 8)))");
    let expire = call(&mut guest, "forebay.shared_data.set_ttl", "key\x005");
    let delete = call(&mut guest, "forebay.shared_data.delete", "key");
    let set = format!("(call $tell (call $share {key} {value} (i32.const 0)))");
    let mut node = Node::new();
    node.add("probe", &guest.on_request(&format!("{get} {set} {delete} {get} {set} {expire} {get}")).build());
    let chain = node.chain();
    let told = || statuses(&run_request(&chain).1.headers);
    assert_eq!(told(), [1, 0, 0, 1, 0, 0, 0]);
    node.clock.advance(std::time::Duration::from_secs(4));
    assert_eq!(told()[0], 0);
    node.clock.advance(std::time::Duration::from_secs(5));
    assert_eq!(told()[0], 1);
}

#[test]
fn verbs_come_in_time_or_not_at_all() {
    let mut guest = Guest::new();
    let names = ["key", "drop_query", "keep_query", "vary", "ttl", "stale_while_revalidate", "stale_if_error", "tag"];
    let mut say = |name: &str, value: &str| {
        let [path, value] = [format!("forebay\0cache\0{name}"), value.to_owned()].map(|text| guest.text(text));
        format!("(call $tell (call $set_property {path} {value}))")
    };
    let value = |name: &str| match name {
        "key" => "arm=a",
        "ttl" | "stale_while_revalidate" | "stale_if_error" => "5",
        _ => "x",
    };
    let mut body: String = names.iter().map(|name| say(name, value(name))).collect();
    body += &(say("bypass", "1") + &say("purge", "tag x") + &say("bypass", "yes") + &say("nothing", "1"));
    let chain = chain_of(&guest.on_request(&body).on_response(&body).build());
    let (mut run, parts, _) = run_both(&chain);
    assert_eq!(statuses(&parts.headers), [2, 2, 2, 2, 2, 2, 2, 2, 2, 0, 2, 2], "only a purge is not too late");
    let verbs = run.take_cache_verbs().expect("the request's");
    assert!(verbs.bypass && verbs.keep_query.is_some());
    assert_eq!((verbs.purges.len(), verbs.vary.len(), verbs.tags.len()), (2, 1, 1));
    let (_run, head, _) = run_request(&chain);
    assert_eq!(statuses(&head.headers), [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2]);
}
