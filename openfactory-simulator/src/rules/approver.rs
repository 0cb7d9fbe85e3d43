//! An approver's answer.

use super::Effect;
use crate::access::Caller;
use crate::record::Record;
use crate::refusal::Refusal;

/// Passes an answer on to the change request; only the approver, or who may decide in any case, answers.
pub(super) fn on_update(caller: &Caller, old: &Record, new: &Record) -> Result<Vec<Effect>, Refusal> {
    if new == old {
        return Ok(Vec::new());
    }
    if old.value("approver") != caller.sys_id && !caller.may_decide() {
        return Err(Refusal::acl("Update"));
    }
    if old.value("state") != "requested" {
        // An answer is given once.
        let turned = new.value("state") != old.value("state") && !caller.may_decide();
        return if turned { Err(Refusal::acl("Update")) } else { Ok(Vec::new()) };
    }
    Ok(match new.value("state") {
        "approved" => vec![Effect::Decide { decision: "approved" }],
        "rejected" => vec![Effect::Decide { decision: "rejected" }],
        _ => Vec::new(),
    })
}
