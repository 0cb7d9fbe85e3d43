//! `change_request`: the record that asks for a change, has it approved, and tracks it.
//!
//! ```
//! use openfactory_sn::SysId;
//! use openfactory_sn::models::change_request::{Approval, ChangeRequest, Risk, State};
//! use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
//! # use serde_json::json;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let record = json!({"sys_id": "c1", "number": "CHG0030001", "type": "normal", "state": "-2",
//!     "approval": "approved", "risk": "3", "assignment_group": ""});
//! let instance =
//!     ScriptedTransport::new().on(Expected::get("/api/now/table/change_request/c1"), Reply::result(200, record));
//! let change = client(&instance).table::<ChangeRequest>().get(&SysId::new("c1")?).await?;
//! assert_eq!(change.sys_id().as_str(), "c1");
//! assert_eq!((change.approval, change.risk), (Some(Approval::Approved), Some(Risk::Moderate)));
//! assert_eq!(change.assignment_group, None);
//!
//! let (kind, state) = (change.kind.ok_or("no type")?, change.state.ok_or("no state")?);
//! assert!(state.is_past_approval() && !state.is_final());
//! assert!(kind.allows(&state, &State::Implement));
//! assert!(!kind.allows(&state, &State::Closed), "two steps are still before it");
//! # Ok(())
//! # }
//! ```

use std::time::SystemTime;

use crate::id::{CorrelationId, Number};
use crate::record::record;
use crate::value::{Reference, choice};

mod transition;

record! {
    /// A change request.
    ChangeRequest in "change_request" {
        /// `CHG` and seven digits.
        NUMBER number: Number,
        /// Where it stands.
        STATE state: State,
        /// Which way it takes; can be changed only while it is New.
        TYPE kind = "type": Type,
        /// The approval as a whole. Together with the state, what a gate waits for.
        APPROVAL approval: Approval,
        /// One line, at most 160 characters.
        SHORT_DESCRIPTION short_description: String,
        /// The whole text.
        DESCRIPTION description: String,
        /// A choice; which ones there are is the instance's own.
        CATEGORY category: String,
        /// How risky it is.
        RISK risk: Risk,
        /// 1 High, 2 Medium, 3 Low.
        IMPACT impact: i64,
        /// 1 Critical, 2 High, 3 Moderate, 4 Low.
        PRIORITY priority: i64,
        /// The user who wants it.
        REQUESTED_BY requested_by: Reference,
        /// The group that is to do it.
        ASSIGNMENT_GROUP assignment_group: Reference,
        /// The user who is to do it.
        ASSIGNED_TO assigned_to: Reference,
        /// What is changed.
        CONFIGURATION_ITEM cmdb_ci: Reference,
        /// Why it is wanted.
        JUSTIFICATION justification: String,
        /// How it is done.
        IMPLEMENTATION_PLAN implementation_plan: String,
        /// How it is undone.
        BACKOUT_PLAN backout_plan: String,
        /// How it is tested.
        TEST_PLAN test_plan: String,
        /// What can go wrong.
        RISK_IMPACT_ANALYSIS risk_impact_analysis: String,
        /// Planned begin.
        START_DATE start_date: SystemTime,
        /// Planned end.
        END_DATE end_date: SystemTime,
        /// Actual begin.
        WORK_START work_start: SystemTime,
        /// Actual end.
        WORK_END work_end: SystemTime,
        /// Held back: nothing moves until it is released.
        ON_HOLD on_hold: bool,
        /// The record it follows from.
        PARENT parent: Reference,
        /// How it ended; needed to close.
        CLOSE_CODE close_code: CloseCode,
        /// Words to how it ended; needed to close.
        CLOSE_NOTES close_notes: String,
        /// Our key of the operation that created it.
        CORRELATION_ID correlation_id: CorrelationId as String,
        /// Whether it is still open.
        ACTIVE active: bool,
        /// Effective updates since it was created.
        MOD_COUNT sys_mod_count: i64,
        /// The last of them.
        UPDATED_ON sys_updated_on: SystemTime,
        /// Who made it.
        UPDATED_BY sys_updated_by: String,
    }
}

choice! {
    /// Where a change request stands. The numbers rise along the way.
    ///
    /// ```
    /// use openfactory_sn::models::change_request::State;
    ///
    /// let states = ["-5", "-2", "3", "7"].map(State::from_raw);
    /// assert_eq!(states, [State::New, State::Scheduled, State::Closed, State::Other("7".to_owned())]);
    /// assert_eq!(State::Implement.as_str(), "-1");
    /// ```
    State {
        /// Being written.
        New = "-5",
        /// Being looked at by peers.
        Assess = "-4",
        /// Waiting for the approval.
        Authorize = "-3",
        /// Approved, waiting for its time.
        Scheduled = "-2",
        /// Being done.
        Implement = "-1",
        /// Done, being looked at.
        Review = "0",
        /// Ended.
        Closed = "3",
        /// Given up.
        Canceled = "4",
    }
}

choice! {
    /// Which way a change request takes.
    ///
    /// ```
    /// use openfactory_sn::models::change_request::Type;
    ///
    /// assert_eq!(Type::from_raw("emergency"), Type::Emergency);
    /// assert_eq!(Type::Standard.as_str(), "standard");
    /// ```
    Type {
        /// With assessment and approval.
        Normal = "normal",
        /// Approved beforehand, by a template.
        Standard = "standard",
        /// Without assessment, to be done at once.
        Emergency = "emergency",
    }
}

choice! {
    /// The approval of a change request as a whole.
    ///
    /// ```
    /// use openfactory_sn::models::change_request::Approval;
    ///
    /// assert_eq!(Approval::from_raw("not requested"), Approval::NotRequested);
    /// assert_eq!(Approval::Requested.as_str(), "requested");
    /// ```
    Approval {
        /// Nobody was asked yet.
        NotRequested = "not requested",
        /// Approvers were asked.
        Requested = "requested",
        /// Approved.
        Approved = "approved",
        /// Refused.
        Rejected = "rejected",
    }
}

choice! {
    /// How risky a change is.
    ///
    /// ```
    /// use openfactory_sn::Fields;
    /// use openfactory_sn::models::change_request::{RISK, Risk};
    ///
    /// assert_eq!(Fields::new().with_field(RISK, Risk::High).get("risk"), Some(Risk::High.as_str()));
    /// assert_eq!(Risk::from_raw("1").as_str(), "1", "Very High, on instances that have it");
    /// ```
    Risk {
        /// High.
        High = "2",
        /// Moderate: the default of an instance.
        Moderate = "3",
        /// Low.
        Low = "4",
    }
}

choice! {
    /// How a change ended.
    ///
    /// ```
    /// use openfactory_sn::Fields;
    /// use openfactory_sn::models::change_request::{CLOSE_CODE, CLOSE_NOTES, CloseCode, STATE, State};
    ///
    /// let close = Fields::new()
    ///     .with_field(STATE, State::Closed)
    ///     .with_field(CLOSE_CODE, CloseCode::Successful)
    ///     .with_field(CLOSE_NOTES, "Deployed to 40 devices");
    /// assert_eq!(close.get("close_code"), Some(CloseCode::Successful.as_str()));
    /// assert_eq!(CloseCode::from_raw("successful_issues"), CloseCode::SuccessfulIssues);
    /// ```
    CloseCode {
        /// As planned.
        Successful = "successful",
        /// Done, but not all went well.
        SuccessfulIssues = "successful_issues",
        /// Not done, or undone.
        Unsuccessful = "unsuccessful",
    }
}
