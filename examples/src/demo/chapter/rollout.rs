//! The build reaches the fleet: canary, staged, full, each device by its own signed reports.

use std::time::{Duration, Instant};

use openfactory_sn::lifecycle::event::EventBody;
use openfactory_sn::lifecycle::event::rollout::{ImageFacts, RolloutDevice, RolloutRequested};
use openfactory_sn::lifecycle::id::{BuildId, DeviceId};
use serde_json::Value;

use super::super::build::Built;
use super::super::error::{DemoError, During as _};
use super::super::story::Story;

/// How long a device must stay healthy in the demo, in seconds; the change request states it.
const SOAK_S: u64 = 1;
/// How long a stage may take, in seconds.
const STAGE_WITHIN_S: u64 = 3600;
/// The longest that the whole rollout is waited for.
const PATIENCE: Duration = Duration::from_secs(600);
/// How often devices that are not asked to report yet are looked at.
const LOOK: Duration = Duration::from_millis(100);

/// Rolls a build out to the whole fleet.
pub(crate) async fn tell(story: &Story<'_>, built: &Built) -> Result<(), DemoError> {
    let Story { site, narrator, .. } = story;
    narrator.chapter("The build is rolled out to the fleet: canary, staged, full")?;
    if !site.is_done("rolled-out") {
        let canary = site.devices.first().ok_or_else(|| DemoError::new("the fleet has no device"))?;
        request(story, built, canary, SOAK_S).await?;
        narrator.say(format_args!(
            "soak            {SOAK_S} s instead of the 900 s that are the default: the change request says so"
        ))?;
        soak(story, &built.id).await?;
        site.done("rolled-out")?;
    }
    let change = narrator
        .wait_for("the change request to be closed", || async {
            let row = story.row("change_request", &Story::change_of(&built.id)).await?;
            Ok(row.filter(|row| row.text("state") == "3"))
        })
        .await?;
    narrator.say(format_args!("change request  {}: {}", change.text("number"), change.text("close_code")))
}

/// Asks for the rollout of a build to the whole fleet.
pub(super) async fn request(
    story: &Story<'_>,
    built: &Built,
    canary: &DeviceId,
    soak_s: u64,
) -> Result<(), DemoError> {
    store(story, built).await?;
    story
        .send(&built.id, "rollout", || {
            let root_hash = built.facts.verity.root_hash;
            let mut image =
                ImageFacts::new(built.facts.recipe_hash, root_hash, built.document.payload_digest());
            image.base_image.clone_from(&story.machine.base_image);
            image.base_version.clone_from(&story.machine.version);
            image.os_version.clone_from(&story.machine.version);
            image.distribution.clone_from(&story.machine.distribution);
            image.features =
                ["ssh", "firewall", "security-hardening", "monitoring"].map(str::to_owned).to_vec();
            "standard".clone_into(&mut image.security_level);
            let devices = &story.site.devices;
            let devices = devices.iter().map(|id| RolloutDevice::new(id.clone(), format!("SN-{id}")));
            let fleet = story.site.fleet.clone();
            let mut body = RolloutRequested::new(built.id.clone(), fleet, devices.collect(), image);
            body.canary = Some(canary.clone());
            body.soak_s = Some(soak_s);
            body.stage_within_s = Some(STAGE_WITHIN_S);
            Ok(EventBody::RolloutRequested(Box::new(body)))
        })
        .await
}

/// The platform has the image, and knows the devices.
async fn store(story: &Story<'_>, built: &Built) -> Result<(), DemoError> {
    story.store_image(built).await?;
    let site = story.site.clone();
    let enrolled = tokio::task::spawn_blocking(move || {
        let platform = site.platform()?;
        for device in &site.devices {
            platform.enroll(device).during("enroll the devices")?;
        }
        Ok::<(), DemoError>(())
    });
    enrolled.await.during("enroll the devices")?
}

/// Has every device report until the rollout is over.
async fn soak(story: &Story<'_>, build: &BuildId) -> Result<(), DemoError> {
    let end = Instant::now() + PATIENCE;
    let mut stage = String::new();
    while Instant::now() < end {
        let rollout = state(story, build).await?;
        let text = |field: &str| rollout.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        match text("state").as_str() {
            "completed" => return story.narrator.say("rollout         completed"),
            "failed" => return Err(DemoError::new(format!("the rollout has failed: {}", text("reason")))),
            _ => {}
        }
        if text("stage") != stage {
            stage = text("stage");
            let members = of_stage(&rollout, &stage);
            story.narrator.say(format_args!(
                "{stage:<16}{} device(s): {}",
                members.len(),
                members.join(", ")
            ))?;
        }
        for device in &story.site.devices {
            if soaks(&rollout, device) && runs(story, device, build).await? {
                story.attest(device).await?;
            }
        }
        tokio::time::sleep(LOOK).await;
    }
    Err(DemoError::new(format!("the rollout of {build} came to no end in {} s", PATIENCE.as_secs())))
}

/// How a rollout stands, as soon as it is known.
pub(super) async fn state(story: &Story<'_>, build: &BuildId) -> Result<Value, DemoError> {
    let path = format!("/v1/rollouts/{build}");
    story
        .narrator
        .wait_for("the rollout", || async {
            let answer = story.services.ask_router(&path).await?;
            serde_json::from_slice(&answer).during("read how the rollout stands").map(Some)
        })
        .await
}

fn of_stage(rollout: &Value, stage: &str) -> Vec<String> {
    let devices = rollout.get("devices").and_then(Value::as_object);
    let of_stage = devices
        .into_iter()
        .flatten()
        .filter(|(_, member)| member.get("stage").and_then(Value::as_str).is_some_and(|of| of == stage));
    of_stage.map(|(device, _)| device.clone()).collect()
}

/// Whether the rollout waits for reports of this device.
fn soaks(rollout: &Value, device: &DeviceId) -> bool {
    let standing = rollout.pointer(&format!("/devices/{device}/standing")).and_then(Value::as_str);
    matches!(standing, Some("assigned" | "soaking"))
}

/// Whether the device's active slot holds the build.
pub(super) async fn runs(story: &Story<'_>, device: &DeviceId, build: &BuildId) -> Result<bool, DemoError> {
    let (site, device) = (story.site.clone(), device.clone());
    let status = tokio::task::spawn_blocking(move || {
        // A device that has no image yet has no status.
        Ok::<_, DemoError>(site.platform()?.status(&device).ok())
    });
    let status = status.await.during("look at the device")??;
    Ok(status.is_some_and(|status| status.installed.build_id == *build))
}
