//! `event-router`: signed lifecycle events in, ServiceNow records out.

use std::process::ExitCode;

use clap::Parser as _;
use openfactory_examples::cli::finish;
use openfactory_examples::router::command::{Arguments, run};

fn main() -> ExitCode {
    finish(run(&Arguments::parse()))
}
