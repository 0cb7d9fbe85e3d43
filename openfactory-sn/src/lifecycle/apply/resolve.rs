//! From planned values to raw ones: our own references are computed, others are looked up.

use std::collections::BTreeMap;

use super::super::plan::operation::{Value, Values};
use super::Worker;
use super::error::Failure;
use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::id::SysId;
use crate::query::{Condition, Operator, Query};
use crate::record::Fields;

/// What a look-up found.
#[derive(Debug, Clone)]
pub(super) enum Found {
    One(SysId),
    None(String),
}

/// Look-ups, each made once per plan.
pub(super) struct Lookups<'a> {
    client: &'a Client,
    known: BTreeMap<(String, String, String), Found>,
}

impl<'a> Lookups<'a> {
    pub(super) fn new(client: &'a Client) -> Self {
        Self { client, known: BTreeMap::new() }
    }

    /// The one record of `table` whose `field` is `value`, or why there is none. Only what another time may tell
    /// is an error.
    pub(super) async fn find(&mut self, table: &str, field: &str, value: &str) -> Result<Found, Error> {
        let key = (table.to_owned(), field.to_owned(), value.to_owned());
        if let Some(found) = self.known.get(&key) {
            return Ok(found.clone());
        }
        let condition = Condition::new(field, Operator::Equal, vec![value.to_owned()]);
        let query = Query::new().and(condition).limit(2);
        let none = |why: &str| Found::None(format!("{table} with {field} {value:?} {why}"));
        let found = match self.client.dynamic_table(table).find(&query).await {
            Ok(rows) => match rows.as_slice() {
                [row] => Found::One(row.sys_id().clone()),
                [] => none("does not exist or may not be read"),
                _ => none("exists more than once"),
            },
            Err(error) => match error.kind() {
                ErrorKind::Forbidden => none("may not be read"),
                ErrorKind::Local | ErrorKind::Invalid => none("can not be asked for"),
                ErrorKind::Conflict
                | ErrorKind::Connect
                | ErrorKind::Decode
                | ErrorKind::NotFound
                | ErrorKind::Throttled
                | ErrorKind::Timeout
                | ErrorKind::Unauthenticated
                | ErrorKind::Unavailable => return Err(error),
            },
        };
        self.known.insert(key, found.clone());
        Ok(found)
    }
}

impl Worker<'_> {
    /// The raw fields; what can't be looked up is left out and becomes a finding.
    pub(super) async fn fields(&mut self, values: &Values) -> Result<Fields, Failure> {
        let mut fields = Fields::new();
        for (field, value) in values.iter() {
            match value {
                Value::Text(text) => fields.set(field, text),
                Value::Record(key) => fields.set(field, key.sys_id().as_str()),
                Value::Lookup { table, field: by, value } => match self.lookups.find(table, by, value).await?
                {
                    Found::One(sys_id) => fields.set(field, sys_id.as_str()),
                    Found::None(why) => self.find(format!("{field} is left empty: {why}")),
                },
            }
        }
        Ok(fields)
    }
}
