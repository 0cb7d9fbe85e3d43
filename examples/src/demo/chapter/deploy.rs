//! The device: provisioned from the signed image, known to the CMDB, compliant by its own report.

use openfactory_sn::lifecycle::event::EventBody;
use openfactory_sn::lifecycle::event::device::{Deployment, DeviceDeployed};
use openfactory_sn::lifecycle::id::DeviceId;

use super::super::build::Built;
use super::super::error::{DemoError, During as _};
use super::super::story::Story;

/// Puts a build on a device.
pub(crate) async fn tell(story: &Story<'_>, device: &DeviceId, built: &Built) -> Result<(), DemoError> {
    let Story { site, narrator, .. } = story;
    narrator.chapter("A device is provisioned and becomes a configuration item")?;
    provision(story, device, built).await?;
    story
        .send(&built.id, &format!("deployed.{device}"), || {
            let mut body = DeviceDeployed::new(Deployment {
                device: device.clone(),
                serial: format!("SN-{device}"),
                fleet: site.fleet.clone(),
                build_id: built.id.clone(),
                base_image: story.machine.base_image.clone(),
                base_version: story.machine.version.clone(),
                os_version: story.machine.version.clone(),
                distribution: story.machine.distribution.clone(),
                recipe_hash: built.facts.recipe_hash,
                root_hash: built.facts.verity.root_hash,
                document_digest: built.document.payload_digest(),
            });
            body.features =
                ["ssh", "firewall", "security-hardening", "monitoring"].map(str::to_owned).to_vec();
            "standard".clone_into(&mut body.security_level);
            Ok(EventBody::DeviceDeployed(Box::new(body)))
        })
        .await?;
    // Once only: after the file was changed a report is the next chapter's business.
    let deployed = format!("deployed.{device}");
    if !site.is_done(&deployed) {
        if !story.attest(device).await? {
            return Err(DemoError::new("the freshly provisioned device does not match its signed manifest"));
        }
        site.done(&deployed)?;
    }
    let item = narrator
        .wait_for("the device's configuration item", || async {
            let row = story.row("cmdb_ci_os_image", &Story::item_of(device)).await?;
            Ok(row.filter(|row| site.is_done("tampered") || row.text("operational_status") == "Compliant"))
        })
        .await?;
    narrator.say(format_args!("device          {}: {}", item.text("name"), item.text("operational_status")))
}

async fn provision(story: &Story<'_>, device: &DeviceId, built: &Built) -> Result<(), DemoError> {
    story.store_image(built).await?;
    let (site, id, device) = (story.site.clone(), built.id.clone(), device.clone());
    let provisioned = tokio::task::spawn_blocking(move || {
        site.platform()?.provision(&device, &id).during("provision the device")
    });
    let status = provisioned.await.during("provision the device")??;
    story.narrator.say(format_args!(
        "slot            {} holds build {}",
        status.active.name(),
        status.installed.build_id
    ))
}
