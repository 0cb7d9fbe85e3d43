//! How long a task took, once it ended.

use crate::duration;
use crate::record::Record;
use crate::schema::Schema;

/// Fills in the durations when the end is set, and empties them when it is taken back. Every hour is a business hour.
pub(super) fn measure(schema: &Schema, old: &Record, new: &mut Record) {
    let end = if schema.is_a(&new.class, "incident") { "resolved_at" } else { "closed_at" };
    if new.value(end) == old.value(end) {
        return;
    }
    let seconds = duration::between(new.value("opened_at"), new.value(end)).map(|seconds| seconds.max(0));
    let kept = seconds.map(duration::kept).unwrap_or_default();
    new.set("calendar_duration", kept.clone());
    new.set("business_duration", kept);
    if end == "resolved_at" {
        let seconds = seconds.map(|seconds| seconds.to_string()).unwrap_or_default();
        new.set("calendar_stc", seconds.clone());
        new.set("business_stc", seconds);
    }
}
