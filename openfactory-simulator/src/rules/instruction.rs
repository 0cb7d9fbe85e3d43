//! Who wrote an instruction on an incident, and when: recorded by the instance that was prepared for the guide, whatever a
//! writer says of it.

use crate::record::Record;
use crate::store::Session;
use crate::write::Writer;

const WRITTEN: &str = "u_remediation";
const BY: &str = "u_remediation_by";
const AT: &str = "u_remediation_at";

pub(super) fn stamp(session: &Session<'_>, writer: &Writer<'_>, old: Option<&Record>, new: &mut Record) {
    if session.schema.field(&new.class, WRITTEN).is_none() {
        return;
    }
    let before = |field| old.map_or("", |old| old.value(field)).to_owned();
    if before(WRITTEN) == new.value(WRITTEN) {
        for field in [BY, AT] {
            new.set(field, before(field));
        }
        return;
    }
    new.set(BY, writer.caller.user_name.clone());
    new.set(AT, crate::instant::glide(session.now));
}
