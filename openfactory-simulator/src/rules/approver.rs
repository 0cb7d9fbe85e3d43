//! An approver's answer.

use super::Effect;
use crate::access::Caller;
use crate::record::Record;
use crate::refusal::Refusal;

/// The state of a row that waits for its approver.
pub(crate) const REQUESTED: &str = "requested";

/// What a row is about: an answer for another change is none.
const FIXED: [&str; 3] = ["sysapproval", "document_id", "source_table"];

/// Passes an answer on to the change request; only the approver, or who may decide in any case, answers.
///
/// `commented` is whether it adds to the row's comments.
pub(super) fn on_update(
    caller: &Caller,
    old: &Record,
    new: &mut Record,
    commented: bool,
) -> Result<Vec<Effect>, Refusal> {
    let decides = caller.may_decide();
    if (new != old || commented) && old.value("approver") != caller.sys_id && !decides {
        return Err(Refusal::acl("Update"));
    }
    // Whom it asks, administrators may change.
    let approver = (!caller.is_admin()).then_some("approver");
    for field in FIXED.into_iter().chain(approver) {
        new.set(field, old.value(field));
    }
    let state = new.value("state");
    if state == old.value("state") {
        return Ok(Vec::new());
    }
    match (old.value("state"), state) {
        (REQUESTED, "approved") => Ok(vec![Effect::Decide { decision: "approved" }]),
        (REQUESTED, "rejected") => Ok(vec![Effect::Decide { decision: "rejected" }]),
        // Who may decide also takes a question back.
        (REQUESTED, _) if decides => Ok(vec![Effect::Withdraw]),
        // An answer is given once, and is one of these two.
        _ => Err(Refusal::acl("Update")),
    }
}
