//! What an event came to in ServiceNow.
//!
//! ```
//! use openfactory_sn::lifecycle::state::receipt::{AppliedRecord, Receipt};
//! use openfactory_sn::lifecycle::state::{StateStore as _, memory::MemoryStateStore};
//! use openfactory_sn::lifecycle::{correlation, id::EventId, timestamp};
//! use openfactory_sn::SysId;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (event, now) = (EventId::new("e-1")?, timestamp::parse("2026-11-25T14:43:25.120Z")?);
//! let correlation = correlation::change(&"b-1".parse()?);
//! let sys_id = SysId::derived("change_request", &correlation);
//! let mut record = AppliedRecord::new("change_request", sys_id, correlation, true);
//! record.number = Some("CHG0030001".to_owned());
//! let mut receipt = Receipt::new(event.clone(), now, vec![record]);
//! receipt.findings.push("assignment_group is left empty: no group is called \"Fleet\"".to_owned());
//!
//! // With the receipt the event is done: whoever handles it again finds what came of it.
//! let store = MemoryStateStore::new();
//! store.record_receipt(&receipt).await?;
//! let kept = store.receipt(&event).await?.ok_or("it was kept")?;
//! assert_eq!(kept, receipt);
//! assert_eq!(kept.record("change_request").and_then(|record| record.number.as_deref()), Some("CHG0030001"));
//! assert!(kept.record("incident").is_none());
//! # Ok(())
//! # }
//! ```

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::super::id::EventId;
use super::super::timestamp;
use crate::id::{CorrelationId, SysId};

/// A record that an event made or touched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AppliedRecord {
    /// Its table.
    pub table: String,
    /// Its key.
    pub sys_id: SysId,
    /// Its number, if it has one and it was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// Our own key of it.
    pub correlation: CorrelationId,
    /// Whether this event made it (as far as is known: a repetition finds it made).
    pub created: bool,
}

impl AppliedRecord {
    /// A record without a number.
    #[must_use]
    pub fn new(table: impl Into<String>, sys_id: SysId, correlation: CorrelationId, created: bool) -> Self {
        Self { table: table.into(), sys_id, number: None, correlation, created }
    }
}

/// What an event came to in ServiceNow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Receipt {
    /// The event's identity.
    pub event: EventId,
    /// When its plan had been applied.
    #[serde(with = "timestamp")]
    pub applied_at: SystemTime,
    /// The records.
    pub records: Vec<AppliedRecord>,
    /// What a person should know: missing groups, unresolved names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<String>,
    /// Notes that may stand twice because the instance hides its journal.
    #[serde(default)]
    pub possible_duplicates: u64,
}

impl Receipt {
    /// A receipt without findings.
    #[must_use]
    pub fn new(event: EventId, applied_at: SystemTime, records: Vec<AppliedRecord>) -> Self {
        Self {
            event,
            applied_at: timestamp::truncate(applied_at),
            records,
            findings: Vec::new(),
            possible_duplicates: 0,
        }
    }

    /// The record of this table, if the event has one there.
    #[must_use]
    pub fn record(&self, table: &str) -> Option<&AppliedRecord> {
        self.records.iter().find(|record| record.table == table)
    }
}
