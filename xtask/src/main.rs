//! `cargo xtask`: the project's own commands.
//!
//! `cargo xtask test` is what continuous integration runs, and what a developer runs before a commit: the same
//! steps by the same names. `cargo xtask bench NAME` runs a measurement, `cargo xtask torture queue` proves durability
//! the hard way, `cargo xtask fuzz` feeds parsers with nonsense, `cargo xtask planted` tests the tests, and `cargo xtask lint-size` is the one check that no other tool has.
#![allow(clippy::print_stdout, reason = "a command that reports to the terminal")]

use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

mod api;
mod bench;
mod examples;
mod fuzz;
mod planted;
mod process;
mod requirements;
mod rustdoc;
mod size;
mod test;
mod torture;
mod update_set;
mod workspace;

use test::Options;

/// The project's own commands.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check everything: tools, format, dependencies, file sizes, lints, tests, absences, docs.
    ///
    /// What can't be checked on this machine is skipped, with the reason; with --strict that is a failure.
    Test(Options),
    /// Hold the public API of the libraries against the lists in docs/api.
    Api(api::Options),
    /// Measure, side by side with what a user would pick instead.
    Bench {
        /// What to measure.
        name: Bench,
        /// Passed on to the measurement.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Kill the queue's process and cut its disk's power, again and again, and judge what is left.
    Torture {
        /// What to torture.
        name: Torture,
        /// Passed on: --backend, --kills, --cuts, --messages, --seed, --dir, --strict; --help explains them.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Feed the parsers of foreign bytes with what libFuzzer makes up, guided by the coverage that it sees.
    Fuzz(fuzz::Options),
    /// Plant bugs into the queue, one at a time, in a copy of the work tree: its tests or a torture must find each.
    Planted(planted::Options),
    /// Find the public items of openfactory-sn that no example shows.
    Examples,
    /// Fail on source files that are too long to be read, warn of those that grow towards it.
    LintSize,
    /// Make ServiceNow's side, `docs/servicenow/update-set.xml`, of the business rule's script.
    UpdateSet,
}

/// The measurements of the package `openfactory-benches`.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Bench {
    /// The ServiceNow client, against plain reqwest, PySNC and pysnow.
    Client,
    /// The audit log with 64 callers, against one fdatasync for each entry; `-- --entries 10000000` lets it grow.
    Audit,
    /// The blast radius of a key that made a million signatures.
    Compromise,
    /// Each engine of `lanes`, against the `sha2` crate.
    Lanes,
    /// Manifests of many files and of a large squashfs, against `find`, `unsquashfs` and `openssl`.
    Manifest,
    /// Zone 2: checks against `jsonschema`, seal verification against `aide`, and what the monitor costs.
    Zone2,
    /// The hash tree of a 1 GiB image, against `veritysetup format`.
    Verity,
    /// The queue on SQLite and PostgreSQL, against the disk's own rate, a Redis stream, apalis and pgmq's SQL.
    Queue,
    /// The ServiceNow simulator: reads and creates a second, and look-ups among a million records.
    Simulator,
}

/// What can be tortured.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Torture {
    /// The durable queue.
    Queue,
}

fn main() -> ExitCode {
    let outcome = workspace::Workspace::find().and_then(|workspace| match Cli::parse().command {
        Command::Test(options) => test::run(&workspace, &options),
        Command::Bench { name: Bench::Audit, arguments } => bench::run(&workspace, "audit", &arguments),
        Command::Bench { name: Bench::Compromise, arguments } => {
            bench::run(&workspace, "compromise", &arguments)
        }
        Command::Bench { name: Bench::Lanes, arguments } => bench::run(&workspace, "lanes", &arguments),
        Command::Bench { name: Bench::Manifest, arguments } => bench::run(&workspace, "manifest", &arguments),
        Command::Bench { name: Bench::Zone2, arguments } => bench::run(&workspace, "zone2", &arguments),
        Command::Bench { name: Bench::Verity, arguments } => bench::run(&workspace, "verity", &arguments),
        Command::Bench { name: Bench::Client, arguments } => bench::client(&workspace, &arguments),
        Command::Bench { name: Bench::Queue, arguments } => bench::queue(&workspace, &arguments),
        Command::Bench { name: Bench::Simulator, arguments } => {
            bench::run(&workspace, "simulator", &arguments)
        }
        Command::Torture { name: Torture::Queue, arguments } => {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            torture::queue(&workspace, true, &arguments)?.pass()
        }
        Command::Fuzz(options) => fuzz::run(&workspace, &options),
        Command::Planted(options) => planted::run(&workspace, &options),
        Command::Api(options) => api::run(&workspace, &options),
        Command::Examples => examples::run(&workspace),
        Command::LintSize => size::run(&workspace),
        Command::UpdateSet => update_set::write(&workspace),
    });
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(reason) => {
            println!("error: {reason}");
            ExitCode::from(2)
        }
    }
}
