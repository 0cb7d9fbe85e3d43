//! The checker, checked: each planted fault is found, and nothing else is.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;

/// Lives apart by `---`.
fn judge(story: &str) -> Verdict {
    let mut checker = Checker::default();
    for life in story.split("---") {
        let lines = life.lines().map(str::trim).filter(|line| !line.is_empty());
        checker.life(lines.map(|line| Entry::parse(line).unwrap()));
    }
    checker.verdict()
}

const SOUND: &str = "
    try 0 0
    stored 0 0
    try 0 1
    stored 0 1
    lease 0 0 1 1
    settling 0 0 1 retry
    settled 0 0 1 retry
    lease 0 0 1 2
    settling 0 0 2 ack
    settled 0 0 2 ack
    lease 0 1 2 1
    try 0 2
    ---
    try 0 2
    duplicate 0 2
    lease 0 1 2 2
    settling 0 1 2 dead
    settled 0 1 2 dead
    lease 0 2 3 1
    settling 0 2 1 ack
    ---
    dead 0 1
";

#[test]
fn a_sound_story_is_sound() {
    let verdict = judge(SOUND);
    assert_eq!(verdict.violations, []);
    let figures = (verdict.lives, verdict.stored, verdict.gone, verdict.given_back, verdict.faulted);
    assert_eq!(figures, (3, 3, 2, 1, 1));
}

#[test]
fn a_settlement_without_an_answer_may_or_may_not_have_come_about() {
    let begun = "try 0 0\nstored 0 0\nlease 0 0 1 1\nsettling 0 0 1 ack\n";
    assert_eq!(judge(&format!("{begun}---")).violations, []);
    let again = format!("{begun}---\nlease 0 0 1 2\nsettling 0 0 2 ack\nsettled 0 0 2 ack\n---");
    assert_eq!(judge(&again).violations, []);
}

#[test]
fn a_publish_without_an_answer_may_or_may_not_have_come_about() {
    assert_eq!(judge("try 0 0\n---").violations, []);
    assert_eq!(
        judge("try 0 0\n---\nlease 0 0 1 1\nsettling 0 0 1 ack\nsettled 0 0 1 ack\n---").violations,
        []
    );
}

/// Between the answer of a retry and the line that tells of it another worker may lease the message, and settle it.
#[test]
fn a_retry_may_be_told_late_but_nothing_is_leased_that_was_settled_for_good() {
    let late = SOUND
        .replace("    settled 0 0 1 retry\n", "")
        .replace("lease 0 1 2 1\n", "settled 0 0 1 retry\n lease 0 1 2 1\n");
    let verdict = judge(&late);
    assert_eq!((verdict.violations, verdict.given_back), (vec![], 1));
    let acked = late.replace("0 0 1 retry", "0 0 1 ack");
    assert!(judge(&acked).violations.contains(&Violation::Returned { key: 0, n: 0 }));
    let stranger = SOUND.replace("settling 0 0 2 ack", "settling 0 0 1 ack");
    assert!(judge(&stranger).violations.contains(&Violation::Unaccounted { key: 0, n: 0 }));
}

#[test]
fn a_message_that_was_lost_twice_is_one() {
    let verdict = judge("try 0 0\nstored 0 0\n---\ntry 0 0\nstored 0 0\n---");
    assert_eq!((verdict.violations.len(), verdict.lost()), (2, 1));
}

/// One fault planted into the sound story, and what must be found.
#[test]
fn each_planted_fault_is_found() {
    let (key, n) = (0, 0);
    let first = |n| (key, n);
    let plant = |old: &str, new: &str| {
        assert!(SOUND.contains(old), "{old}");
        judge(&SOUND.replacen(old, new, 1)).violations
    };
    let ack = "settling 0 0 2 ack\n    settled 0 0 2 ack\n";
    // Lost: leased, never settled, never seen again; the next of its key shows it too.
    let lost = plant(ack, "");
    assert!(lost.contains(&Violation::Lost { key, n }), "{lost:?}");
    assert!(lost.contains(&Violation::OutOfOrder { key, n: 1 }), "{lost:?}");
    // Lost at the tail, where no later message shows it.
    let tail = plant("lease 0 2 3 1\n    settling 0 2 1 ack\n", "");
    assert_eq!(tail, [Violation::Lost { key, n: 2 }]);
    // A dead letter that is nowhere; one that nobody sent; one twice.
    assert_eq!(plant("dead 0 1\n", ""), [Violation::Lost { key, n: 1 }]);
    assert_eq!(plant("dead 0 1\n", "dead 0 1\n dead 0 0\n"), [Violation::DeadLetter { key, n }]);
    assert_eq!(plant("dead 0 1\n", "dead 0 1\n dead 0 1\n"), [Violation::DeadLetter { key, n: 1 }]);
    // An ack that did not last.
    let returned = plant("duplicate 0 2\n", "duplicate 0 2\n lease 0 0 1 3\n settling 0 0 3 ack\n");
    assert!(returned.contains(&Violation::Returned { key, n }), "{returned:?}");
    // The second overtakes the first, which waits for its retry.
    let overtaken = plant("lease 0 0 1 2\n", "lease 0 1 2 1\n lease 0 0 1 2\n");
    assert!(overtaken.contains(&Violation::OutOfOrder { key, n: 1 }), "{overtaken:?}");
    // Two holders at once.
    let twice = plant("lease 0 1 2 1\n", "lease 0 1 2 1\n lease 0 1 2 2\n");
    assert!(twice.contains(&Violation::Unaccounted { key, n: 1 }), "{twice:?}");
    // An epoch that stands still.
    let (dead, again) = ("    settling 0 1 2 dead\n    settled 0 1 2 dead\n", "lease 0 1 2 2\n");
    let still =
        plant(&format!("{again}{dead}"), &format!("lease 0 1 2 1\n{}", dead.replace("0 1 2", "0 1 1")));
    assert_eq!(still, [Violation::Epoch { key: 0, n: 1 }]);
    // An old token, a forgotten id, a message from nowhere, changed bytes.
    assert_eq!(plant("dead 0 1\n", "dead 0 1\n stale 0 1\n"), [Violation::Stale { key, n: 1 }]);
    assert_eq!(plant("try 0 1\n", "try 0 1\n stored 0 0\n"), [Violation::StoredTwice { key, n }]);
    let (_, n) = first(3);
    let nowhere = plant("dead 0 1\n", "dead 0 1\n lease 0 3 9 1\n settling 0 3 1 ack\n settled 0 3 1 ack\n");
    assert_eq!(nowhere, [Violation::Unpublished { key, n }]);
    assert_eq!(plant("dead 0 1\n", "dead 0 1\n damaged 0 2\n"), [Violation::Damaged { key, n: 2 }]);
    assert_eq!(
        plant("try 0 2\n    ---\n    try 0 2\n", "---\n"),
        [Violation::Foretold { key, n: 2 }, Violation::Unpublished { key, n: 2 },]
    );
}
