//! The change request: asked for, documented, waited for, approved.

use std::time::SystemTime;

use openfactory_sn::lifecycle::event::EventBody;
use openfactory_sn::lifecycle::event::build::BuildRequested;
use openfactory_sn::lifecycle::id::BuildId;

use super::super::build::{self, Request};
use super::super::error::DemoError;
use super::super::site::REQUESTER;
use super::super::story::Story;

/// Asks for the build `id` and has its change request approved.
pub(crate) async fn tell(story: &Story<'_>, id: &BuildId) -> Result<Request, DemoError> {
    let Story { site, narrator, .. } = story;
    let title = if *id == site.first {
        "A build is requested; nothing is built before its change request is approved"
    } else {
        "The next build is requested"
    };
    narrator.chapter(title)?;
    let request = build::request(site, id, &story.machine, SystemTime::now())?;
    narrator.say(format_args!("recipe hash     {}", request.recipe.recipe_hash()))?;
    narrator.say(format_args!("build intent    signed, payload {}", request.intent.payload_digest()))?;
    story
        .send(id, "requested", || {
            Ok(EventBody::BuildRequested(Box::new(BuildRequested::new(
                id.clone(),
                site.fleet.clone(),
                story.machine.version.clone(),
                REQUESTER,
                build::REQUEST,
                request.recipe.clone(),
                request.intent.clone(),
            ))))
        })
        .await?;
    approved(story, id).await?;
    Ok(request)
}

/// Waits for the change request, approves it, waits for its gate.
async fn approved(story: &Story<'_>, id: &BuildId) -> Result<(), DemoError> {
    let narrator = story.narrator;
    let sys_id = Story::change_of(id);
    let row = narrator
        .wait_for("the change request, its attachments and its request for approval", || async {
            let row = story.row("change_request", &sys_id).await?;
            Ok(row.filter(|row| matches!(row.text("approval"), "requested" | "approved")))
        })
        .await?;
    narrator.say(format_args!(
        "change request  {}: {}",
        row.text("number"),
        row.text("short_description")
    ))?;
    if row.text("approval") == "requested" {
        narrator.say(format_args!("gate            {}", story.gate(id, "0").await?))?;
        story.approve(&sys_id).await?;
        narrator.say("approval        given in ServiceNow; its business rule calls the webhook, signed")?;
    }
    let state = narrator
        .wait_for("the gate to open", || async {
            let state = story.gate(id, "5").await?;
            Ok((state != "waiting").then_some(state))
        })
        .await?;
    if state != "open" {
        return Err(DemoError::new(format!("the gate is {state}, not open")));
    }
    narrator.say("gate            open: the record was read again and is approved")
}
