//! Where a document goes that `attest sbom` makes, and the time that stands in it.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::attest::CliError;
use crate::attest::target::Target;

#[derive(Debug, clap::Args)]
pub(super) struct Written {
    /// Write to this file instead of stdout: all of it, or nothing. A summary then goes to stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The time that stands in the document, in seconds since 1970 UTC; now if not given
    #[arg(long, value_name = "SECONDS", env = "SOURCE_DATE_EPOCH")]
    time: Option<u32>,
    /// Print the summary as one JSON object; needs --output
    #[arg(long, requires = "output")]
    pub(super) json: bool,
}

impl Written {
    /// The file that is written, which is none of the inputs; `None` for stdout.
    pub(super) fn target<'p>(
        &self,
        inputs: impl IntoIterator<Item = &'p Path>,
    ) -> Result<Option<Target<'_>>, CliError> {
        self.output.as_deref().map(|file| Target::new(file, inputs)).transpose()
    }

    pub(super) fn time(&self) -> SystemTime {
        match self.time {
            Some(seconds) => SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.into()),
            None => SystemTime::now(),
        }
    }
}
