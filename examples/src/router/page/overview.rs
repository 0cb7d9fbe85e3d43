//! What is happening now: the facts of the operator's page and of `GET /v1/overview`.

use std::path::Path;
use std::time::SystemTime;

use openfactory_attest::audit::Checkpoint;
use openfactory_queue::dead_letter::{DeadLetterFilter, DeadLetterPage};
use openfactory_queue::policy::breaker::BreakerState;
use openfactory_sn::lifecycle::timestamp;
use serde::Serialize;

use super::super::core::{Core, SERVICENOW};
use super::builds::{self, Builds};
use super::fleet::{self, Fleet};
use super::keys::{self, CompromisedKey};
use super::rollouts::{self, OneRollout};
use crate::told::told;

/// Dead letters that are shown.
const DEAD_SHOWN: usize = 50;

/// Rows of the outbox that are counted at most.
const OUTBOX_COUNTED: usize = 1000;

/// All facts. Each part stands for itself: where one can't be learnt, it says so, and the others are as good as ever.
#[derive(Debug, Serialize)]
pub(super) struct Overview {
    /// When this was looked up.
    pub(super) at: String,
    pub(super) queue: Learnt<Queue>,
    pub(super) destinations: Vec<Destination>,
    pub(super) builds: Learnt<Builds>,
    pub(super) rollouts: Learnt<Vec<OneRollout>>,
    pub(super) fleet: Learnt<Fleet>,
    pub(super) compromised_keys: Learnt<Vec<CompromisedKey>>,
    pub(super) dead_letters: Learnt<Vec<DeadLetter>>,
    pub(super) audit: Learnt<Audit>,
}

/// A fact, or why it can't be learnt.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Learnt<T> {
    Fact(T),
    Unknown { error: String },
}

impl<T> Learnt<T> {
    fn of<E: std::error::Error>(result: Result<T, E>) -> Self {
        match result {
            Ok(fact) => Self::Fact(fact),
            Err(error) => {
                let error = told(&error);
                tracing::warn!("a part of the overview can't be learnt: {error}");
                Self::Unknown { error }
            }
        }
    }
}

/// The queue in numbers.
#[derive(Debug, Serialize)]
pub(super) struct Queue {
    pub(super) ready: u64,
    pub(super) leased: u64,
    pub(super) delayed: u64,
    pub(super) held: u64,
    pub(super) dead: u64,
    pub(super) blocked_keys: u64,
    pub(super) pauses: u64,
    pub(super) oldest_ready_s: Option<u64>,
    pub(super) oldest_lease_s: Option<u64>,
    /// Events that wait to be published, up to 1000; absent where that can't be learnt.
    pub(super) outbox: Option<usize>,
}

/// A destination and its circuit breaker.
#[derive(Debug, Serialize)]
pub(super) struct Destination {
    pub(super) name: String,
    /// `closed`, `open` or `half-open`.
    pub(super) breaker: &'static str,
    pub(super) failures: u32,
    pub(super) reason: String,
    pub(super) since: Option<String>,
}

/// A dead letter.
#[derive(Debug, Serialize)]
pub(super) struct DeadLetter {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) key: Option<String>,
    pub(super) cause: &'static str,
    pub(super) reason: String,
    pub(super) died: String,
    pub(super) failures: u32,
    /// Whether its key stands still because of it.
    pub(super) blocking: bool,
}

/// The audit log.
#[derive(Debug, Serialize)]
pub(super) struct Audit {
    pub(super) origin: String,
    pub(super) entries: u64,
    pub(super) checkpoint: Option<Signed>,
}

/// The newest checkpoint on disk, whose signature holds.
#[derive(Debug, Serialize)]
pub(super) struct Signed {
    pub(super) entries: u64,
    pub(super) written: String,
}

