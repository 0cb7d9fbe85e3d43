//! One condition: a field, an operator, what it is compared with.

use super::operator::Operator;

/// A field, an operator and what it is compared with. Checked when the [`Query`](crate::Query) that it is in is encoded.
///
/// ```
/// use openfactory_sn::models::incident::PRIORITY;
/// use openfactory_sn::query::Operator;
///
/// let condition = PRIORITY.between(1, 2);
/// assert_eq!((condition.field(), condition.operator()), ("priority", Operator::Between));
/// assert_eq!(condition.values(), ["1", "2"]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    pub(super) field: String,
    pub(super) operator: Operator,
    pub(super) operand: Operand,
}

/// What a field is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Operand {
    /// Texts from outside, which are checked.
    Values(Vec<String>),
    /// Text that this crate put together from numbers, dates and fixed words. It may hold `javascript:`; there is no way
    /// to make one from outside.
    Made(String),
    /// Another field's name, which is checked, and a distance that this crate put together.
    Apart { other: String, distance: String },
}

impl Condition {
    /// A condition from its parts; [`Field`](crate::record::Field) has a method for each operator.
    ///
    /// ```
    /// use openfactory_sn::Query;
    /// use openfactory_sn::query::{Condition, Operator};
    ///
    /// let between = Condition::new("priority", Operator::Between, vec!["1".to_owned(), "3".to_owned()]);
    /// assert_eq!(Query::new().and(between).encoded()?, "priorityBETWEEN1@3");
    /// # Ok::<(), openfactory_sn::query::QueryError>(())
    /// ```
    #[must_use]
    pub fn new(field: impl Into<String>, operator: Operator, values: Vec<String>) -> Self {
        Self { field: field.into(), operator, operand: Operand::Values(values) }
    }

    pub(super) fn made(field: &str, operator: Operator, text: String) -> Self {
        Self { field: field.to_owned(), operator, operand: Operand::Made(text) }
    }

    pub(super) fn apart(field: &str, operator: Operator, other: &str, distance: String) -> Self {
        Self {
            field: field.to_owned(),
            operator,
            operand: Operand::Apart { other: other.to_owned(), distance },
        }
    }

    /// The field, dot-walked if it has dots.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.field
    }

    /// The operator.
    #[must_use]
    pub fn operator(&self) -> Operator {
        self.operator
    }

    /// The raw values: none, one or several, as the operator takes. None as well where the instance computes what is
    /// compared with, as for a [`Moment`](super::Moment).
    #[must_use]
    pub fn values(&self) -> &[String] {
        match &self.operand {
            Operand::Values(values) => values,
            Operand::Made(_) | Operand::Apart { .. } => &[],
        }
    }
}
