//! `sysparm_having`: which groups are kept, by an aggregate: `count^state^>^3,avg^priority^<^2`.

use super::Function;
use crate::duration;
use crate::instant;
use crate::query::{Sight, walk};
use crate::record::Record;
use crate::schema::{Field, FieldType, Schema};
use crate::store::StoreError;

/// One condition on a group.
#[derive(Debug)]
pub(super) struct Having<'a> {
    /// None for the number of rows.
    function: Option<(Function, String, &'a Field)>,
    operator: String,
    wanted: f64,
}

impl<'a> Having<'a> {
    /// The conditions of a comma list; what can't be read is left out.
    pub(super) fn all(schema: &'a Schema, table: &str, text: Option<&str>) -> Vec<Self> {
        text.unwrap_or_default().split(',').filter_map(|one| Self::of(schema, table, one)).collect()
    }

    fn of(schema: &'a Schema, table: &str, text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('^').collect();
        let [aggregate, field, operator, wanted] = *parts.as_slice() else { return None };
        let function = if aggregate.eq_ignore_ascii_case("count") {
            None
        } else {
            Some((Function::named(aggregate)?, field.to_owned(), walk::field(schema, table, field)?))
        };
        let known = ["=", "!=", "<", "<=", ">", ">="].contains(&operator);
        let of_durations = function.as_ref().is_some_and(|(.., field)| field.kind == FieldType::Duration);
        let wanted = if of_durations { seconds(wanted) } else { wanted.parse().ok() }?;
        known.then(|| Self { function, operator: operator.to_owned(), wanted })
    }

    /// The field whose values decide; none for the number of rows.
    pub(super) fn path(&self) -> Option<&str> {
        self.function.as_ref().map(|(_, path, _)| path.as_str())
    }

    pub(super) fn passes(&self, sight: &dyn Sight, rows: &[Record]) -> Result<bool, StoreError> {
        let found = match &self.function {
            None => f64::from(u32::try_from(rows.len()).unwrap_or(u32::MAX)),
            Some((function, path, field)) => {
                let outcome = function.of(sight, path, field, rows)?;
                let number =
                    if field.kind == FieldType::Duration { seconds(&outcome) } else { outcome.parse().ok() };
                number.unwrap_or(f64::NAN)
            }
        };
        let ordering = found.partial_cmp(&self.wanted);
        Ok(match self.operator.as_str() {
            "=" => ordering.is_some_and(std::cmp::Ordering::is_eq),
            "!=" => ordering.is_none_or(std::cmp::Ordering::is_ne),
            "<" => ordering.is_some_and(std::cmp::Ordering::is_lt),
            "<=" => ordering.is_some_and(std::cmp::Ordering::is_le),
            ">" => ordering.is_some_and(std::cmp::Ordering::is_gt),
            _ => ordering.is_some_and(std::cmp::Ordering::is_ge),
        })
    }
}

/// How many seconds a duration has, which may also be written as their number.
fn seconds(text: &str) -> Option<f64> {
    let kept =
        || instant::seconds(&duration::read(text)?).map(|seconds| u32::try_from(seconds).unwrap_or(u32::MAX));
    text.parse().ok().or_else(|| kept().map(f64::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_conditions_and_leaves_out_what_it_cannot_read() {
        let schema = Schema::of(true);
        let read = |text| Having::all(&schema, "incident", Some(text)).len();
        assert_eq!(read("count^state^>^3,AVG^priority^<=^2.5"), 2);
        for bad in
            ["", "count^state^>", "median^state^>^3", "avg^bogus^>^3", "count^state^~^3", "count^a^>^x"]
        {
            assert_eq!(read(bad), 0, "{bad}");
        }
    }
}
