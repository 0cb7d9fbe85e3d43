//! Zone 2: checks against the `jsonschema` crate, seal verification against `aide --check`, what a gate costs, how soon a
//! write is told, and what watching takes in memory.
//!
//! Ours and theirs are measured side by side, round by round; medians and their ratios are printed. What needs root and a
//! loop device, or `aide`, is said to be not measured without them. Exit status: 0 all that was measured meets its goal, 1
//! not, 2 could not measure.
#![allow(clippy::print_stdout, reason = "a command that reports to the terminal")]

mod checks;
mod seal;
mod watch;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use openfactory_benches::exit;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Checks, seal verification and the monitor.
#[derive(Debug, Parser)]
struct Options {
    /// Where files are made.
    #[arg(long, default_value = ".", value_name = "DIRECTORY")]
    dir: PathBuf,
    /// How many rounds.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Only watch this directory, and print what memory that takes.
    #[arg(long, hide = true, value_name = "DIRECTORY")]
    watch: Option<PathBuf>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    if let Some(root) = &options.watch {
        return exit(watch::alone(root));
    }
    let all = checks::measure(options.rounds)
        .and_then(|checks| Ok(checks & seal::measure(&options.dir, options.rounds)?))
        .and_then(|met| Ok(met & watch::measure(&options.dir, options.rounds)?));
    exit(all)
}

/// Prints a ratio and whether it meets its goal.
fn judge(what: &str, ratio: f64, goal: f64) -> bool {
    let met = ratio >= goal;
    println!("{what}: {ratio:.2} times, goal {goal}: {}", if met { "met" } else { "missed" });
    met
}
