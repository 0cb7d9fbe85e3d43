use std::time::SystemTime;

use proptest::prelude::*;

use super::*;
use crate::query::{Days, Distance, Moment, Weekday};
use crate::record::Field;
use crate::value::Reference;

fn field(name: &str) -> Field<String> {
    Field::named(name.to_owned())
}

#[test]
fn texts() {
    let cases = [
        (Query::new(), ""),
        (Query::new().newest_first(), "ORDERBYDESCsys_created_on"),
        (Query::new().and(field("a").is("1")).and(field("b").is_not("2")), "a=1^b!=2"),
        (
            Query::new().any_of([field("a").is("1"), field("a").is("2")]).and(field("b").is_empty()),
            "a=1^ORa=2^bISEMPTY",
        ),
        (
            Query::new().and(field("a").is("1")).or_else().and(field("b").is("2")).order_by("c"),
            "a=1^NQb=2^ORDERBYc",
        ),
        (Query::new().and(field("n").is_one_of(["x", "y"])), "nINx,y"),
        (Query::new().and(field("g.name").starts_with("Net work")), "g.nameSTARTSWITHNet work"),
    ];
    for (query, text) in cases {
        assert_eq!(query.encoded().unwrap(), text);
    }
}

#[test]
fn what_the_instance_works_out() {
    let (opened, closed) = (Field::<SystemTime>::new("opened_at"), Field::<SystemTime>::new("closed_at"));
    let group = Field::<Reference>::new("assignment_group");
    let key = SysId::new("0f").unwrap();
    let cases = [
        (opened.since(Moment::BeginningOfToday), "opened_at>=javascript:gs.beginningOfToday()"),
        (opened.until(Moment::HoursAgo(3)), "opened_at<=javascript:gs.hoursAgo(3)"),
        (
            opened.not_on(Days::LastWeek),
            "opened_atNOTONLast week@javascript:gs.beginningOfLastWeek()@javascript:gs.endOfLastWeek()",
        ),
        (opened.within_last(Distance::Hours(1)), "opened_atRELATIVEGT@hour@ago@1"),
        (opened.before_next(Distance::Minutes(5)), "opened_atRELATIVELT@minute@ahead@5"),
        (
            opened.on_weekday(Weekday::Monday),
            "opened_atDATEPARTMonday@javascript:gs.datePart('dayofweek','monday','EE')",
        ),
        (closed.more_than_after(Distance::Hours(3), &opened), "closed_atMORETHANopened_at@hour@after@3"),
        (closed.less_than_field(&opened), "closed_atLT_FIELDopened_at"),
        (group.is_me(), "assignment_group=javascript:gs.getUserID()"),
        (group.is_in_hierarchy_of(&key), "assignment_groupIN_HIERARCHY0f"),
        (
            field("sys_class_name").is_class_or_below("cmdb_ci_server"),
            "sys_class_nameINSTANCEOFcmdb_ci_server",
        ),
        (field("a").is_anything(), "aANYTHING"),
        (field("a").is_empty_text(), "aEMPTYSTRING"),
        (field("a").between("1", "3"), "aBETWEEN1@3"),
        (field("a").not_same_as(&field("b.c")), "aNSAMEASb.c"),
        (field("a").does_not_contain("x y"), "aNOT LIKEx y"),
    ];
    for (condition, text) in cases {
        assert_eq!(Query::new().and(condition).encoded().unwrap(), text);
    }
    let hostile = Field::<SystemTime>::named("a^NQb");
    let apart = opened.more_than_after(Distance::Days(1), &hostile);
    assert!(matches!(Query::new().and(apart).encoded(), Err(QueryError::Field { .. })));
}

#[test]
fn related_and_joined_records() {
    let related = Related::exactly(0, "change_task", "change_request").and(field("a").is("1")).many_to_many();
    let query = Query::new().and(field("b").is("2")).related(related).text("root hash").order_by("c");
    assert_eq!(
        query.encoded().unwrap(),
        "b=2^RLQUERYchange_task.change_request,=0,m2m^a=1^ENDRLQUERY^123TEXTQUERY321=root hash^ORDERBYc"
    );
    let of = |query: Query| query.encoded().unwrap_err();
    assert!(matches!(of(Query::new().related(Related::at_least(1, "a^b", "c"))), QueryError::Table { .. }));
    assert!(matches!(of(Query::new().related(Related::at_least(1, "a", "c,d"))), QueryError::Field { .. }));
    assert!(matches!(of(Query::new().text("a^NQb")), QueryError::Character { .. }));
    let joined = |value| Query::new().join(Join::new(("a", "b"), ("c", "d"), field("e").is(value)));
    assert!(matches!(of(joined("x!y")), QueryError::Character { character: '!', .. }));
    let unlike = Query::new().join(Join::new(("a", "b"), ("c", "d"), field("e").is_not("x")));
    assert!(matches!(of(unlike), QueryError::Character { character: '!', .. }));
    let made = Condition::new("a", Operator::On, vec!["javascript:gs.x()".to_owned()]);
    assert!(matches!(of(Query::new().and(made)), QueryError::Arity { .. }));
    let word = Condition::new("a", Operator::Dynamic, vec!["x^y".to_owned()]);
    assert!(matches!(of(Query::new().and(word)), QueryError::Word { .. }));
}

