//! Whether the approval of a build's change request is still in force: read again before every stage.

use super::super::super::entity::{Build, GateState};
use super::super::super::id::BuildId;
use super::super::view::Observed;
use super::super::{Context, Stop};
use crate::models::change_request::{Approval, State};

/// What the change request says now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum InForce {
    Yes,
    /// It was read, and the approval is not in force.
    No(String),
    /// It could not be read.
    Unknown,
}

/// Asks for the record; the gate must have been opened before.
pub(super) fn in_force(context: &Context<'_>, id: &BuildId, build: &Build) -> Result<InForce, Stop> {
    match context.view.gate(&build.change_request)? {
        Some((_, gate)) if matches!(gate.state, GateState::Open { .. }) => {}
        Some(_) | None => return Ok(InForce::No(format!("the gate of build {id} is not open"))),
    }
    let record = context.view.record(&context.policy.change_request_table, &build.change_request)?;
    Ok(judge(record))
}

/// Approved, and about to be or being implemented: a change that is in Review, closed or canceled approves nothing
/// any more.
fn judge(record: &Observed) -> InForce {
    if record.fields.is_none() {
        return InForce::Unknown;
    }
    let (approval, state) =
        (Approval::from_raw(record.text("approval")), State::from_raw(record.text("state")));
    if approval == Approval::Approved && matches!(state, State::Scheduled | State::Implement) {
        return InForce::Yes;
    }
    InForce::No(format!(
        "the approval is not in force: change request {} has approval {:?} and state {state:?} ({})",
        record.text("number"),
        record.text("approval"),
        state.as_str()
    ))
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::id::SysId;

    fn read(approval: &str, state: &str) -> InForce {
        let fields = [("approval", approval), ("state", state), ("number", "CHG0030001")];
        let fields = fields.map(|(field, value)| (field.to_owned(), value.to_owned())).into();
        let sys_id = SysId::new("a").unwrap();
        judge(&Observed::found("change_request", sys_id, SystemTime::UNIX_EPOCH, fields))
    }

    #[test]
    fn only_an_approved_change_that_is_scheduled_or_implemented_counts() {
        for state in State::STOCK {
            for approval in ["approved", "rejected", "requested", "not requested", ""] {
                let yes = approval == "approved" && matches!(state.as_str(), "-2" | "-1");
                assert_eq!(read(approval, state.as_str()) == InForce::Yes, yes, "{approval} {state}");
            }
        }
        let InForce::No(why) = read("rejected", "-5") else { panic!() };
        assert!(why.contains("CHG0030001") && why.contains("rejected"), "{why}");
    }

    #[test]
    fn a_record_that_can_not_be_read_is_neither() {
        let absent = Observed::absent("change_request", SysId::new("a").unwrap(), SystemTime::UNIX_EPOCH);
        assert_eq!(judge(&absent), InForce::Unknown);
    }
}
