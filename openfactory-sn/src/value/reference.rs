//! A field that holds another record's sys_id.

use std::fmt;

use super::{FieldType, Raw, ValueError, Writable};
use crate::id::SysId;

/// Another record, referred to. An empty reference is `None` of an `Option<Reference>`.
///
/// ServiceNow sends it in five shapes: `""`, a bare sys_id, `{value, link}`, `{display_value, link}` and
/// `{display_value, value}` with or without a link. All five are read; it is written as the bare sys_id.
///
/// ```
/// use openfactory_sn::models::change_request::{ASSIGNED_TO, REQUESTED_BY};
/// use openfactory_sn::value::Reference;
/// use openfactory_sn::{Fields, Row, SysId};
///
/// let row: Row = serde_json::from_str(
///     r#"{"sys_id": "c1", "requested_by": {"value": "u1", "display_value": "Eve Example"}, "assigned_to": ""}"#,
/// )?;
/// let requester: Reference = row.read("requested_by")?;
/// assert_eq!((requester.sys_id().as_str(), requester.display()), ("u1", Some("Eve Example")));
/// assert_eq!(row.read::<Option<Reference>>("assigned_to")?, None);
///
/// let handed_back = Fields::new().with_field(ASSIGNED_TO, requester);
/// assert_eq!(handed_back.get("assigned_to"), Some("u1"));
/// let other = Reference::to(SysId::new("u2")?);
/// assert_eq!(Fields::new().with_field(REQUESTED_BY, other).get("requested_by"), Some("u2"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reference {
    sys_id: SysId,
    display: Option<String>,
}

impl Reference {
    /// A reference to this record.
    #[must_use]
    pub fn to(sys_id: SysId) -> Self {
        Self { sys_id, display: None }
    }

    /// The record referred to.
    #[must_use]
    pub fn sys_id(&self) -> &SysId {
        &self.sys_id
    }

    /// What people are shown for it, if it was asked for.
    #[must_use]
    pub fn display(&self) -> Option<&str> {
        self.display.as_deref()
    }
}

impl From<SysId> for Reference {
    fn from(sys_id: SysId) -> Self {
        Self::to(sys_id)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.display.as_deref().unwrap_or(self.sys_id.as_str()))
    }
}

impl FieldType for Reference {
    fn read(raw: Raw<'_>) -> Result<Self, ValueError> {
        Ok(Self { sys_id: SysId::read(raw)?, display: raw.display().map(str::to_owned) })
    }

    fn write(&self) -> String {
        self.sys_id.as_str().to_owned()
    }
}

impl Writable<Reference> for SysId {
    fn into_raw(self) -> String {
        self.as_str().to_owned()
    }
}

impl Writable<Reference> for &SysId {
    fn into_raw(self) -> String {
        self.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_five_shapes() {
        let id = "5137153cc611227c000bbd1bd8cd2007";
        let link = format!("https://x.service-now.com/api/now/table/sys_user/{id}");
        let shapes = [
            (json!(id), None),
            (json!({"value": id, "link": link}), None),
            (json!({"display_value": "David Loo", "link": link}), Some("David Loo")),
            (json!({"display_value": "David Loo", "value": id}), Some("David Loo")),
            (json!({"display_value": "David Loo", "value": id, "link": link}), Some("David Loo")),
        ];
        for (shape, display) in shapes {
            let reference = Option::<Reference>::read(Raw::of(&shape).unwrap()).unwrap().unwrap();
            assert_eq!(reference.sys_id().as_str(), id, "{shape}");
            assert_eq!(reference.display(), display, "{shape}");
            assert_eq!(reference.write(), id);
        }
        for empty in [json!(""), json!({"value": "", "display_value": ""}), json!(null)] {
            assert_eq!(Option::<Reference>::read(Raw::of(&empty).unwrap()), Ok(None), "{empty}");
        }
    }

    #[test]
    fn a_word_can_be_a_key_a_name_cannot() {
        assert_eq!(Reference::read(Raw::of_text("global")).unwrap().sys_id().as_str(), "global");
        assert!(Reference::read(Raw::of_text("David Loo")).is_err());
    }
}
