//! `change_request`: the record that asks for a change, has it approved, and tracks it.

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
        CORRELATION_ID correlation_id: CorrelationId,
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
    CloseCode {
        /// As planned.
        Successful = "successful",
        /// Done, but not all went well.
        SuccessfulIssues = "successful_issues",
        /// Not done, or undone.
        Unsuccessful = "unsuccessful",
    }
}
