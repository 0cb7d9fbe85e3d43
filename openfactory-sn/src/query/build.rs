//! Which records: conditions, order, limit.

use super::Condition;
use super::clause::{Clause, Join, Related};

/// Which records, in which order, at most how many.
///
/// ```
/// use openfactory_sn::Query;
/// use openfactory_sn::models::change_request::{ASSIGNMENT_GROUP, STATE, State};
/// use openfactory_sn::record::Field;
///
/// let query = Query::new()
///     .and(STATE.is(State::Scheduled))
///     .any_of([Field::named("u_line").is("a"), Field::named("u_line").is("b")])
///     .newest_first();
/// assert_eq!(query.encoded()?, "state=-2^u_line=a^ORu_line=b^ORDERBYDESCsys_created_on");
///
/// let injected = Query::new().and(Field::named("number").is("X^NQactive=true"));
/// assert!(injected.encoded().is_err());
/// # Ok::<(), openfactory_sn::query::QueryError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Blocks, of which one must hold; in a block every clause.
    pub(super) blocks: Vec<Vec<Clause>>,
    pub(super) order: Vec<(String, Direction)>,
    pub(super) limit: Option<usize>,
    pub(super) select: Vec<String>,
    pub(super) paging: Paging,
}

/// How the pages of a list are gone through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Paging {
    /// By the last key seen, or by offset if the query has an order of its own.
    #[default]
    Own,
    /// By the `Link` header of each page.
    Links,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Ascending,
    Descending,
}

impl Default for Query {
    fn default() -> Self {
        Self {
            blocks: vec![Vec::new()],
            order: Vec::new(),
            limit: None,
            select: Vec::new(),
            paging: Paging::Own,
        }
    }
}

impl Query {
    /// Every record of the table.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// And this holds.
    #[must_use]
    pub fn and(self, condition: Condition) -> Self {
        self.any_of([condition])
    }

    /// And at least one of these holds. None at all is an error when the query is encoded.
    #[must_use]
    pub fn any_of(self, conditions: impl IntoIterator<Item = Condition>) -> Self {
        self.narrowed(Clause::AnyOf(conditions.into_iter().collect()))
    }

    /// And so many records of another table refer to it.
    ///
    /// ```
    /// use openfactory_sn::Query;
    /// use openfactory_sn::models::configuration_item::NAME;
    /// use openfactory_sn::query::Related;
    ///
    /// // Devices that nothing runs on.
    /// let idle = Query::new().and(NAME.starts_with("edge-")).related(Related::exactly(0, "cmdb_rel_ci", "child"));
    /// assert_eq!(idle.encoded()?, "nameSTARTSWITHedge-^RLQUERYcmdb_rel_ci.child,=0^ENDRLQUERY");
    /// # Ok::<(), openfactory_sn::query::QueryError>(())
    /// ```
    #[must_use]
    pub fn related(self, related: Related) -> Self {
        self.narrowed(Clause::Related(related))
    }

    /// And a record of another table has the same value.
    ///
    /// ```
    /// use openfactory_sn::Query;
    /// use openfactory_sn::query::Join;
    /// use openfactory_sn::record::Field;
    ///
    /// let failed = Field::<String>::new("u_result").is("failed");
    /// let query = Query::new().join(Join::new(("cmdb_ci_server", "serial_number"), ("u_boot", "u_serial"), failed));
    /// assert_eq!(query.encoded()?, "JOINcmdb_ci_server.serial_number=u_boot.u_serial!u_result=failed");
    /// # Ok::<(), openfactory_sn::query::QueryError>(())
    /// ```
    #[must_use]
    pub fn join(self, join: Join) -> Self {
        self.narrowed(Clause::Join(join))
    }

    /// And the instance's full text search finds it by these words, on tables that are indexed for it.
    ///
    /// ```
    /// let query = openfactory_sn::Query::new().text("root hash");
    /// assert_eq!(query.encoded()?, "123TEXTQUERY321=root hash");
    /// # Ok::<(), openfactory_sn::query::QueryError>(())
    /// ```
    #[must_use]
    pub fn text(self, words: impl Into<String>) -> Self {
        self.narrowed(Clause::Text(words.into()))
    }

    fn narrowed(mut self, clause: Clause) -> Self {
        if let Some(block) = self.blocks.last_mut() {
            block.push(clause);
        }
        self
    }

