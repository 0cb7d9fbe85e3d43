//! Facts about records in ServiceNow.
//!
//! ```
//! use openfactory_sn::SysId;
//! use openfactory_sn::lifecycle::event::{EventBody, record::RecordChanged};
//!
//! // What a webhook's body says is passed on as it is: a reason to look, not a thing to believe.
//! let mut hint = RecordChanged::new("change_request", SysId::new("6b566b0977684da34ed046d34287f7ec")?);
//! hint.number = Some("CHG0030001".to_owned());
//! hint.operation = Some("update".to_owned());
//! let body = EventBody::RecordChanged(Box::new(hint));
//! assert_eq!(body.key(), "change_request:6b566b0977684da34ed046d34287f7ec");
//! # Ok::<(), openfactory_sn::IdError>(())
//! ```

use serde::{Deserialize, Serialize};

use crate::id::SysId;

/// Type name of [`RecordChanged`].
pub const CHANGED: &str = "tech.openfactory.servicenow.record_changed.v1";

/// A business rule said that a record changed. A hint, never a truth: whoever acts on it reads the record first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RecordChanged {
    /// The table.
    pub table: String,
    /// The record.
    pub sys_id: SysId,
    /// The record's number, if the hint names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// What was done to it: `insert`, `update`, `delete`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// `sys_updated_on` as the hint has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sys_updated_on: Option<String>,
    /// `sys_mod_count` as the hint has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sys_mod_count: Option<u64>,
}

impl RecordChanged {
    /// A hint that names no more than the record.
    pub fn new(table: impl Into<String>, sys_id: SysId) -> Self {
        Self {
            table: table.into(),
            sys_id,
            number: None,
            operation: None,
            sys_updated_on: None,
            sys_mod_count: None,
        }
    }
}
