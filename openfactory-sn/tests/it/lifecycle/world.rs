//! A router without a network: decides and commits against a store in memory.

use std::collections::BTreeMap;
use std::time::SystemTime;

use openfactory_sn::SysId;
use openfactory_sn::lifecycle::entity::{Build, Device, Entity, EntityKey, Gate, OrderRecord};
use openfactory_sn::lifecycle::event::{Event, EventBody};
use openfactory_sn::lifecycle::id::OrderId;
use openfactory_sn::lifecycle::platform::{ActionOutcome, Performed};
use openfactory_sn::lifecycle::policy::Policy;
use openfactory_sn::lifecycle::state::StateStore;
use openfactory_sn::lifecycle::state::commit::CommitOutcome;
use openfactory_sn::lifecycle::state::memory::MemoryStateStore;
use openfactory_sn::lifecycle::state::receipt::Receipt;
use openfactory_sn::lifecycle::state::signed;
use openfactory_sn::lifecycle::workflow::view::{Missing, Observed, View};
use openfactory_sn::lifecycle::workflow::{Decision, decide, performed};

use super::samples;

pub(super) struct World {
    pub(super) store: MemoryStateStore,
    pub(super) policy: Policy,
    pub(super) now: SystemTime,
    records: BTreeMap<SysId, BTreeMap<String, String>>,
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            store: MemoryStateStore::new(),
            policy: Policy::default(),
            now: samples::instant(0),
            records: BTreeMap::new(),
        }
    }

    /// The build requested, its change request recorded and approved.
    pub(super) async fn with_open_gate() -> Self {
        let mut world = Self::new();
        world.apply(&samples::requested()).await;
        world.recorded(&samples::requested()).await;
        world.observe(&samples::change_request(), "approved", "-2");
        world.apply(&samples::hint("hint-1", 50)).await;
        world
    }

    /// The build verified and running on a device that has not reported.
    pub(super) async fn with_device() -> Self {
        let mut world = Self::with_open_gate().await;
        for event in [samples::completed(), samples::verified(), samples::deployed()] {
            world.at(event.time).apply(&event).await;
        }
        world
    }

    /// The same, after a passing report at 300 s.
    pub(super) async fn with_compliant_device() -> Self {
        let mut world = Self::with_device().await;
        world.report(300, &[]).await;
        world
    }

    pub(super) fn at(&mut self, now: SystemTime) -> &mut Self {
        self.now = now;
        self
    }

    pub(super) fn observe(&mut self, sys_id: &SysId, approval: &str, state: &str) {
        let fields =
            [("approval", approval), ("state", state), ("number", "CHG0030001"), ("sys_updated_by", "cab")];
        let fields = fields.map(|(field, value)| (field.to_owned(), value.to_owned())).into();
        self.records.insert(sys_id.clone(), fields);
    }

    /// A record, field by field.
    pub(super) fn observe_fields<'f>(
        &mut self,
        sys_id: &SysId,
        fields: impl Iterator<Item = (&'f str, &'f str)>,
    ) {
        let fields = fields.map(|(field, value)| (field.to_owned(), value.to_owned())).collect();
        self.records.insert(sys_id.clone(), fields);
    }

    /// From now on a record can't be read.
    pub(super) fn forget(&mut self, sys_id: &SysId) {
        self.records.remove(sys_id);
    }

    /// Says that the event's plan was applied.
    pub(super) async fn recorded(&self, event: &Event) {
        self.store.record_receipt(&Receipt::new(event.identity(), self.now, vec![])).await.unwrap();
    }

    /// What is decided when everything that is asked for is looked up.
    pub(super) async fn decide(&self, event: &Event) -> Decision {
        let mut view = View::new();
        loop {
            match decide(event, &view, &self.policy, self.now) {
                Decision::Missing(Missing::Entity(key)) => {
                    for (key, kept) in self.store.load(&[key]).await.unwrap() {
                        view.add_entity(key, kept);
                    }
                }
                Decision::Missing(Missing::Receipt(id)) => {
                    let receipt = self.store.receipt(&id).await.unwrap();
                    view.add_receipt(id, receipt);
                }
                Decision::Missing(Missing::Record { table, sys_id }) => {
                    view.add_record(match self.records.get(&sys_id) {
                        Some(fields) => Observed::found(table, sys_id, self.now, fields.clone()),
                        None => Observed::absent(table, sys_id, self.now),
                    });
                }
                Decision::Missing(Missing::SignedBuilds(key)) => {
                    let uses = signed::by_key(&self.store, &key).await.unwrap();
                    view.add_signed_builds(key, uses);
                }
                decision => {
                    assert_eq!(decide(event, &view, &self.policy, self.now), decision, "decided twice");
                    return decision;
                }
            }
        }
    }

    /// Takes an event's step and gives what it publishes.
    pub(super) async fn apply(&self, event: &Event) -> Vec<Event> {
        // What can't be written and read again could not have come through a queue.
        assert_eq!(Event::parse(&event.to_payload().unwrap()).unwrap(), *event);
        let Decision::Apply(step) = self.decide(event).await else {
            panic!("{:?}: {:?}", event.body.type_name(), self.decide(event).await)
        };
        assert!(!step.remark.is_empty(), "{event:?}");
        assert_eq!(self.store.commit(&step.commit).await.unwrap(), CommitOutcome::Applied);
        assert_eq!(self.store.commit(&step.commit).await.unwrap(), CommitOutcome::AlreadyApplied);
        self.drain().await
    }

    /// Takes a report's step, which happens as soon as it was made.
    pub(super) async fn report(&mut self, seconds: u64, paths: &[&str]) -> Vec<Event> {
        self.at(samples::instant(seconds)).apply(&samples::reported(samples::report(seconds, paths))).await
    }

    pub(super) async fn drain(&self) -> Vec<Event> {
        let rows = self.store.outbox(100).await.unwrap();
        self.store.published(&rows.iter().map(|row| row.seq).collect::<Vec<_>>()).await.unwrap();
        rows.into_iter().map(|row| row.event).collect()
    }

    /// The platform does all that was ordered, and the workflow hears of it.
    pub(super) async fn perform(&mut self, ordered: &Event, seconds: u64) -> Event {
        let EventBody::OrderGiven(body) = &ordered.body else { panic!("{ordered:?}") };
        let outcomes =
            body.order.actions.iter().map(|action| ActionOutcome::done(action.clone(), "ok")).collect();
        self.end(ordered, Performed::new(outcomes), seconds).await
    }

    /// The order ends like this, and the workflow hears of it.
    pub(super) async fn end(&mut self, ordered: &Event, ended: Performed, seconds: u64) -> Event {
        let (told, follows) = self.ends(ordered, ended, seconds).await;
        assert_eq!(follows, vec![]);
        told
    }

    /// The same, with what follows.
    pub(super) async fn ends(
        &mut self,
        ordered: &Event,
        ended: Performed,
        seconds: u64,
    ) -> (Event, Vec<Event>) {
        self.at(samples::instant(seconds)).apply(ordered).await;
        let commit = performed(ordered, ended, self.now).unwrap();
        assert_eq!(self.store.commit(&commit).await.unwrap(), CommitOutcome::Applied);
        assert_eq!(self.store.commit(&commit).await.unwrap(), CommitOutcome::AlreadyApplied);
        let [told] = self.drain().await.try_into().unwrap();
        let follows = self.apply(&told).await;
        (told, follows)
    }

    /// Fires what is due and handles it; what that publishes.
    pub(super) async fn let_time_pass_until(&mut self, seconds: u64) -> Vec<Event> {
        self.now = samples::instant(seconds);
        self.store.fire_due(self.now, 100).await.unwrap();
        let mut published = Vec::new();
        for event in self.drain().await {
            published.extend(self.apply(&event).await);
        }
        published
    }

    pub(super) async fn entity(&self, key: EntityKey) -> Option<Entity> {
        let [(_, kept)] = self.store.load(&[key]).await.unwrap().try_into().unwrap();
        kept.map(|kept| kept.value)
    }

    pub(super) async fn gate(&self) -> Gate {
        match self.entity(EntityKey::Gate(samples::change_request())).await {
            Some(Entity::Gate(gate)) => gate,
            other => panic!("{other:?}"),
        }
    }

    pub(super) async fn build(&self) -> Build {
        match self.entity(EntityKey::Build(samples::build_id())).await {
            Some(Entity::Build(build)) => build,
            other => panic!("{other:?}"),
        }
    }

    pub(super) async fn device(&self) -> Device {
        match self.entity(EntityKey::Device(samples::device_id())).await {
            Some(Entity::Device(device)) => device,
            other => panic!("{other:?}"),
        }
    }

    pub(super) async fn order(&self, id: &OrderId) -> OrderRecord {
        match self.entity(EntityKey::Order(id.clone())).await {
            Some(Entity::Order(order)) => order,
            other => panic!("{other:?}"),
        }
    }
}

pub(super) fn types(events: &[Event]) -> Vec<&'static str> {
    events
        .iter()
        .map(|event| event.body.type_name().trim_start_matches("tech.openfactory.").trim_end_matches(".v1"))
        .collect()
}
