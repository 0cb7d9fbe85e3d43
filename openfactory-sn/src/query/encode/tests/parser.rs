//! A parser that shares nothing with the encoder: blocks, clauses, conditions, operands and order, by the grammar that
//! ServiceNow documents for encoded query strings. What it does not know, it does not take.

/// A whole query: blocks of which one must hold, and the order, each field with whether it is descending.
#[derive(Debug, PartialEq)]
pub(super) struct Parsed {
    pub(super) blocks: Vec<Vec<Clause>>,
    pub(super) order: Vec<(String, bool)>,
}

/// What must hold in a block.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Clause {
    AnyOf(Vec<Term>),
    Join {
        own: (String, String),
        other: (String, String),
        term: Term,
    },
    Related {
        by: (String, String),
        comparison: &'static str,
        count: u32,
        many_to_many: bool,
        terms: Vec<Term>,
    },
    Text(String),
}

/// One condition.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Term {
    pub(super) field: String,
    pub(super) operator: &'static str,
    pub(super) operand: Operand,
}

/// What a field is compared with.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Operand {
    Nothing,
    Value(String),
    Values(Vec<String>),
    Field(String),
    /// What the instance runs, without `javascript:`.
    Script(String),
    /// A label, and what the instance runs for a span's two ends or a part of a date.
    Labelled(String, Vec<String>),
    /// `@hour@ago@1`.
    Relative(String, String, u32),
    /// `field@hour@after@3`.
    Apart(String, String, u32),
}

/// An operator and how what stands on its right is read.
type Known = (&'static str, fn(&str) -> Operand);

/// Longest spelling first where one begins as another.
const OPERATORS: &[Known] = &[
    ("IN_HIERARCHY_DYNAMIC", key),
    ("GT_OR_EQUALS_FIELD", field),
    ("LT_OR_EQUALS_FIELD", field),
    ("IN_HIERARCHY", key),
    ("EMPTYSTRING", nothing),
    ("ISNOTEMPTY", nothing),
    ("INSTANCEOF", key),
    ("STARTSWITH", value),
    ("RELATIVEGT", relative),
    ("RELATIVELT", relative),
    ("ENDSWITH", value),
    ("ANYTHING", nothing),
    ("DATEPART", labelled),
    ("GT_FIELD", field),
    ("LT_FIELD", field),
    ("NOT LIKE", value),
    ("LESSTHAN", apart),
    ("MORETHAN", apart),
    ("BETWEEN", pair),
    ("DYNAMIC", key),
    ("ISEMPTY", nothing),
    ("NSAMEAS", field),
    ("NOT IN", list),
    ("SAMEAS", field),
    ("NOTON", labelled),
    ("LIKE", value),
    ("IN", list),
    ("ON", labelled),
    ("!=", value),
    (">=", value),
    ("<=", value),
    ("=", value),
    (">", value),
    ("<", value),
];

pub(super) fn parse(text: &str) -> Parsed {
    let mut parsed = Parsed { blocks: vec![Vec::new()], order: Vec::new() };
    let mut terms = text.split('^').peekable();
    if text.is_empty() {
        return parsed;
    }
    while let Some(term) = terms.next() {
        if let Some(field) = term.strip_prefix("ORDERBYDESC") {
            parsed.order.push((name(field), true));
        } else if let Some(field) = term.strip_prefix("ORDERBY") {
            parsed.order.push((name(field), false));
        } else if let Some(alternative) = term.strip_prefix("OR") {
            match parsed.blocks.last_mut().unwrap().last_mut() {
                Some(Clause::AnyOf(group)) => group.push(condition(alternative)),
                other => panic!("^OR after {other:?}"),
            }
        } else {
            let begun = term.strip_prefix("NQ");
            if begun.is_some() {
                parsed.blocks.push(Vec::new());
            }
            assert!(parsed.order.is_empty(), "{term} after the order");
            let clause = clause(begun.unwrap_or(term), &mut terms);
            parsed.blocks.last_mut().unwrap().push(clause);
        }
    }
    parsed
}

fn clause<'a>(term: &'a str, rest: &mut impl Iterator<Item = &'a str>) -> Clause {
    if let Some(head) = term.strip_prefix("RLQUERY") {
        let (by, count) = head.split_once(',').unwrap();
        let (count, many_to_many) = count.split_once(",m2m").map_or((count, false), |(count, rest)| {
            assert!(rest.is_empty(), "{term}");
            (count, true)
        });
        let comparison = [">=", "="].into_iter().find(|comparison| count.starts_with(comparison)).unwrap();
        let terms = rest.take_while(|term| *term != "ENDRLQUERY").map(condition).collect();
        let count = count[comparison.len()..].parse().unwrap();
        Clause::Related { by: column(by), comparison, count, many_to_many, terms }
    } else if let Some(sides) = term.strip_prefix("JOIN") {
        let (sides, with) = sides.split_once('!').unwrap();
        let (own, other) = sides.split_once('=').unwrap();
        assert!(!with.contains('!'), "{term}");
        Clause::Join { own: column(own), other: column(other), term: condition(with) }
    } else if let Some(words) = term.strip_prefix("123TEXTQUERY321=") {
        assert!(!words.is_empty());
        Clause::Text(words.to_owned())
    } else {
        Clause::AnyOf(vec![condition(term)])
    }
}

