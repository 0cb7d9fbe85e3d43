//! A field that holds another record's sys_id.

use std::fmt;

use super::{FieldType, Raw, ValueError, Writable};
use crate::id::SysId;

/// Another record, referred to. An empty reference is `None` of an `Option<Reference>`.
///
/// ServiceNow sends it in five shapes: `""`, a bare sys_id, `{value, link}`, `{display_value, link}` and
/// `{display_value, value}` with or without a link. All five are read; it is written as the bare sys_id.
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
