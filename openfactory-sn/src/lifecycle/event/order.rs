//! Facts about orders to the platform.

use serde::{Deserialize, Serialize};

use crate::lifecycle::platform::{Order, Performed};

/// Type name of [`OrderGiven`].
pub const GIVEN: &str = "tech.openfactory.order.given.v1";
/// Type name of [`OrderPerformed`].
pub const PERFORMED: &str = "tech.openfactory.order.performed.v1";

/// The platform is to act. Whoever handles this event has the order performed before it records it: an outage
/// of ServiceNow does not delay a quarantine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OrderGiven {
    /// The order.
    pub order: Order,
}

impl OrderGiven {
    /// All there is to say.
    #[must_use]
    pub fn new(order: Order) -> Self {
        Self { order }
    }
}

/// The platform acted. What it says is not yet believed: the device's next report tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OrderPerformed {
    /// The order.
    pub order: Order,
    /// How it ended.
    pub performed: Performed,
}

impl OrderPerformed {
    /// All there is to say.
    #[must_use]
    pub fn new(order: Order, performed: Performed) -> Self {
        Self { order, performed }
    }
}
