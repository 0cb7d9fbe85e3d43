//! One thread: each engine of `lanes` against the `sha2` crate, on the same blocks of 4,096 bytes with a salt of 32 before
//! each, in the processor's cache as they are when an image is read piece by piece.
//!
//! Rounds are interleaved, so that whatever else the machine does hits all. Prints medians and ratios. Exit status: 0 the
//! engine that is chosen is at least 1.8 times as fast, 1 not, 2 could not measure.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command that reports to the terminal")]

use std::hint::black_box;
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use openfactory_attest::Sha256Digest;
use openfactory_attest::lanes::{Engine, Lanes};
use openfactory_benches::median_time;
use sha2::{Digest as _, Sha256};

const SALT: [u8; 32] = [0x5a; 32];
const BLOCK: NonZeroUsize = NonZeroUsize::MIN.saturating_add(4095);
const PIECE: usize = 256 * 1024;
const PIECES: usize = 256;
const ROUNDS: usize = 11;
const GOAL: f64 = 1.8;

fn main() -> ExitCode {
    let mut piece = vec![0; PIECE];
    if let Err(error) = getrandom::fill(&mut piece) {
        eprintln!("error: {error}");
        return ExitCode::from(2);
    }
    let engines: Vec<Lanes> =
        Engine::ALL.into_iter().filter_map(|engine| Lanes::on(engine, &SALT, b"")).collect();
    let chosen = Lanes::new(&SALT, b"").engine();
    let mut theirs = Vec::new();
    let mut ours = vec![Vec::new(); engines.len()];
    for _round in 0..ROUNDS {
        let (expected, took) = timed(|digests| sha2(&piece, digests));
        theirs.push(took);
        for (lanes, times) in engines.iter().zip(&mut ours) {
            let (found, took) = timed(|digests| lanes.hash_blocks(&piece, BLOCK, digests));
            if found != expected {
                eprintln!("error: {:?} gives other digests than sha2", lanes.engine());
                return ExitCode::from(2);
            }
            times.push(took);
        }
    }
    let sha2 = median_time(theirs);
    println!("sha2 crate: {:.0} MB/s", rate(sha2));
    let mut good = false;
    for (lanes, times) in engines.iter().zip(ours) {
        let (engine, took) = (lanes.engine(), median_time(times));
        let ratio = sha2.as_secs_f64() / took.as_secs_f64();
        let note = if engine == chosen { format!(" (chosen; goal: {GOAL:.1})") } else { String::new() };
        println!("{engine:?}: {:.0} MB/s, {ratio:.2} times as fast{note}", rate(took));
        good |= engine == chosen && ratio >= GOAL;
    }
    ExitCode::from(u8::from(!good))
}

fn timed(hash: impl Fn(&mut Vec<Sha256Digest>)) -> (Vec<Sha256Digest>, Duration) {
    let mut digests = Vec::new();
    let start = Instant::now();
    for _piece in 0..PIECES {
        digests.clear();
        hash(black_box(&mut digests));
    }
    (digests, start.elapsed())
}

fn sha2(piece: &[u8], digests: &mut Vec<Sha256Digest>) {
    let salted = Sha256::new_with_prefix(SALT);
    for block in piece.chunks(BLOCK.get()) {
        let mut state = salted.clone();
        state.update(block);
        digests.push(Sha256Digest::from_bytes(state.finalize().into()));
    }
}

/// In 10^6 bytes of image per second.
fn rate(took: Duration) -> f64 {
    (PIECE * PIECES) as f64 / took.as_secs_f64() / 1e6
}
