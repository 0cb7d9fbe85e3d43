//! The write probe: makes a record, changes it, takes it away.

use super::check::unchecked;
use super::{Finding, Verdict};
use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::id::{CorrelationId, SysId};
use crate::record::Fields;
use crate::table::{is_absent, leaves_doubt};

/// The field that the probe writes; every task and configuration item has it.
const FIELD: &str = "short_description";

/// Whether a record can be made under a key of our choice, changed and deleted. One that an earlier probe left is taken
/// away.
pub(super) async fn write(client: &Client, table: &str) -> Finding {
    let need = format!("writing to {table}");
    let key = match CorrelationId::new("doctor/write-probe") {
        Ok(id) => SysId::derived(table, &id),
        Err(_) => return Finding::new(need, Verdict::Missing, "no key can be made"),
    };
    let rows = client.dynamic_table(table);
    let fields = Fields::new().with(FIELD, "Write probe, to be deleted at once");
    let made = match rows.create(&fields.with("sys_id", key.as_str())).await {
        // Made all the same, or left by an earlier probe: then it is changed and taken away as if it had been told.
        Err(error) if leaves_doubt(&error) => rows.get(&key).await.map_err(|look| match is_absent(&look) {
            true => error,
            false => look.with_may_have_happened(error.may_have_happened()),
        }),
        made => made,
    };
    let other = made.as_ref().ok().map(|row| row.sys_id().clone()).filter(|made| *made != key);
    if let Some(other) = other {
        return match rows.delete(&other).await {
            Ok(()) => Finding::new(
                need,
                Verdict::Missing,
                "the instance gives records keys of its own, so that a create cannot be repeated by key: use correlation ids",
            ),
            Err(error) => left_over(need, &other, error),
        };
    }
    if let Err(error) = made {
        return match error.may_have_happened()
            && rows.delete(&key).await.is_err_and(|error| !is_absent(&error))
        {
            true => left_over(need, &key, error),
            false => told(need, error, "make records"),
        };
    }
    let changed = rows.update(&key, &Fields::new().with(FIELD, "Write probe, changed")).await;
    let deleted = rows.delete(&key).await;
    match (changed, deleted) {
        (_, Err(error)) => left_over(need, &key, error),
        (Err(error), Ok(())) => told(need, error, "change records"),
        (Ok(_), Ok(())) => Finding::new(need, Verdict::Good, "made under our key, changed, deleted"),
    }
}

/// A record of the probe's that could not be taken away.
fn left_over(need: String, key: &SysId, error: Error) -> Finding {
    let advice = format!("a record may be left over as {key}: delete it; {error}");
    let verdict = if is_refusal(&error) { Verdict::Remark } else { Verdict::Unchecked(error) };
    Finding::new(need, verdict, advice)
}

fn told(need: String, error: Error, what: &str) -> Finding {
    match is_refusal(&error) {
        true => {
            let advice = format!("this user may not {what}: {error}; {}", error.advice());
            Finding::new(need, Verdict::Missing, advice)
        }
        false => unchecked(need, error),
    }
}

fn is_refusal(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Forbidden | ErrorKind::Conflict | ErrorKind::Invalid)
}
