//! The edges of the rule that ties state, queue and audit together: where a crash may fall.
//!
//! Every effect of the router that must survive a crash lies between two of these edges. A test hands in an
//! [`Edges`] that stops the router at one of them, as if the power had gone, and then starts it again on the
//! same files: nothing may be lost, nothing may happen twice.

use std::fmt;

/// A point between two durable effects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Edge {
    /// Intake: the audit log holds the event, the queue does not yet.
    IntakeAudited,
    /// Intake: the queue holds the event, the sender has no answer yet.
    IntakePublished,
    /// The step is committed (inbox, state, outbox), nothing of it has left the state store.
    StateCommitted,
    /// The platform has acted, its outcome is not recorded yet.
    OrderPerformed,
    /// The outcome of a platform act is committed.
    OutcomeCommitted,
    /// The queue holds the event's second stage, the first is not settled yet.
    RecordsPublished,
    /// ServiceNow has the records, the receipt is not stored yet.
    RecordsApplied,
    /// The receipt is stored, the audit log does not hold the delivery yet.
    ReceiptStored,
    /// The audit log holds the delivery, the message is not settled yet.
    DeliveryAudited,
    /// The relay has put outbox events into the queue, the outbox still lists them.
    OutboxPublished,
    /// A due timer has become an outbox event.
    TimerFired,
}

impl Edge {
    /// All edges, in the order in which an event meets them.
    pub const ALL: [Self; 11] = [
        Self::IntakeAudited,
        Self::IntakePublished,
        Self::StateCommitted,
        Self::OrderPerformed,
        Self::OutcomeCommitted,
        Self::RecordsPublished,
        Self::RecordsApplied,
        Self::ReceiptStored,
        Self::DeliveryAudited,
        Self::OutboxPublished,
        Self::TimerFired,
    ];
}

/// The router was stopped at an edge; whatever it was about to do next was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped(pub Edge);

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stopped at the edge {:?}", self.0)
    }
}

impl std::error::Error for Stopped {}

/// Is told of every edge that is passed, and may stop the router there.
pub trait Edges: fmt::Debug + Send + Sync {
    /// Called at `edge`; an error stops the router without any further effect.
    ///
    /// # Errors
    /// [`Stopped`] to stop here.
    fn pass(&self, edge: Edge) -> Result<(), Stopped>;
}

/// What an operator runs: no edge stops anything.
#[derive(Clone, Copy, Debug)]
pub struct NoStops;

impl Edges for NoStops {
    fn pass(&self, _edge: Edge) -> Result<(), Stopped> {
        Ok(())
    }
}
