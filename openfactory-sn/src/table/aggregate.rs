//! Counts, sums and the like, worked out by the instance: the Aggregate API.

use std::collections::BTreeMap;

use serde_json::Value;

use super::DynamicTable;
use crate::error::{Error, ErrorKind};
use crate::query::{Query, QueryError};
use crate::wire::call::Call;
use crate::wire::url::Target;

/// What to work out over the records of a query.
///
/// ```
/// use openfactory_sn::Query;
/// use openfactory_sn::table::Aggregate;
/// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
/// # use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), openfactory_sn::Error> {
/// let answer = json!([
///     {"stats": {"count": "3", "avg": {"reassignment_count": "1.5"}},
///      "groupby_fields": [{"field": "state", "value": "1"}]},
/// ]);
/// let instance = ScriptedTransport::new().on(
///     Expected::get("/api/now/stats/incident")
///         .query("sysparm_group_by", "state")
///         .query("sysparm_avg_fields", "reassignment_count"),
///     Reply::result(200, answer),
/// );
/// let asked = Aggregate::count().average("reassignment_count").group_by("state");
/// let groups = client(&instance).dynamic_table("incident").aggregate(&Query::new(), &asked).await?;
/// assert_eq!((groups[0].key("state"), groups[0].count), (Some("1"), Some(3)));
/// assert_eq!(groups[0].average("reassignment_count"), Some("1.5"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Aggregate {
    count: bool,
    /// Parameter and field.
    fields: Vec<(Function, String)>,
    group_by: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Function {
    Average,
    Largest,
    Smallest,
    Sum,
}

impl Function {
    const ALL: [Self; 4] = [Self::Average, Self::Largest, Self::Smallest, Self::Sum];

    fn name(self) -> &'static str {
        match self {
            Self::Average => "avg",
            Self::Largest => "max",
            Self::Smallest => "min",
            Self::Sum => "sum",
        }
    }
}

impl Aggregate {
    /// How many records there are.
    #[must_use]
    pub fn count() -> Self {
        Self { count: true, ..Self::default() }
    }

    /// And the average of a field.
    #[must_use]
    pub fn average(self, field: impl Into<String>) -> Self {
        self.with(Function::Average, field)
    }

    /// And the largest value of a field.
    #[must_use]
    pub fn largest(self, field: impl Into<String>) -> Self {
        self.with(Function::Largest, field)
    }

    /// And the smallest value of a field.
    #[must_use]
    pub fn smallest(self, field: impl Into<String>) -> Self {
        self.with(Function::Smallest, field)
    }

    /// And the sum of a field.
    ///
    /// ```
    /// use openfactory_sn::Query;
    /// use openfactory_sn::table::Aggregate;
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), openfactory_sn::Error> {
    /// let answer = json!({"stats": {"sum": {"u_bytes": "12"}, "max": {"u_bytes": "8"}, "min": {"u_bytes": "4"}}});
    /// let instance = ScriptedTransport::new()
    ///     .on(Expected::get("/api/now/stats/u_image").query("sysparm_sum_fields", "u_bytes"), Reply::result(200, answer));
    /// let asked = Aggregate::default().sum("u_bytes").largest("u_bytes").smallest("u_bytes");
    /// let all = client(&instance).dynamic_table("u_image").aggregate(&Query::new(), &asked).await?;
    /// assert_eq!((all[0].sum("u_bytes"), all[0].count), (Some("12"), None));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn sum(self, field: impl Into<String>) -> Self {
        self.with(Function::Sum, field)
    }

    /// For each value of this field by itself; with several, for each combination.
    #[must_use]
    pub fn group_by(mut self, field: impl Into<String>) -> Self {
        self.group_by.push(field.into());
        self
    }

    fn with(mut self, function: Function, field: impl Into<String>) -> Self {
        self.fields.push((function, field.into()));
        self
    }

    fn parameters(&self) -> Result<Vec<(String, String)>, QueryError> {
        let mut parameters = vec![("sysparm_count".to_owned(), self.count.to_string())];
        for function in Function::ALL {
            let of_function = self.fields.iter().filter(|(other, _)| *other == function);
            let fields: Vec<_> = of_function.map(|(_, field)| field.as_str()).collect();
            if !fields.is_empty() {
                parameters.push((format!("sysparm_{}_fields", function.name()), Query::names(&fields)?));
            }
        }
        if !self.group_by.is_empty() {
            parameters.push(("sysparm_group_by".to_owned(), Query::names(&self.group_by)?));
        }
        Ok(parameters)
    }
}

/// What was worked out for one group, or for all records if there are no groups.
///
/// ```
/// use openfactory_sn::Query;
/// use openfactory_sn::table::{Aggregate, Group};
/// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
/// # use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), openfactory_sn::Error> {
/// let answer = json!([{
///     "stats": {"count": "2", "sum": {"u_bytes": "12"}, "min": {"u_bytes": "4"}, "max": {"u_bytes": "8"},
///         "avg": {"u_bytes": "6"}},
///     "groupby_fields": [{"field": "u_line", "value": "4"}],
/// }]);
/// let instance =
///     ScriptedTransport::new().on(Expected::get("/api/now/stats/u_image"), Reply::result(200, answer));
/// let asked = Aggregate::count()
///     .sum("u_bytes")
///     .smallest("u_bytes")
///     .largest("u_bytes")
///     .average("u_bytes")
///     .group_by("u_line");
/// let groups: Vec<Group> = client(&instance).dynamic_table("u_image").aggregate(&Query::new(), &asked).await?;
/// let line = &groups[0];
/// assert_eq!((line.key("u_line"), line.count), (Some("4"), Some(2)));
/// let worked_out = [line.smallest("u_bytes"), line.average("u_bytes"), line.largest("u_bytes"), line.sum("u_bytes")];
/// assert_eq!(worked_out, ["4", "6", "8", "12"].map(Some));
/// assert_eq!(line.average("u_blocks"), None, "was not asked");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Group {
    /// How many records it has, if that was asked.
    pub count: Option<u64>,
    keys: BTreeMap<String, String>,
    values: BTreeMap<(Function, String), String>,
}

