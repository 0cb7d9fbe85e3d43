//! How a field is compared: every operator that the REST API takes.

/// How a field is compared.
///
/// Not here: `VALCHANGES`, `CHANGESFROM` and `CHANGESTO`, which only conditions of notifications and triggers know, and
/// spellings that mean the same as another (`*`, `%`, `CONTAINS`, `GOTO…`).
///
/// ```
/// use openfactory_sn::query::Operator;
///
/// let spelt = [Operator::Equal, Operator::Contains, Operator::NotOneOf, Operator::EqualField].map(Operator::as_str);
/// assert_eq!(spelt, ["=", "LIKE", "NOT IN", "SAMEAS"]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operator {
    /// Anything, also nothing.
    Anything,
    /// Lies between two values, both included.
    Between,
    /// Contains the text.
    Contains,
    /// Is of this day of the week.
    DatePart,
    /// Is what a dynamic filter option says, by the option's sys_id.
    Dynamic,
    /// Is the empty text, as told apart from no value.
    EmptyText,
    /// Ends with the text.
    EndsWith,
    /// Equals.
    Equal,
    /// Is larger or later.
    Greater,
    /// Is larger or later than another field.
    GreaterField,
    /// Is larger or later, or equals.
    GreaterOrEqual,
    /// Is larger or later than another field, or equals it.
    GreaterOrEqualField,
    /// Refers to this record or to one below it in its own hierarchy.
    InHierarchy,
    /// As [`Operator::InHierarchy`], by the sys_id of a dynamic filter option.
    InHierarchyDynamic,
    /// Is of this class or of one that extends it.
    InstanceOf,
    /// Has no value.
    IsEmpty,
    /// Has a value.
    IsNotEmpty,
    /// Is smaller or earlier.
    Less,
    /// Is smaller or earlier than another field.
    LessField,
    /// Is smaller or earlier, or equals.
    LessOrEqual,
    /// Is smaller or earlier than another field, or equals it.
    LessOrEqualField,
    /// Lies less than so long before or after another date field.
    LessThanApart,
    /// Lies more than so long before or after another date field.
    MoreThanApart,
    /// Does not contain the text.
    NotContains,
    /// Does not equal. On booleans, empty counts as false.
    NotEqual,
    /// Does not equal another field.
    NotEqualField,
    /// Is not within a span of days.
    NotOn,
    /// Is none of the values.
    NotOneOf,
    /// Is within a span of days.
    On,
    /// Is one of the values.
    OneOf,
    /// Is later than so long ago or ahead.
    RelativeAfter,
    /// Is earlier than so long ago or ahead.
    RelativeBefore,
    /// Equals another field.
    EqualField,
    /// Begins with the text.
    StartsWith,
}

/// Every spelling of an operator that begins as a shorter one does.
const LONGER: &[&str] = &["INSTANCEOF", "IN_HIERARCHY", "IN_HIERARCHY_DYNAMIC", "<=", ">="];

impl Operator {
    /// Whether the operator with this text behind it reads as another, longer operator.
    pub(super) fn is_blurred_by(self, text: &str) -> bool {
        let mut rests = LONGER.iter().filter_map(|longer| longer.strip_prefix(self.as_str()));
        rests.any(|rest| !rest.is_empty() && text.starts_with(rest))
    }

    /// As the encoded query spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Anything => "ANYTHING",
            Self::Between => "BETWEEN",
            Self::Contains => "LIKE",
            Self::DatePart => "DATEPART",
            Self::Dynamic => "DYNAMIC",
            Self::EmptyText => "EMPTYSTRING",
            Self::EndsWith => "ENDSWITH",
            Self::Equal => "=",
            Self::EqualField => "SAMEAS",
            Self::Greater => ">",
            Self::GreaterField => "GT_FIELD",
            Self::GreaterOrEqual => ">=",
            Self::GreaterOrEqualField => "GT_OR_EQUALS_FIELD",
            Self::InHierarchy => "IN_HIERARCHY",
            Self::InHierarchyDynamic => "IN_HIERARCHY_DYNAMIC",
            Self::InstanceOf => "INSTANCEOF",
            Self::IsEmpty => "ISEMPTY",
            Self::IsNotEmpty => "ISNOTEMPTY",
            Self::Less => "<",
            Self::LessField => "LT_FIELD",
            Self::LessOrEqual => "<=",
            Self::LessOrEqualField => "LT_OR_EQUALS_FIELD",
            Self::LessThanApart => "LESSTHAN",
            Self::MoreThanApart => "MORETHAN",
            Self::NotContains => "NOT LIKE",
            Self::NotEqual => "!=",
            Self::NotEqualField => "NSAMEAS",
            Self::NotOn => "NOTON",
            Self::NotOneOf => "NOT IN",
            Self::On => "ON",
            Self::OneOf => "IN",
            Self::RelativeAfter => "RELATIVEGT",
            Self::RelativeBefore => "RELATIVELT",
            Self::StartsWith => "STARTSWITH",
        }
    }

    /// What it takes on its right.
    pub(super) fn takes(self) -> Takes {
        match self {
            Self::Anything | Self::EmptyText | Self::IsEmpty | Self::IsNotEmpty => Takes::Nothing,
            Self::NotOneOf | Self::OneOf => Takes::List,
            Self::Between => Takes::Pair,
            Self::Dynamic | Self::InHierarchy | Self::InHierarchyDynamic | Self::InstanceOf => Takes::Word,
            Self::EqualField
            | Self::GreaterField
            | Self::GreaterOrEqualField
            | Self::LessField
            | Self::LessOrEqualField
            | Self::NotEqualField => Takes::Field,
            Self::DatePart
            | Self::LessThanApart
            | Self::MoreThanApart
            | Self::NotOn
            | Self::On
            | Self::RelativeAfter
            | Self::RelativeBefore => Takes::Made,
            Self::Contains
            | Self::EndsWith
            | Self::Equal
            | Self::Greater
            | Self::GreaterOrEqual
            | Self::Less
            | Self::LessOrEqual
            | Self::NotContains
            | Self::NotEqual
            | Self::StartsWith => Takes::One,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    /// Another field's name.
    Field,
    /// One or more values with commas between them.
    List,
    /// What only this crate puts together.
    Made,
    Nothing,
    /// One value.
    One,
    /// Two values with an `@` between them.
    Pair,
    /// One key or table name.
    Word,
}
