//! A file changes while ServiceNow is away: found, held, rolled back, and told once it is there again.

use openfactory_attest::manifest::Compare;
use openfactory_attest::{Manifest, Work};
use openfactory_sn::lifecycle::id::DeviceId;

use super::super::build::Built;
use super::super::error::{DemoError, During as _};
use super::super::story::Story;
use super::super::tamper;

/// Tampers with a device during an outage.
pub(crate) async fn tell(story: &Story<'_>, device: &DeviceId, built: &Built) -> Result<(), DemoError> {
    let Story { site, services, narrator, .. } = story;
    narrator.chapter("ServiceNow goes away, and a file of the device changes")?;
    services.take_servicenow_away();
    if !site.is_done("tampered") {
        let aside = site.path("story/tamper.part");
        let path = tamper::change(&story.root(device)?, &built.manifest, &aside)?;
        site.done("tampered")?;
        narrator.say(format_args!("changed         {path}"))?;
    }
    let compliant = story.attest(device).await?;
    narrator.say(match compliant {
        false => "agent           found it against the signed manifest and reported it, signed",
        true => "agent           finds nothing: the platform has rolled the device back already",
    })?;
    narrator
        .wait_for("the platform to roll the device back", || async {
            Ok(tree_is_as_built(story, device, built).await?.then_some(()))
        })
        .await?;
    narrator
        .say("rollback        done while ServiceNow is away; the tree hashes to the signed manifest again")?;
    let waiting = services.waiting().await?;
    narrator.say(format_args!(
        "ServiceNow      still away; {waiting} events wait for it in the router's queue"
    ))?;
    services.give_servicenow_back();
    let incident = narrator
        .wait_for("the incident", || async {
            Ok(story.find("incident", "u_device", device.as_str()).await?.into_iter().next())
        })
        .await?;
    narrator.say(format_args!(
        "back            incident {} (P{}): {}",
        incident.text("number"),
        incident.text("priority"),
        incident.text("short_description")
    ))
}

async fn tree_is_as_built(story: &Story<'_>, device: &DeviceId, built: &Built) -> Result<bool, DemoError> {
    let (root, baseline) = (story.root(device)?, built.manifest.clone());
    let same = tokio::task::spawn_blocking(move || {
        // The slot may be switched while it is read: then it is read again.
        Manifest::of_directory(&root, &Work::on_all_cores())
            .map(|current| baseline.diff(&current, &Compare::content()).is_empty())
    });
    Ok(same.await.during("hash the device's tree")?.unwrap_or(false))
}
