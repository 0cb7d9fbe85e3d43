//! From a query to its text, refusing what the text cannot say.

use super::build::{Direction, Query};
use super::condition::Arity;
use super::{Condition, Operator};
use crate::id::SysId;

/// Longest field name taken, dots included, in bytes.
const FIELD_MAX: usize = 160;

/// Why a query has no text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// A field's name is not made of lower-case letters, digits, `_`, and dots between parts.
    #[error("field name {name:?} is not of [a-z0-9_.]")]
    Field {
        /// The name, cut at 64 characters.
        name: String,
    },
    /// A value holds a character that means something else there: `^` anywhere, `,` in a list, a control character, or
    /// `=` at its start.
    #[error("value for {field} holds {character:?}, which an encoded query cannot carry there")]
    Character {
        /// The field it was for.
        field: String,
        /// The character.
        character: char,
    },
    /// A value begins with `javascript:`, which the instance would run.
    #[error("value for {field} begins with javascript:")]
    Script {
        /// The field it was for.
        field: String,
    },
    /// An empty value; to ask for empty fields there is an operator of its own.
    #[error("empty value for {field}")]
    EmptyValue {
        /// The field it was for.
        field: String,
    },
    /// A condition with more or fewer values than its operator takes.
    #[error("{count} values for {field}{}", operator.as_str())]
    Arity {
        /// The field.
        field: String,
        /// The operator.
        operator: Operator,
        /// How many values there were.
        count: usize,
    },
    /// An alternative without conditions, which would mean every record.
    #[error("alternative without conditions")]
    EmptyAlternative,
}

impl Query {
    /// The text of the query: its conditions and its order.
    ///
    /// # Errors
    ///
    /// [`QueryError`] if a name or value cannot be carried.
    pub fn encoded(&self) -> Result<String, QueryError> {
        self.encode(None, None)
    }

    /// The text of one page: with the records up to `after` left out of each alternative, and ties in the order broken
    /// by sys_id.
    pub(crate) fn encoded_page(&self, after: Option<&SysId>) -> Result<String, QueryError> {
        self.encode(after, Some("sys_id"))
    }

    /// The fields to ask for, or none for all.
    pub(crate) fn selected(&self) -> Result<Option<String>, QueryError> {
        if self.select.is_empty() {
            return Ok(None);
        }
        let asked = self.blocks.iter().flatten().flatten().map(Condition::field);
        let mut names: Vec<&str> = vec!["sys_id"];
        for name in self.select.iter().map(String::as_str).chain(asked) {
            if !names.contains(&name) {
                names.push(checked_field(name)?);
            }
        }
        Ok(Some(names.join(",")))
    }

    fn encode(&self, after: Option<&SysId>, tie: Option<&str>) -> Result<String, QueryError> {
        let mut text = String::new();
        let alternatives = self.blocks.len();
        for (index, block) in self.blocks.iter().enumerate() {
            if index > 0 {
                text.push_str("^NQ");
            }
            if block.is_empty() && alternatives > 1 {
                return Err(QueryError::EmptyAlternative);
            }
            let mut terms = Vec::new();
            for group in block {
                terms.push(encode_group(group)?);
            }
            if let Some(after) = after {
                terms.push(format!("sys_id>{after}"));
            }
            text.push_str(&terms.join("^"));
        }
        let tie = tie.filter(|tie| !self.order.iter().any(|(field, _)| field == tie));
        let order = self.order.iter().map(|(field, direction)| (field.as_str(), *direction));
        for (field, direction) in order.chain(tie.map(|tie| (tie, Direction::Ascending))) {
            if !text.is_empty() {
                text.push('^');
            }
            text.push_str(match direction {
                Direction::Ascending => "ORDERBY",
                Direction::Descending => "ORDERBYDESC",
            });
            text.push_str(checked_field(field)?);
        }
        Ok(text)
    }
}

fn encode_group(group: &[Condition]) -> Result<String, QueryError> {
    if group.is_empty() {
        return Err(QueryError::EmptyAlternative);
    }
    let conditions: Result<Vec<_>, _> = group.iter().map(encode_condition).collect();
    Ok(conditions?.join("^OR"))
}

fn encode_condition(condition: &Condition) -> Result<String, QueryError> {
    let Condition { field, operator, values } = condition;
    let name = checked_field(field)?;
    let fits = match operator.arity() {
        Arity::None => values.is_empty(),
        Arity::One => values.len() == 1,
        Arity::Some => !values.is_empty(),
    };
    if !fits {
        return Err(QueryError::Arity { field: field.clone(), operator: *operator, count: values.len() });
    }
    let listed = operator.arity() == Arity::Some;
    let checked: Result<Vec<_>, _> = values.iter().map(|value| checked_value(field, value, listed)).collect();
    Ok(format!("{name}{}{}", operator.as_str(), checked?.join(",")))
}

fn checked_field(name: &str) -> Result<&str, QueryError> {
    let part_is_good = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
    };
    if name.len() <= FIELD_MAX && name.split('.').all(part_is_good) {
        Ok(name)
    } else {
        Err(QueryError::Field { name: name.chars().take(64).collect() })
    }
}

fn checked_value<'a>(field: &str, value: &'a str, listed: bool) -> Result<&'a str, QueryError> {
    let field = || field.to_owned();
    if value.is_empty() {
        return Err(QueryError::EmptyValue { field: field() });
    }
    let forbidden = |c: char| c == '^' || c.is_control() || (listed && c == ',');
    if let Some(character) = value.chars().find(|c| forbidden(*c)) {
        return Err(QueryError::Character { field: field(), character });
    }
    if value.starts_with('=') {
        return Err(QueryError::Character { field: field(), character: '=' });
    }
    let scheme = value.trim_start().get(.."javascript:".len());
    if scheme.is_some_and(|start| start.eq_ignore_ascii_case("javascript:")) {
        return Err(QueryError::Script { field: field() });
    }
    Ok(value)
}

#[cfg(test)]
mod tests;
