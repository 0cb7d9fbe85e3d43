//! The records of the story on one page, for a person: what was asked for, what went wrong, what runs where, and
//! how much proof there is.

use std::collections::BTreeMap;

use super::records::{Record, Records};
use crate::table;

/// The most characters of a record's description.
const WIDTH: usize = 88;

/// The page.
pub(crate) fn rendered(kinds: &Records) -> String {
    let of = |kind: &'static str| of_kind(kinds, kind);
    let mut page = String::new();
    for (title, kind) in [("changes", "change_request"), ("incidents", "incident")] {
        let rows: Vec<_> =
            of(kind).map(|one| [one.number.clone(), one.stands.clone(), cut(&one.summary)]).collect();
        section(&mut page, &table::render([title, "stands", "what"], &rows));
    }
    let rows: Vec<_> = of("cmdb")
        .map(|item| {
            let relations: Vec<&str> = of("relation")
                .filter_map(|relation| relation.summary.strip_prefix(&format!("{} ", item.summary)))
                .collect();
            [item.summary.clone(), item.stands.clone(), cut(&relations.join(", "))]
        })
        .collect();
    section(&mut page, &table::render(["configuration items", "stands", "related"], &rows));
    let heads = ["evidence in GRC", "passed", "of"];
    section(&mut page, &table::render(heads, &evidence(of("grc"))));
    let mut files: BTreeMap<&str, usize> = BTreeMap::new();
    for file in of("attachment") {
        *files.entry(&file.summary).or_default() += 1;
    }
    let files: Vec<_> = files.iter().map(|(name, count)| [(*name).to_owned(), count.to_string()]).collect();
    section(&mut page, &table::render(["attached files", "times"], &files));
    page.push_str("\n    --json lists each record with a link; --serve leaves them open to be looked at\n");
    page
}

fn of_kind<'a>(kinds: &'a Records, kind: &'static str) -> impl Iterator<Item = &'a Record> {
    kinds.iter().filter(move |(name, _)| *name == kind).flat_map(|(_, records)| records)
}

/// The evidence by framework, which stands before the colon of its description.
fn evidence<'a>(items: impl Iterator<Item = &'a Record>) -> Vec<[String; 3]> {
    let mut frameworks: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for item in items {
        let framework = item.summary.split(':').next().unwrap_or_default();
        let (passed, all) = frameworks.entry(framework).or_default();
        *passed += usize::from(item.state == "pass");
        *all += 1;
    }
    frameworks
        .iter()
        .map(|(framework, (passed, all))| [(*framework).to_owned(), passed.to_string(), all.to_string()])
        .collect()
}

fn section(page: &mut String, text: &str) {
    page.push('\n');
    for line in text.lines() {
        page.push_str("    ");
        page.push_str(line);
        page.push('\n');
    }
}

/// At most [`WIDTH`] characters; the last one says that there were more.
fn cut(text: &str) -> String {
    if text.chars().count() <= WIDTH {
        return text.to_owned();
    }
    text.chars().take(WIDTH - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(number: &str, summary: &str, state: &str, stands: &str) -> Record {
        Record {
            table: String::new(),
            sys_id: String::new(),
            number: number.to_owned(),
            correlation_id: String::new(),
            summary: summary.to_owned(),
            state: state.to_owned(),
            stands: stands.to_owned(),
            link: String::new(),
        }
    }

    #[test]
    fn one_page_says_it_all() {
        let kinds = vec![
            ("change_request", vec![record("CHG1", &"x".repeat(100), "3", "Closed, successful")]),
            ("incident", vec![record("INC1", "P1: tampered", "6", "Resolved, solution provided")]),
            ("cmdb", vec![record("", "Build 7", "Unknown", "Unknown"), record("e-1", "e-1", "Ok", "Ok")]),
            ("relation", vec![record("", "e-1 depends on Build 7", "", "")]),
            ("grc", vec![record("I1", "SOC 2: a", "pass", "pass"), record("I2", "SOC 2: b", "fail", "fail")]),
            ("attachment", vec![record("", "a.json", "1", "1"), record("", "a.json", "1", "1")]),
        ];
        let page = rendered(&kinds);
        let cut = format!("CHG1     Closed, successful  {}…", "x".repeat(87));
        for line in [
            cut.as_str(),
            "INC1       Resolved, solution provided  P1: tampered",
            "e-1                  Ok       depends on Build 7",
            "SOC 2            1       2",
            "a.json          2",
        ] {
            assert!(page.lines().any(|shown| shown.trim() == line), "{line}\n{page}");
        }
    }
}
