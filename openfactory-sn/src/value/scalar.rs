//! Text, numbers and booleans.

use super::{FieldType, Raw, ValueError, Writable};
use crate::id::{CorrelationId, Number, SysId};

impl FieldType for String {
    fn read(raw: Raw<'_>) -> Result<Self, ValueError> {
        Ok(raw.text().to_owned())
    }

    fn write(&self) -> String {
        self.clone()
    }
}

impl Writable<String> for &str {
    fn into_raw(self) -> String {
        self.to_owned()
    }
}

impl FieldType for i64 {
    /// Also takes a whole number written with a fraction of zero, as the Change Management API sends states.
    fn read(raw: Raw<'_>) -> Result<Self, ValueError> {
        let text = raw.text();
        if text.is_empty() {
            return Err(ValueError::Empty);
        }
        let whole = match text.split_once('.') {
            Some((whole, fraction)) if fraction.bytes().all(|digit| digit == b'0') => whole,
            _ => text,
        };
        whole.parse().map_err(|_| ValueError::form("a whole number", text))
    }

    fn write(&self) -> String {
        self.to_string()
    }
}

impl FieldType for f64 {
    fn read(raw: Raw<'_>) -> Result<Self, ValueError> {
        match raw.text() {
            "" => Err(ValueError::Empty),
            text => text
                .parse()
                .ok()
                .filter(|number: &Self| number.is_finite())
                .ok_or_else(|| ValueError::form("a decimal number", text)),
        }
    }

    /// Empty for what is no number.
    fn write(&self) -> String {
        if self.is_finite() { self.to_string() } else { String::new() }
    }
}

impl FieldType for bool {
    /// `true` and `false`; also `1` and `0`, as scripts on the instance send them.
    fn read(raw: Raw<'_>) -> Result<Self, ValueError> {
        match raw.text() {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            "" => Err(ValueError::Empty),
            other => Err(ValueError::form("true or false", other)),
        }
    }

    fn write(&self) -> String {
        self.to_string()
    }
}

macro_rules! id_field {
    ($($name:ident => $expected:literal),*) => {$(
        impl FieldType for $name {
            fn read(raw: Raw<'_>) -> Result<Self, ValueError> {
                match raw.text() {
                    "" => Err(ValueError::Empty),
                    text => Self::new(text).map_err(|_| ValueError::form($expected, text)),
                }
            }

            fn write(&self) -> String {
                self.as_str().to_owned()
            }
        }
    )*};
}

id_field!(SysId => "a sys_id", Number => "a number", CorrelationId => "a correlation id");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_text() {
        assert_eq!(i64::read(Raw::of_text("-5")), Ok(-5));
        assert_eq!(i64::read(Raw::of_text("-5.0")), Ok(-5));
        assert_eq!(i64::read(Raw::EMPTY), Err(ValueError::Empty));
        assert!(i64::read(Raw::of_text("1.5")).is_err());
        assert!(i64::read(Raw::of_text("New")).is_err());
        assert_eq!(f64::read(Raw::of_text("1.25")), Ok(1.25));
        assert!(f64::read(Raw::of_text("NaN")).is_err());
        assert_eq!(f64::INFINITY.write(), "");
    }

    #[test]
    fn booleans_are_text() {
        assert_eq!(bool::read(Raw::of_text("true")), Ok(true));
        assert_eq!(bool::read(Raw::of_text("0")), Ok(false));
        assert!(bool::read(Raw::of_text("Yes")).is_err());
        assert_eq!(true.write(), "true");
    }
}
