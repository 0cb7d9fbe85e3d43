//! Work notes, looked for by their marker before they are written again.

use super::super::plan::operation::RecordKey;
use super::error::Failure;
use super::{Repeat, Worker};
use crate::error::{Error, ErrorKind};
use crate::id::SysId;
use crate::query::{Condition, Operator, Query};
use crate::record::Fields;

/// The journal field of work notes.
const WORK_NOTES: &str = "work_notes";

/// What the journal tells of a note.
enum Told {
    /// It is there.
    Written,
    /// It is not there.
    Absent,
    /// The journal can not be read, or holds nothing that may be read.
    Hidden,
}

impl Worker<'_> {
    pub(super) async fn note(&mut self, key: &RecordKey, text: &str, marker: &str) -> Result<(), Failure> {
        let sys_id = key.sys_id();
        if self.repeat == Repeat::MayHaveHappened {
            match self.look(&sys_id, marker).await? {
                Told::Written => {
                    self.remember(key, &sys_id, None, false);
                    return Ok(());
                }
                Told::Absent => {}
                Told::Hidden => self.applied.possible_duplicates += 1,
            }
        }
        let fields = Fields::new().with(WORK_NOTES, format!("{text}\n\n{marker}"));
        let row = self.client.dynamic_table(&key.table).update(&sys_id, &fields).await?;
        self.remember(key, &sys_id, Some(&row), false);
        Ok(())
    }

    async fn look(&self, sys_id: &SysId, marker: &str) -> Result<Told, Error> {
        let of_record = || {
            let equal =
                |field: &str, value: &str| Condition::new(field, Operator::Equal, vec![value.to_owned()]);
            Query::new().and(equal("element_id", sys_id.as_str())).and(equal("element", WORK_NOTES)).limit(1)
        };
        let journal = self.client.dynamic_table(&self.tables.journal);
        let marked = of_record().and(Condition::new("value", Operator::Contains, vec![marker.to_owned()]));
        match journal.find(&marked).await {
            Ok(rows) if !rows.is_empty() => return Ok(Told::Written),
            Ok(_) => {}
            Err(error) if is_hidden(&error) => return Ok(Told::Hidden),
            Err(error) => return Err(error),
        }
        // An empty answer may also mean that nothing may be read; other entries of the record tell.
        match journal.find(&of_record()).await {
            Ok(rows) if rows.is_empty() => Ok(Told::Hidden),
            Ok(_) => Ok(Told::Absent),
            Err(error) if is_hidden(&error) => Ok(Told::Hidden),
            Err(error) => Err(error),
        }
    }
}

/// Whether the instance will not say, now or later.
fn is_hidden(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Forbidden | ErrorKind::Invalid | ErrorKind::Decode)
}
