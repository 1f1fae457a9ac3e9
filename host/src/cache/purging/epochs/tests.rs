//! Purges against subjects: scopes, modes, order, bounds.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;

use super::*;
use crate::cache::purging::ledger::read;

const KEY: &str = "http://a.example:81/docs/x?q origin=next";

fn tags() -> Tags {
    let mut headers = HeaderMap::new();
    headers.append("surrogate-key", HeaderValue::from_static("red blue"));
    headers.append("cache-tag", HeaderValue::from_static("two words"));
    headers.append("cache-groups", HeaderValue::from_static("\"g\""));
    Tags::of(&headers)
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_unix(Duration::from_secs(seconds))
}

fn hard(scope: Scope) -> Purge {
    Purge { scope, mode: Mode::Hard }
}

fn soft(scope: Scope) -> Purge {
    Purge { scope, mode: Mode::Soft }
}

fn tag(name: &str) -> Scope {
    Scope::Tag(name.to_owned())
}

fn group(origin: &str, name: &str) -> Scope {
    Scope::Group { origin: origin.to_owned(), name: name.to_owned() }
}

#[test]
fn a_purge_concerns_what_is_in_its_scope_and_nothing_else() {
    let url = |text: &str| Scope::Url(text.to_owned());
    let prefix = |text: &str| Scope::Prefix(text.to_owned());
    let host = |text: &str| Scope::Host(text.to_owned());
    let inside = [
        Scope::All,
        host("a.example"),
        url("http://a.example:81/docs/x?q"),
        prefix("http://a.example:81/docs/x?q"),
        prefix("http://a.example:81/do"),
        prefix("h"),
        tag("red"),
        tag("blue"),
        tag("two words"),
        tag("g"),
        group("http://a.example:81", "g"),
    ];
    let outside = [
        host("a.example:81"),
        host("example"),
        url("http://a.example/docs/x?q"),
        url("http://a.example:81/docs/x"),
        url(KEY),
        prefix("http://a.example:81/docs/x?q "),
        prefix("http://a.example:81/docs/y"),
        tag("RED"),
        tag("two"),
        group("http://a.example:81", "red"),
        group("http://a.example", "g"),
        group("https://a.example:81", "g"),
    ];
    let (tags, cases) = (tags(), inside.iter().map(|scope| (scope, true)));
    let subject = Subject { key: KEY, tags: Some(&tags) };
    for (scope, expected) in cases.chain(outside.iter().map(|scope| (scope, false))) {
        let epochs = Epochs::new(10, Ledger::default());
        assert_eq!(epochs.purge(&hard(scope.clone()), at(1)), 1);
        assert_eq!(epochs.since(0, subject).0 == Ruling::Purged, expected, "{scope:?}");
        assert_eq!(epochs.since(1, subject), (Ruling::Holds, 1), "{scope:?}: looked up after it");
        let epochs = Epochs::new(10, Ledger::default());
        epochs.purge(&soft(scope.clone()), at(7));
        assert_eq!(epochs.since(0, subject).0 == Ruling::Ends(at(7)), expected, "{scope:?}");
        assert_eq!(epochs.concerns(subject).len(), usize::from(expected), "{scope:?}");
    }
}

#[test]
fn where_one_key_stands_for_several_queries_a_purge_of_any_concerns_it() {
    let (epochs, none) = (Epochs::new(10, Ledger::default()), Tags::default());
    epochs.purge(&hard(Scope::Url("http://a.example/x?utm=1".to_owned())), at(1));
    for (key, expected) in [
        ("http://a.example/x variance=1", Ruling::Purged),
        ("http://a.example/x?id=5 header.h=v variance=1", Ruling::Purged),
        ("http://a.example/x?id=5", Ruling::Holds),
        ("http://a.example/y variance=1", Ruling::Holds),
    ] {
        assert_eq!(epochs.since(0, Subject { key, tags: Some(&none) }).0, expected, "{key}");
    }
}

