//! `incident`: the record of an unplanned disturbance.
//!
//! ```
//! use openfactory_sn::models::incident::{IMPACT, Incident, Priority, SHORT_DESCRIPTION, State, URGENCY};
//! use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
//! use openfactory_sn::{CorrelationId, Fields, SysId};
//! # use serde_json::json;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let key = SysId::derived("incident", &CorrelationId::new("drift/edge-0001/4f2a")?);
//! let made = json!({"sys_id": key, "number": "INC0010042", "state": "1", "impact": "1", "urgency": "2", "priority": "2"});
//! let instance = ScriptedTransport::new().on(
//!     Expected::post("/api/now/table/incident").field("impact", "1").field("urgency", "2"),
//!     Reply::result(201, made),
//! );
//! // The instance computes the priority, so what leads to it is sent.
//! let fields = Fields::new()
//!     .with_field(SHORT_DESCRIPTION, "edge-0001: /etc/ssh/sshd_config differs from its image")
//!     .with_field(IMPACT, Priority::P2.impact())
//!     .with_field(URGENCY, Priority::P2.urgency());
//! let (incident, created) = client(&instance).table::<Incident>().ensure(&key, &fields).await?;
//! assert!(created && incident.sys_id() == &key);
//! assert_eq!((incident.state, incident.priority), (Some(State::New), Some(Priority::P2.computed())));
//! # Ok(())
//! # }
//! ```

use std::time::SystemTime;

use crate::id::{CorrelationId, Number};
use crate::record::record;
use crate::value::{Reference, choice};

record! {
    /// An incident.
    Incident in "incident" {
        /// `INC` and seven digits.
        NUMBER number: Number,
        /// Where it stands.
        STATE state: State,
        /// What it waits for while it is on hold.
        HOLD_REASON hold_reason: HoldReason,
        /// 1 High, 2 Medium, 3 Low.
        IMPACT impact: i64,
        /// 1 High, 2 Medium, 3 Low.
        URGENCY urgency: i64,
        /// 1 Critical to 5 Planning: computed by the instance from impact and urgency, so it is only read.
        PRIORITY priority: i64,
        /// 1 High, 2 Medium, 3 Low; nothing is computed from it.
        SEVERITY severity: i64,
        /// One line, at most 160 characters.
        SHORT_DESCRIPTION short_description: String,
        /// The whole text.
        DESCRIPTION description: String,
        /// A choice; which ones there are is the instance's own.
        CATEGORY category: String,
        /// A choice below the category.
        SUBCATEGORY subcategory: String,
        /// Who is affected.
        CALLER_ID caller_id: Reference,
        /// What is disturbed.
        CONFIGURATION_ITEM cmdb_ci: Reference,
        /// The group that works on it.
        ASSIGNMENT_GROUP assignment_group: Reference,
        /// The user who works on it.
        ASSIGNED_TO assigned_to: Reference,
        /// When it was opened.
        OPENED_AT opened_at: SystemTime,
        /// By when it is to be resolved.
        DUE_DATE due_date: SystemTime,
        /// When it was resolved.
        RESOLVED_AT resolved_at: SystemTime,
        /// How it ended; needed to resolve.
        CLOSE_CODE close_code: CloseCode,
        /// Words to how it ended; needed to resolve.
        CLOSE_NOTES close_notes: String,
        /// The change request that mends it.
        CHANGE_REQUEST rfc: Reference,
        /// The change request that caused it.
        CAUSED_BY caused_by: Reference,
        /// The incident it is part of.
        PARENT_INCIDENT parent_incident: Reference,
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
    /// Where an incident stands.
    ///
    /// ```
    /// use openfactory_sn::models::incident::State;
    ///
    /// assert_eq!(["1", "6", "7"].map(State::from_raw), [State::New, State::Resolved, State::Closed]);
    /// assert_eq!(State::OnHold.as_str(), "3");
    /// ```
    State {
        /// Nobody works on it yet.
        New = "1",
        /// Being worked on.
        InProgress = "2",
        /// Waiting for something.
        OnHold = "3",
        /// Mended, to be confirmed.
        Resolved = "6",
        /// Ended.
        Closed = "7",
        /// Given up.
        Canceled = "8",
    }
}

choice! {
    /// What an incident on hold waits for. While it waits for its caller, a comment of the caller takes it off hold.
    ///
    /// ```
    /// use openfactory_sn::Fields;
    /// use openfactory_sn::models::incident::{HOLD_REASON, HoldReason, STATE, State};
    ///
    /// let hold = Fields::new()
    ///     .with_field(STATE, State::OnHold)
    ///     .with_field(HOLD_REASON, HoldReason::AwaitingChange);
    /// assert_eq!(hold.get("hold_reason"), Some(HoldReason::AwaitingChange.as_str()));
    /// assert_eq!(HoldReason::from_raw("1"), HoldReason::AwaitingCaller);
    /// ```
    HoldReason {
        /// For the caller's answer; wants a comment.
        AwaitingCaller = "1",
        /// For the problem behind it.
        AwaitingProblem = "3",
        /// For somebody outside.
        AwaitingVendor = "4",
        /// For the change that mends it.
        AwaitingChange = "5",
    }
}

choice! {
    /// How an incident ended. An instance with an older list stores a value that it does not know as empty, and then
    /// refuses to resolve.
    ///
    /// ```
    /// use openfactory_sn::Fields;
    /// use openfactory_sn::models::incident::{CLOSE_CODE, CLOSE_NOTES, CloseCode, STATE, State};
    ///
    /// let resolve = Fields::new()
    ///     .with_field(STATE, State::Resolved)
    ///     .with_field(CLOSE_CODE, CloseCode::ByChange)
    ///     .with_field(CLOSE_NOTES, "The device was rolled back");
    /// assert_eq!(resolve.get("close_code"), Some(CloseCode::ByChange.as_str()));
    /// assert_eq!(CloseCode::from_raw("User error"), CloseCode::UserError);
    /// ```
    CloseCode {
        /// The same as another one.
        Duplicate = "Duplicate",
        /// A known error is behind it.
        KnownError = "Known error",
        /// Nothing was done.
        NoResolution = "No resolution provided",
        /// The caller mended it.
        ByCaller = "Resolved by caller",
        /// A change mended it.
        ByChange = "Resolved by change",
        /// A problem's solution mended it.
        ByProblem = "Resolved by problem",
        /// A request mended it.
        ByRequest = "Resolved by request",
        /// Mended.
        SolutionProvided = "Solution provided",
        /// Not mended, but one can work.
        WorkaroundProvided = "Workaround provided",
        /// Used wrongly.
        UserError = "User error",
    }
}

/// How pressing an incident is: the four priorities of the guide, as the impact and urgency that make the instance compute
/// them.
///
/// ```
/// use openfactory_sn::models::incident::Priority;
///
/// let sent: Vec<_> = Priority::ALL.iter().map(|priority| (priority.impact(), priority.urgency())).collect();
/// assert_eq!(sent, [(1, 1), (1, 2), (2, 2), (2, 3)]);
/// assert_eq!(Priority::P3.computed(), 3);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the guide has four")]
pub enum Priority {
    /// Critical: impact 1, urgency 1.
    P1,
    /// High: impact 1, urgency 2.
    P2,
    /// Moderate: impact 2, urgency 2.
    P3,
    /// Low: impact 2, urgency 3.
    P4,
}

impl Priority {
    /// All, the most pressing first.
    pub const ALL: [Self; 4] = [Self::P1, Self::P2, Self::P3, Self::P4];

