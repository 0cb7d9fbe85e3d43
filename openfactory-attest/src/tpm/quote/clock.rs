//! The TPM's counters, which only go forward.

use serde::{Deserialize, Serialize};

use super::error::QuoteError;
use super::wire::Reader;

/// `TPMS_CLOCK_INFO`: how long a TPM has run, and how often it began anew. Can be kept as JSON until the next quote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clock {
    /// Milliseconds in which the TPM had power.
    pub clock: u64,
    /// How often it was reset: once for each start of the machine.
    pub resets: u32,
    /// How often it was restarted or resumed since then.
    pub restarts: u32,
    /// Whether no later `clock` was ever told: not so for a while after power was lost.
    pub safe: bool,
}

impl Clock {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, QuoteError> {
        let (clock, resets, restarts) = (reader.u64()?, reader.u32()?, reader.u32()?);
        let safe = match reader.u8()? {
            0 => false,
            1 => true,
            _ => return Err(reader.malformed()),
        };
        Ok(Self { clock, resets, restarts, safe })
    }

    /// Whether this is no earlier than what was seen last, from the same key.
    pub(super) fn follows(&self, seen: &Self) -> Result<(), QuoteError> {
        let back = |what, seen: u32, now: u32| {
            // A key outside the endorsement hierarchy sees the counters shifted by a constant, so that they may pass zero.
            let older = now.wrapping_sub(seen) > u32::MAX / 2;
            let (seen, now) = (u64::from(seen), u64::from(now));
            if older { Err(QuoteError::Older { what, seen, now }) } else { Ok(()) }
        };
        back("reset counter", seen.resets, self.resets)?;
        let same_start = seen.resets == self.resets;
        if same_start {
            back("restart counter", seen.restarts, self.restarts)?;
        }
        let running = same_start && seen.restarts == self.restarts;
        if (running || self.safe) && self.clock < seen.clock {
            return Err(QuoteError::Older { what: "clock", seen: seen.clock, now: self.clock });
        }
        Ok(())
    }
}
