//! How a measurement ends.
#![allow(clippy::print_stderr, reason = "for commands that report to the terminal")]

use std::fmt::Display;
use std::process::ExitCode;

/// The status of a measurement: 0 all goals met, 1 not, 2 could not measure, and then says why.
pub fn exit<E: Display>(outcome: Result<bool, E>) -> ExitCode {
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}
