//! The `sys_` fields that the instance keeps.

use crate::access::Caller;
use crate::instant;
use crate::record::Record;
use crate::store::Session;

/// Those that a caller may set where it asks for them not to be kept.
pub(super) const STAMPS: [&str; 4] = ["sys_created_on", "sys_created_by", "sys_updated_on", "sys_updated_by"];

/// Who made a row and when, where a seed does not say otherwise.
pub(crate) fn stamp_new(session: &Session<'_>, caller: &Caller, record: &mut Record) {
    let now = instant::glide(session.now);
    for (field, value) in [
        ("sys_created_on", now.as_str()),
        ("sys_created_by", &caller.user_name),
        ("sys_updated_on", &now),
        ("sys_updated_by", &caller.user_name),
        ("sys_mod_count", "0"),
    ] {
        if record.value(field).is_empty() {
            record.set(field, value);
        }
    }
    if session.schema.has_classes(&record.class) {
        let class = record.class.clone();
        record.set("sys_class_name", class);
    }
}

/// Who changed a row and when; counts the change.
pub(crate) fn stamp_changed(session: &Session<'_>, caller: &Caller, record: &mut Record) {
    let count = record.value("sys_mod_count").parse::<u64>().unwrap_or(0);
    record.set("sys_mod_count", (count + 1).to_string());
    record.set("sys_updated_on", instant::glide(session.now));
    record.set("sys_updated_by", caller.user_name.clone());
}
