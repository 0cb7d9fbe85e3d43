//! Judges the journals in a directory. Exit status: 0 every promise was kept, 1 not, 2 could not be checked.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command that reports to the terminal")]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use openfactory_torture::check::{Checker, Verdict};
use openfactory_torture::journal;

/// Judge the journals that `torture` has left in a directory.
#[derive(Debug, Parser)]
struct Options {
    /// The directory with the files `life-000000` and on; the last life has drained the queue.
    directory: PathBuf,
}

/// So many violations are printed.
const SHOWN: usize = 5;

fn main() -> ExitCode {
    match judge(&Options::parse()) {
        Ok(verdict) => {
            for violation in verdict.violations.iter().take(SHOWN) {
                println!("  {violation}");
            }
            println!(
                "{} lives, {} stored, {} settled; leased again {} times after a fault and {} times given back; \
                 {} lost, {} promises broken",
                verdict.lives,
                verdict.stored,
                verdict.gone,
                verdict.faulted,
                verdict.given_back,
                verdict.lost(),
                verdict.violations.len(),
            );
            if verdict.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) }
        }
        Err(reason) => {
            eprintln!("error: {reason}");
            ExitCode::from(2)
        }
    }
}

fn judge(options: &Options) -> Result<Verdict, String> {
    let mut checker = Checker::default();
    let lives = (0..).map(|life| journal::file(&options.directory, life)).take_while(|path| path.exists());
    let mut count = 0;
    for path in lives {
        checker.life(journal::read(&path)?);
        count += 1;
    }
    if count == 0 {
        return Err(format!("{} holds no journal", options.directory.display()));
    }
    Ok(checker.verdict())
}
