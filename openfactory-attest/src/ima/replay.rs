//! What PCR 10 has to hold after the entries of a list.

use serde::{Deserialize, Serialize};

use crate::tpm::{Bank, PcrValue};

use super::event::Event;

/// The PCR that IMA extends, if the kernel was not built otherwise.
pub const PCR: u8 = 10;

/// PCR 10 of some banks after so many entries.
///
/// It can be kept as JSON, so that a list that a device has trimmed is taken up where it was left; only as long as the
/// device was not started again, which a quote's reset counter tells.
///
/// ```
/// use openfactory_attest::ima::Replay;
/// use openfactory_attest::tpm::Bank;
///
/// let kept = serde_json::to_string(&Replay::new([Bank::Sha1]))?;
/// assert_eq!(kept, r#"{"entries":0,"pcr10":{"sha1":"0000000000000000000000000000000000000000"}}"#);
/// assert_eq!(serde_json::from_str::<Replay>(&kept)?, Replay::new([Bank::Sha1]));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Kept", into = "Kept")]
pub struct Replay {
    entries: u64,
    values: Vec<PcrValue>,
}

impl Replay {
    /// No entry yet: PCR 10 is zero.
    #[must_use]
    pub fn new(banks: impl IntoIterator<Item = Bank>) -> Self {
        let mut banks: Vec<_> = banks.into_iter().collect();
        banks.sort_unstable();
        banks.dedup();
        Self { entries: 0, values: banks.into_iter().map(PcrValue::zero).collect() }
    }

    /// Extends by an entry, by its data alone: what digest the list has for it does not count. One of another PCR is
    /// only counted.
    pub fn extend(&mut self, event: &Event) {
        self.entries = self.entries.saturating_add(1);
        if event.pcr() != PCR {
            return;
        }
        for value in &mut self.values {
            value.extend(&event.digest_in(value.bank()));
        }
    }

    /// How many entries led here, those before a resumption included.
    #[must_use]
    pub const fn entries(&self) -> u64 {
        self.entries
    }

    /// What PCR 10 of a bank holds; `None` if the bank is not replayed.
    #[must_use]
    pub fn value(&self, bank: Bank) -> Option<&PcrValue> {
        self.values.iter().find(|value| value.bank() == bank)
    }

    /// PCR 10 of each bank that is replayed.
    #[must_use]
    pub fn values(&self) -> &[PcrValue] {
        &self.values
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    entries: u64,
    pcr10: std::collections::BTreeMap<String, String>,
}

impl From<Replay> for Kept {
    fn from(replay: Replay) -> Self {
        let values = replay.values.iter().map(|value| (value.bank().to_string(), value.to_string()));
        Self { entries: replay.entries, pcr10: values.collect() }
    }
}

impl TryFrom<Kept> for Replay {
    type Error = ReplayError;

    fn try_from(kept: Kept) -> Result<Self, ReplayError> {
        let value = |(name, digits): (&String, &String)| {
            let bytes = hex::decode(digits).ok()?;
            PcrValue::from_bytes(name.parse().ok()?, &bytes)
        };
        let values: Option<Vec<_>> = kept.pcr10.iter().map(value).collect();
        let mut values = values.filter(|values| !values.is_empty()).ok_or(ReplayError)?;
        values.sort_unstable_by_key(PcrValue::bank);
        Ok(Self { entries: kept.entries, values })
    }
}

/// What was kept is not a state of PCR 10.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no bank, an unknown one, or not a digest of it")]
pub struct ReplayError;
