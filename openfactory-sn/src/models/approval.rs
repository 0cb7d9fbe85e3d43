//! `sysapproval_approver`: one person asked to approve one record.

use std::time::SystemTime;

use crate::record::record;
use crate::value::{Reference, choice};

record! {
    /// One person asked to approve one record. The truth of an approval, together with the record's own state.
    Approval in "sysapproval_approver" {
        /// The task to be approved.
        TASK sysapproval: Reference,
        /// Who is asked.
        APPROVER approver: Reference,
        /// What became of it. A value that is not known is not an approval.
        STATE state: State,
        /// The approver's words; a journal.
        COMMENTS comments: String,
        /// By when.
        DUE_DATE due_date: SystemTime,
        /// The last change.
        UPDATED_ON sys_updated_on: SystemTime,
        /// By whom.
        UPDATED_BY sys_updated_by: String,
    }
}

choice! {
    /// What became of a request to approve.
    State {
        /// Approved.
        Approved = "approved",
        /// Taken back.
        Cancelled = "cancelled",
        /// Somebody else was asked for the same.
        Duplicate = "duplicate",
        /// Not asked yet.
        NotRequested = "not requested",
        /// No longer needed.
        NotRequired = "not_required",
        /// Refused.
        Rejected = "rejected",
        /// Asked.
        Requested = "requested",
    }
}
