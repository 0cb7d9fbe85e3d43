//! The blast radius of a key that made 1,000,000 signatures, over a fleet of 1,000,000 devices.
//!
//! A tenth of the signatures is in the window; a thousandth of the devices runs by a document that no log held. Prints the
//! median, and checks what came out. Exit status: 0 within the goal, 1 not, 2 could not measure.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command that reports to the terminal")]

use std::error::Error;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use openfactory_attest::compromise::{DeviceFact, SignedAt, assess};
use openfactory_attest::trust::revocation::Window;
use openfactory_attest::{Ed25519Key, Sha256Digest, Signer as _};
use openfactory_benches::{exit, median_time};

const SIGNATURES: u64 = 1_000_000;
const DEVICES: u64 = 1_000_000;
const FROM: u64 = SIGNATURES / 10 * 9;
const ROUNDS: usize = 5;
const GOAL: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    exit(measure().map(|median| median <= GOAL))
}

fn measure() -> Result<Duration, Box<dyn Error>> {
    let key = *Ed25519Key::from_seed(&[1; 32]).key_id();
    let payload = |number: u64| Sha256Digest::of(&number.to_le_bytes());
    let log: Vec<_> = (0..SIGNATURES).map(|at| SignedAt::new(at, key, payload(at), "document")).collect();
    let fleet: Vec<_> = (0..DEVICES)
        .map(|at| {
            // Every thousandth runs what no log held.
            let document = payload(if at % 1000 == 0 { SIGNATURES + at } else { at });
            DeviceFact::running(format!("device-{at}"), format!("build-{}", at / 100), document, key)
        })
        .collect();
    let window = Window::from("example.com/audit", FROM);
    let mut times = Vec::new();
    for round in 1..=ROUNDS {
        let start = Instant::now();
        let radius = assess(key, &window, &log, &[], &fleet);
        let time = start.elapsed();
        println!("round {round}: {:.3} s", time.as_secs_f64());
        let inside = DEVICES - FROM;
        let backdated_before = FROM / 1000;
        let expected = usize::try_from(inside + backdated_before)?;
        if radius.affected.len() != expected || radius.outside.len() != fleet.len() - expected {
            return Err(format!("{} devices are affected, not {expected}", radius.affected.len()).into());
        }
        times.push(time);
    }
    let median = median_time(times);
    println!(
        "{SIGNATURES} signatures, {DEVICES} devices, median of {ROUNDS}: {:.3} s (goal: {:.1})",
        median.as_secs_f64(),
        GOAL.as_secs_f64()
    );
    Ok(median)
}
