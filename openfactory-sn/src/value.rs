//! What ServiceNow really sends: everything is a string, or an object around one.
//!
//! A [`Raw`] is one field as it came, whatever its shape; a [`FieldType`] is a Rust type that can be read from it and
//! written back. Booleans are `"true"` and `"false"`, numbers are text, null is `""`, dates are UTC without saying so.

mod choice;
mod date_time;
mod duration;
mod journal;
mod list;
mod reference;
mod scalar;

pub(crate) use self::choice::choice;
pub use self::date_time::{format_date_time, parse_date_time};
pub use self::journal::{ShownEntry, parse_journal};
pub use self::reference::Reference;

use serde_json::Value;

/// Why a field's text cannot be read as its type.
///
/// ```
/// use openfactory_sn::value::{FieldType, Raw, ValueError};
///
/// assert_eq!(i64::read(Raw::EMPTY), Err(ValueError::Empty));
/// assert_eq!(bool::read(Raw::of_text("maybe")).unwrap_err().to_string(), "\"maybe\" is not true or false");
/// let list = serde_json::json!(["1"]);
/// assert_eq!(Raw::of(&list), Err(ValueError::Shape { found: "list" }));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValueError {
    /// The field is empty or was not sent, and the type has no empty value.
    #[error("empty")]
    Empty,
    /// The text has another form than this type's.
    #[error("{found:?} is not {expected}")]
    Form {
        /// What was expected, in words.
        expected: &'static str,
        /// What was found, cut at 64 characters.
        found: String,
    },
    /// The field holds an array or a nested object, which no field of a record does.
    #[error("a {found} where a field's value belongs")]
    Shape {
        /// The JSON type that was found.
        found: &'static str,
    },
}

impl ValueError {
    pub(crate) fn form(expected: &'static str, found: &str) -> Self {
        Self::Form { expected, found: found.chars().take(64).collect() }
    }
}

/// One field as it came, seen through whichever of its shapes: a string, or an object with `value`, `display_value`
/// and `link`.
///
/// ```
/// use openfactory_sn::value::Raw;
///
/// let bare = Raw::of_text("u1");
/// assert_eq!((bare.text(), bare.display(), bare.is_empty()), ("u1", None, false));
///
/// let link = "https://plant.service-now.com/api/now/table/sys_user/u1";
/// let shown = serde_json::json!({"display_value": "Eve Example", "link": link});
/// let shown = Raw::of(&shown)?;
/// assert_eq!((shown.text(), shown.display(), shown.link()), ("u1", Some("Eve Example"), Some(link)));
/// # Ok::<(), openfactory_sn::value::ValueError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Raw<'a> {
    text: &'a str,
    display: Option<&'a str>,
    link: Option<&'a str>,
}

impl<'a> Raw<'a> {
    /// A field that is empty, or that was not sent.
    pub const EMPTY: Self = Self { text: "", display: None, link: None };

    /// A field that came as a bare string.
    #[must_use]
    pub fn of_text(text: &'a str) -> Self {
        Self { text, ..Self::EMPTY }
    }

    /// Sees a field through its shape.
    ///
    /// # Errors
    ///
    /// [`ValueError::Shape`] for an array, or an object without any of the three members as strings.
    pub fn of(value: &'a Value) -> Result<Self, ValueError> {
        match value {
            Value::String(text) => Ok(Self::of_text(text)),
            Value::Null => Ok(Self::EMPTY),
            Value::Object(members) => {
                let member = |name: &str| members.get(name).and_then(Value::as_str);
                let (value, display, link) = (member("value"), member("display_value"), member("link"));
                if value.is_none() && display.is_none() && link.is_none() && !members.is_empty() {
                    return Err(ValueError::Shape { found: "foreign object" });
                }
                let linked = || link.and_then(|link| link.split(['?', '#']).next()?.rsplit('/').next());
                Ok(Self { text: value.or_else(linked).unwrap_or(""), display, link })
            }
            Value::Array(_) => Err(ValueError::Shape { found: "list" }),
            Value::Bool(_) | Value::Number(_) => Err(ValueError::Shape { found: "bare number or boolean" }),
        }
    }

    /// The stored value; `""` if there is none.
    ///
    /// Where only a display value and a link came, it is the last segment of the link.
    #[must_use]
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// The text shown to people, if it was asked for.
    #[must_use]
    pub fn display(&self) -> Option<&'a str> {
        self.display
    }

    /// The address of the record referred to, if it was sent.
    #[must_use]
    pub fn link(&self) -> Option<&'a str> {
        self.link
    }

    /// Whether there is no value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }
}

