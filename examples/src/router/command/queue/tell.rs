//! The queue's facts as lines for a person.

use std::fmt::Write as _;

use crate::queue_wire::{Letters, MovedFacts, QueueFacts, Scope, Shown};
use crate::table;

pub(super) fn facts(facts: &QueueFacts) -> String {
    let age = |seconds: Option<u64>| seconds.map_or_else(|| "-".to_owned(), |seconds| format!("{seconds} s"));
    let rows = [
        ["ready".to_owned(), facts.ready.to_string()],
        ["delayed".to_owned(), facts.delayed.to_string()],
        ["waiting behind another".to_owned(), facts.held.to_string()],
        ["being handled".to_owned(), facts.leased.to_string()],
        ["dead letters".to_owned(), facts.dead.to_string()],
        ["keys they block".to_owned(), facts.blocked_keys.to_string()],
        ["oldest ready".to_owned(), age(facts.oldest_ready_s)],
        ["oldest being handled".to_owned(), age(facts.oldest_lease_s)],
        [
            "bytes on disk".to_owned(),
            facts.disk_bytes.map_or_else(|| "-".to_owned(), |bytes| bytes.to_string()),
        ],
    ];
    let mut text = table::render(["queue", ""], &rows);
    if facts.pauses.is_empty() {
        return text;
    }
    let rows: Vec<_> = facts
        .pauses
        .iter()
        .map(|pause| {
            let until = pause.until.clone().unwrap_or_else(|| "resumed".to_owned());
            [scope(&pause.scope), pause.since.clone(), until, one_line(&pause.actor), one_line(&pause.reason)]
        })
        .collect();
    text.push('\n');
    text.push_str(&table::render(["paused", "since", "until", "by", "why"], &rows));
    text
}

pub(super) fn letters(letters: &Letters) -> String {
    if letters.dead_letters.is_empty() {
        return "no dead letters\n".to_owned();
    }
    let rows: Vec<_> = letters
        .dead_letters
        .iter()
        .map(|letter| {
            let key = letter.key.as_deref().map(one_line).unwrap_or_default();
            let key = if letter.blocking { format!("{key} (stands still)") } else { key };
            [
                letter.place.to_string(),
                letter.died.clone(),
                letter.cause.clone(),
                key,
                one_line(&letter.id),
                one_line(&letter.reason),
            ]
        })
        .collect();
    let mut text = table::render(["place", "died", "cause", "key", "id", "why"], &rows);
    text.push_str(
        "\n`show ID` tells all of one; `redrive ID --reason TEXT` sends it again, `discard` gives it up\n",
    );
    text
}

pub(super) fn message(shown: &Shown) -> String {
    let mut rows = vec![
        ["id".to_owned(), one_line(&shown.id)],
        ["state".to_owned(), shown.state.clone()],
        ["place".to_owned(), shown.place.to_string()],
        ["kind".to_owned(), one_line(&shown.kind)],
        ["key".to_owned(), shown.key.as_deref().map_or_else(|| "-".to_owned(), one_line)],
        ["published".to_owned(), shown.published.clone()],
        ["failures".to_owned(), shown.failures.to_string()],
        ["deliveries".to_owned(), shown.deliveries.to_string()],
    ];
    rows.extend(shown.attributes.iter().map(|(name, value)| [one_line(name), one_line(value)]));
    let mut text = table::render(["message", ""], &rows);
    if !shown.history.is_empty() {
        let rows: Vec<_> = shown
            .history
            .iter()
            .map(|one| [one.at.clone(), one.what.clone(), one.times.to_string(), one_line(&one.reason)])
            .collect();
        text.push('\n');
        text.push_str(&table::render(["at", "what", "times", "why"], &rows));
    }
    text.push('\n');
    // Escapes what a terminal would obey.
    match (&shown.payload, &shown.payload_base64) {
        (Some(json), _) => text.push_str(&format!("{json:#}\n").replace('\u{7f}', "\\u007f")),
        (None, Some(base64)) => text.push_str(&format!("no JSON; in base64: {base64}\n")),
        (None, None) => {}
    }
    text
}

pub(super) fn moved(moved: &MovedFacts, what: &str) -> String {
    let mut text = String::new();
    for id in &moved.ids {
        text.push_str(&format!("{}\n", one_line(id)));
    }
    text.push_str(&format!("{} {what}\n", moved.ids.len()));
    for id in &moved.missing {
        text.push_str(&format!("no dead letter (any more): {}\n", one_line(id)));
    }
    if moved.remaining > 0 {
        text.push_str(&format!("{} more match: ask again for the next\n", moved.remaining));
    }
    text
}

fn scope(scope: &Scope) -> String {
    match scope {
        Scope::Queue => "everything".to_owned(),
        Scope::Key(key) => format!("key {}", one_line(key)),
        Scope::Destination(name) => format!("destination {}", one_line(name)),
    }
}

/// Foreign text in one line, without what a terminal would obey.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            let _infallible = write!(line, "{}", c.escape_default());
        } else {
            line.push(c);
        }
    }
    line
}
