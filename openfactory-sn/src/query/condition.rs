//! One condition: a field, an operator, a value.

/// How a field is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operator {
    /// Contains the text.
    Contains,
    /// Ends with the text.
    EndsWith,
    /// Equals.
    Equal,
    /// Is larger or later.
    Greater,
    /// Is larger or later, or equals.
    GreaterOrEqual,
    /// Has no value.
    IsEmpty,
    /// Has a value.
    IsNotEmpty,
    /// Is smaller or earlier.
    Less,
    /// Is smaller or earlier, or equals.
    LessOrEqual,
    /// Does not equal. On booleans, empty counts as false.
    NotEqual,
    /// Is none of the values.
    NotOneOf,
    /// Is one of the values.
    OneOf,
    /// Begins with the text.
    StartsWith,
}

impl Operator {
    /// As the encoded query spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Contains => "LIKE",
            Self::EndsWith => "ENDSWITH",
            Self::Equal => "=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::IsEmpty => "ISEMPTY",
            Self::IsNotEmpty => "ISNOTEMPTY",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::NotEqual => "!=",
            Self::NotOneOf => "NOT IN",
            Self::OneOf => "IN",
            Self::StartsWith => "STARTSWITH",
        }
    }

    /// How many values it takes.
    pub(super) fn arity(self) -> Arity {
        match self {
            Self::IsEmpty | Self::IsNotEmpty => Arity::None,
            Self::NotOneOf | Self::OneOf => Arity::Some,
            Self::Contains
            | Self::EndsWith
            | Self::Equal
            | Self::Greater
            | Self::GreaterOrEqual
            | Self::Less
            | Self::LessOrEqual
            | Self::NotEqual
            | Self::StartsWith => Arity::One,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arity {
    None,
    One,
    Some,
}

/// A field, an operator and its values. Checked when the [`Query`](crate::Query) that it is in is encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    pub(super) field: String,
    pub(super) operator: Operator,
    pub(super) values: Vec<String>,
}

impl Condition {
    /// A condition from its parts; [`Field`](crate::record::Field) has a method for each operator.
    #[must_use]
    pub fn new(field: impl Into<String>, operator: Operator, values: Vec<String>) -> Self {
        Self { field: field.into(), operator, values }
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

    /// The raw values: none, one or several, as the operator takes.
    #[must_use]
    pub fn values(&self) -> &[String] {
        &self.values
    }
}
