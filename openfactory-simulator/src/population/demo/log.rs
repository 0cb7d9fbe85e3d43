//! The rows that an instance writes into its log while it runs.

use std::collections::BTreeMap;

use super::super::{delivered, derived_id};
use crate::instant;
use crate::refusal::Refusal;
use crate::store::Session;

/// How many rows there are.
const ROWS: i64 = 400;

/// When the first one was written: 2025-06-02 00:00:00.
const BEGIN: i64 = 1_748_822_400;

/// How far one is from the next, in seconds.
const PACE: i64 = 97;

/// Level, source, message.
const MESSAGES: [(&str, &str, &str); 9] = [
    ("0", "Scheduler", "Name: Clean temporary tables, Job Context: done"),
    ("0", "EmailReader", "No mail to be read"),
    ("0", "Scheduler", "Name: Recompute table statistics, Job Context: done"),
    ("0", "com.glide.ui.ServletErrorListener", "Session was invalidated"),
    ("1", "Slow query", "A query took longer than 5000 ms"),
    ("0", "Scheduler", "Name: Close resolved incidents, Job Context: done"),
    ("-1", "Import set", "Rows are kept for 7 days"),
    ("2", "EmailSender", "No mail server is set up"),
    ("0", "Text index", "Index of table task is up to date"),
];

pub(super) fn plant(session: &Session<'_>) -> Result<(), Refusal> {
    for (number, (level, source, message)) in (0..ROWS).zip(MESSAGES.into_iter().cycle()) {
        let at = instant::glide_from_unix(BEGIN + number * PACE);
        let values = [
            ("level", level),
            ("source", source),
            ("message", message),
            ("sys_created_on", at.as_str()),
            ("sys_created_by", "system"),
        ];
        let values: BTreeMap<_, _> =
            values.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        delivered(session, "syslog", &derived_id("syslog", &number.to_string()), values)?;
    }
    Ok(())
}
