//! Users: the name is made of the first and the last one.

use crate::record::Record;

const PARTS: [&str; 2] = ["first_name", "last_name"];

/// Names a user whose first or last name changed, and who was not named otherwise.
pub(super) fn name(old: Option<&Record>, new: &mut Record) {
    let before = |field: &str| old.map_or("", |old| old.value(field));
    let changed = PARTS.iter().any(|part| new.value(part) != before(part));
    if changed && new.value("name") == before("name") {
        let parts: Vec<&str> =
            PARTS.iter().map(|part| new.value(part).trim()).filter(|part| !part.is_empty()).collect();
        let name = parts.join(" ");
        new.set("name", name);
    }
}
