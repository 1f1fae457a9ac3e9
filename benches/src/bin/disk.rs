//! What the disk tier's store costs alone: inserts, warm reads, starts after a clean end and after a kill.
//!
//! ```text
//! cargo build --release -p forebay-benches && target/release/disk
//! ```
//!
//! A child fills a store, says what it cost, and is killed with SIGKILL as soon as everything it put is written: three
//! times, of which the median counts. This process then opens the last one, compares every object with what was put,
//! measures reads by 64 tasks, closes the store and opens it once more. Needs 7 GB below the temporary folder and as much
//! free memory, because reads are warm. Prints Markdown for RESULTS.md.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use fastrand::Rng;
use forebay::cache::disk::BareStore;
use forebay::config;
use forebay_benches::{cpu, table};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// How often a store is filled: the first time pays for memory that the system has not used yet.
const FILLS: usize = 3;
const META_BYTES: usize = 300;
const READERS: u64 = 64;
/// Bodies are pieces of this, so that making them costs nothing and each can be told from any other.
const POOL_BYTES: usize = 64 << 20;

/// What is stored: so many objects with bodies of a quarter to seven quarters of a size.
#[derive(Debug, Clone, Copy)]
struct Load {
    name: &'static str,
    objects: u64,
    body_bytes: usize,
    reads: u64,
}

/// The last four are the sizes that slices of large bodies might have.
const LOADS: [Load; 6] = [
    Load { name: "4.4 KiB", objects: 1_000_000, body_bytes: 4 << 10, reads: 1_000_000 },
    Load { name: "64 KiB", objects: 100_000, body_bytes: 64 << 10, reads: 200_000 },
    Load { name: "128 KiB", objects: 16_000, body_bytes: 128 << 10, reads: 32_000 },
    Load { name: "256 KiB", objects: 8_000, body_bytes: 256 << 10, reads: 16_000 },
    Load { name: "512 KiB", objects: 4_000, body_bytes: 512 << 10, reads: 8_000 },
    Load { name: "1 MiB", objects: 2_000, body_bytes: 1 << 20, reads: 4_000 },
];

/// Makes all objects, the same ones in every process.
struct Maker {
    pool: Bytes,
    load: Load,
}

impl Maker {
    fn new(load: Load) -> Self {
        let mut pool = vec![0; POOL_BYTES];
        Rng::with_seed(1).fill(&mut pool);
        Self { pool: pool.into(), load }
    }

    fn object(&self, number: u64) -> (Bytes, Bytes) {
        let mut rng = Rng::with_seed(number);
        let mut piece = |length: usize| {
            let from = rng.usize(..POOL_BYTES - length);
            self.pool.slice(from..from + length)
        };
        let meta = piece(META_BYTES);
        let size = self.load.body_bytes;
        let body = piece(Rng::with_seed(!number).usize(size / 4..=size * 7 / 4));
        (meta, body)
    }

    fn stored_bytes(&self) -> u64 {
        (0..self.load.objects)
            .map(|number| self.object(number))
            .map(|(meta, body)| (meta.len() + body.len()) as u64)
            .sum()
    }
}

/// What the child reports of its inserts.
struct Filled {
    elapsed: f64,
    cpu: f64,
    written: u64,
}

/// What a measurement of reads brings.
struct Reads {
    cpu_micros: f64,
    rate: f64,
    p50: Duration,
    p99: Duration,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.as_slice() {
        [] => compare(),
        [folder, number] => fill(Path::new(folder), LOADS[number.parse::<usize>()?]),
        _ => anyhow::bail!("no arguments are expected"),
    }
}

fn compare() -> Result<()> {
    let mut out = std::io::stdout();
    writeln!(
        out,
        "{}\n\n| objects | inserts/s (MB/s) | CPU s per million inserts | bytes written / stored | start after kill -9, ms | \
         lost | warm reads/s | CPU per read, µs | p50 / p99, µs | start after a clean end, ms | index bytes per object |\n\
         |---|---|---|---|---|---|---|---|---|---|---|",
        table::machine()
    )?;
    for number in 0..LOADS.len() {
        writeln!(out, "{}", row(number)?)?;
    }
    Ok(())
}

fn row(number: usize) -> Result<String> {
    let load = LOADS[number];
    let maker = Arc::new(Maker::new(load));
    let (filled, folder) = fill_and_kill(number)?;
    let runtime = Runtime::new()?;
    let (store, after_kill) = open(folder.path())?;
    let lost = runtime.block_on(count_lost(&store, &maker));
    let store = Arc::new(store);
    let reads = runtime.block_on(read_warm(&store, &maker))?;
    let (records, index_bytes) = store.index();
    let index = index_bytes as f64 / records as f64;
    drop(store);
    let (_store, after_clean) = open(folder.path())?;
    let (objects, stored) = (load.objects as f64, maker.stored_bytes() as f64);
    Ok(format!(
        "| {} of {} | {:.0} ({:.0}) | {:.1} | {:.3} | {} | {lost} | {:.0} | {:.1} | {:.1} / {:.1} | {} | {index:.0} |",
        load.objects,
        load.name,
        objects / filled.elapsed,
        stored / filled.elapsed / 1e6,
        filled.cpu / objects * 1e6,
        filled.written as f64 / stored,
        after_kill.as_millis(),
        reads.rate,
        reads.cpu_micros,
        reads.p50.as_nanos() as f64 / 1e3,
        reads.p99.as_nanos() as f64 / 1e3,
        after_clean.as_millis(),
    ))
}

