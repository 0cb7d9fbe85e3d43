//! How an instruction goes on: every state, every input, nothing looked up.

use super::super::super::entity::RemediationState as State;

/// Something that happens to an instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Input<'a> {
    /// Its change request is approved.
    Approved,
    /// Its change request is rejected or canceled.
    Rejected { why: &'a str },
    /// The field was emptied.
    Withdrawn,
    /// Another instruction was written in its place.
    Replaced { by: &'a str },
    /// A person has closed the incident.
    Closed,
    /// The order that it waited for has ended, and has not helped.
    Free,
    /// Its order is performed.
    Performed,
    /// A part of its order, or all of it, could not be done.
    Failed { why: &'a str },
    /// The device's report has proved that it is what was built.
    Proved,
    /// No report has proved it in time.
    Overdue,
}

/// What comes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Nothing: it is late, doubled, or about something else.
    None,
    /// It may begin now, if no other order is under way.
    Begin,
    /// Its state is another one.
    Moved,
    /// Its state is another one, and a person has to be told.
    Escalate,
}

/// Takes the input: changes the state and says what is to follow.
pub(super) fn next(state: &mut State, input: Input<'_>) -> Change {
    match state {
        State::Waiting => match input {
            Input::Approved => Change::Begin,
            Input::Rejected { why } => drop(state, why),
            Input::Withdrawn | Input::Replaced { .. } | Input::Closed | Input::Proved => {
                drop(state, &needless(input))
            }
            Input::Free | Input::Performed | Input::Failed { .. } | Input::Overdue => Change::None,
        },
        State::Queued => match input {
            Input::Free => Change::Begin,
            Input::Rejected { why } => drop(state, why),
            Input::Withdrawn | Input::Replaced { .. } | Input::Closed | Input::Proved => {
                drop(state, &needless(input))
            }
            Input::Approved | Input::Performed | Input::Failed { .. } | Input::Overdue => Change::None,
        },
        State::Ordered => match input {
            Input::Performed => {
                *state = State::Performed;
                Change::Moved
            }
            Input::Failed { why } => fail(state, why),
            // What was begun is not stopped half-way, and what is reported before its end says nothing about it.
            Input::Approved
            | Input::Rejected { .. }
            | Input::Withdrawn
            | Input::Replaced { .. }
            | Input::Closed
            | Input::Free
            | Input::Proved
            | Input::Overdue => Change::None,
        },
        State::Performed => match input {
            Input::Proved => {
                *state = State::Done;
                Change::Moved
            }
            Input::Overdue => fail(state, "no report of the device has proved it in time"),
            Input::Approved
            | Input::Rejected { .. }
            | Input::Withdrawn
            | Input::Replaced { .. }
            | Input::Closed
            | Input::Free
            | Input::Performed
            | Input::Failed { .. } => Change::None,
        },
        State::Done | State::Failed { .. } | State::Dropped { .. } => Change::None,
    }
}

fn drop(state: &mut State, why: &str) -> Change {
    *state = State::Dropped { reason: why.to_owned() };
    Change::Moved
}

fn fail(state: &mut State, why: &str) -> Change {
    *state = State::Failed { reason: why.to_owned() };
    Change::Escalate
}

/// Why an instruction that has not begun need not.
fn needless(input: Input<'_>) -> String {
    match input {
        Input::Withdrawn => "it was withdrawn before it was begun".to_owned(),
        Input::Replaced { by } => format!("{by} was instructed in its place"),
        Input::Closed => "the incident was closed before it was begun".to_owned(),
        _ => "the device has proved that it is what was built".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INPUTS: [Input<'static>; 10] = [
        Input::Approved,
        Input::Rejected { why: "w" },
        Input::Withdrawn,
        Input::Replaced { by: "a rebuild" },
        Input::Closed,
        Input::Free,
        Input::Performed,
        Input::Failed { why: "w" },
        Input::Proved,
        Input::Overdue,
    ];

    fn states() -> [(State, &'static str); 7] {
        let reason = || "before".to_owned();
        [
            // In the order of INPUTS: `.` nothing, `b` begin, `d` dropped, `p` performed, `D` done, `F` failed.
            (State::Waiting, "bdddd...d."),
            (State::Queued, ".ddddb..d."),
            (State::Ordered, "......pF.."),
            (State::Performed, "........DF"),
            (State::Done, ".........."),
            (State::Failed { reason: reason() }, ".........."),
            (State::Dropped { reason: reason() }, ".........."),
        ]
    }

    #[test]
    fn every_state_takes_every_input() {
        for (before, row) in states() {
            assert_eq!(row.len(), INPUTS.len());
            for (input, expected) in INPUTS.into_iter().zip(row.chars()) {
                let mut state = before.clone();
                let change = next(&mut state, input);
                let found = match (&state, change) {
                    (state, Change::None) if *state == before => '.',
                    (state, Change::Begin) if *state == before => 'b',
                    (State::Dropped { reason }, Change::Moved) if !reason.is_empty() => 'd',
                    (State::Performed, Change::Moved) => 'p',
                    (State::Done, Change::Moved) => 'D',
                    (State::Failed { reason }, Change::Escalate) if !reason.is_empty() => 'F',
                    other => panic!("{before:?} {input:?}: {other:?}"),
                };
                assert_eq!(found, expected, "{before:?} {input:?}");
            }
        }
    }

    /// From nowhere leads a way round: what has ended has ended, and nothing is begun twice.
    #[test]
    fn no_sequence_of_inputs_begins_twice_or_leaves_an_end() {
        let mut reached = vec![(State::Waiting, false), (State::Queued, false)];
        let mut seen = 0;
        while seen < reached.len() {
            let (before, begun) = reached[seen].clone();
            seen += 1;
            for input in INPUTS {
                let mut state = before.clone();
                let mut begun = begun;
                if next(&mut state, input) == Change::Begin {
                    assert!(!begun, "{before:?} {input:?}");
                    begun = true;
                    // Who begins it gives the order in the same step.
                    state = State::Ordered;
                }
                if !reached.iter().any(|known| *known == (state.clone(), begun)) {
                    reached.push((state, begun));
                }
            }
        }
        let ends = reached
            .iter()
            .filter(|(state, _)| INPUTS.iter().all(|i| next(&mut state.clone(), *i) == Change::None));
        assert!(ends.count() >= 3);
    }
}
