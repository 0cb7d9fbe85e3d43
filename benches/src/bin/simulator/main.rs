//! The ServiceNow simulator as a server: reads and creates a second, and what a look-up costs as its tables grow.
//!
//! One process, state in memory, HTTP on loopback with connections that are kept; client and server share the machine.
//! Rounds are interleaved, figures are medians over the rounds. A look-up is one request at a time. Exit status: 0 all
//! goals met, 1 not, 2 could not measure.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command that reports to the terminal")]

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use openfactory_benches::exit;
use openfactory_simulator::{Simulator, User};
use tokio::runtime::Runtime;

mod growth;
mod rate;
mod wire;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// How fast the ServiceNow simulator answers, over HTTP on loopback.
#[derive(Debug, Parser)]
#[command(max_term_width = 100)]
struct Options {
    /// How many rounds of reads and creates.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How long each kind of request is measured in a round.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// How many connections ask at once.
    #[arg(long, default_value_t = 8)]
    connections: usize,
    /// How many records there are at last, where look-ups are measured.
    #[arg(long, default_value_t = 1_000_000)]
    records: usize,
}

fn main() -> ExitCode {
    exit(measure(&Options::parse()))
}

fn measure(options: &Options) -> Result<bool> {
    println!("load at the start: {}", load()?);
    let begun = std::time::Instant::now();
    let user = User::new("bench", "bench").roles(["itil"]);
    let runtime = Runtime::new()?;
    let simulator = runtime.block_on(Simulator::builder().plain_http().user(user).start())?;
    println!("started in {:.1} ms", begun.elapsed().as_secs_f64() * 1e3);
    let span = Duration::try_from_secs_f64(options.seconds)?;
    let rates = rate::measure(&simulator, options.rounds, span, options.connections)?;
    let growth = growth::measure(&simulator, options.records)?;
    println!("load at the end: {}", load()?);
    runtime.block_on(simulator.shutdown());
    Ok(rates && growth)
}

/// How busy the machine is, by the kernel's averages over 1, 5 and 15 minutes.
fn load() -> Result<String> {
    let text = std::fs::read_to_string("/proc/loadavg")?;
    Ok(text.split(' ').take(3).collect::<Vec<_>>().join(" "))
}
