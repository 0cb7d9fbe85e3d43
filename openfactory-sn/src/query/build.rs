//! Which records: conditions, order, limit.

use super::Condition;

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
    /// Blocks, of which one must hold; in a block every group; in a group any condition.
    pub(super) blocks: Vec<Vec<Vec<Condition>>>,
    pub(super) order: Vec<(String, Direction)>,
    pub(super) limit: Option<usize>,
    pub(super) select: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Ascending,
    Descending,
}

impl Default for Query {
    fn default() -> Self {
        Self { blocks: vec![Vec::new()], order: Vec::new(), limit: None, select: Vec::new() }
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
    pub fn any_of(mut self, conditions: impl IntoIterator<Item = Condition>) -> Self {
        if let Some(block) = self.blocks.last_mut() {
            block.push(conditions.into_iter().collect());
        }
        self
    }

    /// Or all of what follows holds (`^NQ`): everything before this call is one alternative, everything after it another.
    #[must_use]
    pub fn or_else(mut self) -> Self {
        self.blocks.push(Vec::new());
        self
    }

    /// Ordered by this field, smallest first; ties by the fields named in later calls.
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

    pub(crate) fn maximum(&self) -> Option<usize> {
        self.limit
    }

    pub(crate) fn is_ordered(&self) -> bool {
        !self.order.is_empty()
    }
}