#[test]
fn a_page_limits_every_alternative() {
    let query = Query::new().and(field("a").is("1")).or_else().and(field("b").is("2"));
    let after = SysId::new("0f").unwrap();
    assert_eq!(query.encoded_page(Some(&after)).unwrap(), "a=1^sys_id>0f^NQb=2^sys_id>0f^ORDERBYsys_id");
    assert_eq!(Query::new().encoded_page(Some(&after)).unwrap(), "sys_id>0f^ORDERBYsys_id");
    assert_eq!(
        Query::new().newest_first().encoded_page(None).unwrap(),
        "ORDERBYDESCsys_created_on^ORDERBYsys_id"
    );
}

#[test]
fn what_cannot_be_carried_is_refused() {
    let of = |condition: Condition| Query::new().and(condition).encoded().unwrap_err();
    assert!(matches!(of(field("a").is("x^NQactive=true")), QueryError::Character { character: '^', .. }));
    assert!(matches!(of(field("a").is("x\ny")), QueryError::Character { character: '\n', .. }));
    assert!(matches!(of(field("a").is("=1")), QueryError::Character { character: '=', .. }));
    assert!(matches!(of(field("a").is_one_of(["x,y"])), QueryError::Character { character: ',', .. }));
    assert!(matches!(of(field("a").is(" JavaScript:gs.x()")), QueryError::Script { .. }));
    for value in ["_HIERARCHY", "STANCEOFcmdb_ci", "_HIERARCHY_DYNAMICx"] {
        assert!(matches!(of(field("a").is_one_of([value])), QueryError::Ambiguous { .. }), "{value}");
    }
    assert!(Query::new().and(field("a").is_one_of(["x", "_HIERARCHY"])).encoded().is_ok());
    assert!(matches!(of(field("a").is("")), QueryError::EmptyValue { .. }));
    assert!(matches!(of(field("a").is_one_of(Vec::<String>::new())), QueryError::Arity { count: 0, .. }));
    for name in ["", "A", "a=1^b", "a..b", ".a", "ORDERBYx", "a b", &"a".repeat(161)] {
        assert!(matches!(of(field(name).is("1")), QueryError::Field { .. }), "{name}");
    }
    assert_eq!(Query::new().any_of([]).encoded(), Err(QueryError::EmptyAlternative));
    assert_eq!(Query::new().or_else().and(field("a").is("1")).encoded(), Err(QueryError::EmptyAlternative));
    assert!(matches!(Query::new().order_by("a^b=1").encoded(), Err(QueryError::Field { .. })));
    assert!(Query::new().and(field("a").is("x,y")).encoded().is_ok());
}

#[test]
fn selection_keeps_the_key_and_what_is_asked_about() {
    let query = Query::new().and(field("state").is("1")).select(["number", "sys_id"]);
    assert_eq!(query.selected().unwrap().as_deref(), Some("sys_id,number,state"));
    assert_eq!(Query::new().selected().unwrap(), None);
    assert!(Query::new().select(["a,b"]).selected().is_err());
}

mod meant;
mod operators;
mod parser;

use meant::{Part, operand, term};
use operators::OPERATORS;
use parser::{Clause as Meaning, Operand as Meant, Parsed};

#[test]
fn every_operator_that_begins_as_another_is_known() {
    for short in OPERATORS {
        for long in OPERATORS {
            let rest = long.as_str().strip_prefix(short.as_str()).filter(|rest| !rest.is_empty());
            if let Some(rest) = rest {
                assert!(short.is_blurred_by(rest), "{} {}", short.as_str(), long.as_str());
            }
        }
    }
}

fn built(blocks: &[Vec<Part>], order: &[(String, bool)]) -> Query {
    let mut query = Query::new();
    for (index, block) in blocks.iter().enumerate() {
        if index > 0 {
            query = query.or_else();
        }
        query = block.iter().fold(query, |query, part| part.onto(query));
    }
    order.iter().fold(query, |query, (field, descending)| match descending {
        true => query.order_by_descending(field),
        false => query.order_by(field),
    })
}

