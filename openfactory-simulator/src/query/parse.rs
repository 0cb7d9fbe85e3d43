//! From the text of an encoded query to its conditions.
//!
//! A term that can't be read, or whose field the table has not got, is dropped, which widens the result: that is
//! what an instance does, and a client has to be able to find it out here.

use super::{Block, Order, Query, Test, related, term, walk};
use crate::access::Caller;
use crate::store::{Session, StoreError};

/// The property that makes a query with an unreadable term match nothing.
const STRICT: &str = "glide.invalid_query.returns_no_rows";

/// What became of the text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parsed {
    pub(crate) query: Query,
    /// Terms that were dropped.
    pub(crate) dropped: Vec<String>,
}

impl Query {
    /// Reads an encoded query against a table, for a caller.
    pub(crate) fn parse(
        session: &Session<'_>,
        caller: &Caller,
        table: &str,
        text: &str,
    ) -> Result<Parsed, StoreError> {
        let pieces = split(text, session.switches.doubled_caret_escapes);
        let mut parsed = read(session, caller, table, &pieces, false)?;
        if !parsed.dropped.is_empty() && session.property(STRICT)?.as_deref() == Some("true") {
            parsed.query.nothing = true;
        }
        Ok(parsed)
    }
}

/// Reads terms. Within a related list's conditions (`nested`) no further table is asked, so that the depth is bounded.
fn read(
    session: &Session<'_>,
    caller: &Caller,
    table: &str,
    pieces: &[String],
    nested: bool,
) -> Result<Parsed, StoreError> {
    let mut parsed = Parsed::default();
    let mut block = Block::new();
    let mut rest = pieces.iter();
    while let Some(piece) = rest.next() {
        if let Some(field) = piece.strip_prefix("ORDERBYDESC") {
            push_order(session, table, field, true, &mut parsed);
            continue;
        }
        if let Some(field) = piece.strip_prefix("ORDERBY") {
            push_order(session, table, field, false, &mut parsed);
            continue;
        }
        if let Some(field) = piece.strip_prefix("GROUPBY") {
            if session.switches.group_by_orders {
                push_order(session, table, field, false, &mut parsed);
            }
            continue;
        }
        if piece.is_empty() || piece == "EQ" {
            // An end marker.
            continue;
        }
        let (text, new_block) = cut(piece, "NQ");
        let (text, alternative) = cut(text, "OR");
        if new_block && !block.is_empty() {
            parsed.query.blocks.push(std::mem::take(&mut block));
        }
        let elsewhere = text.starts_with("RLQUERY") || text.starts_with("JOIN");
        let test = if nested && elsewhere {
            None
        } else if let Some(list) = text.strip_prefix("RLQUERY") {
            let inner: Vec<String> =
                rest.by_ref().take_while(|piece| *piece != "ENDRLQUERY").cloned().collect();
            related_list(session, caller, list, &inner)?
        } else if let Some(join) = text.strip_prefix("JOIN") {
            related::join(session, caller, table, join)?.map(Test::Related)
        } else {
            plain(session, caller, table, text)?
        };
        match test {
            None => {
                let script = text.contains("javascript:");
                parsed.query.nothing |= script && session.switches.unknown_scripts_find_nothing;
                parsed.dropped.push(text.to_owned());
            }
            Some(test) => match block.last_mut() {
                Some(any_of) if alternative => any_of.push(test),
                _ => block.push(vec![test]),
            },
        }
    }
    if !block.is_empty() {
        parsed.query.blocks.push(block);
    }
    Ok(parsed)
}

fn cut<'a>(text: &'a str, prefix: &str) -> (&'a str, bool) {
    text.strip_prefix(prefix).map_or((text, false), |rest| (rest, true))
}

fn related_list(
    session: &Session<'_>,
    caller: &Caller,
    list: &str,
    inner: &[String],
) -> Result<Option<Test>, StoreError> {
    let Some((table, _)) = list.split_once('.') else { return Ok(None) };
    let inner = read(session, caller, table, inner, true)?;
    Ok(related::list(session, list, inner.query).map(Test::Related))
}

/// A full-text search, or a condition on a field; a list's "go to" means the same as the term behind it.
fn plain(
    session: &Session<'_>,
    caller: &Caller,
    table: &str,
    text: &str,
) -> Result<Option<Test>, StoreError> {
    let text = text.strip_prefix("GOTO").unwrap_or(text);
    if let Some(words) = text.strip_prefix("123TEXTQUERY321=") {
        let words: Vec<String> = words.split_whitespace().map(str::to_lowercase).collect();
        return Ok(
            (!words.is_empty()).then_some(Test::Words(super::Words { all: words, unseen: Vec::new() }))
        );
    }
    Ok(term::term(session, caller, table, text)?.map(Test::Field))
}

fn push_order(session: &Session<'_>, table: &str, field: &str, descending: bool, parsed: &mut Parsed) {
    if walk::field(session.schema, table, field).is_some() {
        parsed.query.order.push(Order { field: field.to_owned(), descending });
    } else {
        parsed.dropped.push(field.to_owned());
    }
}

