//! One term of an encoded query: field, operator, value.

use super::script;
use super::{Condition, Operator, walk};
use crate::access::Caller;
use crate::store::{Session, StoreError};
use crate::switches::Switches;

/// Operators by spelling; of two that begin alike the longer stands first.
const OPERATORS: [(&str, Operator); 47] = [
    ("LT_OR_EQUALS_FIELD", Operator::AtMostField),
    ("GT_OR_EQUALS_FIELD", Operator::AtLeastField),
    ("IN_HIERARCHY_DYNAMIC", Operator::InHierarchy),
    ("IN_HIERARCHY", Operator::InHierarchy),
    ("LT_FIELD", Operator::LessThanField),
    ("GT_FIELD", Operator::GreaterThanField),
    ("RELATIVEGT", Operator::RelativeAfter),
    ("RELATIVEGE", Operator::RelativeAtLeast),
    ("RELATIVELT", Operator::RelativeBefore),
    ("RELATIVELE", Operator::RelativeAtMost),
    ("RELATIVEEE", Operator::RelativeOn),
    ("DATEPART", Operator::DatePart),
    ("MORETHAN", Operator::MoreThan),
    ("LESSTHAN", Operator::LessThan),
    ("NSAMEAS", Operator::NotSameAs),
    ("SAMEAS", Operator::SameAs),
    ("NOT LIKE", Operator::ContainsNot),
    ("NOT IN", Operator::NotIn),
    ("STARTSWITH", Operator::StartsWith),
    ("ENDSWITH", Operator::EndsWith),
    ("ISNOTEMPTY", Operator::NotEmpty),
    ("NOTEMPTY", Operator::NotEmpty),
    ("ISEMPTY", Operator::Empty),
    ("EMPTYSTRING", Operator::Empty),
    ("EMPTY", Operator::Empty),
    ("ANYTHING", Operator::Anything),
    ("INSTANCEOF", Operator::InstanceOf),
    ("BETWEEN", Operator::Between),
    ("CONTAINS", Operator::Contains),
    ("DOES NOT CONTAIN", Operator::ContainsNot),
    ("NOTLIKE", Operator::ContainsNot),
    ("NOTON", Operator::NotOn),
    ("NOTIN", Operator::NotIn),
    ("DYNAMIC", Operator::In),
    ("LIKE", Operator::Contains),
    ("IN", Operator::In),
    ("ON", Operator::On),
    ("!=", Operator::IsNot),
    ("<>", Operator::IsNot),
    ("!*", Operator::ContainsNot),
    ("<=", Operator::LessOrEqual),
    (">=", Operator::GreaterOrEqual),
    ("=", Operator::Is),
    ("<", Operator::Less),
    (">", Operator::Greater),
    ("*", Operator::Contains),
    ("%", Operator::EndsWith),
];

/// Reads a term against a table; none if its field, its operator or its value can't be read.
pub(super) fn term(
    session: &Session<'_>,
    caller: &Caller,
    table: &str,
    text: &str,
) -> Result<Option<Condition>, StoreError> {
    let Some((field, spelling, operator, value)) = cut(text) else { return Ok(None) };
    if walk::field(session.schema, table, field).is_none() || !there_is(session.switches, operator) {
        return Ok(None);
    }
    let value = match spelling {
        "DYNAMIC" | "IN_HIERARCHY_DYNAMIC" => dynamic(session, caller, value)?,
        // Parts of dates are those of the caller's clock.
        "DATEPART" => Some(format!("{value}\0{}", caller.locale.zone_name())),
        _ => resolved(session, caller, operator, value)?,
    };
    let value = value.filter(|value| fits(session, table, operator, value));
    Ok(value.map(|value| Condition { field: field.to_owned(), operator, value }))
}

/// What a dynamic filter option stands for: a row, whose script is one that values may hold.
fn dynamic(session: &Session<'_>, caller: &Caller, option: &str) -> Result<Option<String>, StoreError> {
    let option = session.find("sys_filter_option_dynamic", option)?;
    match option.filter(|option| option.value("active") == "true") {
        Some(option) => script::value(session, caller, &format!("javascript:{}", option.value("script"))),
        None => Ok(None),
    }
}

/// Whether this instance has the operator at all.
fn there_is(switches: &Switches, operator: Operator) -> bool {
    match operator {
        Operator::InstanceOf => switches.instance_of,
        Operator::RelativeAtLeast | Operator::RelativeAtMost | Operator::RelativeOn => {
            switches.relative_siblings
        }
        _ => true,
    }
}

/// Field, operator as spelled, operator, value.
fn cut(text: &str) -> Option<(&str, &'static str, Operator, &str)> {
    let end =
        text.find(|char: char| !(char.is_ascii_lowercase() || char.is_ascii_digit() || "_.".contains(char)));
    let (field, rest) = text.split_at(end?);
    let (spelling, operator) = OPERATORS.into_iter().find(|(spelling, _)| rest.starts_with(spelling))?;
    Some((field, spelling, operator, rest.strip_prefix(spelling)?))
}

/// The value with its scripts worked out; none if one of them is not known.
fn resolved(
    session: &Session<'_>,
    caller: &Caller,
    operator: Operator,
    value: &str,
) -> Result<Option<String>, StoreError> {
    let spans = matches!(operator, Operator::Between | Operator::On | Operator::NotOn);
    if !value.contains("javascript:") || operator == Operator::DatePart {
        return Ok(Some(value.to_owned()));
    }
    if !spans {
        return script::value(session, caller, value);
    }
    let mut parts = Vec::new();
    for part in value.split('@') {
        match script::value(session, caller, part)? {
            Some(part) => parts.push(part),
            None => return Ok(None),
        }
    }
    Ok(Some(parts.join("@")))
}

/// Whether the operator can do anything with the value.
fn fits(session: &Session<'_>, table: &str, operator: Operator, value: &str) -> bool {
    let has = |name: &str| walk::field(session.schema, table, name).is_some();
    match operator {
        Operator::Between => value.contains('@'),
        Operator::On | Operator::NotOn => value.matches('@').count() == 2,
        Operator::SameAs
        | Operator::NotSameAs
        | Operator::LessThanField
        | Operator::AtMostField
        | Operator::GreaterThanField
        | Operator::AtLeastField => has(value),
        Operator::RelativeAfter
        | Operator::RelativeAtLeast
        | Operator::RelativeBefore
        | Operator::RelativeAtMost
        | Operator::RelativeOn => super::moment::relative(value, session.now).is_some(),
        Operator::DatePart => super::moment::part(value).is_some(),
        Operator::MoreThan | Operator::LessThan => {
            super::moment::apart(value).is_some_and(|apart| has(apart.field))
        }
        _ => true,
    }
}
