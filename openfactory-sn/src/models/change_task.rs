//! `change_task`: a step of a change.

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
