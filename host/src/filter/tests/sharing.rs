//! Shared data and queues, as guests use them.

use super::guest::{Guest, OUT};
use super::node::{Node, chain_of, run_request, statuses, values};

/// Where guests here keep a value's number.
const CAS: &str = "(i32.const 8)";

#[test]
fn filters_of_one_vm_share_data_and_others_do_not() {
    let mut setting = Guest::new();
    let [key, value] = ["user", "ada"].map(|text| setting.text(text));
    let setting = setting.on_request(&format!("(call $tell (call $share {key} {value} (i32.const 0)))")).build();
    let mut getting = Guest::new();
    let key = getting.text("user");
    let get = format!("(call $tell (call $shared {key} {OUT} {CAS})) (call $tell (i32.load {CAS})) (call $show)");
    let getting = getting.on_request(&get).build();
    let mut node = Node::new();
    for (name, vm, module) in [("a", "one", &setting), ("b", "one", &getting), ("c", "two", &getting)] {
        node.add(name, module).vm = vm.to_owned();
    }
    let (_run, head, _) = run_request(&node.chain());
    assert_eq!(statuses(&head.headers), [0, 0, 1, 1, 0]);
    assert_eq!(values(&head.headers, "x-value"), ["ada", ""]);
    node.filters.remove(0);
    let (_run, head, _) = run_request(&node.chain());
    assert_eq!(values(&head.headers, "x-value"), ["ada", ""], "it outlives a load");
}

#[test]
fn a_set_is_refused_where_another_was_faster_and_null_removes() {
    let mut guest = Guest::new();
    let [key, value] = ["n", "1"].map(|text| guest.text(text));
    let body = format!(
        "(call $tell (call $share {key} {value} (i32.const 9)))
         (call $tell (call $share {key} {value} (i32.const 9)))
         (call $tell (call $share {key} (i32.const 0) (i32.const 0) (i32.const 9)))
         (call $tell (call $share {key} (i32.const 0) (i32.const 0) (i32.const 1)))
         (call $tell (call $shared {key} {OUT} {CAS}))
         (call $tell (call $share {key} (i32.const 0) (i32.const 0) (i32.const 1)))"
    );
    let (_run, head, _) = run_request(&chain_of(&guest.on_request(&body).build()));
    assert_eq!(statuses(&head.headers), [0, 8, 8, 0, 1, 0]);
}

#[test]
fn hostile_uses_of_shared_data_get_a_status() {
    let mut guest = Guest::new();
    let key = guest.text("n");
    let (far, long) = ("(i32.const -8) (i32.const 4)", "(i32.const 2048) (i32.const 5000)");
    let body = format!(
        "(call $tell (call $share {far} {key} (i32.const 0)))
         (call $tell (call $share {key} {far} (i32.const 0)))
         (call $tell (call $share {key} {long} (i32.const 0)))
         (call $tell (call $share {key} {key} (i32.const 0)))
         (call $tell (call $shared {key} {OUT} (i32.const -2)))
         (call $tell (call $shared {key} {far} {CAS}))
         (call $tell (call $register {far} {CAS}))
         (call $tell (call $register {key} (i32.const -2)))
         (call $tell (call $resolve {key} {far} {CAS}))
         (call $tell (call $enqueue (i32.const 1) {far}))
         (call $tell (call $dequeue (i32.const 1) {OUT}))"
    );
    let (_run, head, _) = run_request(&chain_of(&guest.on_request(&body).build()));
    assert_eq!(statuses(&head.headers), [6, 6, 10, 0, 6, 6, 6, 6, 6, 6, 1]);
}

#[test]
fn a_queue_hands_messages_from_one_filter_to_another() {
    let mut first = Guest::new();
    let [name, message] = ["jobs", "do it"].map(|text| first.text(text));
    let body = format!(
        "(call $tell (call $register {name} {CAS}))
         (call $tell (call $enqueue (i32.load {CAS}) {message}))
         (call $tell (call $enqueue (i32.load {CAS}) {message}))
         (call $tell (call $enqueue (i32.load {CAS}) {message}))
         (call $tell (call $enqueue (i32.load {CAS}) {message}))"
    );
    let mut second = Guest::new();
    let [vm, queue, other] = ["first", "jobs", "nothing"].map(|text| second.text(text));
    let take = format!("(call $tell (call $dequeue (i32.load {CAS}) {OUT})) (call $show)");
    let code = format!(
        "(call $tell (call $resolve {vm} {other} {CAS})) (call $tell (call $resolve {vm} {queue} {CAS}))
         {take} {take} {take} (call $tell (call $dequeue (i32.load {CAS}) {OUT}))"
    );
    let mut node = Node::new();
    node.add("first", &first.on_request(&body).build());
    node.add("second", &second.on_request(&code).build());
    let (_run, head, _) = run_request(&node.chain());
    assert_eq!(statuses(&head.headers), [0, 0, 0, 0, 10, 1, 0, 0, 0, 0, 7]);
    assert_eq!(values(&head.headers, "x-value"), ["do it"; 3]);
}
