//! Stages 1 and 2: a build is requested, completed, verified.

use super::super::correlation;
use super::super::entity::{Build, BuildStage, Entity, EntityKey, Gate, GateState};
use super::super::event::build::{BuildCompleted, BuildRequested, BuildVerified};
use super::super::id::BuildId;
use super::{Context, Step, Stop, refuse};
use crate::id::SysId;

pub(super) fn requested(context: &Context<'_>, body: &BuildRequested) -> Result<Step, Stop> {
    let change_request =
        SysId::derived(&context.policy.change_request_table, &correlation::change(&body.build_id));
    if context.view.build(&body.build_id)?.is_some() {
        return refuse(format!("build {} was requested before, by another event", body.build_id));
    }
    if context.view.gate(&change_request)?.is_some() {
        return refuse(format!("build {} has a gate already", body.build_id));
    }
    let mut step = context.step(format!("build {} is recorded; its gate waits for approval", body.build_id));
    let build = Build {
        fleet: body.fleet.clone(),
        change_request: change_request.clone(),
        stage: BuildStage::Requested,
        root_hash: None,
        manifest_digest: None,
        document_digest: None,
        signed_by: None,
        verified_at: None,
    };
    let gate = Gate {
        build_id: body.build_id.clone(),
        state: GateState::Waiting,
        requested_by: context.event.identity(),
    };
    step.write(EntityKey::Build(body.build_id.clone()), 0, Entity::Build(build));
    step.write(EntityKey::Gate(change_request), 0, Entity::Gate(gate));
    Ok(step)
}

pub(super) fn completed(context: &Context<'_>, body: &BuildCompleted) -> Result<Step, Stop> {
    let (version, build) = approved(context, &body.build_id)?;
    if build.stage != BuildStage::Requested {
        return refuse(format!("build {} was completed before, by another event", body.build_id));
    }
    let build = Build { stage: BuildStage::Completed, root_hash: Some(body.root_hash), ..build.clone() };
    let mut step = context.step(format!("build {} is completed", body.build_id));
    step.write(EntityKey::Build(body.build_id.clone()), version, Entity::Build(build));
    Ok(step)
}

pub(super) fn verified(context: &Context<'_>, body: &BuildVerified) -> Result<Step, Stop> {
    let (version, build) = approved(context, &body.build_id)?;
    match build.stage {
        BuildStage::Completed => {}
        BuildStage::Requested => {
            return refuse(format!(
                "build {} is not completed, so it can't have been verified",
                body.build_id
            ));
        }
        BuildStage::Verified | BuildStage::Rejected => {
            return refuse(format!("build {} was judged before, by another event", body.build_id));
        }
    }
    if build.root_hash != Some(body.root_hash) {
        return refuse(format!(
            "the document of build {} has another root hash than its image",
            body.build_id
        ));
    }
    let (stage, remark) = if body.passed() {
        (BuildStage::Verified, "is verified")
    } else {
        (BuildStage::Rejected, "is rejected: its verification chain does not hold")
    };
    let build = Build {
        stage,
        manifest_digest: Some(body.manifest_digest),
        document_digest: Some(body.document_digest),
        signed_by: body.document.key_ids_unverified().next(),
        verified_at: Some(context.event.time),
        ..build.clone()
    };
    let mut step = context.step(format!("build {} {remark}", body.build_id));
    step.write(EntityKey::Build(body.build_id.clone()), version, Entity::Build(build));
    Ok(step)
}

/// The build, if its gate is open: nothing counts that was built without approval.
fn approved<'a>(context: &Context<'a>, id: &BuildId) -> Result<(u64, &'a Build), Stop> {
    let Some((version, build)) = context.view.build(id)? else {
        return refuse(format!("build {id} was never requested"));
    };
    match context.view.gate(&build.change_request)? {
        Some((_, Gate { state: GateState::Open { .. }, .. })) => Ok((version, build)),
        Some(_) | None => {
            refuse(format!("the gate of build {id} is not open: it was built without approval"))
        }
    }
}
