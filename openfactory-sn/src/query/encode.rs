//! From a query to its text, refusing what the text cannot say.

use super::QueryError;
use super::build::{Direction, Paging, Query};
use super::clause::{Clause, Join, Related};
use super::condition::{Condition, Operand};
use super::operator::{Operator, Takes};
use crate::id::SysId;

/// Longest field name taken, dots included, in bytes.
const FIELD_MAX: usize = 160;
/// Longest name of a table or a column, in bytes.
const TABLE_MAX: usize = 80;

impl Query {
    /// The text of the query: its conditions and its order.
    ///
    /// # Errors
    ///
    /// [`QueryError`] if a name or value cannot be carried.
    pub fn encoded(&self) -> Result<String, QueryError> {
        self.encode(None, None)
    }

    /// The text of the conditions alone.
    pub(crate) fn conditions_encoded(&self) -> Result<String, QueryError> {
        Self { order: Vec::new(), ..self.clone() }.encoded()
    }

    /// Names of fields with commas between them.
    pub(crate) fn names(names: &[impl AsRef<str>]) -> Result<String, QueryError> {
        let checked: Result<Vec<_>, _> = names.iter().map(|name| checked_field(name.as_ref())).collect();
        Ok(checked?.join(","))
    }

    /// The text of one page: with the records up to `after` left out of each alternative, and ties in the order broken
    /// by sys_id.
    pub(crate) fn encoded_page(&self, after: Option<&SysId>) -> Result<String, QueryError> {
        self.encode(after, (self.paging() == Paging::Own).then_some("sys_id"))
    }

    /// The fields to ask for, or none for all.
    pub(crate) fn selected(&self) -> Result<Option<String>, QueryError> {
        if self.select.is_empty() {
            return Ok(None);
        }
        let mut names: Vec<&str> = vec!["sys_id"];
        for name in self.select.iter().map(String::as_str).chain(self.asked()) {
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
            // What follows a join could be read as part of it.
            let (joins, others): (Vec<_>, Vec<_>) =
                block.iter().partition(|clause| matches!(clause, Clause::Join(_)));
            let mut terms = others.into_iter().map(encode_clause).collect::<Result<Vec<_>, _>>()?;
            terms.extend(after.map(|after| format!("sys_id>{after}")));
            for join in joins {
                terms.push(encode_clause(join)?);
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

fn encode_clause(clause: &Clause) -> Result<String, QueryError> {
    match clause {
        Clause::AnyOf(group) => encode_group(group),
        Clause::Text(words) => Ok(format!("123TEXTQUERY321={}", checked_value("full text", words, &[])?)),
        Clause::Join(Join { own, other, condition }) => {
            if condition.operator.as_str().contains('!') {
                return Err(QueryError::Character { field: condition.field.clone(), character: '!' });
            }
            let text = encode_condition(condition, &['!'])?;
            let side = |(table, field): &(String, String)| {
                Ok::<_, QueryError>(format!("{}.{}", checked_table(table)?, checked_column(field)?))
            };
            Ok(format!("JOIN{}={}!{text}", side(own)?, side(other)?))
        }
        Clause::Related(Related { table, field, count, many_to_many, conditions }) => {
            let (table, field) = (checked_table(table)?, checked_column(field)?);
            let mut text =
                format!("RLQUERY{table}.{field},{count}{}", if *many_to_many { ",m2m" } else { "" });
            for condition in conditions {
                text.push('^');
                text.push_str(&encode_condition(condition, &[])?);
            }
            text.push_str("^ENDRLQUERY");
            Ok(text)
        }
    }
}

fn encode_group(group: &[Condition]) -> Result<String, QueryError> {
    if group.is_empty() {
        return Err(QueryError::EmptyAlternative);
    }
    let conditions: Result<Vec<_>, _> = group.iter().map(|one| encode_condition(one, &[])).collect();
    Ok(conditions?.join("^OR"))
}

/// The text of a condition, whose values may not hold `barred` beside what no value may hold.
fn encode_condition(condition: &Condition, barred: &[char]) -> Result<String, QueryError> {
    let Condition { field, operator, operand } = condition;
    let name = checked_field(field)?;
    let text = match operand {
        Operand::Made(text) => text.clone(),
        Operand::Apart { other, distance } => format!("{}{distance}", checked_field(other)?),
        Operand::Values(values) => encode_values(field, *operator, values, barred)?,
    };
    if operator.is_blurred_by(&text) {
        return Err(QueryError::Ambiguous { field: field.clone(), operator: *operator });
    }
    Ok(format!("{name}{}{text}", operator.as_str()))
}

fn encode_values(
    field: &str,
    operator: Operator,
    values: &[String],
    barred: &[char],
) -> Result<String, QueryError> {
    let also = |more: char| barred.iter().copied().chain([more]).collect::<Vec<_>>();
    let each = |barred: &[char]| -> Result<Vec<&str>, QueryError> {
        values.iter().map(|value| checked_value(field, value, barred)).collect()
    };
    match (operator.takes(), values) {
        (Takes::Nothing, []) => Ok(String::new()),
        (Takes::One, [value]) => checked_value(field, value, barred).map(str::to_owned),
        (Takes::Pair, [_, _]) => Ok(each(&also('@'))?.join("@")),
        (Takes::List, [_, ..]) => Ok(each(&also(','))?.join(",")),
        (Takes::Field, [other]) => checked_field(other).map(str::to_owned),
        (Takes::Word, [word]) => checked_word(field, word).map(str::to_owned),
        (
            Takes::Nothing
            | Takes::One
            | Takes::Pair
            | Takes::List
            | Takes::Field
            | Takes::Word
            | Takes::Made,
            _,
        ) => Err(QueryError::Arity { field: field.to_owned(), operator, count: values.len() }),
    }
}

fn checked_word<'a>(field: &str, word: &'a str) -> Result<&'a str, QueryError> {
    match SysId::new(word) {
        Ok(_) => Ok(word),
        Err(_) if is_name(word) => Ok(word),
        Err(_) => Err(QueryError::Word { field: field.to_owned(), value: word.chars().take(64).collect() }),
    }
}

fn is_name(text: &str) -> bool {
    (1..=TABLE_MAX).contains(&text.len())
        && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

fn checked_table(name: &str) -> Result<&str, QueryError> {
    match is_name(name) {
        true => Ok(name),
        false => Err(QueryError::Table { name: name.chars().take(64).collect() }),
    }
}

fn checked_column(name: &str) -> Result<&str, QueryError> {
    match is_name(name) {
        true => Ok(name),
        false => Err(QueryError::Field { name: name.chars().take(64).collect() }),
    }
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

fn checked_value<'a>(field: &str, value: &'a str, barred: &[char]) -> Result<&'a str, QueryError> {
    let field = || field.to_owned();
    if value.is_empty() {
        return Err(QueryError::EmptyValue { field: field() });
    }
    let forbidden = |c: char| c == '^' || c.is_control() || barred.contains(&c);
    if let Some(character) = value.chars().find(|c| forbidden(*c)) {
        return Err(QueryError::Character { field: field(), character });
    }
    if value.starts_with('=') {
        return Err(QueryError::Character { field: field(), character: '=' });
    }
    if value.to_ascii_lowercase().contains("javascript:") {
        return Err(QueryError::Script { field: field() });
    }
    Ok(value)
}

#[cfg(test)]
mod tests;
