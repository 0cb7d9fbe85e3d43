//! Logs: for a person on a terminal, as JSON lines for a collector, always on stderr.

use std::io::IsTerminal as _;

use serde::Deserialize;
use thiserror::Error;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

/// The `[log]` section of a configuration file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// How a line looks.
    pub format: LogFormat,
    /// What is logged, in the syntax of `RUST_LOG`, which goes before it: `info`, or `info,openfactory_sn=debug`.
    pub filter: String,
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum LogFormat {
    /// For a person, in colour on a terminal.
    Human,
    /// A JSON object per line.
    Json,
    /// `Human` when stderr is a terminal, else `Json`.
    Auto,
}

/// Why logging could not be set up.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TelemetryError {
    /// The filter is not in the syntax of `RUST_LOG`.
    #[error("the log filter {filter:?} can't be understood: {reason}")]
    Filter {
        /// The filter as given.
        filter: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Logging was set up before in this process.
    #[error("logging was already set up in this process")]
    AlreadySet,
}

/// Sets up logging for this process, once.
///
/// # Errors
/// When the filter can't be understood, or logging was set up before.
pub fn init(config: &LogConfig) -> Result<(), TelemetryError> {
    let filter = std::env::var("RUST_LOG").ok().filter(|text| !text.is_empty());
    let filter = filter.unwrap_or_else(|| config.filter.clone());
    let filter = EnvFilter::try_new(&filter)
        .map_err(|error| TelemetryError::Filter { filter: filter.clone(), reason: error.to_string() })?;
    let terminal = std::io::stderr().is_terminal();
    let json = match config.format {
        LogFormat::Human => false,
        LogFormat::Json => true,
        LogFormat::Auto => !terminal,
    };
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_span_events(FmtSpan::NONE)
        .with_ansi(terminal);
    let set = if json {
        lines.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init()
    } else {
        lines.with_target(false).compact().try_init()
    };
    set.map_err(|_already| TelemetryError::AlreadySet)
}

#[cfg(test)]
mod tests {
    use super::{LogConfig, LogFormat, TelemetryError, init};

    #[test]
    fn a_filter_that_is_none_is_refused_by_name() {
        let config = LogConfig { format: LogFormat::Json, filter: "info,=,[".to_owned() };
        // RUST_LOG, where it is set, goes before the file; then there is nothing to refuse.
        if std::env::var_os("RUST_LOG").is_none() {
            assert!(
                matches!(init(&config), Err(TelemetryError::Filter { filter, .. }) if filter == "info,=,[")
            );
        }
    }
}
