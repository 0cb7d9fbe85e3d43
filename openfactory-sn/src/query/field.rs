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
    ///
    /// ```
    /// use openfactory_sn::Query;
    /// use openfactory_sn::models::incident::{CALLER_ID, STATE, State};
    /// use openfactory_sn::SysId;
    ///
    /// let text = |condition| Query::new().and(condition).encoded();
    /// assert_eq!(text(STATE.is(State::New))?, "state=1");
    /// assert_eq!(text(STATE.is_not(State::Closed))?, "state!=7");
    /// assert_eq!(text(STATE.is_one_of([State::New, State::InProgress]))?, "stateIN1,2");
    /// assert_eq!(text(STATE.is_none_of([State::Closed, State::Canceled]))?, "stateNOT IN7,8");
    /// assert_eq!(text(CALLER_ID.is(SysId::new("u1").expect("a key")))?, "caller_id=u1", "a reference by its key");
    /// # Ok::<(), openfactory_sn::query::QueryError>(())
    /// ```
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
    ///
    /// ```
    /// use openfactory_sn::Query;
    /// use openfactory_sn::models::incident::PRIORITY;
    ///
    /// let text = |condition| Query::new().and(condition).encoded();
    /// assert_eq!(text(PRIORITY.less_than(3))?, "priority<3");
    /// assert_eq!(text(PRIORITY.at_most(2))?, "priority<=2");
    /// assert_eq!(text(PRIORITY.greater_than(3))?, "priority>3");
    /// assert_eq!(text(PRIORITY.at_least(4))?, "priority>=4");
    /// assert_eq!(text(PRIORITY.between(2, 3))?, "priorityBETWEEN2@3");
    /// # Ok::<(), openfactory_sn::query::QueryError>(())
    /// ```
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
    ///
    /// ```
    /// use openfactory_sn::Query;
    /// use openfactory_sn::models::incident::ASSIGNED_TO;
    /// use openfactory_sn::record::Field;
    ///
    /// let text = |condition| Query::new().and(condition).encoded();
    /// assert_eq!(text(ASSIGNED_TO.is_empty())?, "assigned_toISEMPTY");
    /// assert_eq!(text(ASSIGNED_TO.is_not_empty())?, "assigned_toISNOTEMPTY");
    /// let line = Field::<String>::named("u_line");
    /// assert_eq!(text(line.is_anything())?, "u_lineANYTHING");
    /// assert_eq!(text(line.is_empty_text())?, "u_lineEMPTYSTRING");
    /// # Ok::<(), openfactory_sn::query::QueryError>(())
    /// ```
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
    ///
    /// ```
    /// use openfactory_sn::Query;
    /// use openfactory_sn::models::incident::{ASSIGNMENT_GROUP, SHORT_DESCRIPTION};
    ///
    /// let text = |condition| Query::new().and(condition).encoded();
    /// assert_eq!(text(SHORT_DESCRIPTION.contains("drift"))?, "short_descriptionLIKEdrift");
    /// assert_eq!(text(SHORT_DESCRIPTION.does_not_contain("drift"))?, "short_descriptionNOT LIKEdrift");
    /// assert_eq!(text(SHORT_DESCRIPTION.ends_with("edge-0001"))?, "short_descriptionENDSWITHedge-0001");
    /// assert_eq!(text(ASSIGNMENT_GROUP.starts_with("Line 4"))?, "assignment_groupSTARTSWITHLine 4", "by its name");
    /// # Ok::<(), openfactory_sn::query::QueryError>(())
    /// ```
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
    ///
    /// ```
    /// use openfactory_sn::Query;
    /// use openfactory_sn::models::change_request::{ASSIGNED_TO, END_DATE, REQUESTED_BY, START_DATE, WORK_END, WORK_START};
    ///
    /// let text = |condition| Query::new().and(condition).encoded();
    /// assert_eq!(text(ASSIGNED_TO.same_as(&REQUESTED_BY))?, "assigned_toSAMEASrequested_by");
    /// assert_eq!(text(ASSIGNED_TO.not_same_as(&REQUESTED_BY))?, "assigned_toNSAMEASrequested_by");
    /// assert_eq!(text(WORK_END.greater_than_field(&END_DATE))?, "work_endGT_FIELDend_date");
    /// assert_eq!(text(WORK_END.at_most_field(&END_DATE))?, "work_endLT_OR_EQUALS_FIELDend_date");
    /// assert_eq!(text(WORK_START.less_than_field(&START_DATE))?, "work_startLT_FIELDstart_date");
    /// assert_eq!(text(WORK_START.at_least_field(&START_DATE))?, "work_startGT_OR_EQUALS_FIELDstart_date");
    /// # Ok::<(), openfactory_sn::query::QueryError>(())
    /// ```
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
    ///
    /// ```
    /// use openfactory_sn::{Query, SysId};
    /// use openfactory_sn::models::incident::ASSIGNMENT_GROUP;
    ///
    /// let text = |condition| Query::new().and(condition).encoded();
    /// // "One of my groups", by the key that this option has on stock instances.
    /// let mine = SysId::new("d6435e965f510100a9ad2572f2b47744").expect("a key");
    /// assert_eq!(text(ASSIGNMENT_GROUP.is_dynamic(&mine))?, "assignment_groupDYNAMICd6435e965f510100a9ad2572f2b47744");
    /// # Ok::<(), openfactory_sn::query::QueryError>(())
    /// ```
    #[must_use]
    pub fn is_dynamic(&self, option: &SysId) -> Condition {
        self.compare(Operator::Dynamic, vec![option.as_str().to_owned()])
    }
}

