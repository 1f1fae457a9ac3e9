//! A death in every single change that a life makes to its disk, and in every one that the start after it makes.

use super::disk::{Faults, Part};
use super::life::{Life, Plan, PowerCuts, SMALL};

const STEPS: usize = 150;

const PARTS: [Part; 8] = [
    Part::Bytes(0),
    Part::Bytes(1),
    Part::Bytes(31),
    Part::Bytes(32),
    Part::Bytes(64),
    Part::Half,
    Part::AllButOne,
    Part::All,
];

fn plan(bytes_max: u64) -> Plan {
    Plan { faults: Faults::default(), harm: 0, power_cuts: PowerCuts::Never, bytes_max }
}

/// How many changes a life without a death makes.
fn changes(seed: u64, plan: Plan) -> u64 {
    let mut life = Life::begin(seed, plan);
    life.live(STEPS);
    life.disk.changes()
}

#[test]
fn a_death_in_any_change_leaves_nothing_wrong() {
    for seed in 0..2 {
        for change in 1..=changes(seed, plan(SMALL)) {
            for part in PARTS {
                let mut life = Life::begin(seed, plan(SMALL));
                life.disk.die_in(change, part);
                life.live(STEPS);
                assert!(life.disk.is_dead(), "change {change} never came");
                life.restart();
                life.check_all();
                life.live(5);
                life.restart();
                life.check_all();
            }
        }
    }
}

#[test]
fn a_death_in_any_change_loses_nothing() {
    for change in 1..=changes(9, plan(1 << 20)) {
        for part in PARTS {
            let mut life = Life::begin(9, plan(1 << 20));
            life.disk.die_in(change, part);
            life.live(STEPS);
            life.restart();
            life.check_nothing_lost();
        }
    }
}