    /// Or all of what follows holds (`^NQ`): everything before this call is one alternative, everything after it another.
    ///
    /// ```
    /// use openfactory_sn::Query;
    /// use openfactory_sn::models::incident::{ASSIGNED_TO, PRIORITY, STATE, State};
    ///
    /// let query = Query::new()
    ///     .and(PRIORITY.is(1))
    ///     .and(STATE.is_not(State::Closed))
    ///     .or_else()
    ///     .and(ASSIGNED_TO.is_empty());
    /// assert_eq!(query.encoded()?, "priority=1^state!=7^NQassigned_toISEMPTY");
    ///
    /// // An alternative without conditions would mean every record of the table.
    /// assert!(Query::new().and(PRIORITY.is(1)).or_else().encoded().is_err());
    /// # Ok::<(), openfactory_sn::query::QueryError>(())
    /// ```
    #[must_use]
    pub fn or_else(mut self) -> Self {
        self.blocks.push(Vec::new());
        self
    }

    /// Ordered by this field, smallest first; ties by the fields named in later calls.
    ///
    /// ```
    /// use openfactory_sn::Query;
    ///
    /// let query = Query::new().order_by("priority").order_by_descending("sys_updated_on");
    /// assert_eq!(query.encoded()?, "ORDERBYpriority^ORDERBYDESCsys_updated_on");
    /// # Ok::<(), openfactory_sn::query::QueryError>(())
    /// ```
    #[must_use]
    pub fn order_by(mut self, field: impl Into<String>) -> Self {
        self.order.push((field.into(), Direction::Ascending));
        self
    }

    /// Ordered by this field, largest first.
    #[must_use]
    pub fn order_by_descending(mut self, field: impl Into<String>) -> Self {
        self.order.push((field.into(), Direction::Descending));
        self
    }

    /// The most recently created first.
    #[must_use]
    pub fn newest_first(self) -> Self {
        self.order_by_descending("sys_created_on")
    }

    /// At most this many records in all.
    ///
    /// ```
    /// use openfactory_sn::Query;
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), openfactory_sn::Error> {
    /// let rows = json!([{"sys_id": "a1", "number": "INC0010001"}, {"sys_id": "a2", "number": "INC0010002"}]);
    /// let instance = ScriptedTransport::new().on(
    ///     Expected::get("/api/now/table/incident").query("sysparm_limit", "2").query("sysparm_fields", "sys_id,number"),
    ///     Reply::result(200, rows),
    /// );
    /// let oldest = Query::new().order_by("sys_created_on").limit(2).select(["number"]);
    /// let found = client(&instance).dynamic_table("incident").find(&oldest).await?;
    /// assert_eq!(found.iter().map(|row| row.text("number")).collect::<Vec<_>>(), ["INC0010001", "INC0010002"]);
    /// instance.assert_done();
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Only these fields of each record, beside its key and the fields of the query itself. A name that the table lacks
    /// is left out by the instance without a word.
    #[must_use]
    pub fn select<N: Into<String>>(mut self, fields: impl IntoIterator<Item = N>) -> Self {
        self.select.extend(fields.into_iter().map(Into::into));
        self
    }

    /// Goes from page to page by the `Link` header that the instance sends, instead of by the last key seen: for
    /// instances on which the credential may not sort by sys_id. Pages then shift when records come or go meanwhile.
    ///
    /// **Give it an order** ([`order_by`](Self::order_by)) by a field in which records differ, such as `number`: without one
    /// an instance promises no order, and what it gives in another for each page is there twice or not at all.
    ///
    /// ```
    /// use openfactory_sn::Query;
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), openfactory_sn::Error> {
    /// let path = "/api/now/table/incident";
    /// let next = "<https://instance.example.com/api/now/table/incident?sysparm_offset=500>;rel=\"next\"";
    /// let instance = ScriptedTransport::new()
    ///     .on(Expected::get(path), Reply::result(200, json!([{"sys_id": "a1"}])).header("link", next))
    ///     .on(Expected::get(path).query("sysparm_offset", "500"), Reply::result(200, json!([{"sys_id": "a2"}])));
    /// let all = Query::new().order_by("number").by_links();
    /// let found = client(&instance).dynamic_table("incident").find(&all).await?;
    /// assert_eq!(found.len(), 2);
    /// instance.assert_done();
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn by_links(mut self) -> Self {
        self.paging = Paging::Links;
        self
    }

    /// The fields of the record itself that it has conditions on.
    pub(crate) fn asked(&self) -> impl Iterator<Item = &str> {
        self.blocks.iter().flatten().flat_map(Clause::conditions).map(Condition::field)
    }

    pub(crate) fn paging(&self) -> Paging {
        self.paging
    }

    /// Any one record of those meant, whatever the order.
    pub(crate) fn sample(&self) -> Self {
        Self { order: Vec::new(), select: Vec::new(), limit: Some(1), ..self.clone() }
    }

    /// Whether every record of the table is meant.
    pub(crate) fn is_everything(&self) -> bool {
        self.blocks.iter().all(Vec::is_empty)
    }

    pub(crate) fn maximum(&self) -> Option<usize> {
        self.limit
    }

    pub(crate) fn is_ordered(&self) -> bool {
        !self.order.is_empty()
    }
}