/// A Rust type that a field can be read as and written from.
///
/// ```
/// use openfactory_sn::Row;
/// use openfactory_sn::value::{FieldType, Raw, ValueError};
///
/// /// A firmware version, which a table of ours has as text.
/// #[derive(Debug, PartialEq)]
/// struct Version(u32, u32);
///
/// impl FieldType for Version {
///     fn read(raw: Raw<'_>) -> Result<Self, ValueError> {
///         let text = raw.text();
///         let parts = text.split_once('.').and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
///         match parts {
///             Some((major, minor)) => Ok(Self(major, minor)),
///             None if text.is_empty() => Err(ValueError::Empty),
///             None => Err(ValueError::Form { expected: "a version", found: text.chars().take(64).collect() }),
///         }
///     }
///
///     fn write(&self) -> String {
///         format!("{}.{}", self.0, self.1)
///     }
/// }
///
/// let row: Row = serde_json::from_str(r#"{"sys_id": "g1", "u_firmware": "7.1", "u_spare": ""}"#)?;
/// assert_eq!(row.read::<Version>("u_firmware")?, Version(7, 1));
/// assert_eq!(row.read::<Option<Version>>("u_spare")?, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait FieldType: Sized {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// [`ValueError`] if the field does not hold one.
    fn read(raw: Raw<'_>) -> Result<Self, ValueError>;

    /// Writes it as the raw value that the Table API takes: UTC for dates, the sys_id for references.
    fn write(&self) -> String;
}

impl<T: FieldType> FieldType for Option<T> {
    fn read(raw: Raw<'_>) -> Result<Self, ValueError> {
        if raw.is_empty() { Ok(None) } else { T::read(raw).map(Some) }
    }

    fn write(&self) -> String {
        self.as_ref().map(T::write).unwrap_or_default()
    }
}

/// What can be written where a field of type `T` stands: a `T`, a reference to one, or its usual stand-in.
///
/// ```
/// use openfactory_sn::models::change_request::{ASSIGNED_TO, DESCRIPTION};
/// use openfactory_sn::value::{Reference, Writable};
/// use openfactory_sn::{Fields, SysId};
///
/// /// What people call the one on duty.
/// struct OnDuty(SysId);
///
/// impl Writable<Reference> for OnDuty {
///     fn into_raw(self) -> String {
///         String::from(self.0)
///     }
/// }
///
/// let duty = OnDuty(SysId::new("u1")?);
/// let fields = Fields::new().with_field(ASSIGNED_TO, duty).with_field(DESCRIPTION, "a text as it is");
/// assert_eq!(fields.get("assigned_to"), Some("u1"));
/// # Ok::<(), openfactory_sn::IdError>(())
/// ```
pub trait Writable<T> {
    /// The raw value.
    fn into_raw(self) -> String;
}

impl<T: FieldType> Writable<T> for T {
    fn into_raw(self) -> String {
        self.write()
    }
}

impl<T: FieldType> Writable<T> for &T {
    fn into_raw(self) -> String {
        self.write()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn shapes_are_seen_through() {
        let display_only = json!({"display_value": "David", "link": "https://x/api/now/table/sys_user/abc"});
        assert_eq!(Raw::of(&display_only).unwrap().text(), "abc");
        let with_query =
            json!({"display_value": "David", "link": "https://x/api/now/table/sys_user/abc?sysparm_view=x"});
        assert_eq!(Raw::of(&with_query).unwrap().text(), "abc");
        assert_eq!(Raw::of(&json!("")).unwrap(), Raw::EMPTY);
        assert_eq!(Raw::of(&json!({})).unwrap(), Raw::EMPTY);
        assert_eq!(Raw::of(&json!(["a"])), Err(ValueError::Shape { found: "list" }));
        assert!(Raw::of(&json!({"a": "b"})).is_err());
    }

    #[test]
    fn optional_is_empty_or_valid() {
        assert_eq!(Option::<i64>::read(Raw::EMPTY), Ok(None));
        assert_eq!(Option::<i64>::read(Raw::of_text("3")), Ok(Some(3)));
        assert!(Option::<i64>::read(Raw::of_text("three")).is_err());
    }
}
