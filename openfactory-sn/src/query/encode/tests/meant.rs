//! Queries by chance: how each part is built, and what it means.

use std::time::SystemTime;

use proptest::prelude::*;

use super::parser::{Clause, Operand, Term};
use super::{OPERATORS, field};
use crate::id::SysId;
use crate::query::operator::Takes;
use crate::query::{Condition, Days, Distance, Join, Moment, Operator, Query, Related, Weekday};
use crate::record::Field;
use crate::value::Reference;

/// Something that narrows a query, and what that means.
#[derive(Debug, Clone)]
pub(super) enum Part {
    AnyOf(Vec<(Condition, Term)>),
    Join(Join, Clause),
    Related(Related, Clause),
    Text(String),
}

impl Part {
    pub(super) fn onto(&self, query: Query) -> Query {
        match self {
            Self::AnyOf(group) => query.any_of(group.iter().map(|(condition, _)| condition.clone())),
            Self::Join(join, _) => query.join(join.clone()),
            Self::Related(related, _) => query.related(related.clone()),
            Self::Text(words) => query.text(words),
        }
    }

    pub(super) fn meaning(&self) -> Clause {
        match self {
            Self::AnyOf(group) => Clause::AnyOf(group.iter().map(|(_, term)| term.clone()).collect()),
            Self::Join(_, meaning) | Self::Related(_, meaning) => meaning.clone(),
            Self::Text(words) => Clause::Text(words.clone()),
        }
    }
}

/// Mostly what can be carried, with everything that looks like grammar in it; now and then what cannot.
pub(super) fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        60 => "[a-zA-Z0-9 <>!.:%][a-zA-Z0-9 <>=!.:%&äß]{0,12}",
        1 => ".{0,12}|[a-zA-Z0-9^,=@]{1,12}",
        1 => prop::sample::select(vec![
            "x^NQactive=true", "x^ORstate=1", "x^active=true", "javascript:gs.x()", "1@2", "a,b", "^^", "x^EQ",
            "x^ENDRLQUERY^a=1", "x^ORDERBYa", "JavaScript:1", "\u{2028}javascript:1", "IN1,2", "=1", "x^JOINa.b=c.d!e=f",
            "x^RLQUERYa.b,>=1^ENDRLQUERY", "x^123TEXTQUERY321=y",
        ]).prop_map(str::to_owned),
    ]
}

/// As `value`, without what only a join cannot carry.
fn joined() -> impl Strategy<Value = String> {
    prop_oneof![40 => "[a-z0-9][a-zA-Z0-9 <>.:%]{0,8}", 1 => value()]
}

fn name() -> impl Strategy<Value = String> {
    "[a-z_][a-z0-9_]{0,8}(\\.[a-z]{1,4})?"
}

fn column() -> impl Strategy<Value = String> {
    "[a-z_][a-z0-9_]{0,8}"
}

/// What an operator makes of values from outside.
pub(super) fn operand(operator: Operator, values: &[String]) -> Operand {
    match operator.takes() {
        Takes::Nothing => Operand::Nothing,
        Takes::One | Takes::Word => Operand::Value(values[0].clone()),
        Takes::Pair | Takes::List => Operand::Values(values.to_vec()),
        Takes::Field => Operand::Field(values[0].clone()),
        Takes::Made => panic!("{operator:?} takes no values"),
    }
}

pub(super) fn term(field: &str, operator: Operator, operand: Operand) -> Term {
    Term { field: field.to_owned(), operator: operator.as_str(), operand }
}

/// Conditions with values from outside.
fn valued() -> impl Strategy<Value = (Condition, Term)> {
    let operators = prop::sample::select(OPERATORS);
    (name(), operators, prop::collection::vec(value(), 1..3), name(), "[0-9a-f]{32}").prop_map(
        |(name, operator, mut values, other, key)| {
            match operator.takes() {
                Takes::Nothing => values.clear(),
                Takes::One => values.truncate(1),
                Takes::Pair => values.resize(2, "9".to_owned()),
                Takes::Field => values = vec![other],
                Takes::Word => values = vec![key],
                Takes::List | Takes::Made => {}
            }
            let meaning = term(&name, operator, operand(operator, &values));
            (Condition::new(name, operator, values), meaning)
        },
    )
}

/// How the interface names a distance.
fn distances() -> impl Strategy<Value = (Distance, &'static str, u32)> {
    (0u32..10_000, 0usize..4).prop_map(|(number, unit)| match unit {
        0 => (Distance::Days(number), "dayofweek", number),
        1 => (Distance::Hours(number), "hour", number),
        2 => (Distance::Minutes(number), "minute", number),
        _ => (Distance::Months(number), "month", number),
    })
}

fn spans() -> impl Strategy<Value = (Days, &'static str, &'static str)> {
    prop::sample::select(vec![
        (Days::LastMonth, "Last month", "LastMonth"),
        (Days::LastWeek, "Last week", "LastWeek"),
        (Days::ThisMonth, "This month", "ThisMonth"),
        (Days::ThisWeek, "This week", "ThisWeek"),
        (Days::Today, "Today", "Today"),
        (Days::Yesterday, "Yesterday", "Yesterday"),
    ])
}

fn weekdays() -> impl Strategy<Value = (Weekday, &'static str, &'static str)> {
    prop::sample::select(vec![
        (Weekday::Monday, "Monday", "monday"),
        (Weekday::Tuesday, "Tuesday", "tuesday"),
        (Weekday::Wednesday, "Wednesday", "wednesday"),
        (Weekday::Thursday, "Thursday", "thursday"),
        (Weekday::Friday, "Friday", "friday"),
        (Weekday::Saturday, "Saturday", "saturday"),
        (Weekday::Sunday, "Sunday", "sunday"),
    ])
}

