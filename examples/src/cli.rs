//! What every binary shares on the command line: exit status and how an error is told.
//!
//! Exit status everywhere: **0** checked and good (or done), **1** checked and bad, **2** could not check.

use std::error::Error;
use std::io::Write as _;
use std::process::ExitCode;

use crate::terminal;

/// What a command found out, when it could find out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// Checked and good, or done.
    Good,
    /// Checked, and it is bad.
    Bad,
}

/// Turns a command's outcome into the process's exit status, telling an error and its causes on stderr.
pub fn finish<E: Error>(outcome: Result<Verdict, E>) -> ExitCode {
    match outcome {
        Ok(Verdict::Good) => ExitCode::SUCCESS,
        Ok(Verdict::Bad) => ExitCode::from(1),
        Err(error) => {
            tell(&error);
            ExitCode::from(2)
        }
    }
}

/// Writes an error and the chain of its causes to stderr, a line each.
pub fn tell(error: &dyn Error) {
    let mut stderr = std::io::stderr().lock();
    let mut text = format!("error: {}\n", terminal::lines(&error.to_string()));
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!("  because: {}\n", terminal::lines(&error.to_string())));
        cause = error.source();
    }
    // Where stderr itself is gone there is nobody left to tell; the exit status still says it.
    let _unwritable = stderr.write_all(text.as_bytes());
}
