//! What narrows a query beside plain conditions: related lists, joins, full text.

use super::Condition;

/// One part of a query that has to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Clause {
    /// Any of these.
    AnyOf(Vec<Condition>),
    Join(Join),
    Related(Related),
    Text(String),
}

impl Clause {
    /// The conditions on the record itself.
    pub(super) fn conditions(&self) -> &[Condition] {
        match self {
            Self::AnyOf(conditions) => conditions,
            Self::Join(_) | Self::Related(_) | Self::Text(_) => &[],
        }
    }
}

/// So many records of another table refer to the record (`RLQUERY`).
///
/// ```
/// use openfactory_sn::Query;
/// use openfactory_sn::models::incident::{STATE, State};
/// use openfactory_sn::query::Related;
///
/// let related = Related::at_least(2, "incident", "cmdb_ci").and(STATE.is(State::New));
/// assert_eq!(
///     Query::new().related(related).encoded()?,
///     "RLQUERYincident.cmdb_ci,>=2^state=1^ENDRLQUERY"
/// );
/// # Ok::<(), openfactory_sn::query::QueryError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    pub(super) table: String,
    pub(super) field: String,
    pub(super) count: String,
    pub(super) many_to_many: bool,
    pub(super) conditions: Vec<Condition>,
}

impl Related {
    fn new(comparison: &str, count: u32, table: impl Into<String>, field: impl Into<String>) -> Self {
        Self {
            table: table.into(),
            field: field.into(),
            count: format!("{comparison}{count}"),
            many_to_many: false,
            conditions: Vec::new(),
        }
    }

    /// At least so many records of `table` refer to it by `field`.
    #[must_use]
    pub fn at_least(count: u32, table: impl Into<String>, field: impl Into<String>) -> Self {
        Self::new(">=", count, table, field)
    }

    /// Exactly so many; with 0, none does.
    ///
    /// ```
    /// use openfactory_sn::Query;
    /// use openfactory_sn::query::Related;
    ///
    /// // Change requests that nobody has to approve.
    /// let unapproved = Query::new().related(Related::exactly(0, "sysapproval_approver", "sysapproval"));
    /// assert_eq!(unapproved.encoded()?, "RLQUERYsysapproval_approver.sysapproval,=0^ENDRLQUERY");
    /// # Ok::<(), openfactory_sn::query::QueryError>(())
    /// ```
    #[must_use]
    pub fn exactly(count: u32, table: impl Into<String>, field: impl Into<String>) -> Self {
        Self::new("=", count, table, field)
    }

    /// The relation is by a many-to-many table.
    ///
    /// ```
    /// use openfactory_sn::Query;
    /// use openfactory_sn::query::Related;
    ///
    /// let related = Related::at_least(1, "task_ci", "ci_item").many_to_many();
    /// assert_eq!(Query::new().related(related).encoded()?, "RLQUERYtask_ci.ci_item,>=1,m2m^ENDRLQUERY");
    /// # Ok::<(), openfactory_sn::query::QueryError>(())
    /// ```
    #[must_use]
    pub fn many_to_many(mut self) -> Self {
        self.many_to_many = true;
        self
    }

    /// Only records that this holds for are counted.
    #[must_use]
    pub fn and(mut self, condition: Condition) -> Self {
        self.conditions.push(condition);
        self
    }
}

/// A record of another table has the same value (`JOIN`), for tables that no reference field connects.
///
/// ```
/// use openfactory_sn::Query;
/// use openfactory_sn::query::Join;
/// use openfactory_sn::record::Field;
///
/// let join = Join::new(("incident", "sys_id"), ("task_sla", "task"), Field::<bool>::new("has_breached").is(true));
/// assert_eq!(Query::new().join(join).encoded()?, "JOINincident.sys_id=task_sla.task!has_breached=true");
/// # Ok::<(), openfactory_sn::query::QueryError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Join {
    pub(super) own: (String, String),
    pub(super) other: (String, String),
    pub(super) condition: Condition,
}

impl Join {
    /// Joins the queried table's field with another table's field, of whose records the condition has to hold.
    #[must_use]
    pub fn new(own: (&str, &str), other: (&str, &str), condition: Condition) -> Self {
        let owned = |(table, field): (&str, &str)| (table.to_owned(), field.to_owned());
        Self { own: owned(own), other: owned(other), condition }
    }
}
