//! Times that the instance itself works out: moments, spans of days, ages. The only scripts that a query can hold.

/// A moment that the instance works out when it runs the query, in its own sandbox.
///
/// ```
/// use openfactory_sn::Query;
/// use openfactory_sn::models::incident::OPENED_AT;
/// use openfactory_sn::query::Moment;
///
/// let query = Query::new().and(OPENED_AT.since(Moment::DaysAgo(7)));
/// assert_eq!(query.encoded()?, "opened_at>=javascript:gs.daysAgo(7)");
/// # Ok::<(), openfactory_sn::query::QueryError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Moment {
    /// The first second of today, in the time zone of the credential's user.
    BeginningOfToday,
    /// So many days before now.
    DaysAgo(u32),
    /// The last second of today.
    EndOfToday,
    /// So many hours before now.
    HoursAgo(u32),
}

impl Moment {
    pub(super) fn script(self) -> String {
        match self {
            Self::BeginningOfToday => "javascript:gs.beginningOfToday()".to_owned(),
            Self::DaysAgo(days) => format!("javascript:gs.daysAgo({days})"),
            Self::EndOfToday => "javascript:gs.endOfToday()".to_owned(),
            Self::HoursAgo(hours) => format!("javascript:gs.hoursAgo({hours})"),
        }
    }
}

/// A span of whole days, in the time zone of the credential's user.
///
/// ```
/// use openfactory_sn::Query;
/// use openfactory_sn::models::incident::OPENED_AT;
/// use openfactory_sn::query::Days;
///
/// let query = Query::new().and(OPENED_AT.on(Days::Today));
/// assert_eq!(
///     query.encoded()?,
///     "opened_atONToday@javascript:gs.beginningOfToday()@javascript:gs.endOfToday()"
/// );
/// # Ok::<(), openfactory_sn::query::QueryError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Days {
    /// The calendar month before this one.
    LastMonth,
    /// The week before this one.
    LastWeek,
    /// This calendar month.
    ThisMonth,
    /// This week.
    ThisWeek,
    /// Today.
    Today,
    /// Yesterday.
    Yesterday,
}

impl Days {
    pub(super) fn span(self) -> String {
        let (label, name) = match self {
            Self::LastMonth => ("Last month", "LastMonth"),
            Self::LastWeek => ("Last week", "LastWeek"),
            Self::ThisMonth => ("This month", "ThisMonth"),
            Self::ThisWeek => ("This week", "ThisWeek"),
            Self::Today => ("Today", "Today"),
            Self::Yesterday => ("Yesterday", "Yesterday"),
        };
        format!("{label}@javascript:gs.beginningOf{name}()@javascript:gs.endOf{name}()")
    }
}

/// A distance in time, as ServiceNow counts it.
///
/// ```
/// use openfactory_sn::Query;
/// use openfactory_sn::models::change_request::UPDATED_ON;
/// use openfactory_sn::query::Distance;
///
/// let stale = Query::new().and(UPDATED_ON.before_last(Distance::Days(30)));
/// assert_eq!(stale.encoded()?, "sys_updated_onRELATIVELT@dayofweek@ago@30");
/// # Ok::<(), openfactory_sn::query::QueryError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Distance {
    /// Days.
    Days(u32),
    /// Hours.
    Hours(u32),
    /// Minutes.
    Minutes(u32),
    /// Calendar months.
    Months(u32),
}

impl Distance {
    /// `@hour@ago@1`: unit, direction, number.
    pub(super) fn towards(self, direction: &str) -> String {
        let (unit, number) = match self {
            Self::Days(number) => ("dayofweek", number), // the interface's own name for days
            Self::Hours(number) => ("hour", number),
            Self::Minutes(number) => ("minute", number),
            Self::Months(number) => ("month", number),
        };
        format!("@{unit}@{direction}@{number}")
    }
}

/// A day of the week.
///
/// ```
/// use openfactory_sn::Query;
/// use openfactory_sn::models::change_request::START_DATE;
/// use openfactory_sn::query::Weekday;
///
/// let query = Query::new().any_of([Weekday::Saturday, Weekday::Sunday].map(|day| START_DATE.on_weekday(day)));
/// assert!(query.encoded()?.starts_with("start_dateDATEPARTSaturday@"));
/// # Ok::<(), openfactory_sn::query::QueryError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a week has seven")]
#[expect(missing_docs, reason = "their names say it")]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

impl Weekday {
    pub(super) fn part(self) -> String {
        let name = format!("{self:?}");
        format!("{name}@javascript:gs.datePart('dayofweek','{}','EE')", name.to_ascii_lowercase())
    }
}
