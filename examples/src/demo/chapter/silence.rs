//! A device is deployed and never heard of: a timer notices, and a report is what ends it.

use openfactory_sn::lifecycle::event::EventBody;
use openfactory_sn::lifecycle::event::device::{Deployment, DeviceDeployed};
use openfactory_sn::lifecycle::id::FleetId;

use super::super::build::Built;
use super::super::error::{DemoError, During as _};
use super::super::story::Story;

/// Tells of a device on the test bench.
pub(crate) async fn tell(story: &Story<'_>, built: &Built) -> Result<(), DemoError> {
    let Story { site, narrator, .. } = story;
    narrator.chapter("A device is deployed on the test bench and never reports")?;
    provision(story, built).await?;
    deployed(story, built, "deployed.bench", &site.bench_fleet).await?;
    let incident = narrator
        .wait_for("the timer to notice that no report came", || async {
            Ok(story.find("incident", "u_device", site.bench.as_str()).await?.into_iter().next())
        })
        .await?;
    narrator.say(format_args!(
        "incident        {} (P{}): {}",
        incident.text("number"),
        incident.text("priority"),
        incident.text("short_description")
    ))?;
    // On the line nobody minds if it is silent for a while.
    deployed(story, built, "deployed.from-bench", &site.fleet).await?;
    narrator
        .wait_for("the device's first report to count", || async {
            let compliant = story.attest(&site.bench).await?;
            let row = story.row("incident", incident.sys_id()).await?;
            Ok(row.filter(|row| compliant && row.text("state") == "6"))
        })
        .await?;
    narrator.say("resolved        it was moved to the line, and its first report is what it was deployed as")
}

async fn provision(story: &Story<'_>, built: &Built) -> Result<(), DemoError> {
    story.store_image(built).await?;
    let (site, id) = (story.site.clone(), built.id.clone());
    let provisioned = tokio::task::spawn_blocking(move || {
        site.platform()?.provision(&site.bench, &id).during("provision the device on the bench")
    });
    provisioned.await.during("provision the device on the bench")??;
    Ok(())
}

async fn deployed(story: &Story<'_>, built: &Built, fact: &str, fleet: &FleetId) -> Result<(), DemoError> {
    let device = &story.site.bench;
    story
        .send(&built.id, fact, || {
            let mut body = DeviceDeployed::new(Deployment {
                device: device.clone(),
                serial: format!("SN-{device}"),
                fleet: fleet.clone(),
                build_id: built.id.clone(),
                base_image: story.machine.base_image.clone(),
                base_version: story.machine.version.clone(),
                os_version: story.machine.version.clone(),
                distribution: story.machine.distribution.clone(),
                recipe_hash: built.facts.recipe_hash,
                root_hash: built.facts.verity.root_hash,
                document_digest: built.document.payload_digest(),
            });
            "standard".clone_into(&mut body.security_level);
            Ok(EventBody::DeviceDeployed(Box::new(body)))
        })
        .await
}
