//! What a lease call has taken, until its caller has it in hand.

use std::sync::Arc;

use super::Shared;
use crate::lease::{Leased, Settlement};

/// Leases on their way to the caller; gives them back if the caller has gone.
pub(super) struct Claim {
    pub(super) leased: Vec<Leased>,
    shared: Arc<Shared>,
}

impl Claim {
    pub(super) fn new(leased: Vec<Leased>, shared: Arc<Shared>) -> Self {
        Self { leased, shared }
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
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            tracing::debug!("a lease whose caller has gone will lapse: the runtime has ended");
            return;
        };
        let back = self.leased.iter().map(|leased| (leased.token, Settlement::Release)).collect();
        let shared = Arc::clone(&self.shared);
        runtime.spawn(async move {
            if let Err(error) = shared.settle(back).await {
                tracing::debug!(%error, "a lease whose caller has gone will lapse");
            }
        });
    }
}
