//! `risk`: what the risk conditions make of a standard change.

use axum::http::StatusCode;
use serde_json::{Map, Value};

use super::{Context, TABLE};
use crate::access::Caller;
use crate::api::Answer;
use crate::query::{Query, evaluate};
use crate::record::Record;
use crate::refusal::Refusal;
use crate::store::Narrow;

/// The conditions, as rows.
const CONDITIONS: &str = "risk_conditions";

/// `PATCH /change/standard/{id}/risk`: the first condition, by its order, that the change fits gives risk and impact;
/// where none does they stay.
pub(super) fn assess(at: &Context<'_>, change: &Record) -> Result<Answer, Refusal> {
    let mut conditions = at.session.scan(CONDITIONS, &Narrow::All)?;
    conditions.retain(|row| row.value("active") == "true");
    conditions.sort_by_key(|row| row.value("order").parse::<i64>().unwrap_or(i64::MAX));
    for condition in conditions {
        let query = Query::parse(at.session, &Caller::system(), TABLE, condition.value("condition"))?.query;
        if evaluate::matches(at.session, TABLE, &query, change)? {
            let values = ["risk", "impact"].into_iter().filter(|name| !condition.value(name).is_empty());
            let values: Map<String, Value> =
                values.map(|name| (name.to_owned(), Value::from(condition.value(name)))).collect();
            let assessed = at.alter(change, &values)?;
            return at.told(&assessed, None);
        }
    }
    Ok(Answer::result(StatusCode::OK, &super::shape::typed(&at.access()?, change, &at.call.base_url)?))
}
