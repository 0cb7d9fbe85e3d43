//! Facts about orders to the platform.
//!
//! ```
//! use openfactory_sn::lifecycle::event::EventBody;
//! use openfactory_sn::lifecycle::event::order::{OrderGiven, OrderPerformed};
//! use openfactory_sn::lifecycle::id::{BuildId, DeviceId, FleetId, OrderId};
//! use openfactory_sn::lifecycle::platform::{Action, ActionOutcome, Order, Performed};
//!
//! let (id, device) = (OrderId::new("o-1")?, DeviceId::new("press-7")?);
//! let (fleet, build) = (FleetId::new("line-7")?, BuildId::new("b-1")?);
//! let order = Order::new(id, device, fleet, build, vec![Action::Quarantine], "etc/shadow was changed");
//!
//! // An order has a lane of its own: no report and no record that waits in the device's lane delays the act.
//! let given = EventBody::OrderGiven(Box::new(OrderGiven::new(order.clone())));
//! assert_eq!(given.key(), "order:o-1");
//!
//! // What came of it goes back to the device's lane, where its state is.
//! let performed = Performed::new(vec![ActionOutcome::done(Action::Quarantine, "moved to VLAN 99")]);
//! let told = EventBody::OrderPerformed(Box::new(OrderPerformed::new(order, performed)));
//! assert_eq!(told.key(), "device:press-7");
//! # Ok::<(), openfactory_sn::lifecycle::id::IdError>(())
//! ```

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
