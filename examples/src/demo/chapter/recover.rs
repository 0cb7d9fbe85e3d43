//! The device proves itself; the incident is resolved, the emergency change closed.

use openfactory_sn::lifecycle::id::DeviceId;

use super::super::error::DemoError;
use super::super::story::Story;

/// Attests a device that was rolled back.
pub(crate) async fn tell(story: &Story<'_>, device: &DeviceId) -> Result<(), DemoError> {
    let narrator = story.narrator;
    narrator.chapter("The device attests again; what was open is closed")?;
    if !story.attest(device).await? {
        return Err(DemoError::new("the device was rolled back but still does not match its manifest"));
    }
    let incident = narrator
        .wait_for("the incident to be resolved", || async {
            let rows = story.find("incident", "u_device", device.as_str()).await?;
            Ok(rows.into_iter().next().filter(|row| row.text("state") == "6"))
        })
        .await?;
    narrator.say(format_args!(
        "incident        {}: {}",
        incident.text("number"),
        incident.text("close_code")
    ))?;
    let change = narrator
        .wait_for("the emergency change to be closed", || async {
            let rows = story.find("change_request", "type", "emergency").await?;
            Ok(rows.into_iter().next().filter(|row| story.stands(row, "3")))
        })
        .await?;
    narrator.say(format_args!("emergency       {}: {}", change.text("number"), change.text("close_code")))
}
