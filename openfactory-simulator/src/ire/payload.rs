//! The payload, as it is sent.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::refusal::Refusal;

/// `{"items": [...], "relations": [...], "referenceItems": [...]}`.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Payload {
    pub(crate) items: Vec<Item>,
    /// As it was sent, to be put aside.
    #[serde(skip)]
    pub(super) sent: Value,
    #[serde(default)]
    pub(super) relations: Vec<Relation>,
    #[serde(default, rename = "referenceItems")]
    pub(super) references: Vec<Reference>,
}

/// One configuration item.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Item {
    #[serde(default, rename = "className")]
    pub(crate) class: String,
    #[serde(default)]
    pub(crate) internal_id: String,
    #[serde(default)]
    pub(crate) values: BTreeMap<String, Value>,
    #[serde(default)]
    pub(crate) lookup: Vec<Lookup>,
    /// Rows that belong to the item and tell nothing of which one it is.
    #[serde(default)]
    pub(crate) related: Vec<Lookup>,
    #[serde(default)]
    pub(crate) sys_object_source_info: Option<SourceInfo>,
    #[serde(default)]
    pub(crate) settings: Settings,
}

/// A row of a table of its own that helps to identify the item, such as a serial number, or that is related to it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Lookup {
    #[serde(rename = "className")]
    pub(crate) class: String,
    #[serde(default)]
    pub(crate) values: BTreeMap<String, Value>,
}

/// Under which key the source itself knows the item.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct SourceInfo {
    pub(crate) source_name: String,
    pub(crate) source_native_key: String,
    #[serde(default)]
    pub(crate) source_feed: String,
    #[serde(default)]
    pub(crate) source_recency_timestamp: String,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(crate) struct Settings {
    #[serde(default, rename = "updateWithoutDowngrade")]
    pub(crate) without_downgrade: bool,
    #[serde(default, rename = "updateWithoutSwitch")]
    pub(crate) without_switch: bool,
}

/// Between two items, by index or by `internal_id`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Relation {
    #[serde(default)]
    pub(super) parent: Option<usize>,
    #[serde(default)]
    pub(super) child: Option<usize>,
    #[serde(default)]
    pub(super) parent_id: Option<String>,
    #[serde(default)]
    pub(super) child_id: Option<String>,
    #[serde(default, rename = "type")]
    pub(super) kind: String,
}

/// A field of one item that refers to another item.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Reference {
    #[serde(rename = "referenceField")]
    pub(super) field: String,
    pub(super) referenced: usize,
    #[serde(rename = "referencedBy")]
    pub(super) by: usize,
}

impl Payload {
    pub(crate) fn from_json(body: &[u8]) -> Result<Self, Refusal> {
        let unreadable = |error: serde_json::Error| Refusal::unreadable(error.to_string());
        let sent: Value = serde_json::from_slice(body).map_err(unreadable)?;
        let mut payload = Self::deserialize(&sent).map_err(unreadable)?;
        payload.sent = sent;
        Ok(payload)
    }

    pub(super) fn item(&self, index: usize) -> Option<&Item> {
        self.items.get(index)
    }

    /// The index that an index or an `internal_id` means.
    pub(super) fn index(&self, index: Option<usize>, id: Option<&str>) -> Option<usize> {
        match (index, id) {
            (_, Some(id)) => self.items.iter().position(|item| item.internal_id == id),
            (index, None) => index.filter(|index| *index < self.items.len()),
        }
    }
}

/// The text of a value that an item was sent with; none where it has not got it.
pub(super) fn text<'a>(values: &'a BTreeMap<String, Value>, name: &str) -> Option<std::borrow::Cow<'a, str>> {
    match values.get(name)? {
        Value::String(text) => Some(text.as_str().into()),
        Value::Number(number) => Some(number.to_string().into()),
        Value::Bool(flag) => Some(flag.to_string().into()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
    .filter(|text: &std::borrow::Cow<'_, str>| !text.is_empty())
}

/// All values as text.
pub(super) fn texts(values: &BTreeMap<String, Value>) -> BTreeMap<String, String> {
    values.keys().filter_map(|name| Some((name.clone(), text(values, name)?.into_owned()))).collect()
}
