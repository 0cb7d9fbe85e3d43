//! What a decision is based on, and what it may find missing.
//!
//! ```
//! use std::collections::BTreeMap;
//!
//! use openfactory_sn::lifecycle::entity::{Entity, EntityKey, Versioned};
//! use openfactory_sn::lifecycle::event::{Event, EventBody, record::RecordChanged};
//! use openfactory_sn::lifecycle::id::EventId;
//! use openfactory_sn::lifecycle::policy::Policy;
//! use openfactory_sn::lifecycle::state::receipt::Receipt;
//! use openfactory_sn::lifecycle::timestamp;
//! use openfactory_sn::lifecycle::workflow::view::{Missing, Observed, View};
//! use openfactory_sn::lifecycle::workflow::{Decision, decide};
//! use openfactory_sn::{Row, SysId};
//!
//! let (change, requested) = (SysId::new("6b566b0977684da34ed046d34287f7ec")?, EventId::new("e-1")?);
//! let now = timestamp::parse("2026-11-25T14:43:25.120Z")?;
//! let body = EventBody::RecordChanged(Box::new(RecordChanged::new("change_request", change.clone())));
//! let hint = Event::new(EventId::new("hint-1")?, "/webhook", now, body);
//!
//! // A gate waits for this change request, and the change request was made.
//! let gate = r#"{"kind":"gate","format":1,
//!     "data":{"build_id":"b-1","requested_by":"e-1","state":{"state":"waiting"}}}"#;
//! let mut view = View::new();
//! let kept = Versioned { version: 1, value: Entity::parse_document(gate)? };
//! view.add_entity(EntityKey::Gate(change.clone()), Some(kept));
//! view.add_receipt(requested.clone(), Some(Receipt::new(requested, now, vec![])));
//! let wanted = Missing::Record { table: "change_request".to_owned(), sys_id: change.clone() };
//! assert_eq!(decide(&hint, &view, &Policy::default(), now), Decision::Missing(wanted));
//!
//! // Whatever is read decides: nothing, a row of the client, or values from elsewhere.
//! let row: Row = serde_json::from_value(serde_json::json!({"sys_id": change.as_str(), "approval": "requested"}))?;
//! let approved = BTreeMap::from([("approval", "approved"), ("state", "-2")].map(|(f, v)| (f.into(), v.into())));
//! let rows = [
//!     (Observed::absent("change_request", change.clone(), now), "can not be read; its gate stays shut"),
//!     (Observed::of_row("change_request", &row, now), "is undecided (approval \"requested\", state \"\")"),
//!     (Observed::found("change_request", change, now, approved), "the gate of build b-1 is open"),
//! ];
//! for (record, expected) in rows {
//!     let mut view = view.clone();
//!     assert_eq!(record.text("no such field"), "");
//!     view.add_record(record);
//!     let Decision::Apply(step) = decide(&hint, &view, &Policy::default(), now) else { panic!() };
//!     assert!(step.remark.ends_with(expected), "{}", step.remark);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::collections::BTreeMap;
use std::time::SystemTime;

use openfactory_attest::key::KeyId;

use super::super::entity::compromise::Compromise;
use super::super::entity::{
    Build, Device, Entity, EntityKey, Fleet, Gate, OrderRecord, Remediation, Rollout,
};
use super::super::id::{BuildId, DeviceId, EventId, FleetId, OrderId};
use super::super::state::Kept;
use super::super::state::receipt::Receipt;
use super::super::state::signed::SignedBuilds;
use super::{Decision, Stop, refuse};
use crate::id::SysId;
use crate::record::Row;

/// Something that has to be looked up before a decision can be made.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "every caller must be able to look up each")]
pub enum Missing {
    /// An entity of the state store.
    Entity(EntityKey),
    /// The receipt of the event with this identity.
    Receipt(EventId),
    /// A record in ServiceNow, read now.
    Record {
        /// Its table.
        table: String,
        /// Its key.
        sys_id: SysId,
    },
    /// What a key has signed, and what runs it.
    SignedBuilds(KeyId),
}

