use proptest::prelude::*;

use super::*;
use crate::record::Field;

fn field(name: &str) -> Field<String> {
    Field::named(name)
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

/// A parser that shares nothing with the encoder: block, group, condition by the grammar of ServiceNow's documentation.
mod parser {
    pub(super) type Parsed = (String, &'static str, Vec<String>);

    /// Longest spelling first, so that `>=` is not read as `>`.
    const OPERATORS: &[&str] = &[
        "ISNOTEMPTY",
        "STARTSWITH",
        "ENDSWITH",
        "ISEMPTY",
        "NOT IN",
        "LIKE",
        "IN",
        "!=",
        ">=",
        "<=",
        "=",
        ">",
        "<",
    ];

    fn condition(term: &str) -> Parsed {
        let end = term
            .find(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '.'))
            .unwrap();
        let (name, rest) = term.split_at(end);
        let operator = OPERATORS.iter().find(|operator| rest.starts_with(**operator)).unwrap();
        let value = &rest[operator.len()..];
        let values = match *operator {
            "IN" | "NOT IN" => value.split(',').map(str::to_owned).collect(),
            "ISEMPTY" | "ISNOTEMPTY" => Vec::new(),
            _ => vec![value.to_owned()],
        };
        (name.to_owned(), operator, values)
    }

    pub(super) fn parse(text: &str) -> Vec<Vec<Vec<Parsed>>> {
        let mut blocks = vec![Vec::<Vec<Parsed>>::new()];
        for term in text.split('^') {
            if term.starts_with("ORDERBY") {
                continue;
            } else if let Some(first) = term.strip_prefix("NQ") {
                blocks.push(vec![vec![condition(first)]]);
            } else if let Some(alternative) = term.strip_prefix("OR") {
                blocks.last_mut().unwrap().last_mut().unwrap().push(condition(alternative));
            } else {
                blocks.last_mut().unwrap().push(vec![condition(term)]);
            }
        }
        blocks
    }
}

fn operators() -> impl Strategy<Value = Operator> {
    prop::sample::select(vec![
        Operator::Contains,
        Operator::EndsWith,
        Operator::Equal,
        Operator::Greater,
        Operator::GreaterOrEqual,
        Operator::IsEmpty,
        Operator::IsNotEmpty,
        Operator::Less,
        Operator::LessOrEqual,
        Operator::NotEqual,
        Operator::NotOneOf,
        Operator::OneOf,
        Operator::StartsWith,
    ])
}

/// Mostly what can be carried, with everything that looks like grammar in it; now and then what cannot.
fn values() -> impl Strategy<Value = Vec<String>> {
    let value = prop_oneof![
        20 => "[a-zA-Z0-9 <>!.@:%][a-zA-Z0-9 <>=!.@:%&äß]{0,12}",
        1 => ".{0,12}|[a-zA-Z0-9^,=]{1,12}",
    ];
    prop::collection::vec(value, 1..3)
}

fn conditions() -> impl Strategy<Value = Condition> {
    ("[a-z_][a-z0-9_]{0,8}(\\.[a-z]{1,4})?", operators(), values()).prop_map(
        |(name, operator, mut values)| {
            match operator.arity() {
                Arity::None => values.clear(),
                Arity::One => values.truncate(1),
                Arity::Some => {}
            }
            Condition::new(name, operator, values)
        },
    )
}

proptest! {
    #[test]
    fn the_text_says_what_the_query_means(
        blocks in prop::collection::vec(prop::collection::vec(prop::collection::vec(conditions(), 1..3), 1..3), 1..3),
    ) {
        let mut query = Query::new();
        for (index, block) in blocks.iter().enumerate() {
            if index > 0 {
                query = query.or_else();
            }
            for group in block {
                query = query.any_of(group.clone());
            }
        }
        let encoded = query.order_by("sys_id").encoded();
        // Too many that cannot be carried fail the test: it must not pass by looking at nothing.
        prop_assume!(encoded.is_ok());
        if let Ok(text) = encoded {
            let meant: Vec<Vec<Vec<parser::Parsed>>> = blocks
                .iter()
                .map(|block| block
                    .iter()
                    .map(|group| group
                        .iter()
                        .map(|c| (c.field.clone(), c.operator.as_str(), c.values.clone()))
                        .collect())
                    .collect())
                .collect();
            prop_assert_eq!(parser::parse(&text), meant, "{}", text);
        }
    }
}
