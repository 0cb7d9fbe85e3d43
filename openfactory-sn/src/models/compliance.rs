//! Governance, risk and compliance: items, controls, their tests, indicators and issues.
//!
//! These tables come with plugins. Results of indicators are the instance's own to write; test evidence goes to a
//! [`control_test::ControlTest`], a deviation to an [`issue::Issue`].

/// `sn_grc_item`, the parent of controls and risks.
pub mod item {
    use crate::id::Number;
    use crate::record::record;
    use crate::value::Reference;

    record! {
        /// What is governed: on a stock instance always a control, a risk or the like.
        Item in "sn_grc_item" {
            /// Its number.
            NUMBER number: Number,
            /// Its name.
            NAME name: String,
            /// Its class's table.
            CLASS sys_class_name: String,
            /// What it is about.
            PROFILE profile: Reference,
            /// A choice.
            STATE state: String,
        }
    }
}

/// `sn_compliance_control`: a control objective as it holds for one entity.
pub mod control {
    use crate::id::Number;
    use crate::record::record;
    use crate::value::Reference;

    record! {
        /// A control objective as it holds for one entity.
        Control in "sn_compliance_control" {
            /// Its number.
            NUMBER number: Number,
            /// Its name.
            NAME name: String,
            /// The objective.
            CONTENT content: Reference,
            /// The entity.
            PROFILE profile: Reference,
            /// A choice: draft, attest, review, monitor, retired.
            STATE state: String,
            /// A choice: compliant, non_compliant, not_applicable.
            STATUS status: String,
            /// How it is put into practice.
            IMPLEMENTATION_STATEMENT implementation_statement: String,
        }
    }
}

/// `sn_audit_control_test`: whether a control works.
pub mod control_test {
    use crate::id::Number;
    use crate::record::record;
    use crate::value::Reference;

    record! {
        /// Whether a control works.
        ControlTest in "sn_audit_control_test" {
            /// Its number.
            NUMBER number: Number,
            /// The control.
            CONTROL control: Reference,
            /// One line.
            SHORT_DESCRIPTION short_description: String,
            /// `effective` or `ineffective`.
            DESIGN_EFFECTIVENESS design_effectiveness: String,
            /// `effective` or `ineffective`.
            OPERATION_EFFECTIVENESS operation_effectiveness: String,
            /// Computed from the two: only read.
            CONTROL_EFFECTIVENESS control_effectiveness: String,
            /// What was found.
            ACTUAL_RESULTS actual_results: String,
            /// A choice.
            STATE state: String,
        }
    }
}

/// `sn_grc_indicator`: what measures a control by itself.
pub mod indicator {
    use crate::id::Number;
    use crate::record::record;
    use crate::value::Reference;

    record! {
        /// What measures a control by itself.
        Indicator in "sn_grc_indicator" {
            /// Its number.
            NUMBER number: Number,
            /// Its name.
            NAME name: String,
            /// What it measures.
            ITEM item: Reference,
            /// Whether the last measurement was good.
            LAST_RESULT_PASSED last_result_passed: bool,
            /// Whether it measures.
            ACTIVE active: bool,
        }
    }
}

/// `sn_grc_issue`: what is wrong.
pub mod issue {
    use std::time::SystemTime;

    use crate::id::Number;
    use crate::record::record;
    use crate::value::Reference;

    record! {
        /// What is wrong.
        Issue in "sn_grc_issue" {
            /// Its number.
            NUMBER number: Number,
            /// One line.
            SHORT_DESCRIPTION short_description: String,
            /// The whole text.
            DESCRIPTION description: String,
            /// The item that it is about.
            ITEM item: Reference,
            /// A choice.
            STATE state: String,
            /// The group that is to mend it.
            ASSIGNMENT_GROUP assignment_group: Reference,
            /// When it was opened.
            OPENED_AT opened_at: SystemTime,
        }
    }
}
