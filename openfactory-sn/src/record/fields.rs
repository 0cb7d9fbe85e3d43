//! What is written to a record.

use std::collections::BTreeMap;
use std::collections::btree_map;

use serde::{Deserialize, Serialize};

use super::{Field, Row};
use crate::auth::IntegrationPoint;
use crate::value::Writable;

/// Fields that are appended to, not set: writing the same text twice leaves two entries.
pub(crate) const JOURNAL: &[&str] = &["comments", "work_notes", "comments_and_work_notes"];

/// The journal fields of a table: configuration items have `comments` as well, but as plain text.
pub(crate) fn journal_of(table: &str) -> &'static [&'static str] {
    match IntegrationPoint::of_table(table) {
        Some(IntegrationPoint::Cmdb) => &["work_notes", "comments_and_work_notes"],
        _ => JOURNAL,
    }
}

/// Fields and their raw values, in the order of their names: the same fields always make the same bytes.
///
/// Values are ServiceNow's raw ones: sys_ids for references, UTC for dates, numbers for choices. An empty value clears
/// the field.
///
/// ```
/// use openfactory_sn::Fields;
/// use openfactory_sn::models::change_request::{STATE, State};
///
/// let fields = Fields::new().with("u_build_id", "b-1").with_field(STATE, State::Implement);
/// assert_eq!(serde_json::to_string(&fields)?, r#"{"state":"-1","u_build_id":"b-1"}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fields(BTreeMap<String, String>);

impl Fields {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with this field set to a raw value.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.set(name, value);
        self
    }

    /// The same with this field set to a value of its type.
    #[must_use]
    pub fn with_field<T>(self, field: Field<T>, value: impl Writable<T>) -> Self {
        let Field { name, .. } = field;
        self.with(name, value.into_raw())
    }

    /// Sets a field to a raw value.
    ///
    /// ```
    /// use openfactory_sn::Fields;
    ///
    /// let mut fields = Fields::new();
    /// assert!(fields.is_empty());
    /// fields.set("state", "2");
    /// fields.set("state", "6");
    /// fields.set("work_notes", "rolled back");
    /// assert_eq!((fields.len(), fields.get("state")), (2, Some("6")));
    /// assert!(!fields.is_repeatable(), "a second write would leave a second note");
    /// assert_eq!(fields.remove("work_notes").as_deref(), Some("rolled back"));
    /// assert!(fields.is_repeatable());
    /// ```
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.insert(name.into(), value.into());
    }

    /// The raw value of a field.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Takes a field out.
    pub fn remove(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Names and raw values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Those that a record, as it was read, does not hold already. A journal field differs if it has text: it is appended
    /// to, not set. So does a field that was not sent, which the credential may not be able to read.
    ///
    /// ```
    /// use openfactory_sn::{Fields, Row};
    ///
    /// let read: Row = serde_json::from_str(r#"{"sys_id": "a1", "state": "1", "active": "true"}"#)?;
    /// let wanted = Fields::new().with("state", "2").with("active", "true").with("work_notes", "moved");
    /// let changed = wanted.differing_from(&read);
    /// assert_eq!(changed.iter().collect::<Vec<_>>(), [("state", "2"), ("work_notes", "moved")]);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    #[must_use]
    pub fn differing_from(&self, read: &Row) -> Self {
        self.differing(read, JOURNAL)
    }

    /// The same where these are the journal fields.
    pub(crate) fn differing(&self, read: &Row, journal: &[&str]) -> Self {
        let differs = |name: &str, value: &str| match journal.contains(&name) {
            true => !value.is_empty(),
            false => !read.has(name) || read.text(name) != value,
        };
        self.iter().filter(|(name, value)| differs(name, value)).collect()
    }

    /// Whether writing them twice leaves the record as writing them once: not so with a journal field.
    #[must_use]
    pub fn is_repeatable(&self) -> bool {
        self.leaves_out(JOURNAL)
    }

    /// Whether there is no text for any of these.
    pub(crate) fn leaves_out(&self, journal: &[&str]) -> bool {
        !journal.iter().any(|name| self.get(name).is_some_and(|text| !text.is_empty()))
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Fields {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(fields: I) -> Self {
        Self(fields.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl<N: Into<String>, V: Into<String>> Extend<(N, V)> for Fields {
    fn extend<I: IntoIterator<Item = (N, V)>>(&mut self, fields: I) {
        self.0.extend(fields.into_iter().map(|(name, value)| (name.into(), value.into())));
    }
}

impl IntoIterator for Fields {
    type Item = (String, String);
    type IntoIter = btree_map::IntoIter<String, String>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_makes_a_write_unrepeatable() {
        assert!(Fields::new().with("state", "2").is_repeatable());
        assert!(!Fields::new().with("state", "2").with("work_notes", "seen").is_repeatable());
        assert!(Fields::new().with("work_notes", "").is_repeatable());
    }

    #[test]
    fn a_configuration_item_has_comments_as_plain_text() {
        let fields = Fields::new().with("comments", "rack 4");
        assert!(
            fields.leaves_out(journal_of("cmdb_ci_server")) && !fields.leaves_out(journal_of("incident"))
        );
        let read: Row = serde_json::from_str(r#"{"sys_id": "a", "comments": "rack 4"}"#).unwrap();
        assert!(fields.differing(&read, journal_of("cmdb_ci_server")).is_empty());
        assert_eq!(fields.differing(&read, journal_of("incident")), fields);
    }

    #[test]
    fn later_values_win_and_order_is_by_name() {
        let fields: Fields = [("b", "1"), ("a", "2"), ("b", "3")].into_iter().collect();
        assert_eq!(fields.iter().collect::<Vec<_>>(), [("a", "2"), ("b", "3")]);
    }
}
