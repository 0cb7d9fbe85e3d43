//! `demo`: the whole story, on loopback, in under ninety seconds.

use std::process::ExitCode;

use clap::Parser as _;
use openfactory_examples::cli::finish;
use openfactory_examples::demo::{Arguments, run};

fn main() -> ExitCode {
    finish(run(&Arguments::parse()))
}
