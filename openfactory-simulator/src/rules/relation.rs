//! Relations between configuration items: on some instances a second equal one is refused.

use crate::record::Record;
use crate::refusal::Refusal;
use crate::store::{Session, StoreError};

const RULE: (&str, &str) = ("Prevent Duplicate Relationships", "3a71c84e9d2f4b06a5c8e17d90b4f263");

/// Whether the relation that is to be made is there already.
pub(crate) fn is_there(session: &Session<'_>, new: &Record) -> Result<bool, StoreError> {
    if new.class != "cmdb_rel_ci" {
        return Ok(false);
    }
    let same = |row: &Record| ["child", "type"].iter().all(|name| row.value(name) == new.value(name));
    Ok(session.by("cmdb_rel_ci", "parent", new.value("parent"))?.iter().any(same))
}

/// The refusal of a second one.
pub(crate) fn doubled() -> Refusal {
    Refusal::business_rule("cmdb_rel_ci", RULE.0, RULE.1)
}
