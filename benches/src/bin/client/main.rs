//! The ServiceNow client, against what a user would write or take instead.
//!
//! Two kinds of work. A list of incidents, all their fields, from a server that copies pages out of its memory, so that
//! nothing but the clients costs time: ours as typed values, plain reqwest with `serde_json::Value` on the same pages,
//! PySNC and pysnow. It speaks HTTP without TLS, since encrypting, which costs all of them the same, would bring the
//! figures closer together. And a fleet brought into the simulator and kept in step: calls and writes are counted, and
//! the time is held against PySNC's on the same server.
//!
//! Rounds are interleaved, so that whatever else the machine does hits everybody; ratios are medians over the rounds.
//! Exit status: 0 all goals met, 1 not, 2 could not measure.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command that reports to the terminal")]

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use openfactory_benches::exit;

mod counting;
mod fleet;
mod list;
mod pages;
mod python;
mod report;

use report::Report;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// The ServiceNow client, against plain reqwest, PySNC and pysnow.
#[derive(Debug, Parser)]
#[command(max_term_width = 100)]
struct Options {
    /// How many rounds.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How many records are listed.
    #[arg(long, default_value_t = 100_000)]
    records: usize,
    /// How many devices the fleet has, each with two relations.
    #[arg(long, default_value_t = 10_000)]
    devices: usize,
    /// Only this work; all if none is named.
    #[arg(long, value_enum)]
    only: Vec<Work>,
    /// The Python interpreter that has PySNC and pysnow; they are left out without it.
    #[arg(long, env = "OPENFACTORY_PYTHON", value_name = "FILE")]
    python: Option<PathBuf>,
}

/// Kinds of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Work {
    /// List records.
    List,
    /// Bring a fleet into the CMDB, and keep it in step.
    Fleet,
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
    // Plain reqwest wants one before it makes a client, TLS or not.
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        return Err("another provider of TLS is installed".into());
    }
    let mut report = Report::default();
    let python = python::Python::find(options.python.as_deref());
    if let Err(missing) = &python {
        report.missing(missing);
    }
    let python = python.ok();
    // First, while the peak of the memory is the list's own.
    if options.wants(Work::List) {
        list::measure(options.rounds, options.records, python.as_ref(), &mut report).await?;
    }
    if options.wants(Work::Fleet) {
        fleet::measure(options.rounds, options.devices, python.as_ref(), &mut report).await?;
    }
    Ok(report.tell())
}
