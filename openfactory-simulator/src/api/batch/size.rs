//! How large the bodies of a batch's items and their answers may be.

use crate::api::Call;
use crate::refusal::Refusal;
use crate::store::{Session, StoreError};

const MEGABYTE: usize = 1024 * 1024;

/// Property and default, in megabytes, of the largest body of an item and of the largest answer.
const INPUT: (&str, usize) = ("glide.rest.batch.max.inputSize", 5);
const OUTPUT: (&str, usize) = ("glide.rest.batch.max.outputSize", 10);

/// What no property raises, in megabytes.
const CEILING: usize = 10;

/// By which a caller asks for smaller answers, in bytes.
const HEADER: &str = "x-batchrequest-max-output-size";

/// The largest body of an item, and the largest answer, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    input: usize,
    pub(super) output: usize,
}

impl Sizes {
    pub(super) fn of(session: &Session<'_>, call: &Call) -> Result<Self, StoreError> {
        let wished = call.header(HEADER).and_then(|text| text.trim().parse().ok());
        let output = limit(session, OUTPUT)?;
        Ok(Self { input: limit(session, INPUT)?, output: wished.map_or(output, |wished| output.min(wished)) })
    }

    /// Refuses a body that is too large.
    pub(super) fn admit(self, body: &[u8]) -> Result<(), Refusal> {
        if body.len() <= self.input {
            return Ok(());
        }
        Err(Refusal::unreadable(format!(
            "Rejected large REST payload with content-length = {} bytes. Max allowed: {} bytes.",
            body.len(),
            self.input
        )))
    }
}

fn limit(session: &Session<'_>, (property, default): (&str, usize)) -> Result<usize, StoreError> {
    let set = session.property(property)?.and_then(|text| text.trim().parse::<usize>().ok());
    Ok(set.unwrap_or(default).clamp(1, CEILING) * MEGABYTE)
}
