//! The queues, in multiples of what the disk can do and of what others do on it.
//!
//! F is the rate of 4 KiB overwrites, each followed by `fdatasync`, on the same file system in the same round; for what is
//! published, in turns with it. Every round measures F and each kind of work once, so that whatever else the machine does
//! hits all of them; figures are medians over the rounds of the ratios within a round. Durable means: synced before the call returns. Exit status: 0
//! all goals met, 1 not, 2 could not measure.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command that reports to the terminal")]

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use openfactory_benches::exit;

mod apalis;
mod cpu;
mod deliver;
mod depth;
mod floor;
mod load;
mod pgmq;
mod postgres;
mod publish;
mod redis;
mod report;
mod round;

use report::Report;
use round::Round;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// The queues, in multiples of F: 4 KiB overwrites with fdatasync a second, on the same disk in the same round.
#[derive(Debug, Parser)]
#[command(max_term_width = 100)]
struct Options {
    /// Where the files are made: on the file system that is to be measured.
    #[arg(long, default_value = ".", value_name = "DIRECTORY")]
    dir: PathBuf,
    /// How many rounds.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How long each kind of work is measured in a round.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// How many messages wait in the deep queue.
    #[arg(long, default_value_t = 1_000_000)]
    depth: u64,
    /// Only this work; all if none is named.
    #[arg(long, value_enum)]
    only: Vec<Work>,
    /// Where the programs of `benches/rivals` are built; what they measure is left out without them.
    #[arg(long, value_name = "DIRECTORY")]
    rivals: Option<PathBuf>,
}

/// Kinds of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Work {
    /// Durable publishing to SQLite.
    Publish,
    /// Ordered lease and ack on SQLite.
    Deliver,
    /// Publish, lease and ack on SQLite.
    Trip,
    /// Ordered lease and ack on PostgreSQL.
    Postgres,
    /// SQLite with many messages waiting.
    Depth,
}

impl Options {
    fn wants(&self, work: Work) -> bool {
        self.only.is_empty() || self.only.contains(&work)
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    exit(match runtime {
        Ok(runtime) => runtime.block_on(measure(&options)),
        Err(error) => Err(error.into()),
    })
}

async fn measure(options: &Options) -> Result<bool> {
    let directory = tempfile::tempdir_in(std::path::absolute(&options.dir)?)?;
    let span = Duration::try_from_secs_f64(options.seconds)?;
    let mut report = Report::default();
    for number in 1..=options.rounds {
        let path = |name: &str| directory.path().join(format!("{name}-{number}"));
        let floor = floor::measure(&path("floor"), span)?;
        report.floor(floor);
        println!("round {number}: F {floor:.0}/s, load average {}", cpu::load()?);
        let mut round = Round { report: &mut report, path: &path, span, floor };
        if options.wants(Work::Publish) {
            round.publish().await?;
        }
        if options.wants(Work::Deliver) {
            round.deliver().await?;
        }
        if options.wants(Work::Trip) {
            round.trip(options.rivals.as_deref()).await?;
        }
        if options.wants(Work::Postgres) {
            round.postgres(number).await?;
        }
    }
    if options.wants(Work::Depth) {
        let path = directory.path().join("deep");
        depth::measure(&path, span, options.depth, options.rounds, &mut report).await?;
    }
    Ok(report.tell())
}
