//! The form in which a field keeps a value, whatever was sent for it.

use jiff::civil::DateTime;

use crate::duration;
use crate::instant::{self, DATE, DATE_TIME};
use crate::schema::{Field, FieldType};

/// Column sizes where they are smaller than a client may expect; longer text is cut.
const SIZES: [(&str, usize); 16] = [
    ("sys_created_by", 40),
    ("sys_updated_by", 40),
    ("short_description", 160),
    ("correlation_id", 100),
    ("correlation_display", 100),
    ("number", 40),
    ("name", 255),
    ("description", LONG),
    ("close_notes", LONG),
    ("cause_notes", LONG),
    ("fix_notes", LONG),
    ("justification", LONG),
    ("implementation_plan", LONG),
    ("backout_plan", LONG),
    ("test_plan", LONG),
    ("risk_impact_analysis", LONG),
];

/// The size of a column for texts of several lines.
const LONG: usize = 4_000;

/// The greatest integer: as many bits as a decimal keeps exactly.
const INTEGER_MAX: f64 = 9_007_199_254_740_992.0;

/// The greatest decimal: beyond it there are more digits than any column has.
const DECIMAL_MAX: f64 = 1e15;

/// The longest decimal that stays as it was written.
const DECIMAL_LENGTH: usize = 40;

/// The value as a field of this type keeps it.
pub(super) fn kept(field: &Field, value: &str) -> String {
    match &field.kind {
        FieldType::Boolean => {
            let yes = ["true", "1", "yes", "on"].iter().any(|word| value.eq_ignore_ascii_case(word));
            if value.is_empty() { String::new() } else { yes.to_string() }
        }
        // Text where a number belongs becomes the default: a client has to send numbers.
        FieldType::Integer if value.is_empty() => String::new(),
        FieldType::Integer => match value.trim().parse::<f64>() {
            Ok(number) if number.abs() <= INTEGER_MAX => format!("{:.0}", number.trunc() + 0.0),
            _ => field.default.clone(),
        },
        FieldType::Duration => duration::read(value.trim()).unwrap_or_else(|| field.default.clone()),
        FieldType::Decimal => decimal(value.trim()).unwrap_or_else(|| field.default.clone()),
        FieldType::String if field.strict && !value.is_empty() && field.choice_label(value).is_none() => {
            String::new()
        }
        FieldType::String => cut(&field.name, value),
        FieldType::DateTime | FieldType::Date => date(&field.kind, value).unwrap_or_default(),
        FieldType::Reference(_) | FieldType::List(_) | FieldType::Journal | FieldType::Password => {
            value.to_owned()
        }
    }
}

/// A date as it is kept; none if it is neither `YYYY-MM-DD HH:MM:SS` nor `YYYY-MM-DD`.
pub(crate) fn date(kind: &FieldType, value: &str) -> Option<String> {
    let value = value.trim();
    let at = instant::read(value).or_else(|| instant::read_day(value).map(DateTime::from))?;
    Some(at.strftime(if *kind == FieldType::Date { DATE } else { DATE_TIME }).to_string())
}

/// A number as it was written, if its digits are few enough for a column of the database; one with an exponent is
/// written out.
fn decimal(text: &str) -> Option<String> {
    let number: f64 = text.parse().ok().filter(|number: &f64| number.abs() <= DECIMAL_MAX)?;
    // There is one zero.
    let plain = text.len() <= DECIMAL_LENGTH
        && !text.contains(['e', 'E'])
        && !(number == 0.0 && number.is_sign_negative());
    Some(if plain { text.to_owned() } else { (number + 0.0).to_string() })
}

fn cut(field: &str, value: &str) -> String {
    match own_size(field) {
        Some(size) => value.chars().take(size).collect(),
        None => value.to_owned(),
    }
}

fn own_size(field: &str) -> Option<usize> {
    SIZES.iter().find(|(name, _)| *name == field).map(|(_, size)| *size)
}

/// How long a value may be, as the dictionary says it.
pub(crate) fn size(field: &Field) -> usize {
    match &field.kind {
        FieldType::String => own_size(&field.name).unwrap_or(LONG),
        FieldType::Reference(_) => 32,
        FieldType::List(_) | FieldType::Journal => LONG,
        FieldType::Integer
        | FieldType::Decimal
        | FieldType::Boolean
        | FieldType::DateTime
        | FieldType::Date
        | FieldType::Duration
        | FieldType::Password => 40,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Schema;

    #[test]
    fn numbers_are_numbers_or_the_default() {
        let schema = Schema::of(true);
        for (name, value, expected) in [
            ("cost", " 10.50 ", "10.50"),
            ("cost", "1e3", "1000"),
            ("cost", "-0e0", "0"),
            ("cost", "-0", "0"),
            ("cost", "1x", ""),
            ("cost", "nan", ""),
            ("cost", "inf", ""),
            ("cost", "1e300", ""),
            ("cost", "", ""),
            ("fault_count", "2.9", "2"),
            ("fault_count", "-0.5", "0"),
            ("fault_count", "many", "0"),
            ("fault_count", "1e300", "0"),
            ("fault_count", "", ""),
        ] {
            let field = schema.field("cmdb_ci", name).unwrap();
            assert_eq!(kept(field, value), expected, "{name} {value}");
        }
    }

    #[test]
    fn texts_are_as_long_as_their_columns() {
        let schema = Schema::of(true);
        for (name, length) in [("short_description", 160), ("description", 4_000), ("close_notes", 4_000)] {
            let field = schema.field("incident", name).unwrap();
            assert_eq!(kept(field, &"é".repeat(5_000)).chars().count(), length, "{name}");
            assert_eq!(size(field), length, "{name}");
        }
    }

    #[test]
    fn dates_are_dates_or_nothing() {
        for (value, date_time, day) in [
            ("2026-01-31 08:09:10", "2026-01-31 08:09:10", "2026-01-31"),
            (" 2026-01-31", "2026-01-31 00:00:00", "2026-01-31"),
            ("2026-01-31T08:09:10Z", "", ""),
            ("2026-01-31 08:09:10.5", "", ""),
            ("2026-02-30 08:09:10", "", ""),
            ("1769846950", "", ""),
            ("tomorrow", "", ""),
            ("", "", ""),
        ] {
            let kept = |kind| date(&kind, value).unwrap_or_default();
            assert_eq!(
                (kept(FieldType::DateTime), kept(FieldType::Date)),
                (date_time.into(), day.into()),
                "{value}"
            );
        }
    }
}
