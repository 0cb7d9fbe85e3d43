//! `change_task`: a step of a change.
//!
//! ```
//! use openfactory_sn::models::change_task::{CHANGE_REQUEST, ChangeTask, SHORT_DESCRIPTION, State, TYPE, Type};
//! use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
//! use openfactory_sn::{CorrelationId, Fields, SysId};
//! # use serde_json::json;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let change = SysId::new("c1")?;
//! let key = SysId::derived("change_task", &CorrelationId::new("build/b-1/test")?);
//! let made = json!({"sys_id": key, "change_request": "c1", "change_task_type": "testing", "state": "-5"});
//! let instance = ScriptedTransport::new().on(
//!     Expected::post("/api/now/table/change_task").field("change_task_type", "testing"),
//!     Reply::result(201, made),
//! );
//! let fields = Fields::new()
//!     .with_field(CHANGE_REQUEST, &change)
//!     .with_field(TYPE, Type::Testing)
//!     .with_field(SHORT_DESCRIPTION, "Boot the image on a test device");
//! let (task, created) = client(&instance).table::<ChangeTask>().ensure(&key, &fields).await?;
//! assert!(created && task.sys_id() == &key);
//! assert_eq!(task.state, Some(State::Pending));
//! # Ok(())
//! # }
//! ```

use std::time::SystemTime;

use crate::id::Number;
use crate::record::record;
use crate::value::{Reference, choice};

record! {
    /// A step of a change.
    ChangeTask in "change_task" {
        /// `CTASK` and seven digits.
        NUMBER number: Number,
        /// The change it is part of.
        CHANGE_REQUEST change_request: Reference,
        /// Where it stands.
        STATE state: State,
        /// What kind of step it is.
        TYPE change_task_type: Type,
        /// One line.
        SHORT_DESCRIPTION short_description: String,
        /// The whole text.
        DESCRIPTION description: String,
        /// The group that is to do it.
        ASSIGNMENT_GROUP assignment_group: Reference,
        /// The user who is to do it.
        ASSIGNED_TO assigned_to: Reference,
        /// Planned begin.
        PLANNED_START_DATE planned_start_date: SystemTime,
        /// Planned end.
        PLANNED_END_DATE planned_end_date: SystemTime,
        /// Held back.
        ON_HOLD on_hold: bool,
        /// How it ended.
        CLOSE_CODE close_code: String,
        /// Words to how it ended.
        CLOSE_NOTES close_notes: String,
    }
}

choice! {
    /// Where a step stands.
    ///
    /// ```
    /// use openfactory_sn::models::change_task::State;
    ///
    /// assert_eq!(State::from_raw("-5"), State::Pending);
    /// assert_eq!(State::InProgress.as_str(), "2");
    /// ```
    State {
        /// Not to be begun yet.
        Pending = "-5",
        /// To be done.
        Open = "1",
        /// Being done.
        InProgress = "2",
        /// Done.
        Closed = "3",
        /// Given up.
        Canceled = "4",
    }
}

choice! {
    /// What kind of step it is.
    ///
    /// ```
    /// use openfactory_sn::models::change_task::Type;
    ///
    /// assert_eq!(Type::from_raw("review"), Type::Review);
    /// assert_eq!(Type::Implementation.as_str(), "implementation");
    /// ```
    Type {
        /// Planning.
        Planning = "planning",
        /// The change itself.
        Implementation = "implementation",
        /// A test.
        Testing = "testing",
        /// A look back.
        Review = "review",
    }
}
