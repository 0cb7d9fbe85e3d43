use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::super::platform::{Order, Performed};
use super::super::timestamp;

/// An order and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OrderRecord {
    /// The order.
    pub order: Order,
    /// How it ended, once it did.
    pub performed: Option<Performed>,
    /// When its end was recorded.
    #[serde(with = "timestamp::option")]
    pub performed_at: Option<SystemTime>,
    /// Whether a report has proved it.
    pub proved: bool,
}
