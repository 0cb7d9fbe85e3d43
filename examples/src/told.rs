//! An error with its causes on one line, for logs, dead letters and records.

use std::error::Error;

/// The error and what caused it, colons between.
#[must_use]
pub fn told(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::told;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn every_cause_is_told() {
        assert_eq!(told(&Outer(std::io::Error::other("inner"))), "outer: inner");
    }
}
