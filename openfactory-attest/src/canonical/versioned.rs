//! Documents that say of which version they are, the version looked at before the rest.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::from_value;

/// Why a value is no document of the version that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum VersionedError {
    /// It is of another version, and may have any shape.
    Version {
        /// The version it has.
        found: u64,
    },
    /// It has not the members that the version has.
    Shape {
        /// What is wrong.
        reason: String,
    },
}

/// Reads an object whose member `version` has to be `known`.
pub(crate) fn of_version<T: DeserializeOwned>(value: Value, known: u32) -> Result<T, VersionedError> {
    let shape = |reason: String| VersionedError::Shape { reason };
    let Some(members) = value.as_object() else {
        return Err(shape("it is not an object".to_owned()));
    };
    match members.get("version").and_then(Value::as_u64) {
        Some(found) if found != u64::from(known) => Err(VersionedError::Version { found }),
        _ => from_value(value).map_err(|error| shape(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Document {
        version: u32,
        keys: Vec<u8>,
    }

    fn read(value: Value) -> Result<Document, VersionedError> {
        of_version(value, 1)
    }

    #[test]
    fn another_version_is_told_whatever_else_is_there() {
        assert_eq!(read(json!({"version": 1, "keys": [7]})), Ok(Document { version: 1, keys: vec![7] }));
        assert_eq!(read(json!({"version": 2, "other": {}})), Err(VersionedError::Version { found: 2 }));
    }

    #[test]
    fn what_is_no_object_or_says_no_version_has_the_wrong_shape() {
        for value in
            [json!([1, [7]]), json!([0, []]), json!(null), json!({"keys": []}), json!({"version": "1"})]
        {
            assert!(matches!(read(value.clone()), Err(VersionedError::Shape { .. })), "{value}");
        }
    }
}