fn condition(term: &str) -> Term {
    let end = term.find(|c| !is_of_name(c)).unwrap_or_else(|| panic!("no operator in {term:?}"));
    let (field, rest) = term.split_at(end);
    let (operator, read) = OPERATORS.iter().find(|(operator, _)| rest.starts_with(operator)).unwrap();
    Term { field: name(field), operator, operand: read(&rest[operator.len()..]) }
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '.'
}

/// A field's name, perhaps dot-walked.
fn name(text: &str) -> String {
    assert!(text.split('.').all(|part| !part.is_empty() && part.chars().all(is_of_name)), "field {text:?}");
    text.to_owned()
}

/// `table.column`.
fn column(text: &str) -> (String, String) {
    let (table, column) = text.split_once('.').unwrap();
    assert!(!column.contains('.'), "{text}");
    (name(table), name(column))
}

fn nothing(text: &str) -> Operand {
    assert!(text.is_empty(), "{text:?} where nothing belongs");
    Operand::Nothing
}

/// A value is taken as it stands, unless the instance would run it.
fn value(text: &str) -> Operand {
    match text.strip_prefix("javascript:") {
        Some(script) => Operand::Script(script.to_owned()),
        None => Operand::Value(plain(text)),
    }
}

fn plain(text: &str) -> String {
    assert!(!text.is_empty() && !text.to_lowercase().contains("javascript:"), "value {text:?}");
    text.to_owned()
}

fn list(text: &str) -> Operand {
    Operand::Values(text.split(',').map(plain).collect())
}

fn pair(text: &str) -> Operand {
    let values: Vec<_> = text.split('@').map(plain).collect();
    assert_eq!(values.len(), 2, "{text}");
    Operand::Values(values)
}

fn field(text: &str) -> Operand {
    Operand::Field(name(text))
}

/// A sys_id or a class.
fn key(text: &str) -> Operand {
    assert!(
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-'),
        "{text}"
    );
    Operand::Value(text.to_owned())
}

fn labelled(text: &str) -> Operand {
    let mut parts = text.split('@');
    let label = plain(parts.next().unwrap());
    let scripts: Vec<_> = parts.map(|part| part.strip_prefix("javascript:").unwrap().to_owned()).collect();
    assert!((1..=2).contains(&scripts.len()), "{text}");
    Operand::Labelled(label, scripts)
}

fn relative(text: &str) -> Operand {
    match text.split('@').collect::<Vec<_>>()[..] {
        ["", unit, direction @ ("ago" | "ahead"), number] => {
            Operand::Relative(unit.to_owned(), direction.to_owned(), number.parse().unwrap())
        }
        _ => panic!("{text}"),
    }
}

fn apart(text: &str) -> Operand {
    match text.split('@').collect::<Vec<_>>()[..] {
        [other, unit, "after", number] => {
            Operand::Apart(name(other), unit.to_owned(), number.parse().unwrap())
        }
        _ => panic!("{text}"),
    }
}