    /// The impact to be sent.
    #[must_use]
    pub fn impact(self) -> i64 {
        match self {
            Self::P1 | Self::P2 => 1,
            Self::P3 | Self::P4 => 2,
        }
    }

    /// The urgency to be sent.
    #[must_use]
    pub fn urgency(self) -> i64 {
        match self {
            Self::P1 => 1,
            Self::P2 | Self::P3 => 2,
            Self::P4 => 3,
        }
    }

    /// What the instance computes from them, to be read back.
    #[must_use]
    pub fn computed(self) -> i64 {
        match self {
            Self::P1 => 1,
            Self::P2 => 2,
            Self::P3 => 3,
            Self::P4 => 4,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The stock look-up table, impact by row, urgency by column.
    const MATRIX: [[i64; 3]; 3] = [[1, 2, 3], [2, 3, 4], [3, 4, 5]];

    #[test]
    fn priorities_come_out_of_the_stock_matrix() {
        for priority in Priority::ALL {
            let row = usize::try_from(priority.impact() - 1).unwrap();
            let column = usize::try_from(priority.urgency() - 1).unwrap();
            assert_eq!(MATRIX[row][column], priority.computed(), "{priority:?}");
        }
    }

    #[test]
    fn choices_keep_what_they_do_not_know() {
        assert_eq!(State::from_raw("6"), State::Resolved);
        assert_eq!(State::from_raw("42").as_str(), "42");
        assert_eq!(CloseCode::ByChange.as_str(), "Resolved by change");
        for code in CloseCode::STOCK {
            assert_eq!(CloseCode::from_raw(code.as_str()), *code);
        }
    }
}