/// Splits at carets; a doubled caret is one caret of a value, if it `escapes`.
fn split(text: &str, escapes: bool) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut piece = String::new();
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        if char != '^' {
            piece.push(char);
        } else if escapes && chars.peek() == Some(&'^') {
            chars.next();
            piece.push('^');
        } else {
            pieces.push(std::mem::take(&mut piece));
        }
    }
    pieces.push(piece);
    pieces
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::SystemClock;
    use crate::entropy::SystemEntropy;
    use crate::query::{Condition, Operator};
    use crate::schema::Schema;
    use crate::store::Store;
    use crate::switches::Switches;

    pub(in crate::query) fn in_a_session<T>(work: impl FnOnce(&Session<'_>) -> T) -> T {
        let schema = Schema::shared(true);
        let switches = Switches::default();
        let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
        let store = Store::open(None, schema, switches, clock, entropy).unwrap();
        store.read(|session| Ok::<_, StoreError>(work(session))).unwrap()
    }

    fn parse(text: &str) -> Parsed {
        in_a_session(|session| Query::parse(session, &Caller::system(), "incident", text)).unwrap()
    }

    fn is(field: &str, value: &str) -> Test {
        let operator = Operator::Is;
        Test::Field(Condition { field: field.to_owned(), operator, value: value.to_owned() })
    }

    #[test]
    fn or_binds_to_its_neighbour_and_nq_starts_anew() {
        let parsed = parse("state=1^ORstate=2^active=true^NQpriority=1^ORDERBYDESCnumber^ORDERBYsys_id^EQ");
        assert_eq!(
            parsed.query.blocks,
            vec![
                vec![vec![is("state", "1"), is("state", "2")], vec![is("active", "true")]],
                vec![vec![is("priority", "1")]],
            ]
        );
        let order: Vec<_> =
            parsed.query.order.iter().map(|order| (order.field.as_str(), order.descending)).collect();
        assert_eq!(order, [("number", true), ("sys_id", false)]);
        assert!(parsed.dropped.is_empty());
    }

    #[test]
    fn reads_every_operator() {
        for (text, operator, value) in [
            ("state=1", Operator::Is, "1"),
            ("state!=1", Operator::IsNot, "1"),
            ("state==1", Operator::Is, "=1"),
            ("stateIN1,2", Operator::In, "1,2"),
            ("stateNOT IN1,2", Operator::NotIn, "1,2"),
            ("numberLIKE7", Operator::Contains, "7"),
            ("GOTOnumberLIKE7", Operator::Contains, "7"),
            ("numberNOT LIKE7", Operator::ContainsNot, "7"),
            ("numberSTARTSWITHINC", Operator::StartsWith, "INC"),
            ("numberENDSWITH7", Operator::EndsWith, "7"),
            ("number%7", Operator::EndsWith, "7"),
            ("assigned_toISEMPTY", Operator::Empty, ""),
            ("assigned_toISNOTEMPTY", Operator::NotEmpty, ""),
            ("sys_updated_on>=2026-01-01 00:00:00", Operator::GreaterOrEqual, "2026-01-01 00:00:00"),
            ("priority<3", Operator::Less, "3"),
            ("priorityBETWEEN1@2", Operator::Between, "1@2"),
            ("caller_id.email=a@b.c", Operator::Is, "a@b.c"),
            ("sys_class_nameINSTANCEOFtask", Operator::InstanceOf, "task"),
            ("impactSAMEASurgency", Operator::SameAs, "urgency"),
            ("impactGT_OR_EQUALS_FIELDurgency", Operator::AtLeastField, "urgency"),
            ("opened_atRELATIVEGT@hour@ago@1", Operator::RelativeAfter, "@hour@ago@1"),
            ("closed_atMORETHANopened_at@hour@after@3", Operator::MoreThan, "opened_at@hour@after@3"),
            ("assigned_toIN_HIERARCHYabc", Operator::InHierarchy, "abc"),
            ("opened_by=javascript:gs.getUserName()", Operator::Is, "system"),
        ] {
            let parsed = parse(text);
            let Test::Field(condition) = &parsed.query.blocks[0][0][0] else { panic!("{text}") };
            assert_eq!((condition.operator, condition.value.as_str()), (operator, value), "{text}");
        }
    }

    #[test]
    fn drops_what_it_cannot_read() {
        for text in [
            "bogus=1",
            "caller_id.bogus=1",
            "^^^",
            "state",
            "priorityBETWEEN1",
            "short_description.x=1",
            "impactSAMEASbogus",
            "opened_atRELATIVEGT@fortnight@ago@1",
            "number=javascript:gs.sleep(1)",
            "RLQUERYbogus.x,>=1^ENDRLQUERY",
            "JOINtask.x=y",
            "assigned_toDYNAMICunknown",
        ] {
            let parsed = parse(text);
            assert!(parsed.query.blocks.is_empty() && !parsed.dropped.is_empty(), "{text}: {parsed:?}");
        }
        assert_eq!(parse("bogus=1^state=2").query.blocks, vec![vec![vec![is("state", "2")]]]);
        assert_eq!(
            parse("short_description=a^^b").query.blocks,
            vec![vec![vec![is("short_description", "a^b")]]]
        );
    }
}
