//! Incidents move forward, and stay where a person has put them beyond.

use super::super::plan::operation::{RecordKey, Values};
use super::Worker;
use super::error::Failure;
use crate::models::incident::State;

/// How far along a state is; an instance's own states count as being worked on.
fn rank(state: &State) -> u8 {
    match state {
        State::New => 0,
        State::InProgress | State::OnHold | State::Other(_) => 1,
        State::Resolved => 2,
        State::Closed | State::Canceled => 3,
    }
}

impl Worker<'_> {
    pub(super) async fn move_incident(
        &mut self,
        key: &RecordKey,
        to: &State,
        values: &Values,
    ) -> Result<(), Failure> {
        let sys_id = key.sys_id();
        let table = self.client.dynamic_table(&key.table);
        let mut fields = self.fields(values).await?;
        let row = table.get(&sys_id).await?;
        self.remember(key, &sys_id, Some(&row), false);
        let from = State::from_raw(row.text("state"));
        if rank(&from) >= rank(&State::Resolved) {
            if *to != State::Resolved {
                self.find(format!("{key} is left as it is: it is {from:?} already"));
            }
            return Ok(());
        }
        if rank(&from) < rank(to) {
            fields.set("state", to.as_str());
        }
        if fields.is_empty() {
            return Ok(());
        }
        let row = table.update(&sys_id, &fields).await?;
        let now = State::from_raw(row.text("state"));
        if rank(&now) < rank(to) {
            return Err(Failure::Refused(format!(
                "the instance leaves it in state {now:?} ({})",
                now.as_str()
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_ranked_as_a_person_would() {
        let ranks: Vec<u8> = State::STOCK.iter().map(rank).collect();
        assert_eq!(ranks, [0, 1, 1, 2, 3, 3]);
        assert_eq!(rank(&State::Other("42".to_owned())), 1);
    }
}
