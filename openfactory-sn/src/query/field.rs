//! Conditions made from typed fields.

use std::time::SystemTime;

use super::{Condition, Days, Distance, Moment, Operator, Weekday};
use crate::id::SysId;
use crate::record::Field;
use crate::value::{Reference, Writable};

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

    /// The field does not contain this text.
    #[must_use]
    pub fn does_not_contain(&self, text: impl Into<String>) -> Condition {
        self.compare(Operator::NotContains, vec![text.into()])
    }

    /// The field lies between these values, both included.
    #[must_use]
    pub fn between(&self, least: impl Writable<T>, most: impl Writable<T>) -> Condition {
        self.compare(Operator::Between, vec![least.into_raw(), most.into_raw()])
    }

    /// Whatever the field holds, also nothing: asks that the table has it.
    #[must_use]
    pub fn is_anything(&self) -> Condition {
        self.compare(Operator::Anything, Vec::new())
    }

    /// The field is the empty text, as told apart from no value.
    #[must_use]
    pub fn is_empty_text(&self) -> Condition {
        self.compare(Operator::EmptyText, Vec::new())
    }

    /// The field equals another field of the record.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> Condition {
        self.compare(Operator::EqualField, vec![other.name().to_owned()])
    }

    /// The field does not equal another field of the record.
    #[must_use]
    pub fn not_same_as(&self, other: &Self) -> Condition {
        self.compare(Operator::NotEqualField, vec![other.name().to_owned()])
    }

    /// The field is larger or later than another field of the record.
    #[must_use]
    pub fn greater_than_field(&self, other: &Self) -> Condition {
        self.compare(Operator::GreaterField, vec![other.name().to_owned()])
    }

    /// The field is not smaller or earlier than another field of the record.
    #[must_use]
    pub fn at_least_field(&self, other: &Self) -> Condition {
        self.compare(Operator::GreaterOrEqualField, vec![other.name().to_owned()])
    }

    /// The field is smaller or earlier than another field of the record.
    #[must_use]
    pub fn less_than_field(&self, other: &Self) -> Condition {
        self.compare(Operator::LessField, vec![other.name().to_owned()])
    }

    /// The field is not larger or later than another field of the record.
    #[must_use]
    pub fn at_most_field(&self, other: &Self) -> Condition {
        self.compare(Operator::LessOrEqualField, vec![other.name().to_owned()])
    }

    /// The field is what a dynamic filter option says, by the option's key.
    #[must_use]
    pub fn is_dynamic(&self, option: &SysId) -> Condition {
        self.compare(Operator::Dynamic, vec![option.as_str().to_owned()])
    }
}

impl Field<String> {
    /// The field, a class name such as `sys_class_name`, is this class or one that extends it.
    #[must_use]
    pub fn is_class_or_below(&self, class: impl Into<String>) -> Condition {
        self.compare(Operator::InstanceOf, vec![class.into()])
    }
}

impl Field<Reference> {
    /// The field refers to the credential's own user, which the instance works out.
    #[must_use]
    pub fn is_me(&self) -> Condition {
        Condition::made(self.name(), Operator::Equal, "javascript:gs.getUserID()".to_owned())
    }

    /// The field refers to this record, or to one below it in its own hierarchy, such as a manager's people.
    #[must_use]
    pub fn is_in_hierarchy_of(&self, top: &SysId) -> Condition {
        self.compare(Operator::InHierarchy, vec![top.as_str().to_owned()])
    }

    /// As [`Field::is_in_hierarchy_of`], with what a dynamic filter option says at the top.
    #[must_use]
    pub fn is_in_hierarchy_of_dynamic(&self, option: &SysId) -> Condition {
        self.compare(Operator::InHierarchyDynamic, vec![option.as_str().to_owned()])
    }
}

impl Field<SystemTime> {
    fn made(&self, operator: Operator, text: String) -> Condition {
        Condition::made(self.name(), operator, text)
    }

    /// The field is not earlier than a moment that the instance works out.
    #[must_use]
    pub fn since(&self, moment: Moment) -> Condition {
        self.made(Operator::GreaterOrEqual, moment.script())
    }

    /// The field is not later than a moment that the instance works out.
    #[must_use]
    pub fn until(&self, moment: Moment) -> Condition {
        self.made(Operator::LessOrEqual, moment.script())
    }

    /// The field is within these days.
    #[must_use]
    pub fn on(&self, days: Days) -> Condition {
        self.made(Operator::On, days.span())
    }

    /// The field is not within these days.
    #[must_use]
    pub fn not_on(&self, days: Days) -> Condition {
        self.made(Operator::NotOn, days.span())
    }

    /// The field is of this day of the week.
    #[must_use]
    pub fn on_weekday(&self, day: Weekday) -> Condition {
        self.made(Operator::DatePart, day.part())
    }

    /// The field is later than so long ago.
    #[must_use]
    pub fn within_last(&self, distance: Distance) -> Condition {
        self.made(Operator::RelativeAfter, distance.towards("ago"))
    }

    /// The field is earlier than so long ago.
    #[must_use]
    pub fn before_last(&self, distance: Distance) -> Condition {
        self.made(Operator::RelativeBefore, distance.towards("ago"))
    }

    /// The field is later than so long ahead.
    #[must_use]
    pub fn after_next(&self, distance: Distance) -> Condition {
        self.made(Operator::RelativeAfter, distance.towards("ahead"))
    }

    /// The field is earlier than so long ahead.
    #[must_use]
    pub fn before_next(&self, distance: Distance) -> Condition {
        self.made(Operator::RelativeBefore, distance.towards("ahead"))
    }

    /// The field lies more than so long after another field of the record.
    #[must_use]
    pub fn more_than_after(&self, distance: Distance, other: &Self) -> Condition {
        Condition::apart(self.name(), Operator::MoreThanApart, other.name(), distance.towards("after"))
    }

    /// The field lies less than so long after another field of the record.
    #[must_use]
    pub fn less_than_after(&self, distance: Distance, other: &Self) -> Condition {
        Condition::apart(self.name(), Operator::LessThanApart, other.name(), distance.towards("after"))
    }
}