#[test]
fn unknown_and_cut_tags_are_concerned_by_every_purge_of_one() {
    let mut headers = HeaderMap::new();
    headers.append("surrogate-key", HeaderValue::from_str(&"x".repeat(2000)).expect("a test value"));
    let cut = Tags::of(&headers);
    let none = Tags::default();
    let epochs = Epochs::new(10, Ledger::default());
    for (number, scope) in (0..).zip([tag("any"), group("http://other", "any")]) {
        epochs.purge(&hard(scope), at(1));
        let ruling = |tags| epochs.since(number, Subject { key: KEY, tags }).0;
        assert_eq!(ruling(None), Ruling::Purged);
        assert_eq!(ruling(Some(&cut)), Ruling::Purged);
        assert_eq!(ruling(Some(&none)), Ruling::Holds);
    }
}

#[test]
fn hard_and_soft_in_either_order() {
    let tags = tags();
    let subject = Subject { key: KEY, tags: Some(&tags) };
    let epochs = Epochs::new(10, Ledger::default());
    epochs.purge(&soft(tag("red")), at(1));
    epochs.purge(&hard(Scope::All), at(2));
    assert_eq!([0, 1, 2].map(|birth| epochs.since(birth, subject).0), [Ruling::Purged, Ruling::Purged, Ruling::Holds]);
    epochs.purge(&soft(Scope::All), at(3));
    epochs.purge(&soft(tag("blue")), at(4));
    let (third, fourth) = (Ruling::Ends(at(3)), Ruling::Ends(at(4)));
    assert_eq!([1, 2, 3].map(|birth| epochs.since(birth, subject).0), [Ruling::Purged, third, fourth]);
}

#[test]
fn the_oldest_records_are_given_up_and_what_is_older_counts_as_purged() {
    let epochs = Epochs::new(2, Ledger::default());
    let none = Tags::default();
    let subject = Subject { key: KEY, tags: Some(&none) };
    epochs.purge(&soft(tag("1")), at(1));
    epochs.purge(&soft(tag("2")), at(2));
    epochs.purge(&soft(tag("1")), at(3));
    assert_eq!((epochs.records(), epochs.since(0, subject).0), (2, Ruling::Holds), "a scope is one record");
    epochs.purge(&soft(Scope::Prefix("http://b".to_owned())), at(4));
    assert_eq!(epochs.records(), 2);
    let rulings = [0, 1, 2].map(|birth| epochs.since(birth, subject).0);
    assert_eq!(rulings, [Ruling::Purged, Ruling::Purged, Ruling::Holds], "tag 2 was the oldest");
    epochs.purge(&hard(Scope::All), at(5));
    assert_eq!(epochs.records(), 0, "a purge of all makes the others superfluous");
}

#[test]
fn prefixes_that_were_given_up_leave_no_length_behind() {
    let epochs = Epochs::new(1, Ledger::default());
    for text in ["http://a", "http://b", "http://long"] {
        epochs.purge(&hard(Scope::Prefix(text.to_owned())), at(1));
    }
    assert_eq!(epochs.read().prefix_lengths, BTreeMap::from([(11, 1)]));
}

