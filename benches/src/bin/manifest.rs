//! Manifests: 50,000 small files against `find` piped to `xargs -P2 openssl dgst`, and a squashfs of 1 GiB against `unsquashfs`
//! to memory and the same.
//!
//! Theirs gives digests alone; ours also kinds, owners, times and attributes. Both read from the page cache. Rounds are
//! interleaved; medians and their ratios are printed, and the most memory that was resident. The digests are compared. Exit
//! status: 0 at least 1.2 and 1.5 times as fast in less than 64 MiB, 1 not, 2 could not measure.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command that reports to the terminal")]

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::{self, File};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use clap::Parser;
use openfactory_attest::{Manifest, Work};
use openfactory_benches::{Memory, exit, kibibytes, median_time};

const THREADS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1);
const FILES: usize = 50_000;
const GOALS: [f64; 2] = [1.2, 1.5];
const MAX_KIBIBYTES: u64 = 64 * 1024;
/// Digests of all files below the directory where it runs; a file of its own for each process, so that no lines mix.
const THEIRS: &str =
    r#"find . -type f -print0 | xargs -0 -P2 -n 500 sh -c 'exec openssl dgst -sha256 -r "$@" > "$0/$$"' "#;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Manifests of 50,000 files and of a 1 GiB squashfs.
#[derive(Debug, Parser)]
struct Options {
    /// Where the files are made.
    #[arg(long, default_value = ".", value_name = "DIRECTORY")]
    dir: PathBuf,
    /// Where the squashfs is unpacked to for the comparison.
    #[arg(long, default_value = "/dev/shm", value_name = "DIRECTORY")]
    memory: PathBuf,
    /// How many rounds.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// The squashfs's size in MiB, unpacked.
    #[arg(long, default_value_t = 1024)]
    mebibytes: usize,
}

fn main() -> ExitCode {
    exit(measure(&Options::parse()))
}

fn measure(options: &Options) -> Result<bool> {
    let folder = tempfile::tempdir_in(&options.dir)?;
    let memory = tempfile::tempdir_in(&options.memory)?;
    let tree = folder.path().join("tree");
    small_files(&tree)?;
    let sums = folder.path().canonicalize()?.join("sums");
    fs::create_dir(&sums)?;
    let small = compare(&format!("{FILES} small files"), options.rounds, GOALS[0], || {
        let theirs = shell(&tree, &format!("{THEIRS}{}", sums.display()))?;
        let start = Instant::now();
        let manifest = Manifest::of_directory(&tree, &Work::on_threads(THREADS))?;
        let ours = start.elapsed();
        same(&sums, &manifest)?;
        Ok((theirs, ours))
    })?;
    let (image, unpacked) = (folder.path().join("image"), memory.path().join("unpacked"));
    large_image(folder.path(), &image, options.mebibytes)?;
    let large = compare(&format!("squashfs of {} MiB", options.mebibytes), options.rounds, GOALS[1], || {
        let (image, unpacked) = (image.canonicalize()?, unpacked.display());
        let image = image.display();
        let unpack = format!(
            "unsquashfs -quiet -no-progress -processors 2 -dest {unpacked} {image} && cd {unpacked} && "
        );
        let theirs = shell(memory.path(), &format!("{unpack}{THEIRS}{}", sums.display()))?;
        let file = File::open(folder.path().join("image"))?;
        let start = Instant::now();
        let manifest = Manifest::of_squashfs(&file, &Work::on_threads(THREADS))?;
        let ours = start.elapsed();
        same(&sums, &manifest)?;
        fs::remove_dir_all(memory.path().join("unpacked"))?;
        Ok((theirs, ours))
    })?;
    let peak = kibibytes(Memory::Peak)?;
    println!("the most memory that was resident: {} MiB (goal: under {})", peak / 1024, MAX_KIBIBYTES / 1024);
    Ok(small && large && peak < MAX_KIBIBYTES)
}

/// Theirs and ours in turn; whether the ratio of the medians meets the goal.
fn compare(
    what: &str,
    rounds: usize,
    goal: f64,
    mut round: impl FnMut() -> Result<(Duration, Duration)>,
) -> Result<bool> {
    let (mut their_times, mut our_times) = (Vec::new(), Vec::new());
    for number in 1..=rounds {
        let (theirs, ours) = round()?;
        println!("{what} {number}: theirs {:.3} s, ours {:.3} s", theirs.as_secs_f64(), ours.as_secs_f64());
        their_times.push(theirs);
        our_times.push(ours);
    }
    let (theirs, ours) = (median_time(their_times).as_secs_f64(), median_time(our_times).as_secs_f64());
    let ratio = theirs / ours;
    println!(
        "{what}, median of {rounds}: theirs {theirs:.3} s, ours on {THREADS} threads {ours:.3} s: {ratio:.2} times as fast (goal: {goal:.1})"
    );
    Ok(ratio >= goal)
}

fn shell(directory: &Path, line: &str) -> Result<Duration> {
    let start = Instant::now();
    let status = Command::new("sh").args(["-c", line]).current_dir(directory).status()?;
    let took = start.elapsed();
    if status.success() { Ok(took) } else { Err(format!("{line}: {status}").into()) }
}

/// Whether openssl's digests are ours.
fn same(sums: &Path, manifest: &Manifest) -> Result<()> {
    let mut text = String::new();
    for entry in fs::read_dir(sums)? {
        text.push_str(&fs::read_to_string(entry?.path())?);
    }
    fs::remove_dir_all(sums)?;
    fs::create_dir(sums)?;
    let theirs: BTreeMap<&str, &str> = text
        .lines()
        .filter_map(|line| line.split_once(" *./"))
        .map(|(digest, path)| (path, digest))
        .collect();
    let ours = manifest.files().all(|(path, _size, digest)| {
        theirs.get(path.to_string().trim_start_matches("./")) == Some(&digest.to_string().as_str())
    });
    if ours && theirs.len() == manifest.files().count() { Ok(()) } else { Err("the digests differ".into()) }
}

/// Files as they are in a system: most of some kilobytes, 100 in a directory.
fn small_files(tree: &Path) -> Result<()> {
    let mut content = vec![0; 8200];
    for number in 0..FILES {
        let directory = tree.join(format!("d{:03}", number / 100));
        if number % 100 == 0 {
            fs::create_dir_all(&directory)?;
        }
        getrandom::fill(&mut content[..64])?;
        let len = 200 + number * 7919 % 8000;
        fs::write(directory.join(format!("f{number:05}")), &content[..len])?;
    }
    Ok(())
}

/// Files of 64 KiB to 4 MiB, half random, half not, packed by mksquashfs with zstd.
fn large_image(folder: &Path, image: &Path, mebibytes: usize) -> Result<()> {
    let root = folder.join("root");
    fs::create_dir(&root)?;
    let mut left = mebibytes << 20;
    let mut number = 0;
    while left > 0 {
        let len = left.min((64 << 10) << (number % 7));
        let mut content = vec![0; len];
        for piece in content.chunks_mut(4096).step_by(2) {
            getrandom::fill(piece)?;
        }
        fs::write(root.join(format!("f{number:05}")), content)?;
        (left, number) = (left - len, number + 1);
    }
    let line = format!("mksquashfs root {} -comp zstd -quiet -no-progress", image.display());
    shell(folder, &line)?;
    fs::remove_dir_all(&root)?;
    Ok(())
}
