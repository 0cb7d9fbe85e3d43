//! What the text of a query cannot say.

use super::Operator;

/// Why a query has no text.
///
/// ```
/// use openfactory_sn::Query;
/// use openfactory_sn::models::incident::SHORT_DESCRIPTION;
/// use openfactory_sn::query::QueryError;
/// use openfactory_sn::record::Field;
///
/// let refused = |condition| Query::new().and(condition).encoded().unwrap_err();
/// let forged = refused(SHORT_DESCRIPTION.is("x^ORDERBYpriority"));
/// assert!(matches!(forged, QueryError::Character { character: '^', .. }));
/// let script = refused(SHORT_DESCRIPTION.is("javascript:gs.now()"));
/// assert!(matches!(script, QueryError::Script { .. }));
/// let misspelt = refused(Field::<String>::named("Caller").is("eve"));
/// assert_eq!(misspelt.to_string(), "field name \"Caller\" is not of [a-z0-9_.]");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// A field's name is not made of lower-case letters, digits, `_`, and dots between parts.
    #[error("field name {name:?} is not of [a-z0-9_.]")]
    Field {
        /// The name, cut at 64 characters.
        name: String,
    },
    /// A value holds a character that means something else there: `^` anywhere, `,` in a list, `@` in a pair, `!` in a
    /// join (where `!=` cannot stand either), a control character, or `=` at its start.
    #[error("value for {field} holds {character:?}, which an encoded query cannot carry there")]
    Character {
        /// The field it was for.
        field: String,
        /// The character.
        character: char,
    },
    /// A value holds `javascript:`, what follows which the instance would run at some places.
    #[error("value for {field} holds javascript:")]
    Script {
        /// The field it was for.
        field: String,
    },
    /// An empty value; to ask for empty fields there is an operator of its own.
    #[error("empty value for {field}")]
    EmptyValue {
        /// The field it was for.
        field: String,
    },
    /// Operator and value read together as another operator, such as `IN` and `_HIERARCHY…`.
    #[error("value for {field} begins so that {} reads as another operator", operator.as_str())]
    Ambiguous {
        /// The field it was for.
        field: String,
        /// The operator that was meant.
        operator: Operator,
    },
    /// A condition with more or fewer values than its operator takes, or with values where only
    /// [`Field`](crate::record::Field)'s own method can make what it takes.
    #[error("{count} values for {field}{}", operator.as_str())]
    Arity {
        /// The field.
        field: String,
        /// The operator.
        operator: Operator,
        /// How many values there were.
        count: usize,
    },
    /// A table's name is not made of lower-case letters, digits and `_`.
    #[error("table name {name:?} is not of [a-z0-9_]")]
    Table {
        /// The name, cut at 64 characters.
        name: String,
    },
    /// A key or class that is not of `[A-Za-z0-9_-]`.
    #[error("{value:?} for {field} is not a key or class")]
    Word {
        /// The field it was for.
        field: String,
        /// The value, cut at 64 characters.
        value: String,
    },
    /// An alternative without conditions, which would mean every record.
    #[error("alternative without conditions")]
    EmptyAlternative,
}
