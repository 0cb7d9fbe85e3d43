//! What an instance did not take although it said that all went well.
//!
//! A write's answer holds the record as it then is. Fields that the table lacks are passed over without a word, computed ones
//! are computed, those that the credential may not write are left as they were, and a value off a choice list can end as
//! nothing.

use super::fields::{Fields, journal_of};
use super::row::Row;

/// How a field that was sent stands in the record that was answered.
///
/// ```
/// use openfactory_sn::record::Untaken;
/// use openfactory_sn::{Fields, Row};
///
/// let sent = Fields::new().with("close_code", "Solved").with("state", "6");
/// let answered: Row = serde_json::from_str(r#"{"sys_id": "a1", "close_code": "", "state": "6"}"#)?;
/// let [close_code] = &sent.not_taken(&answered)[..] else { panic!("one was not taken") };
/// assert_eq!(close_code.how, Untaken::Emptied);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Untaken {
    /// The record holds nothing there.
    Emptied,
    /// The record does not show such a field.
    Missing,
    /// The record holds something else.
    Replaced,
}

/// A field that was not taken as it was sent.
///
/// ```
/// use openfactory_sn::record::NotTaken;
/// use openfactory_sn::{Fields, Row};
///
/// /// A line for the log.
/// fn line(one: &NotTaken) -> String {
///     format!("{} holds {:?}: {}", one.field, one.held, one.advice())
/// }
///
/// let answered: Row = serde_json::from_str(r#"{"sys_id": "a1", "priority": "5"}"#)?;
/// let lines: Vec<String> = Fields::new().with("priority", "1").not_taken(&answered).iter().map(line).collect();
/// assert!(lines[0].starts_with("priority holds \"5\": the instance decides this field itself"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NotTaken {
    /// Its name.
    pub field: String,
    /// How it stands.
    pub how: Untaken,
    /// What the record holds; empty where it is [`Untaken::Emptied`] or [`Untaken::Missing`].
    pub held: String,
}

impl NotTaken {
    /// What a person can do about it.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self.how {
            Untaken::Emptied => {
                "the value is not one that the field offers, or the credential may not write it: look up the choices of \
                 this instance (sys_choice) and the field's write access"
            }
            Untaken::Missing => {
                "the table has no such field, or the credential may not read it: the instance passes over unknown names \
                 without a word, so check the name and the field's read access"
            }
            Untaken::Replaced => {
                "the instance decides this field itself (computed, a system field, or changed by a business rule), took a \
                 text for a number, or left it as it was because the credential may not write it: send what it is \
                 computed from, and raw values instead of labels"
            }
        }
    }
}

impl Fields {
    /// Which of these were not taken as they were sent, by the record that the instance answered to the write. Nothing is
    /// told of journal fields, which read as empty, nor where the instance keeps whatever it is sent, as it does with
    /// references to records that do not exist.
    ///
    /// ```
    /// use openfactory_sn::Fields;
    /// use openfactory_sn::models::incident::Incident;
    /// use openfactory_sn::record::{Record as _, Untaken};
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), openfactory_sn::Error> {
    /// let record = json!({"sys_id": "a1", "priority": "5", "close_code": ""});
    /// let instance =
    ///     ScriptedTransport::new().on(Expected::post("/api/now/table/incident"), Reply::result(201, record));
    /// let fields = Fields::new().with("priority", "1").with("u_devise", "d").with("close_code", "Solved");
    /// let incident = client(&instance).table::<Incident>().create(&fields).await?;
    /// let told = fields.not_taken(incident.row());
    /// let told: Vec<_> = told.iter().map(|one| (one.field.as_str(), one.how)).collect();
    /// assert_eq!(told, [
    ///     ("close_code", Untaken::Emptied),
    ///     ("priority", Untaken::Replaced),
    ///     ("u_devise", Untaken::Missing),
    /// ]);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn not_taken(&self, answered: &Row) -> Vec<NotTaken> {
        let journal = journal_of(answered.text("sys_class_name"));
        let judged = self.iter().filter(|(name, _)| !journal.contains(name)).filter_map(|(name, sent)| {
            let held = answered.text(name);
            let how = match (answered.has(name), held) {
                (false, _) => Untaken::Missing,
                (true, _) if is_same(sent, held) => return None,
                (true, "") => Untaken::Emptied,
                (true, _) => Untaken::Replaced,
            };
            Some(NotTaken { field: name.to_owned(), how, held: held.to_owned() })
        });
        judged.collect()
    }
}

/// As ServiceNow compares: spaces at the end do not count, and a boolean has two spellings.
fn is_same(sent: &str, held: &str) -> bool {
    let truth = |text: &str| match text {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    };
    sent.trim_end() == held.trim_end()
        || matches!(held, "true" | "false") && truth(sent).is_some() && truth(sent) == truth(held)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(fields: &Fields, row: serde_json::Value) -> Vec<(String, Untaken)> {
        let row = Row::try_from(row).unwrap();
        fields.not_taken(&row).into_iter().map(|one| (one.field, one.how)).collect()
    }

    #[test]
    fn what_was_taken_is_not_told() {
        let fields = Fields::new()
            .with("active", "1")
            .with("work_notes", "seen")
            .with("description", "text ")
            .with("cleared", "")
            .with("group", "g");
        let row = serde_json::json!({"sys_id": "a", "active": "true", "work_notes": "", "description": "text",
            "cleared": "", "group": {"value": "g", "link": "x"}});
        assert_eq!(told(&fields, row), []);
    }

    #[test]
    fn numbers_are_no_booleans() {
        let fields = Fields::new().with("state", "1").with("active", "0");
        let row = serde_json::json!({"sys_id": "a", "state": "0", "active": "true"});
        let replaced = |name: &str| (name.to_owned(), Untaken::Replaced);
        assert_eq!(told(&fields, row), [replaced("active"), replaced("state")]);
    }
}
