//! The CMDB by its own doors: Identification and Reconciliation, the Instance API, relations without doubles.
//!
//! The Table API writes a configuration item as it is told, twice if it is told twice. Identification and Reconciliation
//! (IRE) finds out by the instance's rules which item is meant, so that it is made once whoever tells of it.

mod identify;
mod instance;
mod outcome;
mod payload;
mod relation;

pub use self::instance::{Instance, InstanceRelation, NewRelation};
pub use self::outcome::{CiOperation, IreErrorCode, ItemError, Outcome, Reconciled, Refused};
pub use self::payload::{Item, ItemRef, Payload};

use crate::auth::IntegrationPoint;
use crate::client::Client;

/// The CMDB's own APIs.
#[derive(Debug, Clone)]
pub struct Cmdb {
    client: Client,
}

impl Cmdb {
    pub(crate) fn new(client: &Client) -> Self {
        Self { client: client.with_point(IntegrationPoint::Cmdb) }
    }
}
