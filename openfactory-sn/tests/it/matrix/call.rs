//! How each kind of call is made, and what its caller does when it cannot know what became of it.

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use openfactory_sn::batch::Batch;
use openfactory_sn::change::Association;
use openfactory_sn::cmdb::{Item, NewRelation, Payload};
use openfactory_sn::doctor::{Needs, Verdict};
use openfactory_sn::models::attachment::Attachment;
use openfactory_sn::models::change_request::{STATE, State, Type};
use openfactory_sn::models::incident::Incident;
use openfactory_sn::poll::{Cursor, Poller};
use openfactory_sn::query::Condition;
use openfactory_sn::record::Field;
use openfactory_sn::sync::{Desired, Sent};
use openfactory_sn::table::Aggregate;
use openfactory_sn::{Client, Error, ErrorKind, Fields, Query, SysId};

use super::kind::Kind;
use super::place::{DEVICE, NOTE, SOURCE, content, device, file};
use super::{Cell, HASTY, LATE, MANY, PATIENT};

impl Cell<'_> {
    fn key(&self) -> SysId {
        SysId::derived("incident", &self.id())
    }

    pub(super) fn named(&self) -> Fields {
        Fields::new().with("short_description", self.name.as_str())
    }

    fn is_named(&self) -> Condition {
        Field::<String>::new("short_description").is(self.name.as_str())
    }

    fn device(&self) -> Payload {
        let mut payload = Payload::new(SOURCE);
        payload.item(Item::new(DEVICE, device(&self.name)));
        payload
    }

    /// Makes the call.
    pub(super) async fn call(&self, client: &Client) -> Result<(), Error> {
        let (base, world) = (&self.base, self.world);
        let incidents = client.dynamic_table("incident");
        match self.kind {
            Kind::Aggregate => {
                let by_state = Aggregate::count().group_by("state");
                let groups = incidents.aggregate(&Query::new().and(self.is_named()), &by_state).await?;
                assert_eq!(groups.iter().filter_map(|group| group.count).sum::<u64>(), 1);
            }
            Kind::Associate | Kind::Worker => {
                let changes = client.changes();
                let items = [world.image.clone()];
                let begun = changes.associate(base, Association::Affected, &items).await?;
                changes.finish(begun, Duration::from_millis(100)).await?;
            }
            Kind::Attach => self.attach(client).await.map(|_| ())?,
            Kind::Batch => {
                let mut batch = Batch::new();
                batch.ensure("incident", &self.key(), &self.named());
                client.batches().run(batch).await.remove(0)?;
            }
            Kind::ChangeCreate => {
                client.changes().create(&Type::Normal, None, &self.named()).await?;
            }
            Kind::ChangeMove => {
                let canceled = Fields::new().with_field(STATE, State::Canceled);
                let moved = client.changes().update(base, &canceled).await?;
                assert_eq!(moved.change.state, Some(State::Canceled));
            }
            Kind::Correlate => {
                incidents.ensure_correlated(&self.id(), &self.named()).await?;
            }
            Kind::Count => assert_eq!(incidents.count(&Query::new().and(self.is_named())).await?, 1),
            Kind::Create => {
                incidents.create(&self.named()).await?;
            }
            Kind::CreateWithKey => {
                incidents.create_with_sys_id(&self.key(), &self.named()).await?;
            }
            Kind::Decide => client.changes().approve(base, "fine").await?,
            Kind::Delete => {
                if incidents.get_opt(base).await?.is_some() {
                    incidents.delete(base).await?;
                }
            }
            Kind::Detach => {
                if let Some(file) = client.table::<Attachment>().get_opt(base).await? {
                    client.attachments().delete(&file).await?;
                }
            }
            Kind::Download => {
                let file = client.table::<Attachment>().get(base).await?;
                let downloaded = client.attachments().download(&file).await?;
                assert!(downloaded == content(&self.name), "{}: not what was attached", self.name);
            }
            Kind::Ensure => {
                incidents.ensure(&self.key(), &self.named()).await?;
            }
            Kind::Get => assert_eq!(incidents.get(base).await?.sys_id(), base),
            Kind::Import => {
                let made = client.import_set("imp_user").insert(&self.user()).await?;
                assert!(made.iter().all(|made| made.sys_id.is_some()), "{made:?}");
            }
            Kind::ImportMany => {
                client.import_set("imp_user").insert_many(&[self.user()]).await?;
            }
            Kind::InstanceCreate => {
                client.cmdb().create_instance(DEVICE, SOURCE, &device(&self.name), &[]).await?;
            }
            Kind::InstanceGet => {
                let found = client.cmdb().instance(DEVICE, base).await?;
                assert_eq!(found.attributes.text("name"), self.name);
            }
            Kind::InstanceUpdate => {
                let version = Fields::new().with("os_version", self.name.as_str());
                client.cmdb().update_instance(DEVICE, base, SOURCE, &version).await?;
            }
            Kind::Journal => assert_eq!(incidents.journal(base, "work_notes").await?.len(), 1),
            Kind::Links => self.list(client, Query::new().order_by("number").by_links()).await?,
            Kind::List => self.list(client, Query::new()).await?,
            Kind::LookAgain => {
                let (mut desired, mut sent) = (Desired::new(), Sent::new());
                assert_eq!(desired.record(DEVICE, &self.id(), device(&self.name)), *base);
                client.look_again(&desired, &mut sent).await.inspect_err(|_| assert!(sent.is_empty()))?;
                assert!(desired.differences(&sent).is_empty());
            }
            Kind::NextStates => {
                let next = client.changes().next_states(base).await?;
                assert!(next.allows(&State::Assess));
            }
            Kind::Note => {
                if incidents.journal(base, "work_notes").await?.is_empty() {
                    incidents.update(base, &Fields::new().with("work_notes", NOTE)).await?;
                }
            }
            Kind::Open => {
                let file = client.table::<Attachment>().get(base).await?;
                let mut download = client.attachments().open(&file).await?;
                let mut read = Vec::new();
                while let Some(chunk) = download.chunk().await? {
                    read.extend_from_slice(&chunk);
                }
                assert!(read == content(&self.name).as_bytes(), "{}: not what was attached", self.name);
            }
            Kind::Poll => self.poll(client).await?,
            Kind::Probe => {
                let findings = client.examine(&Needs::new().write_probe("incident")).await;
                if let Some(Verdict::Unchecked(error)) = findings.into_iter().last().map(|last| last.verdict)
                {
                    return Err(error);
                }
            }
            Kind::Reconcile => {
                let outcome = client.cmdb().reconcile(&self.device()).await?;
                assert!(outcome.is_complete(), "{outcome:?}");
            }
            Kind::Relate => {
                client.cmdb().relate(base, &world.runs_on, &world.image).await?;
            }
            Kind::RelateInstance => {
                let relation =
                    NewRelation::Outbound { kind: world.runs_on.clone(), target: world.image.clone() };
                client.cmdb().add_relations(DEVICE, base, SOURCE, &[relation]).await?;
            }
            Kind::BatchCreate
            | Kind::BatchDelete
            | Kind::BatchGet
            | Kind::BatchUpdate
            | Kind::Event
            | Kind::ReconcileRelated
            | Kind::Sync
            | Kind::SyncChanged
            | Kind::SyncGone
            | Kind::SyncPayloads => self.call_much(client).await?,
            Kind::Renew => self.renew().await?,
            Kind::Token => {
                let total = if self.bad.delay == LATE { HASTY } else { PATIENT };
                world.fresh(total).dynamic_table("incident").get(base).await?;
            }
            Kind::TypedCreate => {
                client.table::<Incident>().create(&self.named()).await?;
            }
            Kind::Unrelate => {
                let cmdb = client.cmdb();
                if let Some(relation) = cmdb.instance(DEVICE, base).await?.outbound.first() {
                    cmdb.remove_relation(DEVICE, base, &relation.sys_id).await?;
                }
            }
            Kind::Update => {
                let category = Fields::new().with("category", self.name.as_str());
                incidents.update(base, &category).await?;
            }
            Kind::Upload => {
                let (name, content) = (file(&self.name), Bytes::from(content(&self.name)));
                client.attachments().upload("incident", base, &name, "text/plain", content).await?;
            }
            Kind::WouldReconcile => {
                let outcome = client.cmdb().would_reconcile(&self.device()).await?;
                assert!(outcome.is_complete(), "{outcome:?}");
            }
        }
        Ok(())
    }

    /// What a caller does who does not know, or does not remember, what became of the call. Where the client cannot tell by
    /// itself, the caller looks, and takes away what is there twice.
    pub(super) async fn again(&self) -> Result<(), Error> {
        let (client, base) = (&self.world.client, &self.base);
        match self.kind {
            Kind::Attach => {
                for other in self.attach(client).await?.others {
                    client.attachments().delete(&other).await?;
                }
            }
            Kind::ChangeCreate => self.once("change_request").await?,
            Kind::BatchCreate | Kind::Create | Kind::TypedCreate => self.once("incident").await?,
            Kind::Upload => {
                let files = client.attachments().list("incident", base).await?;
                if files.is_empty() {
                    self.call(client).await?;
                }
                for double in files.iter().skip(1) {
                    client.attachments().delete(double).await?;
                }
            }
            Kind::Correlate => {
                let incidents = client.dynamic_table("incident");
                let ensured = incidents.ensure_correlated(&self.id(), &self.named()).await?;
                for other in ensured.others {
                    self.world.admin.dynamic_table("incident").delete(&other).await?;
                }
            }
            Kind::CreateWithKey => {
                client.dynamic_table("incident").ensure(&self.key(), &self.named()).await?;
            }
            // It took up by itself where it failed.
            Kind::Links | Kind::List => {}
            Kind::Decide if self.seen() == 1 => {}
            Kind::RelateInstance if !client.cmdb().instance(DEVICE, base).await?.outbound.is_empty() => {}
            Kind::Decide => self.call(&self.world.manager).await?,
            Kind::Renew => client.dynamic_table("incident").get(base).await.map(|_| ())?,
            Kind::BatchDelete | Kind::Delete | Kind::Import | Kind::ImportMany | Kind::Probe => {
                self.call(&self.world.admin).await?
            }
            _ => self.call(client).await?,
        }
        Ok(())
    }

    /// Reads by a token that the instance takes no more, so that the client has to ask for another.
    async fn renew(&self) -> Result<(), Error> {
        let Self { world, base, .. } = self;
        let client = world.fresh(PATIENT);
        world.simulator.clear_faults();
        client.dynamic_table("incident").get(base).await?;
        world.simulator.revoke_tokens().unwrap();
        self.hit();
        client.dynamic_table("incident").get(base).await.map(|_| ())
    }

    async fn once(&self, table: &str) -> Result<(), Error> {
        let found = self.world.client.dynamic_table(table).find(&self.others()).await?;
        if found.is_empty() {
            return self.call(&self.world.client).await;
        }
        for double in found.iter().skip(1) {
            self.world.admin.dynamic_table(table).delete(double.sys_id()).await?;
        }
        Ok(())
    }

    /// Records of this name, but for the one that was there before.
    fn others(&self) -> Query {
        Query::new().and(self.is_named()).and(Field::<SysId>::new("sys_id").is_not(&self.base))
    }

    async fn attach(&self, client: &Client) -> Result<openfactory_sn::attachment::EnsuredAttachment, Error> {
        let content = Bytes::from(content(&self.name));
        let name = file(&self.name);
        client.attachments().ensure("incident", &self.base, &name, "text/plain", content).await
    }

    /// Goes through a list of two pages, each of which goes wrong once, and takes up where it failed.
    async fn list(&self, client: &Client, query: Query) -> Result<(), Error> {
        let many = query.and(Field::<String>::new("category").is("many")).select(["category"]);
        let mut listing = client.dynamic_table("incident").list(&many)?;
        let mut keys = HashSet::new();
        let mut failures = 0;
        loop {
            match listing.try_next().await {
                Ok(None) => break,
                Ok(Some(row)) => {
                    assert!(keys.insert(row.sys_id().clone()), "{}: a record twice", self.name);
                    if keys.len() == 1 {
                        self.hit();
                    }
                }
                Err(error) => {
                    failures += 1;
                    assert!(failures < 6 && error.kind() != ErrorKind::Local, "{}: {error}", self.name);
                }
            }
        }
        assert_eq!(keys.len(), MANY, "{}", self.name);
        Ok(())
    }

    /// Looks for what changed: shown once, whatever went wrong before.
    async fn poll(&self, client: &Client) -> Result<(), Error> {
        let poller = Poller::new("incident").and(self.is_named());
        let mut cursor = Cursor::from(SystemTime::now() - Duration::from_secs(60)).unwrap();
        let before = cursor.clone();
        let changed = poller.poll(client, &mut cursor).await.inspect_err(|_| assert_eq!(cursor, before))?;
        assert_eq!(changed.len(), 1);
        assert_eq!(poller.poll(client, &mut cursor).await?.len(), 0, "shown already");
        Ok(())
    }

    fn user(&self) -> Fields {
        Fields::new().with("user_id", self.name.as_str()).with("last_name", "Matrix")
    }
}
