//! Why a command could not be done: what it was about, and what caused it.

use std::error::Error;
use std::fmt;
use std::path::Path;

/// Why `attest` could not do what it was asked: one sentence and, where there is one, the cause.
///
/// That something was checked and found bad is never this; it is [`Verdict::Bad`](crate::cli::Verdict::Bad).
#[derive(Debug)]
pub struct CliError {
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl CliError {
    /// An error with no further cause: wrong usage mostly.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), source: None }
    }

    /// An error with its cause.
    pub fn because(message: impl Into<String>, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { message: message.into(), source: Some(source.into()) }
    }

    /// An error about a file: `cannot <what> <path>`, and the cause.
    pub fn file(what: &str, path: &Path, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::because(format!("cannot {what} {}", path.display()), source)
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for CliError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| source.as_ref() as &(dyn Error + 'static))
    }
}
