//! A fleet of devices, a platform that deploys to them, and a router without a network.

use std::collections::{BTreeSet, VecDeque};

use openfactory_attest::report::{DeviceReport, VerityProof, VerityState};
use openfactory_sn::SysId;
use openfactory_sn::lifecycle::correlation;
use openfactory_sn::lifecycle::entity::{Device, Entity, EntityKey, Rollout, RolloutState, Standing};
use openfactory_sn::lifecycle::event::device::DeviceReported;
use openfactory_sn::lifecycle::event::rollout::{ImageFacts, RolloutDevice, RolloutRequested, Stage};
use openfactory_sn::lifecycle::event::{Event, EventBody};
use openfactory_sn::lifecycle::id::{BuildId, DeviceId, EventId};
use openfactory_sn::lifecycle::platform::{Action, ActionOutcome, Order, Performed};
use openfactory_sn::lifecycle::state::StateStore;
use openfactory_sn::lifecycle::workflow::performed;

use super::super::samples::{self, instant};
use super::super::world::World;

pub(in super::super) fn build(name: &str) -> BuildId {
    BuildId::new(name).unwrap()
}

pub(in super::super) fn device(n: usize) -> DeviceId {
    DeviceId::new(format!("press-{n}")).unwrap()
}

pub(in super::super) fn change_of(name: &str) -> SysId {
    SysId::derived("change_request", &correlation::change(&build(name)))
}

/// The rollout of a build to `press-1` to `press-n`, `press-1` being the canary.
pub(in super::super) fn request(name: &str, devices: usize) -> RolloutRequested {
    let mut image = ImageFacts::new(
        samples::digest("recipe"),
        samples::digest("root"),
        samples::envelope("document").payload_digest(),
    );
    image.base_image = "debian-trixie".to_owned();
    image.base_version = "13.1".to_owned();
    image.os_version = format!("13.1-{name}");
    image.distribution = "Debian".to_owned();
    let devices = (1..=devices).map(|n| RolloutDevice::new(device(n), format!("SN-{n}"))).collect();
    let mut body = RolloutRequested::new(build(name), samples::fleet(), devices, image);
    body.canary = Some(device(1));
    body
}

pub(in super::super) fn requested(seconds: u64, body: RolloutRequested) -> Event {
    let id = format!("rollout-{}", body.build_id);
    samples::event(&id, seconds, EventBody::RolloutRequested(Box::new(body)))
}

/// The events of a build's life up to its verification, and the hint that opens its gate.
pub(in super::super) fn life_of(name: &str) -> [Event; 4] {
    let mut events =
        [samples::requested(), samples::hint("hint", 50), samples::completed(), samples::verified()];
    for event in &mut events {
        event.id = EventId::new(format!("{}-{name}", event.id)).unwrap();
        match &mut event.body {
            EventBody::BuildRequested(body) => body.build_id = build(name),
            EventBody::BuildCompleted(body) => body.build_id = build(name),
            EventBody::BuildVerified(body) => body.build_id = build(name),
            EventBody::RecordChanged(body) => body.sys_id = change_of(name),
            other => panic!("{other:?}"),
        }
    }
    events
}

pub(in super::super) struct Line {
    pub(in super::super) world: World,
    queue: VecDeque<Event>,
    /// Everything that was published, in order.
    pub(in super::super) told: Vec<Event>,
    /// Devices to which the platform can not deploy, and that it can't roll back.
    pub(in super::super) stuck: BTreeSet<DeviceId>,
    /// Whether orders stay where they are for now.
    pub(in super::super) orders_wait: bool,
    waiting: Vec<Event>,
}

impl Line {
    /// Build `b-1` is verified; nothing runs it.
    pub(in super::super) async fn new() -> Self {
        let mut line = Self {
            world: World::new(),
            queue: VecDeque::new(),
            told: Vec::new(),
            stuck: BTreeSet::new(),
            orders_wait: false,
            waiting: Vec::new(),
        };
        line.verify("b-1").await;
        line
    }

