//! What a lease call has taken, until its caller has it in hand.

use std::sync::Arc;

use async_trait::async_trait;

use crate::error::Error;
use crate::lease::{LeaseToken, Leased, Settlement};

/// Where leases are given back: what the handles of a queue at a server share.
#[async_trait]
pub(super) trait GiveBack: Send + Sync + 'static {
    /// Ends leases.
    async fn give_back(self: Arc<Self>, leases: Vec<(LeaseToken, Settlement)>) -> Result<(), Error>;
}

/// Leases on their way to the caller; gives them back if the caller has gone.
pub(super) struct Claim<S: GiveBack> {
    pub(super) leased: Vec<Leased>,
    shared: Arc<S>,
}

impl<S: GiveBack> Claim<S> {
    pub(super) fn new(leased: Vec<Leased>, shared: Arc<S>) -> Self {
        Self { leased, shared }
    }

    pub(super) fn accept(mut self) -> Vec<Leased> {
        std::mem::take(&mut self.leased)
    }
}

impl<S: GiveBack> Drop for Claim<S> {
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
            if let Err(error) = shared.give_back(back).await {
                tracing::debug!(%error, "a lease whose caller has gone will lapse");
            }
        });
    }
}
