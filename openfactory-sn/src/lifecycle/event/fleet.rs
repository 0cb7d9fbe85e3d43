//! Facts about fleets.
//!
//! ```
//! use openfactory_sn::lifecycle::entity::{Minor, MinorFinding};
//! use openfactory_sn::lifecycle::event::fleet::{DayOver, DayReported};
//! use openfactory_sn::lifecycle::event::{Event, EventBody};
//! use openfactory_sn::lifecycle::mapping::Mapping;
//! use openfactory_sn::lifecycle::plan::plan;
//!
//! fn line(told: &Event) -> Option<String> {
//!     match &told.body {
//!         EventBody::DayOver(day) => Some(over(day)),
//!         EventBody::DayReported(report) => Some(all(&report.minor)),
//!         _ => None,
//!     }
//! }
//!
//! fn over(day: &DayOver) -> String {
//!     format!("{}: day {} is over", day.fleet, day.day)
//! }
//!
//! fn all(minor: &Minor) -> String {
//!     minor.findings.iter().map(found).collect::<Vec<_>>().join(", ")
//! }
//!
//! fn found(minor: &MinorFinding) -> String {
//!     format!("{}: {}", minor.device, minor.finding.path)
//! }
//!
//! let told = Event::parse(br#"{
//!     "id": "1", "source": "/openfactory/lifecycle", "time": "2026-11-26T00:00:00.000Z",
//!     "type": "tech.openfactory.fleet.day_reported.v1",
//!     "data": {"fleet": "line-7", "minor": {"day": 20782, "left_out": 0, "findings": [
//!         {"device": "press-7", "priority": "P4", "path": "etc/logrotate.d/rsyslog", "kind": "content", "class": "P4"}
//!     ]}}
//! }"#)?;
//! assert_eq!(line(&told).as_deref(), Some("press-7: etc/logrotate.d/rsyslog"));
//! let EventBody::DayReported(report) = &told.body else { panic!() };
//! let report: &DayReported = report;
//! assert_eq!(report.date(), "2026-11-25");
//! assert!(plan(&told, &Mapping::guide()).operations[0].to_string().starts_with("create incident daily/line-7/"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::lifecycle::entity::Minor;
use crate::lifecycle::id::FleetId;
use crate::lifecycle::timestamp;

/// Type name of [`DayOver`].
pub const DAY_OVER: &str = "tech.openfactory.fleet.day_over.v1";
/// Type name of [`DayReported`].
pub const DAY_REPORTED: &str = "tech.openfactory.fleet.day_reported.v1";

/// Seconds of a day.
pub(crate) const DAY: u64 = 24 * 60 * 60;

/// A day on which something minor was found is over. Whether it is still to be told is decided then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DayOver {
    /// The fleet.
    pub fleet: FleetId,
    /// The day, counted from 1970-01-01.
    pub day: u64,
}

/// What was found in a fleet on one day and has no incident of its own: the daily report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DayReported {
    /// The fleet.
    pub fleet: FleetId,
    /// What was found.
    pub minor: Minor,
}

impl DayReported {
    /// The day, as in `2026-11-25`.
    #[must_use]
    pub fn date(&self) -> String {
        let begin =
            SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(self.minor.day.saturating_mul(DAY)));
        let mut date = timestamp::format(begin.unwrap_or(SystemTime::UNIX_EPOCH));
        date.truncate("2026-11-25".len());
        date
    }
}