impl Group {
    /// The raw value that this group's records have in a field grouped by.
    #[must_use]
    pub fn key(&self, field: &str) -> Option<&str> {
        self.keys.get(field).map(String::as_str)
    }

    /// The average of a field, as the instance writes it; `None` if it was not asked or there is none.
    #[must_use]
    pub fn average(&self, field: &str) -> Option<&str> {
        self.value(Function::Average, field)
    }

    /// The largest value of a field.
    #[must_use]
    pub fn largest(&self, field: &str) -> Option<&str> {
        self.value(Function::Largest, field)
    }

    /// The smallest value of a field.
    #[must_use]
    pub fn smallest(&self, field: &str) -> Option<&str> {
        self.value(Function::Smallest, field)
    }

    /// The sum of a field.
    #[must_use]
    pub fn sum(&self, field: &str) -> Option<&str> {
        self.value(Function::Sum, field)
    }

    fn value(&self, function: Function, field: &str) -> Option<&str> {
        self.values.get(&(function, field.to_owned())).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn read(value: &Value) -> Option<Self> {
        let stats = value.get("stats")?.as_object()?;
        let count = match stats.get("count") {
            Some(count) => Some(text(count)?.parse().ok()?),
            None => None,
        };
        let mut values = BTreeMap::new();
        for function in Function::ALL {
            for (field, value) in stats.get(function.name()).and_then(Value::as_object).into_iter().flatten()
            {
                values.insert((function, field.clone()), text(value)?);
            }
        }
        let mut keys = BTreeMap::new();
        for key in value.get("groupby_fields").and_then(Value::as_array).into_iter().flatten() {
            keys.insert(text(key.get("field")?)?, text(key.get("value")?)?);
        }
        Some(Self { count, keys, values })
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null => Some(String::new()),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

impl DynamicTable {
    /// How many records a query means. Its limit, order and selection do not count.
    ///
    /// A number does not show that a condition was dropped, which would widen it. So if the query has conditions, one
    /// record is read first and held against them: two calls.
    ///
    /// ```
    /// use openfactory_sn::Query;
    /// use openfactory_sn::models::incident::{STATE, State};
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), openfactory_sn::Error> {
    /// let instance = ScriptedTransport::new()
    ///     .on(Expected::get("/api/now/table/incident"), Reply::result(200, json!([{"sys_id": "a1", "state": "1"}])))
    ///     .on(Expected::get("/api/now/stats/incident").query("sysparm_query", "state=1"),
    ///         Reply::result(200, json!({"stats": {"count": "41"}})));
    /// let new = Query::new().and(STATE.is(State::New));
    /// assert_eq!(client(&instance).dynamic_table("incident").count(&new).await?, 41);
    /// instance.assert_done();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`] also if that record is none that was asked for; as [`DynamicTable::aggregate`].
    pub async fn count(&self, query: &Query) -> Result<u64, Error> {
        let groups = self.aggregate(query, &Aggregate::count()).await?;
        groups
            .first()
            .and_then(|group| group.count)
            .ok_or_else(|| Error::new(ErrorKind::Decode, self.operation("count"), "answer has no count"))
    }

    /// Works something out over the records of a query, for each group if there is one.
    ///
    /// ```
    /// use openfactory_sn::Query;
    /// use openfactory_sn::table::Aggregate;
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let answer = json!([
    ///     {"stats": {"count": "3"}, "groupby_fields": [{"field": "priority", "value": "1"}]},
    ///     {"stats": {"count": "14"}, "groupby_fields": [{"field": "priority", "value": "2"}]},
    /// ]);
    /// let instance =
    ///     ScriptedTransport::new().on(Expected::get("/api/now/stats/incident"), Reply::result(200, answer));
    /// let incidents = client(&instance).dynamic_table("incident");
    /// let groups = incidents.aggregate(&Query::new(), &Aggregate::count().group_by("priority")).await?;
    /// let urgent = groups.iter().find(|group| group.key("priority") == Some("1"));
    /// assert_eq!(urgent.and_then(|group| group.count), Some(3));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Local`] for names that cannot be fields'; [`ErrorKind::Decode`] for an answer that has another form or
    /// that the query contradicts; the kinds of network, availability and rights.
    pub async fn aggregate(&self, query: &Query, asked: &Aggregate) -> Result<Vec<Group>, Error> {
        let operation = self.operation("aggregate");
        let deadline = self.client().engine().deadline();
        let local = |error: QueryError| {
            Error::new(ErrorKind::Local, operation.clone(), "query cannot be encoded").with_source(error)
        };
        let mut target = Target::new(self.api_path("stats")?);
        for (name, value) in asked.parameters().map_err(local)? {
            target = target.with(&name, &value);
        }
        if !query.is_everything() {
            target = target.with("sysparm_query", &query.conditions_encoded().map_err(local)?);
            self.find_within(&query.sample(), deadline).await?;
        }
        let call = Call::get(operation, target);
        let result = self.client().call(&call, deadline).await?.result;
        let groups = match &result {
            Value::Array(groups) => groups.iter().map(Group::read).collect(),
            single => Group::read(single).map(|group| vec![group]),
        };
        groups.ok_or_else(|| Error::new(ErrorKind::Decode, call.operation.clone(), "answer is no aggregate"))
    }
}
