//! Encoded queries: `active=true^priorityIN1,2^NQnumberSTARTSWITHCHG^ORDERBYDESCsys_created_on`.

mod condition;
pub(crate) mod evaluate;
mod moment;
pub(crate) mod narrow;
mod parse;
mod related;
mod script;
mod sight;
mod term;
pub(crate) mod walk;

pub(crate) use sight::{Purpose, Sight};

/// How a field is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Is,
    IsNot,
    Contains,
    ContainsNot,
    StartsWith,
    EndsWith,
    In,
    NotIn,
    Empty,
    NotEmpty,
    Anything,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Between,
    InstanceOf,
    /// Equality by value or display value: the plain `name=value` filters.
    IsOrShows,
    /// As another field of the row, or not.
    SameAs,
    NotSameAs,
    /// Compared with another field of the row.
    LessThanField,
    AtMostField,
    GreaterThanField,
    AtLeastField,
    /// Within a span, or not: `label@from@to`.
    On,
    NotOn,
    /// Compared with an instant that is counted from now: `@hour@ago@1`.
    RelativeAfter,
    RelativeAtLeast,
    RelativeBefore,
    RelativeAtMost,
    RelativeOn,
    /// A day of the week, a month, a year: `label@javascript:gs.datePart(...)`.
    DatePart,
    /// How far from another date of the row: `other@hour@after@3`.
    MoreThan,
    LessThan,
    /// The row referred to, or one below it.
    InHierarchy,
}

impl Operator {
    /// Whether it compares for equality, or otherwise.
    pub(crate) fn purpose(self) -> Purpose {
        match self {
            Self::Is
            | Self::IsNot
            | Self::IsOrShows
            | Self::In
            | Self::NotIn
            | Self::SameAs
            | Self::NotSameAs
            | Self::Empty
            | Self::NotEmpty
            | Self::Anything => Purpose::Matching,
            _ => Purpose::Ranging,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Condition {
    pub(crate) field: String,
    pub(crate) operator: Operator,
    pub(crate) value: String,
}

impl Condition {
    /// The other field of the row, or path from it, that the field is compared with.
    pub(crate) fn other(&self) -> Option<&str> {
        match self.operator {
            Operator::SameAs
            | Operator::NotSameAs
            | Operator::LessThanField
            | Operator::AtMostField
            | Operator::GreaterThanField
            | Operator::AtLeastField => Some(&self.value),
            Operator::MoreThan | Operator::LessThan => moment::apart(&self.value).map(|apart| apart.field),
            _ => None,
        }
    }
}

/// What is asked of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Test {
    Field(Condition),
    /// How many rows of another table refer to it.
    Related(Related),
    /// Whether its texts hold all of these words, between them.
    Words(Words),
}

/// What is looked for in all texts of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Words {
    pub(crate) all: Vec<String>,
    /// Fields that are not looked into, since the caller may not read them.
    pub(crate) unseen: Vec<String>,
}

/// `RLQUERYtable.field,>=1^conditions^ENDRLQUERY`, and a join, which is the same with at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Related {
    pub(crate) table: String,
    /// The field over there whose value has to be `own` over here.
    pub(crate) field: String,
    pub(crate) own: String,
    pub(crate) operator: Operator,
    pub(crate) count: usize,
    pub(crate) query: Query,
}

/// Alternatives joined by `^OR`.
pub(crate) type AnyOf = Vec<Test>;

/// Everything between two `^NQ`: every member has to hold.
pub(crate) type Block = Vec<AnyOf>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) field: String,
    pub(crate) descending: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Query {
    /// One of these has to hold; with none, everything matches.
    pub(crate) blocks: Vec<Block>,
    /// And whichever of them holds, every member of this.
    pub(crate) also: Block,
    pub(crate) order: Vec<Order>,
    /// Whether nothing matches, as `glide.invalid_query.returns_no_rows` has it for what can't be read.
    pub(crate) nothing: bool,
}

impl Query {
    /// Narrows it down by another one, of a single block without order.
    pub(crate) fn both(mut self, other: Self) -> Self {
        self.also.extend(other.blocks.into_iter().next().unwrap_or_default());
        self
    }

    /// Adds a condition that has to hold whatever block matches.
    pub(crate) fn and(mut self, condition: Condition) -> Self {
        self.also.push(vec![Test::Field(condition)]);
        self
    }
}
