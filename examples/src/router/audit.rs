//! What the router writes into its audit log, and when.
//!
//! Each entry's id is made of what it tells and of which event, so writing it again after a crash changes
//! nothing. An entry is durable before what it tells is acknowledged to anybody: the intake's before the sender
//! has its 202, the delivery's before the message is settled.

use std::sync::Arc;
use std::time::SystemTime;

use openfactory_attest::audit::{AppendError, Entry, Log, VerifierKey};
use openfactory_attest::digest::Sha256Digest;
use openfactory_attest::envelope::Envelope;
use openfactory_attest::ledger::KeyUse;
use openfactory_attest::trust::TrustedKey;
use openfactory_queue::clock::Clock;
use openfactory_sn::lifecycle::event::Event;
use openfactory_sn::lifecycle::event::key::{Revocation, RevocationOrdered};
use openfactory_sn::lifecycle::id::{DeviceId, EventId};
use openfactory_sn::lifecycle::platform::{Order, Performed};
use openfactory_sn::lifecycle::state::receipt::Receipt;
use serde_json::{Value, json};

/// The router's name in the entries that it is the actor of.
const ROUTER: &str = "event-router";
/// The most bytes of ids that one entry names; written as JSON they fit the log's entries even if all is escaped.
const IDS_OF_AN_ENTRY: usize = 8 * 1024;

/// How an event calls itself.
pub(crate) struct Named<'a> {
    pub(crate) source: &'a str,
    pub(crate) id: &'a EventId,
    pub(crate) type_name: &'a str,
}

/// Writes the audit log off the async threads. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Auditor {
    log: Log,
    clock: Arc<dyn Clock>,
}

