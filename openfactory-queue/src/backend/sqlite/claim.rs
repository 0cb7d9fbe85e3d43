//! What a lease call has taken, until its caller has it in hand.

use super::writer::Undo;
use crate::lease::{Leased, Settlement};

/// Leases on their way to the caller; gives them back if the caller has gone.
pub(super) struct Claim {
    leased: Vec<Leased>,
    undo: Undo,
}

impl Claim {
    pub(super) fn new(leased: Vec<Leased>, undo: Undo) -> Self {
        Self { leased, undo }
    }

    pub(super) fn accept(mut self) -> Vec<Leased> {
        std::mem::take(&mut self.leased)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if self.leased.is_empty() {
            return;
        }
        let tokens: Vec<_> = self.leased.iter().map(|leased| leased.token).collect();
        let left = self.undo.leave("lease", move |store| {
            tokens.iter().try_for_each(|token| store.settle(*token, &Settlement::Release).map(drop))
        });
        if !left {
            tracing::debug!("a lease whose caller has gone will lapse: the writer is busy or closed");
        }
    }
}
