//! Which PCRs a quote is over.

use std::fmt;
use std::str::FromStr;

use crate::tpm::{Bank, PCRS};

/// PCRs of some banks; as text what tpm2-tools take: `sha1:10+sha256:0,1,2`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    banks: Vec<(Bank, u32)>,
}

impl Selection {
    pub(super) const fn of(banks: Vec<(Bank, u32)>) -> Self {
        Self { banks }
    }

    /// Each PCR, in the order in which they are hashed.
    pub fn pcrs(&self) -> impl Iterator<Item = (Bank, u8)> {
        self.banks.iter().flat_map(|(bank, bits)| {
            (0..PCRS).filter(move |pcr| bits & (1 << pcr) != 0).map(move |pcr| (*bank, pcr))
        })
    }

    /// Whether both have the same PCRs, in whatever order.
    pub(super) fn same(&self, other: &Self) -> bool {
        let sorted = |selection: &Self| {
            let mut pcrs: Vec<_> = selection.pcrs().collect();
            pcrs.sort_unstable();
            pcrs
        };
        sorted(self) == sorted(other)
    }
}

impl FromStr for Selection {
    type Err = SelectionError;

    fn from_str(text: &str) -> Result<Self, SelectionError> {
        let mut banks: Vec<(Bank, u32)> = Vec::new();
        for part in text.split('+') {
            let (name, list) = part.split_once(':').ok_or(SelectionError)?;
            let bank: Bank = name.parse().map_err(|_unknown| SelectionError)?;
            let mut bits = 0;
            for pcr in list.split(',') {
                let pcr: u8 = pcr.parse().map_err(|_no_number| SelectionError)?;
                if pcr >= PCRS {
                    return Err(SelectionError);
                }
                bits |= 1 << pcr;
            }
            if banks.iter().any(|(other, _)| *other == bank) {
                return Err(SelectionError);
            }
            banks.push((bank, bits));
        }
        Ok(Self { banks })
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut last = None;
        for (bank, pcr) in self.pcrs() {
            match last {
                Some(same) if same == bank => write!(f, ",{pcr}")?,
                Some(_) => write!(f, "+{bank}:{pcr}")?,
                None => write!(f, "{bank}:{pcr}")?,
            }
            last = Some(bank);
        }
        if last.is_none() { f.write_str("no PCR") } else { Ok(()) }
    }
}

/// A text that selects no PCRs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not banks with their PCRs, each bank once, as in sha1:10+sha256:0,1,2")]
pub struct SelectionError;
