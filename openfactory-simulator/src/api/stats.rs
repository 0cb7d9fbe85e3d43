//! The Aggregate API: counts, sums, averages, least and greatest values, grouped or not.

mod having;
mod order;

use std::collections::BTreeMap;

use axum::http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use self::having::Having;
use super::{Answer, App, Call, table};
use crate::access::{Access, Operation};
use crate::duration;
use crate::instant;
use crate::locale::Locale;
use crate::query::{Purpose, Sight, evaluate, walk};
use crate::record::Record;
use crate::refusal::Refusal;
use crate::render::{self, Display};
use crate::schema::{Field, FieldType, Schema};
use crate::store::{Session, StoreError};

/// What is made of the values of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Function {
    Avg,
    Max,
    Min,
    Sum,
}

impl Function {
    const ALL: [Self; 4] = [Self::Avg, Self::Max, Self::Min, Self::Sum];

    fn name(self) -> &'static str {
        match self {
            Self::Avg => "avg",
            Self::Max => "max",
            Self::Min => "min",
            Self::Sum => "sum",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|function| function.name().eq_ignore_ascii_case(name))
    }

    /// The outcome as text, with four decimals for an average; empty where there is no value.
    fn of(self, sight: &dyn Sight, path: &str, field: &Field, rows: &[Record]) -> Result<String, StoreError> {
        let mut values = Vec::new();
        for row in rows {
            let value = walk::value(sight, row, path, Purpose::Telling)?;
            if !value.is_empty() {
                values.push(value);
            }
        }
        let least = |left: &String, right: &String| evaluate::compare(field, left, right);
        // Of no numbers at all, the sum is a negative zero.
        let sum = || values.iter().filter_map(|value| value.parse::<f64>().ok()).sum::<f64>() + 0.0;
        let seconds = || values.iter().filter_map(|value| instant::seconds(value)).sum::<i64>();
        Ok(match self {
            _ if values.is_empty() => String::new(),
            // Of durations, it is a duration.
            Self::Sum if field.kind == FieldType::Duration => duration::kept(seconds()),
            Self::Avg if field.kind == FieldType::Duration => {
                duration::kept(seconds() / i64::try_from(values.len()).unwrap_or(i64::MAX))
            }
            Self::Min => values.into_iter().min_by(least).unwrap_or_default(),
            Self::Max => values.into_iter().max_by(least).unwrap_or_default(),
            Self::Sum => format!("{}", sum()),
            Self::Avg => {
                let count = u32::try_from(values.len()).unwrap_or(u32::MAX);
                format!("{:.4}", sum() / f64::from(count))
            }
        })
    }
}

/// Rows with the same values in the fields that they are grouped by.
struct Group {
    key: Vec<String>,
    rows: Vec<Record>,
}

