//! A fleet kept in step: what should be in the CMDB, held against what was last sent; only differences travel.
//!
//! ```
//! use openfactory_sn::sync::{Desired, Sent};
//! use openfactory_sn::{CorrelationId, Fields, SysId};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let runs_on = SysId::new("60bc4e22c0a8010e01f074cbe6bd73c3")?;
//! let mut desired = Desired::new();
//! let image = desired.record("u_image", &CorrelationId::new("image/kiosk")?, Fields::new().with("name", "kiosk"));
//! let device = desired.record("cmdb_ci_server", &CorrelationId::new("device/1")?, Fields::new().with("os_version", "1"));
//! desired.relation(&device, &runs_on, &image)?;
//!
//! let mut sent = Sent::new();
//! assert_eq!(desired.differences(&sent).len(), 3);
//! // `client.sync(&desired, &mut sent).await` sends these and remembers them; `sync_by` does it by the way of your choice.
//! # for difference in desired.differences(&sent) { sent.remember(&difference); }
//! assert!(desired.differences(&sent).is_empty());
//!
//! desired.record("cmdb_ci_server", &CorrelationId::new("device/1")?, Fields::new().with("os_version", "2"));
//! assert_eq!(desired.differences(&sent).len(), 1);
//! # Ok(())
//! # }
//! ```

mod load;
mod look;
mod plan;
mod reconcile;
mod run;
mod sent;
mod way;

pub use self::plan::{Desired, Difference};
pub use self::run::Synced;
pub use self::sent::Sent;
pub use self::way::{Payloads, Way};