/// A record as ServiceNow has it. Only the record counts, not what a hint said about it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Observed {
    /// Its table.
    pub table: String,
    /// Its key.
    pub sys_id: SysId,
    /// When it was read, by our clock.
    pub seen_at: SystemTime,
    /// Its raw values by field; `None` if there is no such record or it is hidden from us.
    pub fields: Option<BTreeMap<String, String>>,
}

impl Observed {
    /// A record that was found, with its raw values.
    pub fn found(
        table: impl Into<String>,
        sys_id: SysId,
        seen_at: SystemTime,
        fields: BTreeMap<String, String>,
    ) -> Self {
        Self { table: table.into(), sys_id, seen_at, fields: Some(fields) }
    }

    /// A record that was read by the client.
    pub fn of_row(table: impl Into<String>, row: &Row, seen_at: SystemTime) -> Self {
        let fields = row.iter().map(|(field, _)| (field.to_owned(), row.text(field).to_owned())).collect();
        Self::found(table, row.sys_id().clone(), seen_at, fields)
    }

    /// A record that was looked for and not found.
    pub fn absent(table: impl Into<String>, sys_id: SysId, seen_at: SystemTime) -> Self {
        Self { table: table.into(), sys_id, seen_at, fields: None }
    }

    /// A field's raw value; empty if the record has no such field.
    #[must_use]
    pub fn text(&self, field: &str) -> &str {
        self.fields.as_ref().and_then(|fields| fields.get(field)).map_or("", String::as_str)
    }
}

/// The part of the world that a decision is based on.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct View {
    entities: BTreeMap<EntityKey, Kept>,
    receipts: BTreeMap<EventId, Option<Receipt>>,
    observed: Vec<Observed>,
    signed_builds: BTreeMap<KeyId, SignedBuilds>,
}

impl View {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds what the state store has under a key.
    pub fn add_entity(&mut self, key: EntityKey, kept: Kept) {
        self.entities.insert(key, kept);
    }

    /// Adds the receipt of an event, or that there is none.
    pub fn add_receipt(&mut self, event: EventId, receipt: Option<Receipt>) {
        self.receipts.insert(event, receipt);
    }

    /// Adds a record that was read.
    pub fn add_record(&mut self, record: Observed) {
        self.observed.push(record);
    }

