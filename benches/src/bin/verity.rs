//! The hash tree of a 1 GiB image in the page cache: `veritysetup format` against ours on two threads.
//!
//! Rounds are interleaved, so that whatever else the machine does hits both. Prints medians and their ratio, and
//! compares what was written. Exit status: 0 at least twice as fast, 1 not, 2 could not measure.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command that reports to the terminal")]

use std::error::Error;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use openfactory_attest::Work;
use openfactory_attest::verity::{self, Params};

const SIZE: usize = 1 << 30;
const ROUNDS: usize = 5;
const THREADS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1);
const GOAL: f64 = 2.0;
const SALT: &str = "e48da609055204e89ae53b655ca2216dd983cf3cb829f34f63a297d106d53e2d";
const UUID: &str = "a60c98d2-ae9b-4865-bfcb-b4e3ace11033";

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    match measure() {
        Ok(ratio) if ratio >= GOAL => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(1),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn measure() -> Result<f64> {
    let directory = tempfile::tempdir()?;
    let image = directory.path().join("image");
    make_image(&image)?;
    let (theirs, ours) = (directory.path().join("theirs"), directory.path().join("ours"));
    let (mut their_times, mut our_times) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        let (theirs, ours) = (veritysetup(&image, &theirs)?, format(&image, &ours)?);
        println!(
            "round {round}: veritysetup {:.3} s, ours {:.3} s",
            theirs.as_secs_f64(),
            ours.as_secs_f64()
        );
        their_times.push(theirs);
        our_times.push(ours);
    }
    if fs::read(&theirs)? != fs::read(&ours)? {
        return Err("the two hash trees differ".into());
    }
    let (theirs, ours) = (median(their_times), median(our_times));
    let ratio = theirs.as_secs_f64() / ours.as_secs_f64();
    println!(
        "1 GiB, median of {ROUNDS}: veritysetup {:.3} s, ours on {THREADS} threads {:.3} s: {ratio:.2} times as fast (goal: {GOAL:.1})",
        theirs.as_secs_f64(),
        ours.as_secs_f64(),
    );
    Ok(ratio)
}

/// Random bytes, written here and thus in the page cache.
fn make_image(path: &Path) -> Result<()> {
    let mut block = vec![0; 1 << 20];
    let mut image = File::create(path)?;
    for _mebibyte in 0..SIZE >> 20 {
        getrandom::fill(&mut block)?;
        image.write_all(&block)?;
    }
    image.sync_all()?;
    Ok(())
}

fn veritysetup(image: &Path, hash: &Path) -> Result<Duration> {
    // Debian has system tools outside an ordinary user's PATH.
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new("veritysetup");
    command.arg("format").arg(image).arg(hash).args([format!("--salt={SALT}"), format!("--uuid={UUID}")]);
    let start = Instant::now();
    let output = command.env("PATH", path).output().map_err(|error| format!("veritysetup: {error}"))?;
    let took = start.elapsed();
    if !output.status.success() {
        return Err(format!("veritysetup: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(took)
}

fn format(image: &Path, hash: &Path) -> Result<Duration> {
    let params = Params::new(UUID.parse()?).with_salt(SALT.parse()?);
    let start = Instant::now();
    let image = File::open(image)?;
    let mut out = BufWriter::new(File::create(hash)?);
    verity::format(&image, None, &mut out, &params, &Work::on_threads(THREADS))?;
    out.flush()?;
    Ok(start.elapsed())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
