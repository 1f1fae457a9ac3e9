//! Host calls on the guest's own metrics.
//!
//! The rules are Envoy's: a counter only goes up, a histogram is only written, a gauge does as it is told.

use super::super::abi::{MetricKind, Status};
use super::super::measures::series::Series;
use super::super::state::State;
use super::memory::{self, Slice, split};
use super::outcome::{Answer, Guest};

pub(super) fn define(guest: &mut Guest<'_>, kind: u32, name: Slice, out: u32) -> Answer {
    let kind = MetricKind::try_from(kind)?;
    let (memory, state) = split(guest)?;
    let number = state.profile.series.define(name.read(memory)?, kind)?;
    memory::write_u32(memory, out, number)?;
    Ok(())
}

/// The series behind `number`; looked up in the shared table only where this instance has not met it.
fn series(state: &mut State, number: u32) -> Result<&Series, Status> {
    let index = number as usize;
    if index >= state.series.len() {
        state.profile.series.refresh(&mut state.series);
    }
    state.series.get(index).ok_or(Status::NotFound)
}

pub(super) fn record(guest: &mut Guest<'_>, number: u32, value: u64) -> Answer {
    match series(guest.data_mut(), number)? {
        Series::Counter(counter) => counter.inc_by(value),
        Series::Gauge(gauge) => gauge.set(i64::try_from(value).unwrap_or(i64::MAX)),
        Series::Histogram(histogram) => histogram.observe(value as f64),
    }
    Ok(())
}

pub(super) fn increment(guest: &mut Guest<'_>, number: u32, delta: i64) -> Answer {
    match series(guest.data_mut(), number)? {
        Series::Counter(counter) => match u64::try_from(delta) {
            Ok(delta @ 1..) => counter.inc_by(delta),
            _ => return Err(Status::BadArgument.into()),
        },
        Series::Gauge(gauge) => gauge.add(delta),
        Series::Histogram(_) => return Err(Status::BadArgument.into()),
    }
    Ok(())
}

pub(super) fn get(guest: &mut Guest<'_>, number: u32, out: u32) -> Answer {
    let (memory, state) = split(guest)?;
    let value = match series(state, number)? {
        Series::Counter(counter) => counter.get(),
        Series::Gauge(gauge) => u64::try_from(gauge.get()).unwrap_or(0),
        Series::Histogram(_) => return Err(Status::BadArgument.into()),
    };
    memory::write(memory, out, &value.to_le_bytes())?;
    Ok(())
}