    /// The rollout of `b-1` has begun, at 1000 s, and its canary is deployed.
    pub(in super::super) async fn begun(devices: usize) -> Self {
        let mut line = Self::new().await;
        line.send(1000, requested(1000, request("b-1", devices))).await;
        line
    }

    /// `b-1` runs everywhere, and the rollout of `b-2` has begun at 100 000 s.
    pub(in super::super) async fn second(devices: usize) -> Self {
        let mut line = Self::begun(devices).await;
        line.soak_all("b-1", 1000).await;
        assert!(matches!(line.rollout("b-1").await.state, RolloutState::Completed { .. }));
        line.verify("b-2").await;
        line.told.clear();
        line.send(100_000, requested(100_000, request("b-2", devices))).await;
        line
    }

    /// Verifies a build, its change request approved.
    pub(in super::super) async fn verify(&mut self, name: &str) {
        for mut event in life_of(name) {
            // A later build is newer.
            if name == "b-2" {
                event.time = instant(90_000);
                self.world.now = instant(90_000);
            }
            self.world.apply(&event).await;
            if matches!(event.body, EventBody::BuildRequested(_)) {
                self.world.recorded(&event).await;
                self.world.observe(&change_of(name), "approved", "-2");
            }
        }
    }

    /// Takes an event at an instant, and everything that follows.
    pub(in super::super) async fn send(&mut self, seconds: u64, event: Event) {
        self.world.now = instant(seconds);
        self.queue.push_back(event);
        self.run().await;
    }

    async fn run(&mut self) {
        while let Some(event) = self.queue.pop_front() {
            let published = self.world.apply(&event).await;
            if let EventBody::OrderGiven(body) = &event.body {
                if self.orders_wait {
                    self.waiting.push(event);
                } else {
                    let outcome = self.outcome(&body.order);
                    let commit = performed(&event, outcome, self.world.now).unwrap();
                    self.world.store.commit(&commit).await.unwrap();
                }
            }
            self.keep(published);
            let committed = self.world.drain().await;
            self.keep(committed);
        }
    }

    fn keep(&mut self, published: Vec<Event>) {
        self.told.extend(published.iter().cloned());
        self.queue.extend(published);
    }

    fn outcome(&self, order: &Order) -> Performed {
        let outcome = |action: &Action| match action {
            Action::Deploy { .. } | Action::RollBack { .. } if self.stuck.contains(&order.device) => {
                ActionOutcome::failed(action.clone(), "the stored image is gone")
            }
            _ => ActionOutcome::done(action.clone(), "ok"),
        };
        Performed::new(order.actions.iter().map(outcome).collect())
    }

    /// The platform gets to the orders that have waited.
    pub(in super::super) async fn perform_waiting(&mut self, seconds: u64) {
        self.world.now = instant(seconds);
        self.orders_wait = false;
        for event in std::mem::take(&mut self.waiting) {
            let EventBody::OrderGiven(body) = &event.body else { panic!() };
            let commit = performed(&event, self.outcome(&body.order), self.world.now).unwrap();
            self.world.store.commit(&commit).await.unwrap();
        }
        let committed = self.world.drain().await;
        self.keep(committed);
        self.run().await;
    }

    /// A device reports at an instant that these paths differ.
    pub(in super::super) async fn report(&mut self, n: usize, name: &str, seconds: u64, paths: &[&str]) {
        let report =
            DeviceReport::new(device(n).as_str(), name, instant(seconds), samples::digest("manifest"), 1234)
                .with_findings(paths.iter().map(|path| samples::difference(path)).collect());
        let by = VerityProof::File;
        let report = report.with_verity(VerityState::Proved { root_hash: samples::digest("root"), by });
        self.send_report(report, seconds).await;
    }

    /// A device's report comes in at an instant.
    pub(in super::super) async fn send_report(&mut self, report: DeviceReport, seconds: u64) {
        let id = format!("report-{}-{seconds}", report.device);
        let source = format!("/agent/{}", report.device);
        let time = report.time;
        let body = EventBody::DeviceReported(Box::new(DeviceReported::new(report)));
        self.send(seconds, Event::new(EventId::new(id).unwrap(), source, time, body)).await;
    }

