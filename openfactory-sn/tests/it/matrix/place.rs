//! What has to be there before a call.

use std::time::Duration;

use bytes::Bytes;
use openfactory_sn::change::Association;
use openfactory_sn::cmdb::NewRelation;
use openfactory_sn::models::change_request::{STATE, State, Type};
use openfactory_sn::sync::{Desired, Sent};
use openfactory_sn::{CorrelationId, Fields, SysId};

use super::kind::Kind;
use super::{Cell, World};

pub(super) const DEVICE: &str = "cmdb_ci_linux_server";
pub(super) const SOURCE: &str = "OpenFactory";
pub(super) const NOTE: &str = "seen by the matrix";

impl World {
    /// Puts it there, and hands back the key of the record that the call is about.
    pub(super) async fn place(&self, kind: Kind, name: &str) -> SysId {
        let short = Fields::new().with("short_description", name);
        match kind {
            Kind::Associate | Kind::ChangeMove | Kind::Decide | Kind::NextStates | Kind::Worker => {
                let changes = self.client.changes();
                let made = changes.create(&Type::Normal, None, &short).await.unwrap();
                let key = made.change.sys_id().clone();
                if kind == Kind::Decide {
                    changes.update(&key, &Fields::new().with_field(STATE, State::Assess)).await.unwrap();
                }
                if kind == Kind::Worker {
                    let items = [self.image.clone()];
                    let begun = changes.associate(&key, Association::Affected, &items).await.unwrap();
                    changes.finish(begun, Duration::from_millis(100)).await.unwrap();
                }
                key
            }
            Kind::Detach | Kind::Download | Kind::Open => {
                let incident = self.incident(name, &short).await;
                let content = Bytes::from(content(name));
                let files = self.client.attachments();
                let file =
                    files.upload("incident", &incident, &file(name), "text/plain", content).await.unwrap();
                file.sys_id().clone()
            }
            Kind::InstanceGet | Kind::InstanceUpdate | Kind::RelateInstance | Kind::Unrelate => {
                let to = NewRelation::Outbound { kind: self.runs_on.clone(), target: self.image.clone() };
                let related: &[_] = if kind == Kind::Unrelate { &[to] } else { &[] };
                let made = self.client.cmdb().create_instance(DEVICE, SOURCE, &device(name), related).await;
                made.unwrap().attributes.sys_id().clone()
            }
            Kind::LookAgain | Kind::SyncChanged => {
                let key = SysId::derived(DEVICE, &id(name));
                self.client.dynamic_table(DEVICE).ensure(&key, &device(name)).await.unwrap();
                key
            }
            Kind::SyncGone => {
                let (desired, key) = self.related(name);
                let synced = self.client.sync(&desired, &mut Sent::new()).await;
                assert!(synced.failed.is_empty(), "{:?}", synced.failed);
                key
            }
            Kind::Journal => {
                let incident = self.incident(name, &short).await;
                let note = Fields::new().with("work_notes", NOTE);
                self.client.dynamic_table("incident").update(&incident, &note).await.unwrap();
                incident
            }
            _ => self.incident(name, &short).await,
        }
    }

    /// A device, its key, and that it runs the image.
    pub(super) fn related(&self, name: &str) -> (Desired, SysId) {
        let mut desired = Desired::new();
        let key = desired.record(DEVICE, &id(name), device(name));
        desired.relation(&key, &self.runs_on, &self.image).unwrap();
        (desired, key)
    }

    async fn incident(&self, name: &str, fields: &Fields) -> SysId {
        let key = SysId::derived("incident", &id(&format!("base/{name}")));
        self.client.dynamic_table("incident").ensure(&key, fields).await.unwrap();
        key
    }
}

impl Cell<'_> {
    pub(super) fn id(&self) -> CorrelationId {
        id(&self.name)
    }
}

pub(super) fn id(text: &str) -> CorrelationId {
    CorrelationId::new(text).unwrap()
}

/// A device by which identification knows it.
pub(super) fn device(name: &str) -> Fields {
    Fields::new().with("name", name).with("serial_number", name)
}

/// What is attached, longer than one chunk.
pub(super) fn content(name: &str) -> String {
    format!("{name} ").repeat(9_000)
}

pub(super) fn file(name: &str) -> String {
    format!("{name}.txt")
}
