//! What conditions are made of, by chance.

use super::Operator;

/// Every operator that takes values from outside.
pub(super) const OPERATORS: &[Operator] = &[
    Operator::Anything,
    Operator::Between,
    Operator::Contains,
    Operator::Dynamic,
    Operator::EmptyText,
    Operator::EndsWith,
    Operator::Equal,
    Operator::EqualField,
    Operator::Greater,
    Operator::GreaterField,
    Operator::GreaterOrEqual,
    Operator::GreaterOrEqualField,
    Operator::InHierarchy,
    Operator::InHierarchyDynamic,
    Operator::InstanceOf,
    Operator::IsEmpty,
    Operator::IsNotEmpty,
    Operator::Less,
    Operator::LessField,
    Operator::LessOrEqual,
    Operator::LessOrEqualField,
    Operator::NotContains,
    Operator::NotEqual,
    Operator::NotEqualField,
    Operator::NotOneOf,
    Operator::OneOf,
    Operator::StartsWith,
];
