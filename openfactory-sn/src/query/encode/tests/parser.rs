//! A parser that shares nothing with the encoder: block, group, condition by the grammar of ServiceNow's documentation.

pub(super) type Parsed = (String, &'static str, Vec<String>);

/// Longest spelling first, so that `>=` is not read as `>`.
const OPERATORS: &[&str] = &[
    "IN_HIERARCHY_DYNAMIC",
    "GT_OR_EQUALS_FIELD",
    "LT_OR_EQUALS_FIELD",
    "IN_HIERARCHY",
    "EMPTYSTRING",
    "ISNOTEMPTY",
    "INSTANCEOF",
    "STARTSWITH",
    "ENDSWITH",
    "ANYTHING",
    "GT_FIELD",
    "LT_FIELD",
    "NOT LIKE",
    "BETWEEN",
    "DYNAMIC",
    "ISEMPTY",
    "NSAMEAS",
    "NOT IN",
    "SAMEAS",
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
    let end =
        term.find(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '.')).unwrap();
    let (name, rest) = term.split_at(end);
    let operator = OPERATORS.iter().find(|operator| rest.starts_with(**operator)).unwrap();
    let value = &rest[operator.len()..];
    let values = match *operator {
        "IN" | "NOT IN" => value.split(',').map(str::to_owned).collect(),
        "BETWEEN" => value.split('@').map(str::to_owned).collect(),
        "ISEMPTY" | "ISNOTEMPTY" | "ANYTHING" | "EMPTYSTRING" => {
            assert!(value.is_empty(), "{term}");
            Vec::new()
        }
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
