//! What a program has cost the processor, and on which core it may run.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

/// `sysconf(_SC_CLK_TCK)`, which is 100 on every Linux that runs here: the unit of `/proc/PID/stat`.
const TICK: Duration = Duration::from_millis(10);
/// Fields after the program's name, from 0: `utime` and `stime`.
const TIMES: std::ops::RangeInclusive<usize> = 11..=12;

/// Processor time that `pid` and its children have used so far, in user space and in the kernel.
pub fn used(pid: u32) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).with_context(|| format!("process {pid} has ended"))?;
    let of_children: Duration = children(pid).into_iter().map(used).sum::<Result<_>>()?;
    Ok(TICK * ticks(&stat)? + of_children)
}

/// The programs that `pid`'s first thread has started and that still run.
pub fn children(pid: u32) -> Vec<u32> {
    let listed = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    listed.split_whitespace().filter_map(|child| child.parse().ok()).collect()
}

/// Keeps this program, all its threads and its future children on one core.
pub fn pin_self(core: usize) -> Result<()> {
    let pid = std::process::id().to_string();
    let output = Command::new("taskset").args(["-acp", &core.to_string(), &pid]).output()?;
    ensure!(output.status.success(), "taskset: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

fn ticks(stat: &str) -> Result<u32> {
    // The name may hold spaces; the last parenthesis ends it.
    let (_, fields) = stat.rsplit_once(") ").context("a stat line has the name in parentheses")?;
    let fields: Vec<&str> = fields.split(' ').collect();
    let times = fields.get(TIMES).context("a stat line has its times")?;
    times.iter().map(|time| Ok(time.parse::<u32>()?)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_kernel_time_are_added() {
        let stat = "42 (a (b) c) S 1 42 42 0 -1 4194304 100 0 0 0 250 50 9 9 20 0 1 0 100 0 0";
        assert_eq!(ticks(stat).unwrap(), 300);
    }

    #[test]
    fn this_program_has_used_some() {
        let start = used(std::process::id()).unwrap();
        while used(std::process::id()).unwrap() == start {}
    }
}
