//! A second build's canary is tampered with: held, rolled back, and the rollout halts.

use openfactory_sn::lifecycle::id::{BuildId, DeviceId};
use serde_json::Value;

use super::super::build::Built;
use super::super::error::DemoError;
use super::super::story::Story;
use super::super::tamper;
use super::rollout::{request, runs, state};

/// Longer than the story: the canary can't pass before it is tampered with.
const SOAK_S: u64 = 600;

/// Begins the rollout of a build, tampers with its canary, and sees the device go back to `before`.
pub(crate) async fn tell(story: &Story<'_>, built: &Built, before: &BuildId) -> Result<(), DemoError> {
    let Story { site, narrator, .. } = story;
    narrator.chapter("The rollout of the next build: its canary is tampered with, and goes back")?;
    let canary = site.devices.last().ok_or_else(|| DemoError::new("the fleet has no device"))?;
    if !site.is_done("canary-failed") {
        request(story, built, canary, SOAK_S).await?;
        fail(story, built, canary).await?;
        narrator
            .wait_for("the platform to roll the canary back", || async {
                Ok(runs(story, canary, before).await?.then_some(()))
            })
            .await?;
        narrator.say(format_args!("canary          {canary} runs build {before} again"))?;
        proved(story, canary).await?;
        site.done("canary-failed")?;
    }
    let change = narrator
        .wait_for("the change request to go to review", || async {
            let row = story.row("change_request", &Story::change_of(&built.id)).await?;
            Ok(row.filter(|row| row.text("state") == "0"))
        })
        .await?;
    narrator.say(format_args!(
        "change request  {}: in Review, with the health results; a person has to close it",
        change.text("number")
    ))
}

/// Tampers with the canary as soon as it runs the build, and has it report, until the rollout has failed.
async fn fail(story: &Story<'_>, built: &Built, canary: &DeviceId) -> Result<(), DemoError> {
    let Story { site, narrator, .. } = story;
    if !is_failed(story, &built.id).await? {
        narrator
            .wait_for("the canary to run the build", || async {
                Ok(runs(story, canary, &built.id).await?.then_some(()))
            })
            .await?;
        if !site.is_done("canary-tampered") {
            let aside = site.path("story/tamper.part");
            let path = tamper::change(&story.root(canary)?, &built.manifest, &aside)?;
            site.done("canary-tampered")?;
            narrator.say(format_args!("changed         {path} on {canary}"))?;
        }
    }
    let reason = narrator
        .wait_for("the rollout to halt", || async {
            let rollout = state(story, &built.id).await?;
            if text(&rollout, "state") == "failed" {
                return Ok(Some(text(&rollout, "reason")));
            }
            // A report that is made while the deployment is still being recorded does not count: another one does.
            if runs(story, canary, &built.id).await? {
                story.attest(canary).await?;
            }
            Ok(None)
        })
        .await?;
    narrator.say(format_args!("halted          {reason}"))
}

async fn is_failed(story: &Story<'_>, build: &BuildId) -> Result<bool, DemoError> {
    Ok(text(&state(story, build).await?, "state") == "failed")
}

/// The canary proves that it is what it was, and its emergency change is closed.
async fn proved(story: &Story<'_>, canary: &DeviceId) -> Result<(), DemoError> {
    let change = story
        .narrator
        .wait_for("the canary's proof, and its emergency change to be closed", || async {
            let rows = story.find("change_request", "cmdb_ci", Story::item_of(canary).as_str()).await?;
            let emergency = rows.into_iter().find(|row| row.text("type") == "emergency");
            let proved =
                story.item(canary).await?.is_some_and(|item| item.text("operational_status") == "Compliant");
            match emergency.filter(|row| proved && story.stands(row, "3")) {
                Some(row) => Ok(Some(row)),
                None => {
                    story.attest(canary).await?;
                    Ok(None)
                }
            }
        })
        .await?;
    story.narrator.say(format_args!(
        "emergency       {}: {}",
        change.text("number"),
        change.text("close_code")
    ))
}

fn text(rollout: &Value, field: &str) -> String {
    rollout.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
}