proptest! {
    /// Whatever the builder can write, in any composition.
    #[test]
    fn the_text_says_what_the_query_means(
        blocks in prop::collection::vec(prop::collection::vec(meant::parts(), 1..3), 1..3),
        order in meant::orders(),
        after in meant::pages(),
    ) {
        let query = built(&blocks, &order);
        let encoded = query.encoded();
        // Too many that cannot be carried fail the test: it must not pass by looking at nothing.
        prop_assume!(encoded.is_ok());
        if let Ok(text) = encoded {
            let mut blocks: Vec<Vec<Meaning>> =
                blocks.iter().map(|block| block.iter().map(Part::meaning).collect()).collect();
            // What follows a join could be read as part of it, so joins come last.
            let is_join = |meaning: &Meaning| matches!(meaning, Meaning::Join { .. });
            blocks.iter_mut().for_each(|block| block.sort_by_key(is_join));
            let meaning = Parsed { blocks: blocks.clone(), order: order.clone() };
            prop_assert_eq!(parser::parse(&text), meaning, "{}", text);

            let page = query.encoded_page(after.as_ref()).unwrap();
            if let Some(after) = after {
                let later = term("sys_id", Operator::Greater, Meant::Value(after.to_string()));
                blocks.iter_mut().for_each(|block| {
                    block.push(Meaning::AnyOf(vec![later.clone()]));
                    block.sort_by_key(is_join);
                });
            }
            let tie = ("sys_id".to_owned(), false);
            let order = order.iter().cloned().chain([tie]).collect();
            prop_assert_eq!(parser::parse(&page), Parsed { blocks, order }, "{}", page);
        }
    }

    /// One hostile value in a query of which everything else is known: refused, or still one value.
    #[test]
    fn no_value_breaks_out(
        hostile in "(.|[\\^,=@!]|NQ|OR|RLQUERY|ENDRLQUERY|JOIN|123TEXTQUERY321|javascript:){0,8}",
        operator in prop::sample::select(OPERATORS),
    ) {
        let values = match operator.takes() {
            Takes::Nothing => vec![],
            Takes::Pair => vec![hostile.clone(), "9".to_owned()],
            _ => vec![hostile.clone()],
        };
        let condition = Condition::new("name", operator, values.clone());
        let known = Meaning::AnyOf(vec![term("active", Operator::Equal, Meant::Value("true".to_owned()))]);
        let before = || Query::new().and(field("active").is("true"));
        let holds = |query: Query, meaning: Meaning| {
            if let Ok(text) = query.encoded() {
                let meant = Parsed { blocks: vec![vec![known.clone(), meaning]], order: vec![] };
                prop_assert_eq!(parser::parse(&text), meant, "{}", text);
                prop_assert!(!text.to_lowercase().contains("javascript:"), "{}", text);
            }
            Ok(())
        };
        let meant = term("name", operator, operand(operator, &values));
        holds(before().and(condition.clone()), Meaning::AnyOf(vec![meant.clone()]))?;
        holds(before().text(hostile.clone()), Meaning::Text(hostile.clone()))?;
        let column = |table: &str, name: &str| (table.to_owned(), name.to_owned());
        let related = Related::at_least(1, "a", "b").and(condition.clone());
        let (by, terms) = (column("a", "b"), vec![meant.clone()]);
        let meaning = Meaning::Related { by, comparison: ">=", count: 1, many_to_many: false, terms };
        holds(before().related(related), meaning)?;
        let joined = Join::new(("a", "b"), ("c", "d"), condition);
        let meaning = Meaning::Join { own: column("a", "b"), other: column("c", "d"), term: meant };
        holds(before().join(joined), meaning)?;
    }

    /// Names from outside are names, or refused.
    #[test]
    fn no_name_breaks_out(hostile in "(.|[a-z.^,=@!]|NQ|OR|ORDERBY|javascript:){0,8}") {
        let queries = [
            Query::new().and(field(&hostile).is("1")),
            Query::new().order_by(hostile.clone()),
            Query::new().and(field("a").same_as(&field(&hostile))),
            Query::new().related(Related::exactly(0, hostile.clone(), "b")),
            Query::new().related(Related::exactly(0, "a", hostile.clone())),
            Query::new().join(Join::new((&hostile, "b"), ("c", "d"), field("e").is("1"))),
            Query::new().join(Join::new(("a", "b"), ("c", &hostile), field("e").is("1"))),
            Query::new().and(field("a").is_class_or_below(hostile.clone())),
        ];
        for query in queries {
            if let Ok(text) = query.encoded() {
                prop_assert!(hostile.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c)), "{}", text);
                let Parsed { blocks, order } = parser::parse(&text);
                prop_assert_eq!((blocks.len(), blocks[0].len() + order.len()), (1, 1), "{}", text);
            }
        }
    }
}
