//! Encoded queries: `active=true^priorityIN1,2^NQnumberSTARTSWITHCHG^ORDERBYDESCsys_created_on`.

pub(crate) mod evaluate;
pub(crate) mod narrow;
mod parse;
pub(crate) mod walk;

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
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Condition {
    pub(crate) field: String,
    pub(crate) operator: Operator,
    pub(crate) value: String,
}

/// Alternatives joined by `^OR`.
pub(crate) type AnyOf = Vec<Condition>;

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
    pub(crate) order: Vec<Order>,
}

impl Query {
    /// Adds a condition that has to hold whatever block matches.
    pub(crate) fn and(mut self, condition: &Condition) -> Self {
        if self.blocks.is_empty() {
            self.blocks.push(Block::new());
        }
        for block in &mut self.blocks {
            block.push(vec![condition.clone()]);
        }
        self
    }
}
