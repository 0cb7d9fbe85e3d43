//! The audit log, durable, with 64 callers at once: against a log that syncs each entry, on the same disk in the same round.
//!
//! Theirs is the least that such a log can do: one file, an entry's line appended, `fdatasync`. Rounds are interleaved;
//! medians and their ratio are printed. With `--entries N` a log then grows to so many, and the rate of appending and the
//! time for a proof are told on the way: neither may depend on how many there are. Exit status: 0 at least ten times as
//! fast, and flat; 1 not, 2 could not measure.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command that reports to the terminal")]

use std::error::Error;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use clap::Parser;
use openfactory_attest::Ed25519Key;
use openfactory_attest::audit::{Entry, Log};
use openfactory_benches::{Memory, exit, kibibytes, median, median_time};

const CALLERS: usize = 64;
const GOAL: f64 = 10.0;
/// How much slower the last tenth of a growing log may be than the first.
const FLAT: f64 = 2.0;
/// Entries of one call while a log grows.
const BATCH: u64 = 1000;
/// Proofs that are timed at each stop.
const PROOFS: u64 = 101;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// The audit log, durable, against one fdatasync for each entry.
#[derive(Debug, Parser)]
struct Options {
    /// Where the files are made: on the file system that is to be measured.
    #[arg(long, default_value = ".", value_name = "DIRECTORY")]
    dir: PathBuf,
    /// How many rounds.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How long each is measured in a round.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Let a log grow to so many entries.
    #[arg(long, value_name = "N")]
    entries: Option<u64>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    exit(measure(&options))
}

fn measure(options: &Options) -> Result<bool> {
    let folder = tempfile::tempdir_in(&options.dir)?;
    let span = Duration::from_secs_f64(options.seconds);
    let (mut theirs, mut ours) = (Vec::new(), Vec::new());
    for round in 1..=options.rounds {
        let path = folder.path().join(format!("round-{round}"));
        theirs.push(one_by_one(&path.with_extension("file"), span)?);
        ours.push(together(&path, span)?);
        let told = |rates: &[f64]| rates.last().copied().unwrap_or_default();
        println!("round {round}: one by one {:.0}/s, ours {:.0}/s", told(&theirs), told(&ours));
    }
    let ratios: Vec<f64> = ours.iter().zip(&theirs).map(|(ours, theirs)| ours / theirs).collect();
    let ratio = median(&ratios);
    println!(
        "audit append, durable, {CALLERS} callers, median of {}: {:.0}/s, one fdatasync for each {:.0}/s: {ratio:.1} times as fast (goal: {GOAL:.0})",
        options.rounds,
        median(&ours),
        median(&theirs),
    );
    let flat = match options.entries {
        Some(entries) => grow(&folder.path().join("grown"), entries)?,
        None => true,
    };
    Ok(ratio >= GOAL && flat)
}

fn entry(number: u64) -> Entry {
    let subject = format!("device-{:04}", number % 5000);
    Entry::new(format!("event-{number}"), "router", "incident.created", SystemTime::now(), subject)
        .because("configuration drift")
}

/// Entries a second, each synced for itself.
fn one_by_one(path: &Path, span: Duration) -> Result<f64> {
    let mut file = File::create_new(path)?;
    let (start, mut done) = (Instant::now(), 0_u64);
    while start.elapsed() < span {
        let mut line = entry(done).to_bytes()?;
        line.push(b'\n');
        file.write_all(&line)?;
        file.sync_data()?;
        done += 1;
    }
    Ok(done as f64 / start.elapsed().as_secs_f64())
}

/// Entries a second of many callers, one entry a call.
fn together(path: &Path, span: Duration) -> Result<f64> {
    let log = open(path)?;
    let next = AtomicU64::new(0);
    let start = Instant::now();
    std::thread::scope(|scope| {
        let caller = || -> Result<()> {
            while start.elapsed() < span {
                log.append(&[entry(next.fetch_add(1, Ordering::Relaxed))])?;
            }
            Ok(())
        };
        let callers: Vec<_> = (0..CALLERS).map(|_| scope.spawn(caller)).collect();
        callers.into_iter().try_for_each(|caller| caller.join().map_err(|_| "a caller panicked")?)
    })?;
    Ok(log.size() as f64 / start.elapsed().as_secs_f64())
}

/// Lets a log grow; whether the last tenth of it was as fast as the first, and a proof at its end as at its beginning.
fn grow(path: &Path, entries: u64) -> Result<bool> {
    let log = open(path)?;
    let (mut rates, mut proofs) = (Vec::new(), Vec::new());
    for tenth in 1..=10 {
        let (from, to) = (entries * (tenth - 1) / 10, entries * tenth / 10);
        let start = Instant::now();
        let mut number = from;
        while number < to {
            let end = to.min(number + BATCH);
            log.append(&(number..end).map(entry).collect::<Vec<_>>())?;
            number = end;
        }
        rates.push((to - from) as f64 / start.elapsed().as_secs_f64());
        log.checkpoint()?;
        let prove = |number: u64| -> Result<Duration> {
            let start = Instant::now();
            log.prove(to * number / PROOFS)?.ok_or("an entry without a proof")?;
            Ok(start.elapsed())
        };
        let proof = median_time((0..PROOFS).map(prove).collect::<Result<_>>()?);
        println!(
            "{to} entries: {:.0}/s appended, a proof in {:.1} us, {} MiB resident",
            rates.last().copied().unwrap_or_default(),
            proof.as_secs_f64() * 1e6,
            kibibytes(Memory::Resident)? / 1024,
        );
        proofs.push(proof.as_secs_f64());
    }
    let (first, last) =
        (rates.first().copied().unwrap_or_default(), rates.last().copied().unwrap_or_default());
    let (early, late) =
        (proofs.first().copied().unwrap_or_default(), proofs.last().copied().unwrap_or_default());
    println!(
        "from the first tenth to the last: appending {:.2} times as slow, proofs {:.2} times (goal: under {FLAT:.0})",
        first / last,
        late / early
    );
    Ok(first / last < FLAT && late / early < FLAT)
}

fn open(path: &Path) -> Result<Log> {
    Ok(Log::open(path, "example.com/bench", Arc::new(Ed25519Key::from_seed(&[7; 32])))?)
}
