//! The create that can be repeated: under a key of our choice, looked for whenever its outcome is not known.

use super::DynamicTable;
use crate::client::engine::Deadline;
use crate::error::{Cause, Error, ErrorKind, SYS_ID_IGNORED};
use crate::id::SysId;
use crate::record::{Fields, Row};

/// A record that exists.
///
/// ```
/// use openfactory_sn::table::Ensured;
/// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
/// use openfactory_sn::{Fields, SysId};
/// # use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let path = "/api/now/table/incident";
/// let instance = ScriptedTransport::new()
///     .on(Expected::post(path), Reply::fault(403, "Operation Failed", "Error during insert: Duplicate entry"))
///     .on(Expected::get(format!("{path}/a1")), Reply::result(200, json!({"sys_id": "a1", "state": "2"})));
/// let incidents = client(&instance).dynamic_table("incident");
/// let ensured: Ensured = incidents.ensure(&SysId::new("a1")?, &Fields::new().with("state", "1")).await?;
/// assert!(!ensured.created && ensured.others.is_empty());
/// assert_eq!(ensured.row.text("state"), "2", "as it is, not as a new one would be");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ensured {
    /// The record as it is now.
    pub row: Row,
    /// Whether the instance confirmed that this call created it. `false` if it was found instead: from an earlier call,
    /// or from a request of this call whose answer was lost.
    pub created: bool,
    /// Further records under the same correlation id, from creates at the same time. Always empty where a key decides.
    pub others: Vec<SysId>,
}

/// The fields with the key among them.
pub(crate) fn keyed(sys_id: &SysId, fields: &Fields) -> Fields {
    fields.clone().with("sys_id", sys_id.as_str())
}

/// The record, if the instance took over the key.
pub(crate) fn kept_key(table: &DynamicTable, sys_id: &SysId, row: Row) -> Result<Row, Error> {
    if row.sys_id() == sys_id {
        return Ok(row);
    }
    let reason = format!("instance created {} instead", row.sys_id());
    Err(Error::new(ErrorKind::Conflict, table.operation_on("create", sys_id), reason)
        .with_may_have_happened(true)
        .with_advice(SYS_ID_IGNORED))
}

pub(super) async fn ensure(
    table: &DynamicTable,
    sys_id: &SysId,
    fields: &Fields,
    deadline: Deadline,
) -> Result<Ensured, Error> {
    let engine = table.client().engine();
    let fields = keyed(sys_id, fields);
    // Safe to repeat, since each repetition is preceded by a look for the record.
    let call = table.post_call(&fields)?.looked_for();
    for made in 1.. {
        let failure = match table.post(&fields, deadline).await {
            Ok(row) => {
                return Ok(Ensured { row: kept_key(table, sys_id, row)?, created: true, others: Vec::new() });
            }
            Err(failure) => failure,
        };
        if !leaves_doubt(&failure) {
            return Err(failure);
        }
        match table.get_opt_within(sys_id, deadline).await {
            Ok(Some(row)) => return Ok(Ensured { row, created: false, others: Vec::new() }),
            Ok(None) => engine.pause(failure, &call, made, deadline).await?,
            Err(unanswered) if failure.may_have_happened() => {
                return Err(unanswered.with_may_have_happened(true));
            }
            // The create was refused for certain; that nothing could be looked for does not change it.
            Err(_) => return Err(failure),
        }
    }
    Err(call.refused("no attempt allowed"))
}

/// Whether the record may be there after this failure: the answer was lost, or the key is taken, which an instance may
/// word as a refusal of rights.
pub(crate) fn leaves_doubt(failure: &Error) -> bool {
    failure.may_have_happened()
        || failure.cause() == Some(Cause::Duplicate)
        || matches!(failure.kind(), ErrorKind::Conflict | ErrorKind::Forbidden)
}
