//! The SQLite queue, in multiples of what the disk can do.
//!
//! F is the rate of 4 KiB overwrites, each followed by `fdatasync`, on the same file system in the same round. Every
//! round measures F and each kind of work once, so that whatever else the machine does hits all of them; figures are
//! medians over the rounds of the ratios within a round. Durable means: synced before the call returns. Exit status: 0
//! all goals met, 1 not, 2 could not measure.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command that reports to the terminal")]

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

mod deliver;
mod depth;
mod floor;
mod load;
mod publish;
mod redis;
mod report;

use report::Report;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// The SQLite queue, in multiples of F: 4 KiB overwrites with fdatasync a second, on the same disk in the same round.
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
    /// How many messages wait in the deep queue; 0 leaves that part out.
    #[arg(long, default_value_t = 1_000_000)]
    depth: u64,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(measure(&options)),
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

async fn measure(options: &Options) -> Result<bool> {
    let directory = tempfile::tempdir_in(&options.dir)?;
    let span = Duration::try_from_secs_f64(options.seconds)?;
    let mut report = Report::default();
    for round in 1..=options.rounds {
        let path = |name: &str| directory.path().join(format!("{name}-{round}"));
        let floor = floor::measure(&path("floor"), span)?;
        report.floor(floor);
        report.ratio(
            "publish, 1 caller",
            publish::measure(&path("one"), span, 1).await?.rate / floor,
            Some(0.5),
        );
        let many = publish::measure(&path("many"), span, 64).await?;
        report.ratio("publish, 64 callers", many.rate / floor, Some(6.0));
        report.p99("publish, 64 callers", many.p99);
        let delivered = deliver::measure(&path("deliver"), span).await?;
        report.ratio("lease and ack, 16 keys a claim", delivered / floor, Some(2.0));
        let trip = deliver::round_trip(&path("trip"), span).await?;
        report.ratio("publish, lease and ack, 16 keys a claim", trip / floor, None);
        match redis::measure(&path("redis"), span, 50).await? {
            Some(theirs) => {
                report.versus("publish, 64 callers, against a Redis stream", many.rate / theirs, None)
            }
            None => report.missing("publish against a Redis stream: no redis-server on this machine"),
        }
        println!(
            "round {round}: F {floor:.0}/s; publish {:.0}/s with 64 callers, p99 {:.1} ms; lease and ack {delivered:.0}/s; \
             round trip {trip:.0}/s",
            many.rate,
            many.p99.as_secs_f64() * 1000.0
        );
    }
    if options.depth > 0 {
        depth::measure(&directory.path().join("deep"), span, options.depth, options.rounds, &mut report)
            .await?;
    }
    Ok(report.tell())
}
