//! What a hint asks for: to read a record, by its type.

use super::hint::{Operation, RecordChanged};
use crate::id::SysId;

/// What is to be done about a hint. It is always reading: what a webhook itself says of a record is never acted on.
///
/// ```
/// use openfactory_sn::webhook::{Command, RecordChanged};
///
/// let body = br#"{"table":"incident","sys_id":"a1","operation":"delete"}"#;
/// let told = match RecordChanged::parse(body, &["incident"])?.command() {
///     Command::ReadIncident(sys_id) => format!("read incident {sys_id}"),
///     Command::LookForDeleted { table, sys_id } => format!("see whether {table} {sys_id} is gone"),
///     other => format!("{other:?}"),
/// };
/// assert_eq!(told, "see whether incident a1 is gone");
/// # Ok::<(), openfactory_sn::webhook::HintError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command {
    /// Read who was asked to approve, and whether they did.
    ReadApproval(SysId),
    /// Read a change request: its state and approval.
    ReadChange(SysId),
    /// Read a change task.
    ReadChangeTask(SysId),
    /// Read an incident: its state and who has it.
    ReadIncident(SysId),
    /// Read a record of another table.
    ReadRecord {
        /// The table.
        table: String,
        /// The record.
        sys_id: SysId,
    },
    /// See whether a record is gone.
    LookForDeleted {
        /// The table.
        table: String,
        /// The record.
        sys_id: SysId,
    },
}

impl RecordChanged {
    /// What is to be done.
    ///
    /// ```
    /// use openfactory_sn::webhook::{Command, RecordChanged};
    ///
    /// let body = br#"{"table":"change_request","sys_id":"a1","approval":"approved"}"#;
    /// let hint = RecordChanged::parse(body, &["change_request"])?;
    /// assert_eq!(hint.command(), Command::ReadChange(hint.sys_id.clone()));
    /// # Ok::<(), openfactory_sn::webhook::HintError>(())
    /// ```
    #[must_use]
    pub fn command(&self) -> Command {
        let (table, sys_id) = (self.table.clone(), self.sys_id.clone());
        match (self.operation, self.table.as_str()) {
            (Operation::Delete, _) => Command::LookForDeleted { table, sys_id },
            (_, "change_request") => Command::ReadChange(sys_id),
            (_, "change_task") => Command::ReadChangeTask(sys_id),
            (_, "incident") => Command::ReadIncident(sys_id),
            (_, "sysapproval_approver") => Command::ReadApproval(sys_id),
            _ => Command::ReadRecord { table, sys_id },
        }
    }
}
