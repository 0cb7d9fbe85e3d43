//! Which rows a query can match at all, so that a look-up by key does not read a whole table.

use super::{AnyOf, Block, Operator, Query, Test};
use crate::schema::FieldType;
use crate::store::{Narrow, Session};

/// Keys such that every matching row has one of them, where the query gives any.
pub(crate) fn narrow(session: &Session<'_>, table: &str, query: &Query) -> Narrow {
    let also = block_keys(session, table, &query.also);
    let of_blocks = query.blocks.iter().map(|block| block_keys(session, table, block));
    let of_blocks: Option<Vec<_>> = if query.blocks.is_empty() { None } else { of_blocks.collect() };
    let keys = also.into_iter().chain(of_blocks.map(|keys| keys.concat())).min_by_key(Vec::len);
    keys.map_or(Narrow::All, Narrow::Keys)
}

fn block_keys(session: &Session<'_>, table: &str, block: &Block) -> Option<Vec<(String, String)>> {
    block.iter().filter_map(|any_of| any_of_keys(session, table, any_of)).min_by_key(Vec::len)
}

fn any_of_keys(session: &Session<'_>, table: &str, any_of: &AnyOf) -> Option<Vec<(String, String)>> {
    let mut keys = Vec::new();
    for test in any_of {
        let Test::Field(condition) = test else { return None };
        let kind = &session.schema.field(table, &condition.field)?.kind;
        let by_value = matches!(kind, FieldType::String | FieldType::Reference(_));
        if !by_value || !indexed(session, table, &condition.field) {
            return None;
        }
        let values: Vec<&str> = match condition.operator {
            Operator::Is => vec![&condition.value],
            Operator::In => condition.value.split(',').map(str::trim).collect(),
            _ => return None,
        };
        if values.iter().any(|value| value.is_empty()) {
            return None;
        }
        keys.extend(values.into_iter().map(|value| (condition.field.clone(), value.to_owned())));
    }
    Some(keys)
}

fn indexed(session: &Session<'_>, table: &str, field: &str) -> bool {
    field == "sys_id" || session.index.id(session.schema.root(table), field).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Caller;
    use crate::query::Condition;
    use crate::query::parse::tests::in_a_session;

    fn narrowed(text: &str) -> Narrow {
        in_a_session(|session| {
            let parsed = Query::parse(session, &Caller::system(), "incident", text).unwrap();
            narrow(session, "incident", &parsed.query)
        })
    }

    #[test]
    fn what_holds_for_every_block_gives_the_keys_if_they_are_fewer() {
        let also = |text: &str, field: &str| {
            in_a_session(|session| {
                let parsed = Query::parse(session, &Caller::system(), "incident", text).unwrap();
                let (field, value) = (field.to_owned(), "x".to_owned());
                let query = parsed.query.and(Condition { field, operator: Operator::Is, value });
                narrow(session, "incident", &query)
            })
        };
        let key = |field: &str, value: &str| (field.to_owned(), value.to_owned());
        assert_eq!(
            also("numberINa,b^NQstate=1", "correlation_id"),
            Narrow::Keys(vec![key("correlation_id", "x")])
        );
        assert_eq!(also("", "correlation_id"), Narrow::Keys(vec![key("correlation_id", "x")]));
        assert_eq!(also("numberINa,b", "correlation_id"), Narrow::Keys(vec![key("correlation_id", "x")]));
        assert_eq!(
            also("number=a^NQnumber=b", "state"),
            Narrow::Keys(vec![key("number", "a"), key("number", "b")])
        );
        assert_eq!(also("state=1", "state"), Narrow::All);
    }

    #[test]
    fn finds_keys_only_where_every_match_must_have_one() {
        let key = |field: &str, value: &str| (field.to_owned(), value.to_owned());
        assert_eq!(narrowed("active=true^correlation_id=x"), Narrow::Keys(vec![key("correlation_id", "x")]));
        assert_eq!(
            narrowed("numberINa,b^NQsys_id=c"),
            Narrow::Keys(vec![key("number", "a"), key("number", "b"), key("sys_id", "c")])
        );
        for text in
            ["", "correlation_id=", "correlation_id=x^ORactive=true", "sys_id=a^NQstate=1", "sys_id>a"]
        {
            assert_eq!(narrowed(text), Narrow::All, "{text}");
        }
    }
}