    /// Healthy reports of these devices at `from` + 1, + 451 and + 901 s.
    pub(in super::super) async fn soak(&mut self, devices: &[usize], name: &str, from: u64) {
        for seconds in [1, 451, 901] {
            for n in devices {
                self.report(*n, name, from + seconds, &[]).await;
            }
        }
    }

    /// All three stages, from the instant at which the first began.
    pub(in super::super) async fn soak_all(&mut self, name: &str, from: u64) {
        self.soak(&[1], name, from).await;
        for (stage, begin) in [(Stage::Staged, from + 1000), (Stage::Full, from + 2000)] {
            let members = self.of_stage(name, stage).await;
            self.soak(&members, name, begin).await;
        }
    }

    /// The devices of a stage.
    pub(in super::super) async fn of_stage(&self, name: &str, stage: Stage) -> Vec<usize> {
        let rollout = self.rollout(name).await;
        let number = |id: &DeviceId| id.as_str().trim_start_matches("press-").parse().unwrap();
        rollout.of_stage(stage).map(|(id, _)| number(id)).collect()
    }

    /// Fires what is due and handles it.
    pub(in super::super) async fn let_time_pass_until(&mut self, seconds: u64) {
        self.world.now = instant(seconds);
        self.world.store.fire_due(self.world.now, 100).await.unwrap();
        let due = self.world.drain().await;
        self.keep(due);
        self.run().await;
    }

    pub(in super::super) async fn rollout(&self, name: &str) -> Rollout {
        match self.world.entity(EntityKey::Rollout(build(name))).await {
            Some(Entity::Rollout(rollout)) => rollout,
            other => panic!("{other:?}"),
        }
    }

    /// `running canary`, `passed full`, `completed`, `failed staged`.
    pub(in super::super) async fn state(&self, name: &str) -> String {
        match self.rollout(name).await.state {
            RolloutState::Running { stage, .. } => format!("running {stage}"),
            RolloutState::Passed { stage, .. } => format!("passed {stage}"),
            RolloutState::Completed { .. } => "completed".to_owned(),
            RolloutState::Failed { stage, .. } => format!("failed {stage}"),
            other => panic!("{other:?}"),
        }
    }

    pub(in super::super) async fn reason(&self, name: &str) -> String {
        match self.rollout(name).await.state {
            RolloutState::Failed { reason, .. } => reason,
            other => panic!("{other:?}"),
        }
    }

    pub(in super::super) async fn standing(&self, name: &str, n: usize) -> Standing {
        self.rollout(name).await.devices[&device(n)].standing
    }

    pub(in super::super) async fn device(&self, n: usize) -> Device {
        match self.world.entity(EntityKey::Device(device(n))).await {
            Some(Entity::Device(device)) => device,
            other => panic!("{other:?}"),
        }
    }

    /// The orders that were given, in brief: `press-1: deploy build b-1`.
    pub(in super::super) fn orders(&self) -> Vec<String> {
        let order = |event: &Event| {
            match &event.body {
                EventBody::OrderGiven(body) => Some(&body.order),
                _ => None,
            }
            .map(|order| {
                let actions: Vec<String> = order.actions.iter().map(ToString::to_string).collect();
                format!("{}: {}", order.device, actions.join(", "))
            })
        };
        self.told.iter().filter_map(order).collect()
    }

    /// What was told of the rollout, in brief.
    pub(in super::super) fn facts(&self) -> Vec<String> {
        let fact = |event: &Event| match &event.body {
            EventBody::RolloutStageStarted(body) => Some(format!("{} started", body.stage)),
            EventBody::RolloutStagePassed(body) => {
                Some(format!("{} passed with {}", body.stage, body.health.len()))
            }
            EventBody::RolloutFailed(body) => Some(format!("{} failed", body.stage)),
            EventBody::RolloutCompleted(body) => Some(format!("completed on {}", body.devices)),
            _ => None,
        };
        self.told.iter().filter_map(fact).collect()
    }
}
