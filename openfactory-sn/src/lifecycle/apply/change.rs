//! Change requests walk forward, one legal state at a time.

use super::super::plan::operation::{RecordKey, Values};
use super::Worker;
use super::error::Failure;
use crate::ErrorKind;
use crate::models::change_request::{Approval, State, Type};
use crate::record::{Fields, Row};

/// More steps than the longest way has: an instance that goes in circles is not followed.
const MAX_STEPS: usize = 8;

impl Worker<'_> {
    pub(super) async fn move_change(
        &mut self,
        key: &RecordKey,
        to: &State,
        values: &Values,
    ) -> Result<(), Failure> {
        let sys_id = key.sys_id();
        let table = self.client.dynamic_table(&key.table);
        let last_fields = self.fields(values).await?;
        let mut row = table.get(&sys_id).await?;
        self.remember(key, &sys_id, Some(&row), false);
        for _ in 0..MAX_STEPS {
            let from = state_of(&row);
            let Some(next) = self.next_step(key, &row, &from, to) else { return Ok(()) };
            let fields = if next == *to { last_fields.clone() } else { Fields::new() };
            let moved = table.update(&sys_id, &fields.with("state", next.as_str())).await;
            if moved.as_ref().is_err_and(|error| error.kind() == ErrorKind::Conflict) && waits(&row) {
                // What it is about was done; an instance may want the approval all the same, afterwards.
                self.find(format!("{key} waits for its approval at Authorize"));
                return Ok(());
            }
            row = moved?;
            if state_of(&row) == from {
                return Err(Failure::Refused(format!("the instance leaves it in state {}", describe(&from))));
            }
        }
        Err(Failure::Refused(format!(
            "the instance moves it elsewhere, it is in state {}",
            describe(&state_of(&row))
        )))
    }

    /// The next state on the way; `None` if it is there or beyond, or left the way by someone's will.
    fn next_step(&mut self, key: &RecordKey, row: &Row, from: &State, to: &State) -> Option<State> {
        let kind = Type::from_raw(row.text("type"));
        if let Some(steps) = kind.steps(from, to) {
            return steps.into_iter().next();
        }
        let beyond = kind.steps(to, from).is_some() && *from != State::Canceled;
        if !beyond {
            let finding = format!(
                "{key} is left in state {}: no way leads from there to {}",
                describe(from),
                describe(to)
            );
            self.find(finding);
        }
        None
    }
}

/// Whether an emergency change waits at Authorize for an approval that was asked for.
fn waits(row: &Row) -> bool {
    Type::from_raw(row.text("type")) == Type::Emergency
        && state_of(row) == State::Authorize
        && Approval::from_raw(row.text("approval")) == Approval::Requested
}

fn state_of(row: &Row) -> State {
    State::from_raw(row.text("state"))
}

fn describe(state: &State) -> String {
    format!("{state:?} ({})", state.as_str())
}
