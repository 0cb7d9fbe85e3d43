//! Performs plans, through the client, so that doing it twice comes to the same.
//!
//! Creates have keys that follow from the event; updates set; moves go forward only; notes carry a marker and
//! attachments a name by which they are looked for before they are written again, if an earlier attempt may have
//! come through ([`Repeat::MayHaveHappened`]). Where the instance hides its journal a note is written all the
//! same, and counted in [`Applied::possible_duplicates`].
//!
//! ```
//! use std::time::SystemTime;
//!
//! use openfactory_sn::ErrorKind;
//! use openfactory_sn::lifecycle::apply::{Applied, ApplyError, Disposition, Repeat, apply};
//! use openfactory_sn::lifecycle::plan::operation::{Operation, Plan, RecordKey, Values};
//! use openfactory_sn::lifecycle::{correlation, mapping::Mapping};
//! use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
//! use serde_json::json;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let change = RecordKey::new("change_request", correlation::change(&"b-1".parse()?));
//! let values = Values::new().text("short_description", "Image b-1");
//! let marker = "[openfactory:0123456789abcdef]".to_owned();
//! let note = Operation::Note { record: change.clone(), text: "b-1 is completed".to_owned(), marker };
//! let steps = vec![Operation::Create { record: change.clone(), values }, note];
//! let (plan, tables) = (Plan::new("completed-1".parse()?, steps), Mapping::guide().tables);
//!
//! // The record is made under the key that was known before; then the credential is refused.
//! let path = format!("/api/now/table/change_request/{}", change.sys_id());
//! let row = json!({"sys_id": change.sys_id().as_str(), "number": "CHG0030001"});
//! let create = Expected::post("/api/now/table/change_request").field("sys_id", change.sys_id().as_str());
//! let write = Expected::patch(path.as_str());
//! let instance = ScriptedTransport::new()
//!     .on(create.clone(), Reply::result(201, row.clone()))
//!     .on(write.clone(), Reply::fault(401, "User Not Authenticated", "Required to provide Auth information"));
//! let error: ApplyError = apply(&plan, &client(&instance), &tables, Repeat::First).await.unwrap_err();
//! instance.assert_done();
//! assert_eq!((error.index(), error.operation()), (1, &*format!("write a work note on {change}")));
//! assert_eq!(error.call().map(|call| call.kind()), Some(ErrorKind::Unauthenticated));
//! assert_eq!(error.disposition(), Disposition::CredentialsRefused);
//! assert!(!error.advice().is_empty(), "what an operator can do about it");
//!
//! // Once that is mended, the whole plan again: what was made is found, and the note is looked for before it is written.
//! let duplicate = "Unique Key violation detected by database (Duplicate entry 'x' for key 'PRIMARY')";
//! let journal = || Expected::get("/api/now/table/sys_journal_field");
//! let earlier = json!({
//!     "sys_id": "1", "element_id": change.sys_id().as_str(), "element": "work_notes", "value": "an earlier note",
//! });
//! let instance = ScriptedTransport::new()
//!     .on(create, Reply::fault(403, "Operation Failed", duplicate))
//!     .on(Expected::get(path.as_str()), Reply::result(200, row.clone()))
//!     .on(journal(), Reply::result(200, json!([])))
//!     .on(journal(), Reply::result(200, json!([earlier])))
//!     .on(write, Reply::result(200, row));
//! let applied: Applied = apply(&plan, &client(&instance), &tables, Repeat::MayHaveHappened).await?;
//! instance.assert_done();
//! assert_eq!(applied.possible_duplicates, 0);
//!
//! // What came of it is kept with the event.
//! let receipt = applied.into_receipt(plan.event.clone(), SystemTime::UNIX_EPOCH);
//! let made = receipt.record("change_request").ok_or("no change request")?;
//! assert_eq!((&made.sys_id, made.number.as_deref()), (&change.sys_id(), Some("CHG0030001")));
//! # Ok(())
//! # }
//! ```