/// `GET /api/now/stats/{table}`.
pub(super) fn stats(app: &App, session: &Session<'_>, call: &Call, table: &str) -> Result<Answer, Refusal> {
    let caller = app.caller(session, call)?;
    table::known(session, table)?;
    if !matches!(call.method, Method::GET | Method::HEAD) {
        return Err(Refusal::method(call.method.as_str()));
    }
    call.wants_rows()?;
    let access = Access::of(session, &caller)?;
    if !access.table(Operation::Read, table) && !session.switches.stats_count_unreadable {
        return Err(Refusal::query_rights());
    }
    let wanted = Wanted::of(session.schema, call, table);
    let query = table::query(session, call, &caller, table)?;
    let mut rows = access.query(table, &query)?;
    if !session.switches.stats_count_unreadable {
        rows = access.visible(rows)?;
    }
    let by = fields(session.schema, table, call.param("sysparm_group_by"));
    let having = Having::all(session.schema, table, call.param("sysparm_having"));
    let order = call.param("sysparm_order_by");
    let told = wanted.paths().chain(by.iter().map(|(path, _)| path.as_str()));
    access.may_tell(table, told.chain(having.iter().filter_map(Having::path)).chain(order::paths(order)))?;
    if by.is_empty() {
        let all = Group { key: Vec::new(), rows };
        let shown = json!({ "stats": wanted.stats(&access, &all)? });
        return Ok(Answer::result(StatusCode::OK, &shown));
    }
    let mut groups = Vec::new();
    for group in grouped(&access, &by, rows)? {
        let mut passes = true;
        for having in &having {
            passes = passes && having.passes(&access, &group.rows)?;
        }
        if passes {
            groups.push(group);
        }
    }
    order::sort(&access, table, order, &by, &mut groups)?;
    let display = call.view(session, &caller, table)?.display;
    let shown = groups
        .iter()
        .map(|group| {
            let named = by
                .iter()
                .zip(&group.key)
                .map(|((path, field), value)| named(&access, path, field, value, display, &caller.locale))
                .collect::<Result<Vec<_>, _>>()?;
            Ok(json!({ "stats": wanted.stats(&access, group)?, "groupby_fields": named }))
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
    Ok(Answer::result(StatusCode::OK, &Value::Array(shown)))
}

/// The aggregates that were asked for.
struct Wanted<'a> {
    count: bool,
    functions: Vec<(Function, Vec<(String, &'a Field)>)>,
}

impl<'a> Wanted<'a> {
    fn of(schema: &'a Schema, call: &Call, table: &str) -> Self {
        let functions = Function::ALL.into_iter().map(|function| {
            let names = call.param(&format!("sysparm_{}_fields", function.name()));
            (function, fields(schema, table, names))
        });
        Self {
            count: call.flag("sysparm_count"),
            functions: functions.filter(|(_, fields)| !fields.is_empty()).collect(),
        }
    }

    /// The fields of whose values something is told.
    fn paths(&self) -> impl Iterator<Item = &str> {
        self.functions.iter().flat_map(|(_, fields)| fields).map(|(path, _)| path.as_str())
    }

    fn stats(&self, sight: &dyn Sight, group: &Group) -> Result<Value, StoreError> {
        let mut stats = Map::new();
        if self.count {
            stats.insert("count".to_owned(), json!(group.rows.len().to_string()));
        }
        for (function, fields) in &self.functions {
            let mut outcomes = Map::new();
            for (path, field) in fields {
                outcomes.insert(path.clone(), json!(function.of(sight, path, field, &group.rows)?));
            }
            stats.insert(function.name().to_owned(), Value::Object(outcomes));
        }
        Ok(Value::Object(stats))
    }
}

/// The fields of a comma list that the table has.
fn fields<'a>(schema: &'a Schema, table: &str, names: Option<&str>) -> Vec<(String, &'a Field)> {
    names
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter_map(|path| Some((path.to_owned(), walk::field(schema, table, path)?)))
        .collect()
}

/// The rows by group, in the order of the groups' values.
fn grouped(sight: &dyn Sight, by: &[(String, &Field)], rows: Vec<Record>) -> Result<Vec<Group>, StoreError> {
    let mut groups: BTreeMap<Vec<String>, Vec<Record>> = BTreeMap::new();
    for row in rows {
        let key = by
            .iter()
            .map(|(path, _)| walk::value(sight, &row, path, Purpose::Telling))
            .collect::<Result<Vec<_>, _>>()?;
        groups.entry(key).or_default().push(row);
    }
    Ok(groups.into_iter().map(|(key, rows)| Group { key, rows }).collect())
}

fn named(
    sight: &dyn Sight,
    path: &str,
    field: &Field,
    value: &str,
    display: Display,
    locale: &Locale,
) -> Result<Value, StoreError> {
    let shown = match display {
        Display::False => value.to_owned(),
        Display::True | Display::All => render::shown(sight, field, value, locale)?,
    };
    Ok(match display {
        Display::False => json!({ "field": path, "value": value }),
        Display::True => json!({ "field": path, "value": shown }),
        Display::All => json!({ "field": path, "value": value, "display_value": shown }),
    })
}