impl Field<String> {
    /// The field, a class name such as `sys_class_name`, is this class or one that extends it.
    ///
    /// ```
    /// use openfactory_sn::Query;
    /// use openfactory_sn::models::configuration_item::CLASS;
    ///
    /// let text = |condition| Query::new().and(condition).encoded();
    /// assert_eq!(text(CLASS.is_class_or_below("cmdb_ci_server"))?, "sys_class_nameINSTANCEOFcmdb_ci_server");
    /// # Ok::<(), openfactory_sn::query::QueryError>(())
    /// ```
    #[must_use]
    pub fn is_class_or_below(&self, class: impl Into<String>) -> Condition {
        self.compare(Operator::InstanceOf, vec![class.into()])
    }
}

impl Field<Reference> {
    /// The field refers to the credential's own user, which the instance works out.
    ///
    /// ```
    /// use openfactory_sn::{Query, SysId};
    /// use openfactory_sn::models::incident::{ASSIGNED_TO, CALLER_ID};
    ///
    /// let text = |condition| Query::new().and(condition).encoded();
    /// assert_eq!(text(ASSIGNED_TO.is_me())?, "assigned_to=javascript:gs.getUserID()");
    /// let manager = SysId::new("u1").expect("a key");
    /// assert_eq!(text(CALLER_ID.is_in_hierarchy_of(&manager))?, "caller_idIN_HIERARCHYu1");
    /// let me = SysId::new("90d1921e5f510100a9ad2572f2b477fe").expect("a key");
    /// let below_me = text(CALLER_ID.is_in_hierarchy_of_dynamic(&me))?;
    /// assert_eq!(below_me, "caller_idIN_HIERARCHY_DYNAMIC90d1921e5f510100a9ad2572f2b477fe");
    /// # Ok::<(), openfactory_sn::query::QueryError>(())
    /// ```
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
    ///
    /// ```
    /// use openfactory_sn::Query;
    /// use openfactory_sn::models::incident::{DUE_DATE, OPENED_AT};
    /// use openfactory_sn::query::Moment;
    ///
    /// let text = |condition| Query::new().and(condition).encoded();
    /// assert_eq!(text(OPENED_AT.since(Moment::HoursAgo(4)))?, "opened_at>=javascript:gs.hoursAgo(4)");
    /// assert_eq!(text(DUE_DATE.until(Moment::EndOfToday))?, "due_date<=javascript:gs.endOfToday()");
    /// # Ok::<(), openfactory_sn::query::QueryError>(())
    /// ```
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
    ///
    /// ```
    /// use openfactory_sn::Query;
    /// use openfactory_sn::models::incident::OPENED_AT;
    /// use openfactory_sn::query::{Days, Weekday};
    ///
    /// let text = |condition| Query::new().and(condition).encoded();
    /// assert_eq!(
    ///     text(OPENED_AT.on(Days::LastWeek))?,
    ///     "opened_atONLast week@javascript:gs.beginningOfLastWeek()@javascript:gs.endOfLastWeek()",
    /// );
    /// assert_eq!(
    ///     text(OPENED_AT.not_on(Days::Today))?,
    ///     "opened_atNOTONToday@javascript:gs.beginningOfToday()@javascript:gs.endOfToday()",
    /// );
    /// assert_eq!(
    ///     text(OPENED_AT.on_weekday(Weekday::Sunday))?,
    ///     "opened_atDATEPARTSunday@javascript:gs.datePart('dayofweek','sunday','EE')",
    /// );
    /// # Ok::<(), openfactory_sn::query::QueryError>(())
    /// ```
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
    ///
    /// ```
    /// use openfactory_sn::Query;
    /// use openfactory_sn::models::change_request::{END_DATE, START_DATE, UPDATED_ON};
    /// use openfactory_sn::query::Distance;
    ///
    /// let text = |condition| Query::new().and(condition).encoded();
    /// assert_eq!(text(UPDATED_ON.within_last(Distance::Hours(2)))?, "sys_updated_onRELATIVEGT@hour@ago@2");
    /// assert_eq!(text(UPDATED_ON.before_last(Distance::Months(6)))?, "sys_updated_onRELATIVELT@month@ago@6");
    /// assert_eq!(text(START_DATE.before_next(Distance::Days(1)))?, "start_dateRELATIVELT@dayofweek@ahead@1");
    /// assert_eq!(text(END_DATE.after_next(Distance::Minutes(30)))?, "end_dateRELATIVEGT@minute@ahead@30");
    /// # Ok::<(), openfactory_sn::query::QueryError>(())
    /// ```
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
    ///
    /// ```
    /// use openfactory_sn::Query;
    /// use openfactory_sn::models::incident::{OPENED_AT, RESOLVED_AT};
    /// use openfactory_sn::query::Distance;
    ///
    /// let text = |condition| Query::new().and(condition).encoded();
    /// let late = RESOLVED_AT.more_than_after(Distance::Hours(8), &OPENED_AT);
    /// assert_eq!(text(late)?, "resolved_atMORETHANopened_at@hour@after@8");
    /// let at_once = RESOLVED_AT.less_than_after(Distance::Minutes(5), &OPENED_AT);
    /// assert_eq!(text(at_once)?, "resolved_atLESSTHANopened_at@minute@after@5");
    /// # Ok::<(), openfactory_sn::query::QueryError>(())
    /// ```
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
