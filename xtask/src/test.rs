//! `cargo xtask test`: all steps, in order, and a table of what came of them.

use std::time::Instant;

use clap::Args;

mod absences;
mod checks;
mod features;
mod foreign;
pub(crate) mod junit;
mod package;
mod profiles;
mod step;
mod suite;
mod summary;
mod tools;

pub(crate) use tools::python;

use crate::workspace::Workspace;
use step::Step;
use summary::{Outcome, Summary};

/// What to check, and how hard.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Let nothing be skipped: a missing tool is a failure, and so is a test that skips itself.
    #[arg(long)]
    strict: bool,
    /// Only these steps, in the usual order.
    #[arg(long, value_delimiter = ',', value_name = "STEP,...")]
    only: Vec<Step>,
}

/// Runs the steps; whether all of them passed or were rightly skipped.
///
/// A failed step doesn't stop the later ones: a run tells everything that is wrong.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<bool, String> {
    let mut summary = Summary::new(options.strict);
    for step in step::selected(&options.only) {
        println!("\n=== {} ===", step.name());
        let start = Instant::now();
        let outcome = match perform(step, workspace, options.strict) {
            Ok(outcome) => outcome,
            Err(reason) => Outcome::Failed(reason),
        };
        summary.add(step.name(), outcome, start.elapsed());
    }
    print!("\n{summary}");
    Ok(summary.is_good())
}

fn perform(step: Step, workspace: &Workspace, strict: bool) -> Result<Outcome, String> {
    match step {
        Step::Tools => tools::run(workspace),
        Step::Fmt => checks::fmt(workspace),
        Step::Deny => checks::deny(workspace),
        Step::LintSize => checks::lint_size(workspace),
        Step::Requirements => checks::requirements(workspace),
        Step::Planted => checks::planted(workspace),
        Step::Clippy => checks::clippy(workspace),
        Step::Test => suite::run(workspace, strict),
        Step::Profiles => profiles::run(workspace, strict),
        Step::Fuzz => checks::fuzz(workspace),
        Step::Torture => checks::torture(workspace, strict),
        Step::Absences => absences::run(workspace),
        Step::Doc => checks::doc(workspace),
        Step::Api => checks::api(workspace),
        Step::Examples => checks::examples(workspace),
        Step::Package => package::run(workspace),
    }
}
