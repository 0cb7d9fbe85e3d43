//! The build platform's events: signed once, kept, and posted until the router has them.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use openfactory_attest::envelope::Envelope;
use openfactory_attest::key::Signer;
use openfactory_sn::lifecycle::cloud_event::CloudEvent;
use openfactory_sn::lifecycle::event::{Event, EventBody, PAYLOAD_TYPE};
use openfactory_sn::lifecycle::id::EventId;

use super::error::{DemoError, During as _};
use super::services::Services;
use super::site::Site;
use crate::write_once::{read_or_write, write_atomically};

/// Who the events are from.
const SOURCE: &str = "/build-platform";
/// How often an event is posted before the demo gives up.
const ATTEMPTS: u32 = 20;

/// Signs the event with the id `name`, unless it was signed before, and posts it. The same event has the same bytes, so the
/// router takes it once however often the demo is interrupted and run again.
pub(crate) async fn send(
    site: &Site,
    services: &Services,
    name: &str,
    now: SystemTime,
    body: impl FnOnce() -> Result<EventBody, DemoError>,
) -> Result<(), DemoError> {
    let sender = Sender { source: SOURCE, key: site.build_platform()? };
    send_as(site, services, &sender, name, now, body).await
}

/// Who sends an event.
pub(crate) struct Sender {
    /// The event's source.
    pub(crate) source: &'static str,
    /// What signs it.
    pub(crate) key: Arc<dyn Signer>,
}

/// As [`send`], for anybody. What the router took is not posted again: its key may have been revoked since.
pub(crate) async fn send_as(
    site: &Site,
    services: &Services,
    sender: &Sender,
    name: &str,
    now: SystemTime,
    body: impl FnOnce() -> Result<EventBody, DemoError>,
) -> Result<(), DemoError> {
    let path = site.path("events").join(format!("{name}.json"));
    let taken = site.path("events").join(format!("{name}.taken"));
    if taken.exists() {
        return Ok(());
    }
    let make = || -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        let id = EventId::new(name)?;
        let event = Event::new(id, sender.source, now, body()?);
        let envelope = Envelope::sign(PAYLOAD_TYPE, &event.to_payload()?, sender.key.as_ref())?;
        Ok(CloudEvent::of(&event, envelope).to_json())
    };
    let bytes = read_or_write(&path, 0o644, make).during(&format!("sign the event {name}"))?;
    let bytes = Bytes::from(bytes);
    for attempt in 1.. {
        match services.events.post(bytes.clone()).await {
            Ok(_posted) => break,
            Err(error) if error.is_retryable() && attempt < ATTEMPTS => {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            Err(error) => return Err(error).during(&format!("post the event {name}")),
        }
    }
    write_atomically(&taken, b"", 0o644).during(&format!("remember that {name} was taken"))
}

/// Posts an event that nobody should take, and tells why the router did not. Nothing of it is kept here.
pub(crate) async fn refused(
    services: &Services,
    name: &str,
    key: &dyn Signer,
    body: EventBody,
) -> Result<String, DemoError> {
    let id = EventId::new(name).during("name the event")?;
    let event = Event::new(id, SOURCE, SystemTime::now(), body);
    let payload = event.to_payload().during("write the event")?;
    let envelope = Envelope::sign(PAYLOAD_TYPE, &payload, key).during("sign the event")?;
    let bytes = Bytes::from(CloudEvent::of(&event, envelope).to_json());
    for attempt in 1.. {
        match services.events.post(bytes.clone()).await {
            Ok(_posted) => return Err(DemoError::new(format!("the router took the event {name}"))),
            Err(error) if error.is_retryable() && attempt < ATTEMPTS => {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            Err(error) => return Ok(crate::told::told(&error)),
        }
    }
    Err(DemoError::new(format!("the router never answered to the event {name}")))
}