fn moments() -> impl Strategy<Value = (Moment, String)> {
    prop_oneof![
        Just((Moment::BeginningOfToday, "gs.beginningOfToday()".to_owned())),
        Just((Moment::EndOfToday, "gs.endOfToday()".to_owned())),
        (0u32..1_000).prop_map(|days| (Moment::DaysAgo(days), format!("gs.daysAgo({days})"))),
        (0u32..1_000).prop_map(|hours| (Moment::HoursAgo(hours), format!("gs.hoursAgo({hours})"))),
    ]
}

/// Conditions that the instance works out.
fn worked_out() -> impl Strategy<Value = (Condition, Term)> {
    let time = |name: &str| Field::<SystemTime>::named(name.to_owned());
    let of =
        |field: &str, operator: &'static str, operand| Term { field: field.to_owned(), operator, operand };
    prop_oneof![
        (name(), moments(), any::<bool>()).prop_map(move |(name, (moment, script), since)| {
            let script = Operand::Script(script);
            match since {
                true => (time(&name).since(moment), of(&name, ">=", script)),
                false => (time(&name).until(moment), of(&name, "<=", script)),
            }
        }),
        (name(), spans(), any::<bool>()).prop_map(move |(name, (days, label, end), on)| {
            let scripts = vec![format!("gs.beginningOf{end}()"), format!("gs.endOf{end}()")];
            let span = Operand::Labelled(label.to_owned(), scripts);
            match on {
                true => (time(&name).on(days), of(&name, "ON", span)),
                false => (time(&name).not_on(days), of(&name, "NOTON", span)),
            }
        }),
        (name(), weekdays()).prop_map(move |(name, (day, label, part))| {
            let scripts = vec![format!("gs.datePart('dayofweek','{part}','EE')")];
            (time(&name).on_weekday(day), of(&name, "DATEPART", Operand::Labelled(label.to_owned(), scripts)))
        }),
        (name(), distances(), 0usize..4).prop_map(move |(name, (distance, unit, number), way)| {
            let towards = |direction: &str| Operand::Relative(unit.to_owned(), direction.to_owned(), number);
            let field = time(&name);
            match way {
                0 => (field.within_last(distance), of(&name, "RELATIVEGT", towards("ago"))),
                1 => (field.before_last(distance), of(&name, "RELATIVELT", towards("ago"))),
                2 => (field.after_next(distance), of(&name, "RELATIVEGT", towards("ahead"))),
                _ => (field.before_next(distance), of(&name, "RELATIVELT", towards("ahead"))),
            }
        }),
        (name(), name(), distances(), any::<bool>()).prop_map(
            move |(name, other, (distance, unit, number), more)| {
                let apart = Operand::Apart(other.clone(), unit.to_owned(), number);
                match more {
                    true => {
                        (time(&name).more_than_after(distance, &time(&other)), of(&name, "MORETHAN", apart))
                    }
                    false => {
                        (time(&name).less_than_after(distance, &time(&other)), of(&name, "LESSTHAN", apart))
                    }
                }
            }
        ),
        name().prop_map(move |name| {
            let me = Operand::Script("gs.getUserID()".to_owned());
            (Field::<Reference>::named(name.clone()).is_me(), of(&name, "=", me))
        }),
    ]
}

pub(super) fn conditions() -> impl Strategy<Value = (Condition, Term)> {
    prop_oneof![3 => valued(), 2 => worked_out()]
}

/// Everything that narrows a query.
pub(super) fn parts() -> impl Strategy<Value = Part> {
    let group = prop::collection::vec(conditions(), 1..3).prop_map(Part::AnyOf);
    let related =
        (column(), column(), 0u32..9, any::<[bool; 2]>(), prop::collection::vec(conditions(), 0..3))
            .prop_map(|(table, column, count, [at_least, many_to_many], conditions)| {
                let mut related = match at_least {
                    true => Related::at_least(count, &table, &column),
                    false => Related::exactly(count, &table, &column),
                };
                if many_to_many {
                    related = related.many_to_many();
                }
                let comparison = if at_least { ">=" } else { "=" };
                let terms = conditions.iter().map(|(_, term)| term.clone()).collect();
                let related =
                    conditions.into_iter().fold(related, |related, (condition, _)| related.and(condition));
                let by = (table, column);
                Part::Related(related, Clause::Related { by, comparison, count, many_to_many, terms })
            });
    let join = (column(), column(), column(), column(), column(), joined()).prop_map(
        |(table, own, other_table, other, name, value)| {
            let meaning = term(&name, Operator::Equal, Operand::Value(value.clone()));
            let join = Join::new((&table, &own), (&other_table, &other), field(&name).is(value));
            Part::Join(join, Clause::Join { own: (table, own), other: (other_table, other), term: meaning })
        },
    );
    prop_oneof![6 => group, 2 => related, 1 => join, 1 => value().prop_map(Part::Text)]
}

/// Fields to order by, and whether descending.
pub(super) fn orders() -> impl Strategy<Value = Vec<(String, bool)>> {
    prop::collection::vec((name(), any::<bool>()), 0..3)
}

/// Where a page begins, if not at the beginning.
pub(super) fn pages() -> impl Strategy<Value = Option<SysId>> {
    prop::option::of("[0-9a-f]{32}".prop_map(|key| SysId::new(&key).unwrap()))
}
