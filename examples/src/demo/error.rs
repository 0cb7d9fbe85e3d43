//! Why the demo ended early: which part of the story, and what caused it.

use std::error::Error;
use std::fmt;

/// What went wrong, in the words of the story, and the cause.
#[derive(Debug)]
pub struct DemoError {
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl DemoError {
    /// An error with no further cause.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), source: None }
    }
}

impl fmt::Display for DemoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for DemoError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

/// Says what was being done when something failed.
pub(crate) trait During<T> {
    /// Wraps the error, if there is one.
    fn during(self, what: &str) -> Result<T, DemoError>;
}

impl<T, E: Into<Box<dyn Error + Send + Sync>>> During<T> for Result<T, E> {
    fn during(self, what: &str) -> Result<T, DemoError> {
        self.map_err(|error| DemoError { message: format!("could not {what}"), source: Some(error.into()) })
    }
}
