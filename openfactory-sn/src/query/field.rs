//! Conditions made from typed fields.

use super::{Condition, Operator};
use crate::record::Field;
use crate::value::Writable;

impl<T> Field<T> {
    fn compare(&self, operator: Operator, values: Vec<String>) -> Condition {
        Condition::new(self.name(), operator, values)
    }

    /// The field equals this value.
    #[must_use]
    pub fn is(&self, value: impl Writable<T>) -> Condition {
        self.compare(Operator::Equal, vec![value.into_raw()])
    }

    /// The field does not equal this value.
    #[must_use]
    pub fn is_not(&self, value: impl Writable<T>) -> Condition {
        self.compare(Operator::NotEqual, vec![value.into_raw()])
    }

    /// The field is one of these values; none at all is an error when the query is encoded.
    #[must_use]
    pub fn is_one_of<V: Writable<T>>(&self, values: impl IntoIterator<Item = V>) -> Condition {
        self.compare(Operator::OneOf, values.into_iter().map(|value| value.into_raw()).collect())
    }

    /// The field is none of these values.
    #[must_use]
    pub fn is_none_of<V: Writable<T>>(&self, values: impl IntoIterator<Item = V>) -> Condition {
        self.compare(Operator::NotOneOf, values.into_iter().map(|value| value.into_raw()).collect())
    }

    /// The field is smaller or earlier.
    #[must_use]
    pub fn less_than(&self, value: impl Writable<T>) -> Condition {
        self.compare(Operator::Less, vec![value.into_raw()])
    }

    /// The field is not larger or later.
    #[must_use]
    pub fn at_most(&self, value: impl Writable<T>) -> Condition {
        self.compare(Operator::LessOrEqual, vec![value.into_raw()])
    }

    /// The field is larger or later.
    #[must_use]
    pub fn greater_than(&self, value: impl Writable<T>) -> Condition {
        self.compare(Operator::Greater, vec![value.into_raw()])
    }

    /// The field is not smaller or earlier.
    #[must_use]
    pub fn at_least(&self, value: impl Writable<T>) -> Condition {
        self.compare(Operator::GreaterOrEqual, vec![value.into_raw()])
    }

    /// The field has no value.
    #[must_use]
    pub fn is_empty(&self) -> Condition {
        self.compare(Operator::IsEmpty, Vec::new())
    }

    /// The field has a value.
    #[must_use]
    pub fn is_not_empty(&self) -> Condition {
        self.compare(Operator::IsNotEmpty, Vec::new())
    }

    /// The field contains this text; on a reference, the text shown for it does.
    #[must_use]
    pub fn contains(&self, text: impl Into<String>) -> Condition {
        self.compare(Operator::Contains, vec![text.into()])
    }

    /// The field begins with this text; on a reference, the text shown for it does.
    #[must_use]
    pub fn starts_with(&self, text: impl Into<String>) -> Condition {
        self.compare(Operator::StartsWith, vec![text.into()])
    }

    /// The field ends with this text; on a reference, the text shown for it does.
    #[must_use]
    pub fn ends_with(&self, text: impl Into<String>) -> Condition {
        self.compare(Operator::EndsWith, vec![text.into()])
    }
}
