//! `sysapproval_approver`: one person asked to approve one record.
//!
//! ```
//! use openfactory_sn::models::approval::{APPROVER, Approval, STATE, State, TASK};
//! use openfactory_sn::record::Record as _;
//! use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
//! use openfactory_sn::{Query, SysId};
//! # use serde_json::json;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let open = json!([{"sys_id": "p1", "sysapproval": "c1", "approver": "u1", "state": "requested"}]);
//! let instance = ScriptedTransport::new().on(
//!     Expected::get("/api/now/table/sysapproval_approver")
//!         .query("sysparm_query", "sysapproval=c1^state=requested^ORDERBYsys_id"),
//!     Reply::result(200, open),
//! );
//! let query = Query::new().and(TASK.is(&SysId::new("c1")?)).and(STATE.is(State::Requested));
//! let mut approvals = client(&instance).table::<Approval>().list(&query)?;
//! let waiting = approvals.try_next().await?.ok_or("nobody is asked")?;
//! assert_eq!(waiting.sys_id().as_str(), "p1");
//! assert_eq!(waiting.row().reference(APPROVER.name())?, waiting.approver);
//! # Ok(())
//! # }
//! ```

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
    ///
    /// ```
    /// use openfactory_sn::models::approval::State;
    ///
    /// assert_eq!(State::from_raw("not_required"), State::NotRequired);
    /// assert_eq!(State::from_raw("u_escalated").as_str(), "u_escalated", "one of the instance's own, and no approval");
    /// ```
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