/// Looks everything up.
pub(super) async fn look_up(core: &Core, audit: &Path) -> Overview {
    Overview {
        at: timestamp::format(core.clock.now()),
        queue: Learnt::of(queue(core).await),
        destinations: destinations(core),
        builds: Learnt::of(builds::look_up(core).await),
        rollouts: Learnt::of(rollouts::look_up(core).await),
        fleet: Learnt::of(fleet::look_up(core).await),
        compromised_keys: Learnt::of(keys::look_up(core).await),
        dead_letters: Learnt::of(dead_letters(core).await),
        audit: Learnt::of(audit_log(core, audit).await),
    }
}

async fn queue(core: &Core) -> Result<Queue, openfactory_queue::Error> {
    let stats = core.queue.stats().await?;
    let outbox = core.state.outbox(OUTBOX_COUNTED).await;
    Ok(Queue {
        ready: stats.ready,
        leased: stats.leased,
        delayed: stats.delayed,
        held: stats.held,
        dead: stats.dead,
        blocked_keys: stats.blocked_keys,
        pauses: stats.pauses,
        oldest_ready_s: stats.oldest_ready.map(|age| age.as_secs()),
        oldest_lease_s: stats.oldest_lease.map(|age| age.as_secs()),
        outbox: outbox
            .inspect_err(|error| tracing::warn!("the outbox can't be counted: {}", told(error)))
            .ok()
            .map(|rows| rows.len()),
    })
}

/// ServiceNow in any case, and whatever else does not work.
fn destinations(core: &Core) -> Vec<Destination> {
    let mut all: Vec<_> = core.breakers.report().into_iter().map(Destination::of).collect();
    if all.iter().all(|destination| destination.name != SERVICENOW) {
        all.push(Destination {
            name: SERVICENOW.to_owned(),
            breaker: "closed",
            failures: 0,
            reason: String::new(),
            since: None,
        });
    }
    all
}

impl Destination {
    fn of(report: openfactory_queue::policy::breaker::BreakerReport) -> Self {
        Self {
            name: report.destination,
            breaker: match report.state {
                BreakerState::Closed => "closed",
                BreakerState::HalfOpen => "half-open",
                _ => "open",
            },
            failures: report.failures,
            reason: report.reason,
            since: report.since.map(timestamp::format),
        }
    }
}

async fn dead_letters(core: &Core) -> Result<Vec<DeadLetter>, openfactory_queue::Error> {
    let page = DeadLetterPage::first(DeadLetterFilter::all()).limit(DEAD_SHOWN);
    let letters = core.queue.dead_letters(page).await?;
    let shown = letters.into_iter().map(|letter| DeadLetter {
        id: letter.message.id,
        kind: letter.message.kind,
        key: letter.message.key,
        cause: letter.cause.name(),
        reason: letter.reason,
        died: timestamp::format(letter.died),
        failures: letter.failures,
        blocking: letter.blocking,
    });
    Ok(shown.collect())
}

/// Why the audit log's checkpoint can't be told.
#[derive(Debug, thiserror::Error)]
enum CheckpointFault {
    #[error("the audit log's checkpoint can't be read")]
    Read(#[source] std::io::Error),
    #[error("the audit log's checkpoint is not believed")]
    Signature(#[source] Box<dyn std::error::Error + Send + Sync>),
}

async fn audit_log(core: &Core, directory: &Path) -> Result<Audit, CheckpointFault> {
    let log = core.audit.log();
    let key = log.verifier_key();
    let checkpoint = match read(&directory.join("checkpoint")).await {
        Ok((note, written)) => {
            let signed =
                Checkpoint::open(&note, key).map_err(|error| CheckpointFault::Signature(error.into()))?;
            Some(Signed { entries: signed.head.size, written: timestamp::format(written) })
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(CheckpointFault::Read(error)),
    };
    Ok(Audit { origin: key.name().to_owned(), entries: log.size(), checkpoint })
}

/// The bytes of a file and when they were written.
async fn read(path: &Path) -> std::io::Result<(Vec<u8>, SystemTime)> {
    let written = tokio::fs::metadata(path).await?.modified()?;
    Ok((tokio::fs::read(path).await?, written))
}
