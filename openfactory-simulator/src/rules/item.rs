//! Configuration items: one that is retired is so in both of its fields.

use crate::record::Record;

const OPERATIONAL: (&str, &str) = ("operational_status", "6");
const INSTALL: (&str, &str) = ("install_status", "7");

/// Passes on that an item is retired, whichever field said so. An item that is taken up again says so in both.
pub(super) fn retire(old: Option<&Record>, new: &mut Record) {
    for ((field, retired), (twin, also)) in [(OPERATIONAL, INSTALL), (INSTALL, OPERATIONAL)] {
        let before = old.map_or("", |old| old.value(field));
        if new.value(field) == retired && before != retired {
            new.set(twin, also);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whichever_field_says_so() {
        let item = |operational: &str, install: &str| {
            let mut item = Record::new("cmdb_ci", "0");
            item.set("operational_status", operational);
            item.set("install_status", install);
            item
        };
        for (old, new, expected) in [
            (None, ("6", "1"), ("6", "7")),
            (None, ("1", "7"), ("6", "7")),
            (None, ("2", "100"), ("2", "100")),
            (Some(("1", "1")), ("6", "1"), ("6", "7")),
            (Some(("1", "1")), ("1", "7"), ("6", "7")),
            (Some(("6", "7")), ("1", "7"), ("1", "7")),
            (Some(("6", "7")), ("6", "1"), ("6", "1")),
        ] {
            let old = old.map(|(operational, install)| item(operational, install));
            let mut record = item(new.0, new.1);
            retire(old.as_ref(), &mut record);
            assert_eq!((record.value("operational_status"), record.value("install_status")), expected);
        }
    }
}
