//! One call of a batch: which request it is at the moment, and what its answer means.

use super::Done;
use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::id::SysId;
use crate::record::{Fields, Row};
use crate::table::{is_absent, kept_key, keyed, leaves_doubt, undecodable};
use crate::wire::call::{Call, Expects, Repeat};
use crate::wire::response::Answer;

/// What is wanted of a table.
#[derive(Debug, Clone)]
pub(super) struct Want {
    pub(super) table: String,
    pub(super) item: Item,
}

#[derive(Debug, Clone)]
pub(super) enum Item {
    Create(Fields),
    Delete(SysId),
    Ensure(SysId, Fields),
    Get(SysId),
    Update(SysId, Fields),
}

/// A call on its way to its outcome.
pub(super) struct Slot {
    want: Want,
    /// Whether it is to be looked for before it is made again.
    looking: bool,
    /// How often it was answered badly.
    pub(super) failures: u32,
    /// Why it is looked for, or made again.
    doubt: Option<Error>,
    pub(super) outcome: Option<Result<Done, Error>>,
}

impl Slot {
    pub(super) fn new(want: Want) -> Self {
        Self { want, looking: false, failures: 0, doubt: None, outcome: None }
    }

    /// The table that it is about.
    pub(super) fn table(&self) -> &str {
        &self.want.table
    }

    /// The request that it needs next.
    pub(super) fn call(&self, client: &Client) -> Result<Call, Error> {
        let table = client.dynamic_table(&self.want.table);
        match &self.want.item {
            Item::Create(fields) => table.post_call(fields),
            Item::Delete(sys_id) => table.delete_call(sys_id),
            Item::Ensure(sys_id, _) if self.looking => table.get_call(sys_id),
            Item::Ensure(sys_id, fields) => table.post_call(&keyed(sys_id, fields)).map(Call::looked_for),
            Item::Get(sys_id) => table.get_call(sys_id),
            Item::Update(sys_id, fields) => table.patch_call(sys_id, fields),
        }
    }

    pub(super) fn settle(&mut self, outcome: Result<Done, Error>) {
        let doubtful = self.doubt.as_ref().is_some_and(Error::may_have_happened);
        self.outcome = Some(outcome.map_err(|error| {
            let doubtful = doubtful || error.may_have_happened();
            error.with_may_have_happened(doubtful)
        }));
    }

    /// A good answer.
    pub(super) fn answered(&mut self, client: &Client, call: &Call, answer: Answer) {
        if call.expects == Expects::Nothing {
            return self.settle(Ok(Done { row: None, created: false }));
        }
        let row = Row::try_from(answer.result).map_err(|malformed| {
            undecodable(format!("read {}", self.want.table), malformed).with_may_have_happened(call.writes())
        });
        let created = call.writes() && matches!(self.want.item, Item::Create(_) | Item::Ensure(..));
        let row = match (&self.want.item, row) {
            (Item::Ensure(sys_id, _), Ok(row)) if created => {
                kept_key(&client.dynamic_table(&self.want.table), sys_id, row)
            }
            (_, row) => row,
        };
        self.settle(row.map(|row| Done { row: Some(row), created }));
    }

    /// The request that it was in took too long or was too large, and it goes in a smaller one.
    pub(super) fn cut_smaller(&mut self, error: Error) {
        if error.may_have_happened() {
            self.looking = matches!(self.want.item, Item::Ensure(..));
            self.doubt = Some(error);
        }
    }

    /// A bad answer, or none. `again` says whether it may be tried once more.
    pub(super) fn failed(&mut self, call: &Call, error: Error, again: bool) {
        self.failures += 1;
        match &self.want.item {
            Item::Ensure(..) if self.looking && is_absent(&error) => {
                self.looking = false;
                match self.doubt.take() {
                    // Refused for certain, and not there.
                    Some(doubt) if !doubt.may_have_happened() => self.settle(Err(doubt)),
                    doubt if !again => self.settle(Err(doubt.unwrap_or(error))),
                    _ => {}
                }
            }
            Item::Ensure(..) if !self.looking && leaves_doubt(&error) && again => {
                self.doubt = Some(error);
                self.looking = true;
            }
            Item::Delete(_) if is_absent(&error) && self.doubt.is_some() => {
                self.settle(Ok(Done { row: None, created: false }));
            }
            _ => {
                let repeatable = call.repeat == Repeat::Safe || !error.may_have_happened();
                if again && repeatable && is_passing(&error) {
                    if error.may_have_happened() {
                        self.doubt = Some(error);
                    }
                } else {
                    self.settle(Err(error));
                }
            }
        }
    }
}

/// Failures that tend to pass within seconds.
fn is_passing(error: &Error) -> bool {
    error.is_retryable() && error.kind() != ErrorKind::Timeout
}
