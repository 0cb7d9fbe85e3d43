//! The range constraint: a number between two others, exactly.
//!
//! No row of the guide's: it is told under "Value outside its allowed set", P3, since it says which values are allowed.

use std::fmt;
use std::str::FromStr;

use openfactory_attest::drift::Priority;
use serde::Serialize;
use thiserror::Error;

use crate::finding::{Guidance, Outcome, Role};

/// Digits after the point that a number may have.
const FRACTION: usize = 18;

/// One, in the smallest fraction.
const UNIT: i128 = 10_i128.pow(18);

/// A decimal number, compared exactly: at most 18 digits before the point and 18 after it.
///
/// ```
/// use openfactory_zone2::constraint::Decimal;
///
/// assert_eq!("1.50".parse::<Decimal>()?, "1.5".parse()?);
/// assert!("-0.1".parse::<Decimal>()? < "0".parse()?);
/// assert!("1e3".parse::<Decimal>().is_err());
/// # Ok::<(), openfactory_zone2::constraint::DecimalError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decimal(i128);

/// A text is no decimal number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not a decimal number of at most 18 digits before and after the point")]
#[non_exhaustive]
pub struct DecimalError;

/// A number within bounds, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RangeRule {
    min: Option<Decimal>,
    max: Option<Decimal>,
}

/// How a value breaks a [`RangeRule`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Error)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RangeViolation {
    /// It is no decimal number.
    #[error("is not a decimal number")]
    NotANumber,
    /// It is less than the least.
    #[error("is less than the least that is allowed")]
    TooLow,
    /// It is more than the most.
    #[error("is more than the most that is allowed")]
    TooHigh,
}

impl RangeRule {
    /// A rule for numbers from `min` to `max`; none where there is neither, or no number between.
    #[must_use]
    pub fn new(min: Option<Decimal>, max: Option<Decimal>) -> Option<Self> {
        match (min, max) {
            (None, None) => None,
            (Some(min), Some(max)) if min > max => None,
            _ => Some(Self { min, max }),
        }
    }

    /// Checks one value: nothing is trimmed, there are no exponents and no separators.
    ///
    /// ```
    /// use openfactory_zone2::constraint::{RangeRule, RangeViolation};
    ///
    /// let offset = RangeRule::new(Some("-0.5".parse()?), Some("0.5".parse()?)).ok_or("empty")?;
    /// assert_eq!(offset.check("0.50"), None);
    /// assert_eq!(offset.check("0.500001"), Some(RangeViolation::TooHigh));
    /// assert_eq!(offset.check("NaN"), Some(RangeViolation::NotANumber));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn check(&self, value: &str) -> Option<RangeViolation> {
        let Ok(number) = value.parse::<Decimal>() else { return Some(RangeViolation::NotANumber) };
        if self.min.is_some_and(|min| number < min) {
            return Some(RangeViolation::TooLow);
        }
        self.max.is_some_and(|max| number > max).then_some(RangeViolation::TooHigh)
    }

    /// The rule in words.
    pub(crate) fn text(&self) -> String {
        match (self.min, self.max) {
            (Some(min), Some(max)) => format!("a number from {min} to {max}"),
            (Some(min), None) => format!("a number of at least {min}"),
            (None, Some(max)) => format!("a number of at most {max}"),
            (None, None) => "a number".to_owned(),
        }
    }

    pub(crate) fn guidance(&self, outcome: &Outcome) -> Guidance {
        let advice = match outcome {
            Outcome::Violated(_) => "correct the value, or have a new policy signed if it is right",
            Outcome::NotChecked(_) => "make the value readable, then check again",
        };
        Guidance { advice, priority: Priority::P3, assignment: Role::DeviceOps }
    }
}

impl FromStr for Decimal {
    type Err = DecimalError;

    fn from_str(text: &str) -> Result<Self, DecimalError> {
        let digits = text.strip_prefix('-');
        let (negative, digits) = (digits.is_some(), digits.unwrap_or(text));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let all = i128::from(digits_of(whole)?) * UNIT;
        let places = u32::try_from(FRACTION.saturating_sub(fraction.len())).unwrap_or(0);
        let all = all + i128::from(digits_of(fraction)?) * 10_i128.pow(places);
        Ok(Self(if negative { -all } else { all }))
    }
}

/// The number of 1 to 18 digits.
fn digits_of(text: &str) -> Result<u64, DecimalError> {
    if !(1..=FRACTION).contains(&text.len()) {
        return Err(DecimalError);
    }
    text.bytes().try_fold(0_u64, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit < 10 { Ok(number * 10 + u64::from(digit)) } else { Err(DecimalError) }
    })
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let unit = UNIT.unsigned_abs();
        let (whole, fraction) = (self.0.unsigned_abs() / unit, self.0.unsigned_abs() % unit);
        let fraction = format!("{fraction:0FRACTION$}");
        match fraction.trim_end_matches('0') {
            "" => write!(f, "{sign}{whole}"),
            fraction => write!(f, "{sign}{whole}.{fraction}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_row_by_row() {
        let table = [
            ("0", Some("0")),
            ("-0", Some("0")),
            ("007", Some("7")),
            ("1.50", Some("1.5")),
            ("-12.000000000000000001", Some("-12.000000000000000001")),
            ("999999999999999999", Some("999999999999999999")),
            ("1000000000000000000", None),
            ("0.0000000000000000001", None),
            ("", None),
            ("-", None),
            (".5", None),
            ("5.", None),
            ("+5", None),
            ("1e3", None),
            ("1_000", None),
            ("1,5", None),
            (" 1", None),
            ("inf", None),
            ("\u{663}", None),
        ];
        for (text, shown) in table {
            let number = text.parse::<Decimal>().ok().map(|number| number.to_string());
            assert_eq!(number.as_deref(), shown, "{text:?}");
        }
    }

    #[test]
    fn a_range_needs_a_bound_and_room() {
        let two: Decimal = "2".parse().unwrap();
        let one: Decimal = "1".parse().unwrap();
        assert_eq!(RangeRule::new(None, None), None);
        assert_eq!(RangeRule::new(Some(two), Some(one)), None);
        let exact = RangeRule::new(Some(one), Some(one)).unwrap();
        assert_eq!((exact.check("1.0"), exact.check("0.9")), (None, Some(RangeViolation::TooLow)));
    }
}
