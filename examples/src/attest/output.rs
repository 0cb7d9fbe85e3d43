//! Results on stdout.

use std::io::{self, BufWriter, Write};

use serde_json::Value;

use super::CliError;
use crate::terminal;

/// Writes these bytes to stdout as they are.
pub(crate) fn write(bytes: &[u8]) -> Result<(), CliError> {
    let mut stdout = io::stdout().lock();
    stdout
        .write_all(bytes)
        .and_then(|()| stdout.flush())
        .map_err(|error| CliError::because("cannot write the result to stdout", error))
}

/// Writes lines for people to stdout; what of them others wrote does not steer the terminal.
pub(crate) fn text(text: &str) -> Result<(), CliError> {
    write(terminal::lines(text).as_bytes())
}

/// Writes what comes in many parts to stdout.
pub(crate) fn write_with(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), CliError> {
    let mut stdout = BufWriter::new(io::stdout().lock());
    write(&mut stdout)
        .and_then(|()| stdout.flush())
        .map_err(|error| CliError::because("cannot write the result to stdout", error))
}

/// Writes one JSON object to stdout, and a newline.
pub(crate) fn write_json(value: &Value) -> Result<(), CliError> {
    write(format!("{value:#}\n").as_bytes())
}

/// Tells on stderr what does not stand in the way, but should not be missed.
pub(crate) fn warn(text: &str) -> Result<(), CliError> {
    writeln!(io::stderr().lock(), "warning: {text}")
        .map_err(|error| CliError::because("cannot write to stderr", error))
}