mod change;
mod error;
mod impact;
mod incident;
mod note;
mod record;
mod relation;
mod resolve;

use std::time::SystemTime;

pub use self::error::{ApplyError, Disposition};
use self::resolve::Lookups;
use super::id::EventId;
use super::mapping::Tables;
use super::plan::{Operation, Plan};
use super::state::receipt::{AppliedRecord, Receipt};
use crate::client::Client;
use crate::id::SysId;
use crate::lifecycle::plan::operation::RecordKey;
use crate::record::Row;

/// Whether an earlier attempt may have done a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "it did or it did not")]
pub enum Repeat {
    /// No attempt was made before.
    First,
    /// An attempt was made, and how far it came is not known.
    MayHaveHappened,
}

/// What applying a plan came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Applied {
    /// The records that it made or touched, each once, in the order of the plan.
    pub records: Vec<AppliedRecord>,
    /// What a person should know: missing groups, unresolved names, records left as someone else wanted them.
    pub findings: Vec<String>,
    /// Notes that may stand twice.
    pub possible_duplicates: u64,
}

impl Applied {
    /// What to remember of it.
    #[must_use]
    pub fn into_receipt(self, event: EventId, applied_at: SystemTime) -> Receipt {
        let Self { records, findings, possible_duplicates } = self;
        Receipt { findings, possible_duplicates, ..Receipt::new(event, applied_at, records) }
    }
}

/// Performs a plan from its first operation to its last.
///
/// # Errors
/// The first operation that failed; those before it are done, those after it are not. Apply the whole plan again,
/// with [`Repeat::MayHaveHappened`].
pub async fn apply(
    plan: &Plan,
    client: &Client,
    tables: &Tables,
    repeat: Repeat,
) -> Result<Applied, ApplyError> {
    let mut worker =
        Worker { client, tables, repeat, lookups: Lookups::new(client), applied: Applied::default() };
    for (index, operation) in plan.operations.iter().enumerate() {
        worker.perform(operation).await.map_err(|failure| ApplyError::new(index, operation, failure))?;
    }
    let mut applied = worker.applied;
    applied.findings.dedup();
    Ok(applied)
}

struct Worker<'a> {
    client: &'a Client,
    tables: &'a Tables,
    repeat: Repeat,
    lookups: Lookups<'a>,
    applied: Applied,
}

impl Worker<'_> {
    async fn perform(&mut self, operation: &Operation) -> Result<(), error::Failure> {
        match operation {
            Operation::Create { record, values } => self.create(record, values).await,
            Operation::Put { record, values } => self.put(record, values).await,
            Operation::Update { record, values } => self.update(record, values).await,
            Operation::Note { record, text, marker } => self.note(record, text, marker).await,
            Operation::NoteImpact { record, known, type_name, marker } => {
                self.note_impact(record, known, type_name, marker).await
            }
            Operation::Attach { record, file } => self.attach(record, file).await,
            Operation::Relate { parent, child, type_name } => self.relate(parent, child, type_name).await,
            Operation::Unrelate { parent, child, type_name } => self.unrelate(parent, child, type_name).await,
            Operation::MoveChange { record, to, values } => self.move_change(record, to, values).await,
            Operation::MoveIncident { record, to, values } => self.move_incident(record, to, values).await,
        }
    }

    /// Remembers a record; what is learned of it later (its number, that it was made) is added.
    fn remember(&mut self, key: &RecordKey, sys_id: &SysId, row: Option<&Row>, created: bool) {
        let number = row.and_then(Row::number).map(|number| number.as_str().to_owned());
        let known =
            self.applied.records.iter_mut().find(|known| known.sys_id == *sys_id && known.table == key.table);
        if let Some(known) = known {
            known.created |= created;
            if number.is_some() {
                known.number = number;
            }
            return;
        }
        let mut record = AppliedRecord::new(&key.table, sys_id.clone(), key.correlation.clone(), created);
        record.number = number;
        self.applied.records.push(record);
    }

    fn find(&mut self, finding: String) {
        self.applied.findings.push(finding);
    }
}
