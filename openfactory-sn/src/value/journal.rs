//! The text that a journal field shows: all entries in one, newest first.

/// One entry of a journal field as people are shown it.
///
/// ```
/// use openfactory_sn::value::{ShownEntry, parse_journal};
///
/// let questions = |entry: &ShownEntry| entry.text.ends_with('?');
/// let shown = parse_journal("31/01/2026 10:00:00 - Eve Example (Additional comments)\nis it done?\n\n");
/// assert_eq!(shown.iter().filter(|entry| questions(entry)).count(), 1);
/// assert_eq!((shown[0].label.as_str(), shown[0].time.as_str()), ("Additional comments", "31/01/2026 10:00:00"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShownEntry {
    /// When, in the time zone and format of whoever asked: for people, not for comparing.
    pub time: String,
    /// By whom, by their name.
    pub author: String,
    /// Which field, by its label: `Work notes`.
    pub label: String,
    /// What was written.
    pub text: String,
}

/// Takes apart what a journal field reads as with display values: entries of `TIME - AUTHOR (LABEL)` and the text below,
/// newest first.
///
/// A note that itself has a line of that form is taken for two; the records of
/// [`DynamicTable::journal`](crate::table::DynamicTable::journal) are the exact source. Text before the first such line is
/// left out.
///
/// ```
/// use openfactory_sn::value::parse_journal;
///
/// let shown = "2026-01-31 10:00:00 - Eve Example (Work notes)\nseen\n\n2026-01-30 09:00:00 - svc (Work notes)\nopened\n\n";
/// let entries = parse_journal(shown);
/// assert_eq!((entries[0].author.as_str(), entries[1].text.as_str()), ("Eve Example", "opened"));
/// ```
#[must_use]
pub fn parse_journal(shown: &str) -> Vec<ShownEntry> {
    let mut entries: Vec<ShownEntry> = Vec::new();
    for line in shown.lines() {
        match (head(line), entries.last_mut()) {
            (Some(entry), _) => entries.push(entry),
            (None, Some(entry)) => {
                entry.text.push_str(line);
                entry.text.push('\n');
            }
            (None, None) => {}
        }
    }
    for entry in &mut entries {
        entry.text.truncate(entry.text.trim_end().len());
    }
    entries
}

/// `TIME - AUTHOR (LABEL)`, with a time that begins with a digit and has a colon.
fn head(line: &str) -> Option<ShownEntry> {
    let (time, rest) = line.split_once(" - ")?;
    let (author, label) = rest.strip_suffix(')')?.rsplit_once(" (")?;
    let is_time = time.starts_with(|c: char| c.is_ascii_digit()) && time.contains(':') && time.len() <= 32;
    (is_time && !author.is_empty()).then(|| ShownEntry {
        time: time.to_owned(),
        author: author.to_owned(),
        label: label.to_owned(),
        text: String::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_keep_their_lines() {
        let shown = "31/01/2026 10:00:00 - A (B) (Additional comments)\nfirst\n\nsecond - (x)\n\n";
        let entries = parse_journal(shown);
        assert_eq!(entries.len(), 1);
        assert_eq!((entries[0].author.as_str(), entries[0].label.as_str()), ("A (B)", "Additional comments"));
        assert_eq!(entries[0].text, "first\n\nsecond - (x)");
        assert!(parse_journal("").is_empty());
        assert!(parse_journal("no entry\n").is_empty());
    }
}
