//! `sys_choice`: the values that a field offers, which are each instance's own.

use crate::record::record;

record! {
    /// A value that a field offers. Who is no administrator often sees the label alone.
    Choice in "sys_choice" {
        /// The table.
        TABLE name: String,
        /// The field.
        ELEMENT element: String,
        /// The raw value.
        VALUE value: String,
        /// What people read.
        LABEL label: String,
        /// `en` for English.
        LANGUAGE language: String,
        /// Whether it is offered no more.
        INACTIVE inactive: bool,
    }
}
