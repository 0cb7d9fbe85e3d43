//! How what writes much at once is called: batches, payloads, the ways of a
//! comparison, and events.

use std::time::SystemTime;

use openfactory_sn::batch::Batch;
use openfactory_sn::cmdb::{Item, Payload};
use openfactory_sn::event::{Event, Severity};
use openfactory_sn::sync::{Desired, Payloads, Sent, Synced, Way};
use openfactory_sn::{Client, Error, Fields};

use super::Cell;
use super::kind::Kind;
use super::place::{DEVICE, SOURCE, device, id};

impl Cell<'_> {
    /// Makes the call.
    pub(super) async fn call_much(&self, client: &Client) -> Result<(), Error> {
        let (base, world, name) = (&self.base, self.world, self.name.as_str());
        let mut batch = Batch::new();
        match self.kind {
            Kind::BatchCreate => batch.create("incident", &self.named()),
            Kind::BatchDelete => {
                if client.dynamic_table("incident").get_opt(base).await?.is_some() {
                    batch.delete("incident", base);
                }
            }
            Kind::BatchGet => batch.get("incident", base),
            Kind::BatchUpdate => batch.update("incident", base, &Fields::new().with("category", name)),
            Kind::Event => {
                let event = Event::new(SOURCE, name, Severity::Major, SystemTime::now()).node("kiosk");
                return client.events().send(&[event]).await;
            }
            Kind::ReconcileRelated => {
                let mut payload = Payload::new(SOURCE);
                let related = payload.item(Item::new(DEVICE, device(name)));
                let image = payload.item(Item::new(DEVICE, device("kiosk")));
                payload.relate(related, "Runs on::Runs", image);
                let outcome = client.cmdb().reconcile(&payload).await?;
                assert!(outcome.is_complete(), "{outcome:?}");
                return Ok(());
            }
            Kind::SyncChanged => {
                let (mut before, mut desired) = (Desired::new(), Desired::new());
                before.record(DEVICE, &self.id(), device(name));
                desired.record(DEVICE, &self.id(), device(name).with("os_version", name));
                return first_failure(client.sync(&desired, &mut sent(&before)).await);
            }
            Kind::SyncGone => {
                let (before, _) = world.related(name);
                let mut desired = Desired::new();
                desired.record(DEVICE, &self.id(), device(name));
                return first_failure(client.sync(&desired, &mut sent(&before)).await);
            }
            Kind::SyncPayloads => {
                let mut desired = Desired::new();
                let key = desired.record(DEVICE, &self.id(), device(name));
                let image = desired.record(DEVICE, &id("kiosk"), device("kiosk"));
                desired.relation(&key, &world.runs_on, &image).unwrap();
                let way = Way::Payloads(Payloads::new(SOURCE));
                return first_failure(client.sync_by(&way, &desired, &mut Sent::new()).await);
            }
            // What is compared with nothing sent yet.
            _ => {
                let (desired, _) = world.related(name);
                return first_failure(client.sync(&desired, &mut Sent::new()).await);
            }
        }
        client.batches().run(batch).await.into_iter().try_for_each(|done| done.map(|_| ()))
    }
}

/// What is remembered once all of this was sent.
fn sent(desired: &Desired) -> Sent {
    let mut sent = Sent::new();
    for difference in desired.differences(&Sent::new()) {
        sent.remember(&difference);
    }
    sent
}

fn first_failure(synced: Synced) -> Result<(), Error> {
    synced.failed.into_iter().next().map_or(Ok(()), |(_, error)| Err(error))
}