    /// Adds what a key has signed, and what runs it.
    ///
    /// ```
    /// use openfactory_attest::{Ed25519Key, KeyKind, Signer as _, trust::revocation::Window};
    /// use openfactory_sn::lifecycle::entity::EntityKey;
    /// use openfactory_sn::lifecycle::event::key::{CompromisedKey, KeyCompromised};
    /// use openfactory_sn::lifecycle::event::{Event, EventBody};
    /// use openfactory_sn::lifecycle::state::signed::SignedBuilds;
    /// use openfactory_sn::lifecycle::workflow::{Decision, decide, view::{Missing, View}};
    /// use openfactory_sn::lifecycle::{policy::Policy, timestamp};
    ///
    /// let stolen = *Ed25519Key::generate()?.key_id();
    /// let now = timestamp::parse("2026-11-25T14:43:25.120Z")?;
    /// let window = Window::from("plant.example/audit", 40);
    /// let key = CompromisedKey::new(stolen, KeyKind::BuildPlatformSigning, "build platform", window);
    /// let body = KeyCompromised::new(key, now, "Ada (security)", "a log-in that nobody made");
    /// let body = EventBody::KeyCompromised(Box::new(body));
    /// let theft = Event::new("theft-1".parse()?, "/operator/ada", now, body);
    ///
    /// let (mut view, policy) = (View::new(), Policy::default());
    /// view.add_entity(EntityKey::Compromise(stolen), None);
    /// assert_eq!(decide(&theft, &view, &policy, now), Decision::Missing(Missing::SignedBuilds(stolen)));
    /// view.add_signed_builds(stolen, SignedBuilds::new());
    /// let Decision::Apply(step) = decide(&theft, &view, &policy, now) else { panic!() };
    /// assert!(step.remark.ends_with("to be revoked; 0 build(s), 0 device(s) are held"), "{}", step.remark);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn add_signed_builds(&mut self, key: KeyId, uses: SignedBuilds) {
        self.signed_builds.insert(key, uses);
    }

    pub(super) fn compromise(&self, id: &KeyId) -> Result<Option<(u64, &Compromise)>, Stop> {
        match self.entity(EntityKey::Compromise(*id))? {
            None => Ok(None),
            Some((version, Entity::Compromise(compromise))) => Ok(Some((version, compromise))),
            Some((_, other)) => mismatch(other),
        }
    }

    pub(super) fn signed_builds(&self, id: &KeyId) -> Result<&SignedBuilds, Stop> {
        self.signed_builds.get(id).ok_or_else(|| Box::new(Decision::Missing(Missing::SignedBuilds(*id))))
    }

    pub(super) fn build(&self, id: &BuildId) -> Result<Option<(u64, &Build)>, Stop> {
        match self.entity(EntityKey::Build(id.clone()))? {
            None => Ok(None),
            Some((version, Entity::Build(build))) => Ok(Some((version, build))),
            Some((_, other)) => mismatch(other),
        }
    }

    pub(super) fn device(&self, id: &DeviceId) -> Result<Option<(u64, &Device)>, Stop> {
        match self.entity(EntityKey::Device(id.clone()))? {
            None => Ok(None),
            Some((version, Entity::Device(device))) => Ok(Some((version, device))),
            Some((_, other)) => mismatch(other),
        }
    }

    pub(super) fn gate(&self, change_request: &SysId) -> Result<Option<(u64, &Gate)>, Stop> {
        match self.entity(EntityKey::Gate(change_request.clone()))? {
            None => Ok(None),
            Some((version, Entity::Gate(gate))) => Ok(Some((version, gate))),
            Some((_, other)) => mismatch(other),
        }
    }

    pub(super) fn order(&self, id: &OrderId) -> Result<Option<(u64, &OrderRecord)>, Stop> {
        match self.entity(EntityKey::Order(id.clone()))? {
            None => Ok(None),
            Some((version, Entity::Order(order))) => Ok(Some((version, order))),
            Some((_, other)) => mismatch(other),
        }
    }

    pub(super) fn remediation(&self, key: &SysId) -> Result<Option<(u64, &Remediation)>, Stop> {
        match self.entity(EntityKey::Remediation(key.clone()))? {
            None => Ok(None),
            Some((version, Entity::Remediation(remediation))) => Ok(Some((version, remediation))),
            Some((_, other)) => mismatch(other),
        }
    }

    pub(super) fn rollout(&self, build: &BuildId) -> Result<Option<(u64, &Rollout)>, Stop> {
        match self.entity(EntityKey::Rollout(build.clone()))? {
            None => Ok(None),
            Some((version, Entity::Rollout(rollout))) => Ok(Some((version, rollout))),
            Some((_, other)) => mismatch(other),
        }
    }

    pub(super) fn fleet(&self, id: &FleetId) -> Result<Option<(u64, &Fleet)>, Stop> {
        match self.entity(EntityKey::Fleet(id.clone()))? {
            None => Ok(None),
            Some((version, Entity::Fleet(fleet))) => Ok(Some((version, fleet))),
            Some((_, other)) => mismatch(other),
        }
    }

    pub(super) fn has_receipt(&self, event: &EventId) -> Result<bool, Stop> {
        match self.receipts.get(event) {
            Some(receipt) => Ok(receipt.is_some()),
            None => Err(Box::new(Decision::Missing(Missing::Receipt(event.clone())))),
        }
    }

    pub(super) fn record(&self, table: &str, sys_id: &SysId) -> Result<&Observed, Stop> {
        self.observed
            .iter()
            .rev()
            .find(|record| record.table == table && record.sys_id == *sys_id)
            .ok_or_else(|| {
                Box::new(Decision::Missing(Missing::Record {
                    table: table.to_owned(),
                    sys_id: sys_id.clone(),
                }))
            })
    }

    fn entity(&self, key: EntityKey) -> Result<Option<(u64, &Entity)>, Stop> {
        match self.entities.get(&key) {
            Some(kept) => Ok(kept.as_ref().map(|kept| (kept.version, &kept.value))),
            None => Err(Box::new(Decision::Missing(Missing::Entity(key)))),
        }
    }
}

fn mismatch<T>(found: &Entity) -> Result<T, Stop> {
    refuse(format!("the state store holds a {} under the key of something else", found.kind().as_str()))
}