proptest! {
    /// Against the plainest model: a list of all purges, looked through from its end.
    #[test]
    fn rulings_are_those_of_a_plain_list(
        purges in prop::collection::vec((0_usize..7, any::<bool>()), 0..12),
        birth in 0_u64..12,
    ) {
        let scopes = [
            Scope::All,
            Scope::Host("a.example".to_owned()),
            Scope::Url("http://a.example:81/docs/x?q".to_owned()),
            Scope::Prefix("http://a.example:81/".to_owned()),
            tag("red"),
            group("http://a.example:81", "g"),
            tag("green"),
        ];
        let (epochs, tags) = (Epochs::new(100, Ledger::default()), tags());
        let mut expected = Ruling::Holds;
        for (number, (scope, is_hard)) in (1..).zip(&purges) {
            let scope = scopes[*scope].clone();
            let concerned = scope != tag("green") && number > birth;
            epochs.purge(&if *is_hard { hard(scope) } else { soft(scope) }, at(number));
            if concerned {
                expected = expected.and(if *is_hard { Ruling::Purged } else { Ruling::Ends(at(number)) });
            }
        }
        let (ruling, looked_at) = epochs.since(birth, Subject { key: KEY, tags: Some(&tags) });
        prop_assert_eq!(looked_at, purges.len() as u64);
        match (ruling, expected) {
            // Several soft purges of one scope may have become one.
            (Ruling::Ends(end), Ruling::Ends(expected)) => prop_assert!(end <= expected),
            (ruling, expected) => prop_assert_eq!(ruling, expected),
        }
    }

    /// Two that see the same purges, of which one is ended now and then and begun from what was written down, with as
    /// many records as either had room for.
    #[test]
    fn a_restart_changes_nothing(
        acts in prop::collection::vec((0_u8..8, 0_usize..9, any::<bool>(), 2_usize..7), 1..50),
    ) {
        let (mut steady, mut restarted) = (Epochs::new(4, Ledger::default()), Epochs::new(4, Ledger::default()));
        let (mut standing, mut events) = (described(&restarted), Vec::new());
        let mut births = vec![0];
        for (second, (act, scope, is_hard, records_max)) in (0..).zip(acts) {
            match act {
                0 => {
                    restarted = recalled(&[vec![standing], events].concat(), records_max);
                    steady.records_max = records_max;
                    steady.tables.write().expect("no panic under the lock").bound(records_max);
                    steady.begin_life();
                    (standing, events) = (described(&restarted), Vec::new());
                }
                // Written anew; what was noted before may still follow.
                1 => (standing, events) = (described(&restarted), events.split_off(events.len() / 2)),
                _ => {
                    let scope = several()[scope].clone();
                    let purge = if is_hard { hard(scope) } else { soft(scope) };
                    steady.purge(&purge, at(second));
                    events.push(event(&restarted, &purge, at(second)));
                }
            }
            births.push(steady.latest());
            prop_assert_eq!((steady.latest(), steady.records()), (restarted.latest(), restarted.records()));
            let tags = tags();
            for tags in [None, Some(&tags)] {
                let subject = Subject { key: KEY, tags };
                prop_assert_eq!(steady.concerns(subject), restarted.concerns(subject));
                for birth in &births {
                    prop_assert_eq!(steady.since(*birth, subject), restarted.since(*birth, subject), "{}", birth);
                }
            }
        }
    }
}

fn several() -> [Scope; 9] {
    [
        Scope::All,
        Scope::Host("a.example".to_owned()),
        Scope::Url("http://a.example:81/docs/x?q".to_owned()),
        Scope::Url("http://a.example:81/docs/x?p".to_owned()),
        Scope::Prefix("http://a.example:81/".to_owned()),
        Scope::Prefix("http://a.example:8".to_owned()),
        tag("red"),
        tag("green"),
        group("http://a.example:81", "g"),
    ]
}

fn described(epochs: &Epochs) -> Vec<u8> {
    let mut payload = Payload::new();
    epochs.describe(&mut payload);
    payload.into_bytes()
}

/// Puts a purge in force; the bytes that are written down.
fn event(epochs: &Epochs, purge: &Purge, at: Timestamp) -> Vec<u8> {
    epochs.enact(purge, at, |_, posting| Payload::new().with(posting).into_bytes()).1
}

fn recalled(written: &[Vec<u8>], records_max: usize) -> Epochs {
    let epochs = Epochs::new(records_max, Ledger::default());
    for payload in written {
        read(payload).expect("it was written").iter().for_each(|posting| epochs.recall(posting));
    }
    epochs.begin_life();
    epochs
}