fn config(folder: &Path) -> config::Disk {
    config::Disk {
        path: folder.join("store"),
        bytes_max: 16 << 30,
        object_bytes_max: 1 << 30,
        segment_bytes: 64 << 20,
        queue_bytes_max: 32 << 20,
        admission: config::Admission::All,
        admission_window: Duration::from_secs(600),
        write_rate: None,
        reads_max: 16,
    }
}

fn open(folder: &Path) -> Result<(BareStore, Duration)> {
    let start = Instant::now();
    let store = BareStore::open(&config(folder))?;
    while !store.is_ready() {
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok((store, start.elapsed()))
}

/// Runs in the child: fills the store, reports, and waits for its end.
fn fill(folder: &Path, load: Load) -> Result<()> {
    let maker = Maker::new(load);
    let (store, _) = open(folder)?;
    let runtime = Runtime::new()?;
    let (start, cpu_before) = (Instant::now(), cpu::used(std::process::id())?);
    runtime.block_on(async {
        for number in 0..load.objects {
            let (meta, body) = maker.object(number);
            ensure!(store.put(&number.to_le_bytes(), meta, body).await, "object {number} was not taken");
        }
        while store.waiting_bytes() > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    })?;
    let (elapsed, cpu) = (start.elapsed(), cpu::used(std::process::id())? - cpu_before);
    let mut out = std::io::stdout();
    writeln!(out, "{} {} {}", elapsed.as_secs_f64(), cpu.as_secs_f64(), written_bytes()?)?;
    out.flush()?;
    std::io::stdin().read_line(&mut String::new())?;
    Ok(())
}

/// All bytes that this process has given to `write` in any form; nothing but the store writes here.
fn written_bytes() -> Result<u64> {
    let io = fs::read_to_string("/proc/self/io")?;
    let line = io.lines().find_map(|line| line.strip_prefix("wchar: ")).context("wchar is in every /proc/self/io")?;
    Ok(line.parse()?)
}

/// A child that does not outlive this process.
struct Filler(Child);

impl Drop for Filler {
    fn drop(&mut self) {
        // SIGKILL, which is the point.
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

/// Fills and kills some times over. The median by processor time, and the folder of the last one.
fn fill_and_kill(number: usize) -> Result<(Filled, TempDir)> {
    let mut fills = Vec::new();
    loop {
        let folder = tempfile::tempdir()?;
        fills.push(fill_and_kill_once(folder.path(), number)?);
        if fills.len() == FILLS {
            fills.sort_by(|a, b| a.cpu.total_cmp(&b.cpu));
            return Ok((fills.swap_remove(FILLS / 2), folder));
        }
    }
}

fn fill_and_kill_once(folder: &Path, number: usize) -> Result<Filled> {
    let program: PathBuf = env::current_exe()?;
    let mut command = Command::new(program);
    command.arg(folder).arg(number.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = Filler(command.spawn()?);
    let mut report = String::new();
    BufReader::new(child.0.stdout.take().context("it is piped")?).read_line(&mut report)?;
    let [elapsed, cpu, written] = report.split_whitespace().collect::<Vec<_>>()[..] else {
        anyhow::bail!("the child ended early");
    };
    Ok(Filled { elapsed: elapsed.parse()?, cpu: cpu.parse()?, written: written.parse()? })
}

async fn count_lost(store: &BareStore, maker: &Maker) -> u64 {
    let mut lost = 0;
    for number in 0..maker.load.objects {
        let here = store.get(&number.to_le_bytes()).await;
        lost += u64::from(here != Some(maker.object(number)));
    }
    lost
}

async fn read_warm(store: &Arc<BareStore>, maker: &Arc<Maker>) -> Result<Reads> {
    let (start, cpu_before) = (Instant::now(), cpu::used(std::process::id())?);
    let each = maker.load.reads / READERS;
    let tasks: Vec<_> =
        (0..READERS).map(|n| tokio::spawn(read_some(store.clone(), maker.clone(), (n, each)))).collect();
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await??);
    }
    let (elapsed, cpu) = (start.elapsed(), cpu::used(std::process::id())? - cpu_before);
    latencies.sort_unstable();
    let at = |part: f64| latencies[((latencies.len() - 1) as f64 * part) as usize];
    let count = latencies.len() as f64;
    Ok(Reads {
        cpu_micros: cpu.as_secs_f64() * 1e6 / count,
        rate: count / elapsed.as_secs_f64(),
        p50: at(0.5),
        p99: at(0.99),
    })
}

async fn read_some(store: Arc<BareStore>, maker: Arc<Maker>, (reader, count): (u64, u64)) -> Result<Vec<Duration>> {
    let mut rng = Rng::with_seed(reader);
    let mut latencies = Vec::with_capacity(count as usize);
    for _ in 0..count {
        let number = rng.u64(..maker.load.objects);
        let start = Instant::now();
        let read = store.get(&number.to_le_bytes()).await;
        latencies.push(start.elapsed());
        let (_, body) = read.with_context(|| format!("object {number} is missing"))?;
        // All of it was compared once; here the comparison must not be what is measured.
        ensure!(body.first_chunk::<64>() == maker.object(number).1.first_chunk(), "object {number} is another one");
        tokio::task::yield_now().await;
    }
    Ok(latencies)
}
