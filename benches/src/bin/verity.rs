//! The hash tree of a 1 GiB image in the page cache: `veritysetup format` and `verify` against ours on two threads.
//!
//! Rounds are interleaved, so that whatever else the machine does hits both. Prints medians and their ratios, and
//! compares what was written. Exit status: 0 both at least 4.5 times as fast, 1 not, 2 could not measure.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command that reports to the terminal")]

use std::error::Error;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use openfactory_attest::Work;
use openfactory_attest::verity::{self, Params, Tree};
use openfactory_benches::{exit, median_time};

const SIZE: usize = 1 << 30;
const ROUNDS: usize = 5;
const THREADS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1);
const GOAL: f64 = 4.5;
const SALT: &str = "e48da609055204e89ae53b655ca2216dd983cf3cb829f34f63a297d106d53e2d";
const UUID: &str = "a60c98d2-ae9b-4865-bfcb-b4e3ace11033";

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    exit(measure().map(|ratios| ratios.iter().all(|&ratio| ratio >= GOAL)))
}

fn measure() -> Result<[f64; 2]> {
    let directory = tempfile::tempdir()?;
    let image = directory.path().join("image");
    make_image(&image)?;
    let (theirs, ours) = (directory.path().join("theirs"), directory.path().join("ours"));
    let mut root = String::new();
    let formats = compare("format", || {
        let theirs = veritysetup(&["format".as_ref(), &image, &theirs])?;
        let (ours, tree) = format(&image, &ours)?;
        root = tree.root_hash().to_string();
        Ok((theirs, ours))
    })?;
    if fs::read(&theirs)? != fs::read(&ours)? {
        return Err("the two hash trees differ".into());
    }
    let verifies = compare("verify", || {
        let theirs = veritysetup(&["verify".as_ref(), &image, &ours, root.as_ref()])?;
        Ok((theirs, verify(&image, &ours, &root)?))
    })?;
    Ok([formats, verifies])
}

/// Theirs and ours in turn; the ratio of the medians.
fn compare(what: &str, mut round: impl FnMut() -> Result<(Duration, Duration)>) -> Result<f64> {
    let (mut their_times, mut our_times) = (Vec::new(), Vec::new());
    for number in 1..=ROUNDS {
        let (theirs, ours) = round()?;
        println!(
            "{what} {number}: veritysetup {:.3} s, ours {:.3} s",
            theirs.as_secs_f64(),
            ours.as_secs_f64()
        );
        their_times.push(theirs);
        our_times.push(ours);
    }
    let (theirs, ours) = (median_time(their_times), median_time(our_times));
    let ratio = theirs.as_secs_f64() / ours.as_secs_f64();
    println!(
        "{what} 1 GiB, median of {ROUNDS}: veritysetup {:.3} s, ours on {THREADS} threads {:.3} s: {ratio:.2} times as fast (goal: {GOAL:.1})",
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

fn veritysetup(arguments: &[&Path]) -> Result<Duration> {
    // Debian has system tools outside an ordinary user's PATH.
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new("veritysetup");
    command.args(arguments).args([format!("--salt={SALT}"), format!("--uuid={UUID}")]);
    let start = Instant::now();
    let output = command.env("PATH", path).output().map_err(|error| format!("veritysetup: {error}"))?;
    let took = start.elapsed();
    if !output.status.success() {
        return Err(format!("veritysetup: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(took)
}

fn params() -> Result<Params> {
    Ok(Params::new(UUID.parse()?).with_salt(SALT.parse()?))
}

fn format(image: &Path, hash: &Path) -> Result<(Duration, Tree)> {
    let params = params()?;
    let start = Instant::now();
    let image = File::open(image)?;
    let mut out = BufWriter::new(File::create(hash)?);
    let tree = verity::format(&image, None, &mut out, &params, &Work::on_threads(THREADS))?;
    out.flush()?;
    Ok((start.elapsed(), tree))
}

fn verify(image: &Path, hash: &Path, root: &str) -> Result<Duration> {
    let (params, root) = (params()?, root.parse()?);
    let start = Instant::now();
    let (image, hash) = (File::open(image)?, File::open(hash)?);
    let blocks = SIZE as u64 / u64::from(params.data_block_size().get());
    let tree = Tree::new(params, blocks, root)?;
    let report = verity::verify(&image, &hash, &tree, &Work::on_threads(THREADS))?;
    let took = start.elapsed();
    if report.is_intact() { Ok(took) } else { Err("the image is not intact".into()) }
}
