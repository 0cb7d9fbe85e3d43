//! What a told story comes to, in a form in which two tellings can be compared.

use std::collections::BTreeMap;
use std::path::Path;

use openfactory_simulator::{Profile, Simulator};
use serde_json::Value;

/// The records of a story by what they are, without what differs between any two tellings: sys_ids that hold a
/// report's id, links, times.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Told(BTreeMap<String, usize>);

impl Told {
    /// Reads the `--json` of a demo that came to its end.
    pub(crate) fn of(stdout: &[u8]) -> Self {
        let summary: Value = serde_json::from_slice(stdout).unwrap_or_else(|error| {
            panic!("the demo printed no JSON object ({error}): {}", String::from_utf8_lossy(stdout))
        });
        assert_eq!(summary["ok"], true, "the audit log is not good: {summary}");
        assert!(summary["audit"]["size"].as_u64().unwrap() > 20, "{summary}");
        let mut counted = BTreeMap::new();
        for (kind, records) in summary["records"].as_object().unwrap() {
            for record in records.as_array().unwrap() {
                let text = |field: &str| record[field].as_str().unwrap();
                let state = if kind == "attachment" { "" } else { text("state") };
                let correlation = stable(text("correlation_id"));
                let line = format!("{kind} | {correlation} | {} | {state}", text("summary"));
                let line = without_what_differs(&line);
                *counted.entry(line).or_insert(0) += 1;
            }
        }
        Self(counted)
    }

    /// What the other telling lacks (`-`) and has instead (`+`), a line for each record.
    pub(crate) fn differences(&self, other: &Self) -> Vec<String> {
        let beyond = |sign: char, ours: &Self, theirs: &Self| -> Vec<String> {
            let lines = ours.0.iter().flat_map(|(line, count)| {
                let left = count.saturating_sub(theirs.0.get(line).copied().unwrap_or(0));
                std::iter::repeat_n(format!("{sign} {line}"), left)
            });
            lines.collect()
        };
        [beyond('-', self, other), beyond('+', other, self)].concat()
    }

    /// Whether a record of this kind is among them, however often.
    pub(crate) fn count(&self, kind: &str) -> usize {
        let prefix = format!("{kind} | ");
        self.0.iter().filter(|(line, _)| line.starts_with(&prefix)).map(|(_, count)| count).sum()
    }
}

/// A correlation id without the part that depends on which report opened the incident.
fn stable(correlation: &str) -> String {
    match correlation.split_once('/') {
        Some(("incident" | "order-change", rest)) => {
            let device = rest.split_once('/').map_or("", |(device, _)| device);
            format!("{}/{device}", correlation.split('/').next().unwrap())
        }
        _ => correlation.to_owned(),
    }
}

/// A line without ids of keys (16 hex digits or more), and without the words that hold an instant.
fn without_what_differs(line: &str) -> String {
    let is_hex = |text: &str| text.len() >= 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let words = line.split(' ').map(|word| {
        let parts =
            word.split('/').map(|part| if is_hex(part.trim_matches([':', ','])) { "KEY" } else { part });
        let word = parts.collect::<Vec<_>>().join("/");
        if word.starts_with("20") && word.contains('T') && word.ends_with('Z') {
            "TIME".to_owned()
        } else {
            word
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Looks into ServiceNow's own state: no operation marker stands in two work notes, no file hangs twice on a
/// record.
pub(crate) fn assert_nothing_twice(data_dir: &Path) {
    assert_notes_at_most(1, Profile::Guide, data_dir);
}

/// The same, but a note may stand so often: where the journal can't be read, a second time if it is not known what became
/// of the first.
pub(crate) fn assert_notes_at_most(most: usize, profile: Profile, data_dir: &Path) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let builder = Simulator::builder().profile(profile).prepared_for_the_guide();
        let simulator = builder.state(data_dir.join("simulator/state.sqlite")).start().await.unwrap();
        let mut markers = BTreeMap::new();
        for note in simulator.store().records("sys_journal_field").unwrap() {
            let text = note.value("value").to_owned();
            let marker = text.split("[openfactory:").nth(1).and_then(|rest| rest.split(']').next());
            if let Some(marker) = marker {
                *markers.entry(marker.to_owned()).or_insert(0) += 1;
            }
        }
        assert!(!markers.is_empty(), "the story leaves work notes");
        let often: Vec<_> = markers.iter().filter(|(_, count)| **count > most).collect();
        assert!(often.is_empty(), "notes that stand more than {most} time(s): {often:?}");

        let mut files = BTreeMap::new();
        for file in simulator.store().records("sys_attachment").unwrap() {
            let on = (file.value("table_sys_id").to_owned(), file.value("file_name").to_owned());
            *files.entry(on).or_insert(0) += 1;
        }
        let twice: Vec<_> = files.iter().filter(|(_, count)| **count > 1).collect();
        assert!(twice.is_empty(), "files that hang twice: {twice:?}");
        simulator.shutdown().await;
    });
}
