//! Whatever a query is built of: refused, or a text that means what was built, by a parser that knows no encoder.
#![no_main]

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use openfactory_sn::query::{Condition, Join, Operator, Related};
use openfactory_sn::record::Field;
use openfactory_sn::{Query, Row};

#[path = "../../openfactory-sn/src/query/encode/tests/operators.rs"]
mod operators;
#[path = "../../openfactory-sn/src/query/encode/tests/parser.rs"]
mod parser;

use operators::OPERATORS;
use parser::{Clause, Operand, Parsed};

#[derive(Arbitrary, Debug)]
struct Term<'a> {
    field: Option<&'a str>,
    operator: u8,
    values: Vec<&'a str>,
}

#[derive(Arbitrary, Debug)]
struct Built<'a> {
    blocks: Vec<Vec<Vec<Term<'a>>>>,
    order: Option<&'a str>,
    other: &'a str,
}

impl Term<'_> {
    fn condition(&self) -> Condition {
        let operator = OPERATORS[usize::from(self.operator) % OPERATORS.len()];
        let values = self.values.iter().map(|value| (*value).to_owned()).collect();
        Condition::new(self.field.unwrap_or("name"), operator, values)
    }

    fn meant(&self) -> parser::Term {
        let condition = self.condition();
        let (operator, values) = (condition.operator(), condition.values());
        let operand = match operator {
            Operator::Anything | Operator::EmptyText | Operator::IsEmpty | Operator::IsNotEmpty => {
                Operand::Nothing
            }
            Operator::Between | Operator::NotOneOf | Operator::OneOf => Operand::Values(values.to_vec()),
            Operator::EqualField
            | Operator::GreaterField
            | Operator::GreaterOrEqualField
            | Operator::LessField
            | Operator::LessOrEqualField
            | Operator::NotEqualField => Operand::Field(values[0].clone()),
            _ => Operand::Value(values[0].clone()),
        };
        parser::Term { field: condition.field().to_owned(), operator: operator.as_str(), operand }
    }
}

fuzz_target!(|built: Built<'_>| {
    let mut query = Query::new();
    for (index, block) in built.blocks.iter().enumerate() {
        if index > 0 {
            query = query.or_else();
        }
        for group in block {
            query = query.any_of(group.iter().map(Term::condition));
        }
    }
    if let Some(field) = built.order {
        query = query.order_by(field);
    }
    if let Ok(text) = query.encoded()
        && !built.blocks.iter().all(Vec::is_empty)
    {
        let clause = |group: &Vec<Term<'_>>| Clause::AnyOf(group.iter().map(Term::meant).collect());
        let blocks = built.blocks.iter().map(|block| block.iter().map(clause).collect()).collect();
        let order = built.order.iter().map(|field| ((*field).to_owned(), false)).collect();
        assert_eq!(parser::parse(&text), Parsed { blocks, order }, "{text}");
        assert!(!text.to_lowercase().contains("javascript:"), "{text}");
    }
    let row = Row::try_from(serde_json::json!({"sys_id": "a", "name": built.other})).expect("a row");
    let _ = query.contradicts(&row);

    let condition = || Field::<String>::named("name").is(built.other);
    if let Ok(text) = Query::new().join(Join::new(("a", "b"), ("c", "d"), condition())).encoded() {
        assert_eq!(text, format!("JOINa.b=c.d!name={}", built.other));
        assert!(!built.other.contains(['^', '!']), "{text}");
    }
    if let Ok(text) = Query::new().related(Related::at_least(1, "a", "b").and(condition())).encoded() {
        assert_eq!(text.split('^').count(), 3, "{text}");
    }
    if let Ok(text) = Query::new().text(built.other).encoded() {
        assert!(!text.contains('^'), "{text}");
    }
});