/// Why an entry is not known to be in the log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum AuditFailure {
    /// The log did not take it.
    #[error("the audit log did not take an entry")]
    Log(#[source] AppendError),
    /// The log's checkpoint was not signed.
    #[error("the audit log's checkpoint was not signed")]
    Checkpoint(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The thread that writes is gone: the process is stopping.
    #[error("the audit log's writer is gone")]
    Stopping,
}

impl Auditor {
    pub(crate) fn new(log: Log, clock: Arc<dyn Clock>) -> Self {
        Self { log, clock }
    }

    /// The log itself, to look at.
    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// An event came from a sender whose signature counts and who may send it. Its id names the very bytes, so that
    /// what came first and what came later under the same name stand beside each other.
    pub(crate) async fn received(
        &self,
        event: &Event,
        signer: &TrustedKey,
        payload: &[u8],
    ) -> Result<(), AuditFailure> {
        let subject = event.body.key();
        let identity = event.identity();
        let named = Named { source: &event.source, id: &event.id, type_name: event.body.type_name() };
        self.write(self.receipt(&identity, subject, &named, signer, payload)).await
    }

    /// An event of a type that this version does not know came from a sender whose signature counts.
    pub(crate) async fn received_unknown(
        &self,
        named: &Named<'_>,
        signer: &TrustedKey,
        payload: &[u8],
    ) -> Result<(), AuditFailure> {
        let identity = EventId::identity(named.source, named.id);
        self.write(self.receipt(&identity, format!("event:{}", named.id), named, signer, payload)).await
    }

    /// A sender whose signature counts sent something that it may not send.
    pub(crate) async fn refused(
        &self,
        subject: &str,
        signer: &TrustedKey,
        payload: &[u8],
        reason: &str,
    ) -> Result<(), AuditFailure> {
        let digest = Sha256Digest::of(payload);
        let mut entry = Entry::new(
            format!("refused:{}:{digest}", signer.key_id()),
            &signer.name,
            "event.refused",
            self.now(),
            subject,
        );
        entry.why = reason.to_owned();
        entry.new = Some(json!({ "signed_by": signer.key_id().to_string(), "sha256": digest }));
        self.write(entry).await
    }

    /// A fresh report of a device is wanted, by somebody who may want it. Each wish is told.
    pub(crate) async fn wanted(&self, device: &DeviceId, reason: &str) -> Result<(), AuditFailure> {
        let now = self.now();
        let age = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
        let id = format!("wanted:{device}:{age}");
        let mut entry = Entry::new(id, ROUTER, "report.wanted", now, format!("device:{device}"));
        entry.why = reason.to_owned();
        self.write(entry).await
    }

    /// An operator does something to the queue. Each time is told.
    pub(crate) async fn operated(
        &self,
        what: &str,
        actor: &str,
        reason: &str,
        how: Value,
    ) -> Result<(), AuditFailure> {
        let now = self.now();
        let age = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
        let mut entry = Entry::new(format!("{what}:{age}"), actor, what, now, "queue");
        entry.why = reason.to_owned();
        entry.new = Some(how);
        self.write(entry).await
    }

    /// An operator does something to these messages: their ids, in as many entries as they need.
    pub(crate) async fn operated_on(
        &self,
        what: &str,
        actor: &str,
        reason: &str,
        ids: &[String],
    ) -> Result<(), AuditFailure> {
        let (mut part, mut bytes) = (Vec::new(), 0);
        for id in ids {
            if bytes + id.len() > IDS_OF_AN_ENTRY {
                self.operated(what, actor, reason, json!({ "ids": std::mem::take(&mut part) })).await?;
                bytes = 0;
            }
            bytes += id.len();
            part.push(id);
        }
        self.operated(what, actor, reason, json!({ "ids": part })).await
    }

    /// A step was decided and committed.
    pub(crate) async fn decided(&self, event: &Event, remark: &str) -> Result<(), AuditFailure> {
        let mut entry = self.entry(&format!("decided:{}", event.identity()), "event.decided", event);
        entry.why = remark.to_owned();
        self.write(entry).await
    }

    /// The platform performed an order.
    pub(crate) async fn performed(&self, order: &Order, performed: &Performed) -> Result<(), AuditFailure> {
        let id = format!("performed:{}", order.id);
        let mut entry =
            Entry::new(id, ROUTER, "order.performed", self.now(), format!("device:{}", order.device));
        entry.why = order.reason.clone();
        entry.new = Some(value_of(performed));
        self.write(entry).await
    }

    /// A key signed the statement inside an event: an entry of the signing ledger, whose place in the log tells later
    /// whether that was before the key was in other hands.
    pub(crate) async fn signed(&self, statement: &Envelope, signer: &TrustedKey) -> Result<(), AuditFailure> {
        let key_use = KeyUse::of_envelope(statement, *signer.key_id(), &signer.name, self.now());
        self.write(key_use.to_entry()).await
    }

    /// The vault revoked a key.
    pub(crate) async fn revoked(
        &self,
        ordered: &RevocationOrdered,
        revocation: &Revocation,
    ) -> Result<(), AuditFailure> {
        let key = &ordered.key;
        let id = format!("revoked:{}", key.key_id);
        let mut entry = Entry::new(id, ROUTER, "key.revoked", self.now(), format!("key:{}", key.key_id));
        entry.why = format!("{}; incident {}", ordered.evidence, ordered.incident);
        entry.new = Some(value_of(revocation));
        self.write(entry).await
    }

    /// How many entries the log has.
    pub(crate) fn size(&self) -> u64 {
        self.log.size()
    }

    /// The log's name and public key.
    pub(crate) fn verifier_key(&self) -> VerifierKey {
        self.log.verifier_key().clone()
    }

    /// ServiceNow has the records of an event.
    pub(crate) async fn delivered(&self, event: &Event, receipt: &Receipt) -> Result<(), AuditFailure> {
        let id = format!("delivered:{}", event.identity());
        let mut entry = self.entry(&id, "event.delivered", event);
        entry.new = Some(value_of(receipt));
        self.write(entry).await
    }

    /// An event has to be tried again. An outage that lasts tells this once for each event, not at each probe.
    pub(crate) async fn postponed(
        &self,
        event: &Event,
        message: &str,
        attempt: u32,
        reason: &str,
    ) -> Result<(), AuditFailure> {
        let id = format!("postponed:{message}:{attempt}");
        let mut entry = self.entry(&id, "event.postponed", event);
        entry.why = reason.to_owned();
        self.write(entry).await
    }

    /// A message became a dead letter.
    pub(crate) async fn dead_lettered(
        &self,
        id: &str,
        subject: &str,
        reason: &str,
    ) -> Result<(), AuditFailure> {
        let mut entry = Entry::new(format!("dead:{id}"), ROUTER, "event.dead_lettered", self.now(), subject);
        entry.why = reason.to_owned();
        self.write(entry).await
    }

    /// Signs a checkpoint over all that is in the log.
    pub(crate) async fn checkpoint(&self) -> Result<(), AuditFailure> {
        let log = self.log.clone();
        let signed = tokio::task::spawn_blocking(move || log.checkpoint());
        signed
            .await
            .map_err(|_gone| AuditFailure::Stopping)?
            .map_err(|error| AuditFailure::Checkpoint(error.into()))?;
        Ok(())
    }

    fn receipt(
        &self,
        identity: &EventId,
        subject: String,
        named: &Named<'_>,
        signer: &TrustedKey,
        payload: &[u8],
    ) -> Entry {
        let digest = Sha256Digest::of(payload);
        let entry_id = format!("received:{identity}:{digest}");
        let mut entry = Entry::new(entry_id, &signer.name, "event.received", self.now(), subject);
        entry.why = named.type_name.to_owned();
        entry.new = Some(json!({
            "type": named.type_name, "source": named.source, "id": named.id,
            "signed_by": signer.key_id().to_string(), "sha256": digest,
        }));
        entry
    }

    async fn write(&self, entry: Entry) -> Result<(), AuditFailure> {
        let log = self.log.clone();
        let written = tokio::task::spawn_blocking(move || log.append(&[entry]));
        written.await.map_err(|_gone| AuditFailure::Stopping)?.map_err(AuditFailure::Log)?;
        Ok(())
    }

    fn entry(&self, id: &str, kind: &str, event: &Event) -> Entry {
        let mut entry = Entry::new(id, ROUTER, kind, self.now(), event.body.key());
        entry.why = event.body.type_name().to_owned();
        entry
    }

    fn now(&self) -> SystemTime {
        self.clock.now()
    }
}

/// A value as JSON. What the lifecycle keeps is JSON by design; should one value fail, the entry says so.
fn value_of<T: serde::Serialize>(value: &T) -> Value {
    serde_json::to_value(value).unwrap_or_else(|error| json!({ "unwritable": error.to_string() }))
}
