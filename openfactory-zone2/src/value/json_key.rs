//! JSON: a path of names and indices.

use openfactory_attest::canonical::{self, Limits};
use serde_json::Value;

use super::MAX_FILE_BYTES;

/// All that stands in a file. Names that stand twice are refused.
pub(super) fn parse(bytes: &[u8]) -> Result<Value, String> {
    let limits = Limits { max_bytes: MAX_FILE_BYTES, ..Limits::FOREIGN };
    canonical::parse(bytes, &limits).map_err(|error| format!("not acceptable JSON: {error}"))
}

#[cfg(test)]
mod tests {
    use crate::value::{Format, Observed};

    fn extract(key: &str, bytes: &[u8]) -> Observed {
        crate::value::extract(Format::Json, key, bytes)
    }

    #[test]
    fn keys_lead_to_values() {
        let json = br#"{"a": {"b": ["x", 1, true]}}"#;
        assert_eq!(extract("a.b", json), Observed::Values(vec!["x".into(), "1".into(), "true".into()]));
    }

    #[test]
    fn what_is_ambiguous_or_no_json_is_unreadable() {
        let deep = "[".repeat(100_000);
        for json in [r#"{"a": 1, "a": 2}"#, "{", "", deep.as_str()] {
            assert!(matches!(extract("a", json.as_bytes()), Observed::Unreadable(_)));
        }
    }

    #[test]
    fn too_many_values_are_unreadable() {
        let list = format!("{{\"a\":[{}0]}}", "0,".repeat(crate::value::MAX_VALUES));
        assert!(matches!(extract("a", list.as_bytes()), Observed::Unreadable(_)));
    }
}
