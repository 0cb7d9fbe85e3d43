//! `/v1/queue`: an operator looks at the queue, sends dead letters again or gives them up, holds deliveries back.
//!
//! Everything here needs the operator's token. What changes something names who and why, and stands in the audit log
//! before it is done.

use std::time::{Duration, SystemTime};

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openfactory_queue::SyncQueue as _;
use openfactory_queue::dead_letter::{
    DeadCause, DeadLetter, DeadLetterFilter, DeadLetterPage, Discard, Moved, Redrive, Selection,
};
use openfactory_queue::pause::{Pause, PauseScope, Resume};
use openfactory_queue::stats::{Found, MessageState};
use openfactory_sn::lifecycle::timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::core::Core;
use super::operator;
use super::refusal::Refusal;
use crate::queue_wire::{
    Happened, Held, Hold, Letter, Letters, Move, MovedFacts, Page, PauseFacts, QueueFacts, Scope, Shown,
    Which,
};
use crate::serve::read_body;

/// The most that is read of a request, in bytes: 1,000 ids of the longest kind fit.
const MAX_BODY: usize = 2 << 20;
/// How long a request's body may take.
const BODY_WITHIN: Duration = Duration::from_secs(10);
/// The most dead letters that one page lists, and that one request moves.
const MAX_LETTERS: usize = 1000;
/// Of a page that does not say.
const USUAL_PAGE: usize = 100;

/// The routes.
pub(super) fn routes(core: Core) -> Router {
    Router::new()
        .route("/v1/queue", get(facts))
        .route("/v1/queue/dead-letters", get(dead_letters))
        .route("/v1/queue/messages/{id}", get(message))
        .route("/v1/queue/redrive", post(redrive))
        .route("/v1/queue/discard", post(discard))
        .route("/v1/queue/pause", post(pause))
        .route("/v1/queue/resume", post(resume))
        .with_state(core)
}

async fn facts(State(core): State<Core>, headers: HeaderMap) -> Response {
    answer(async {
        operator::check(&core, &headers)?;
        let stats = core.queue.stats().await?;
        let pauses = core.queue.pauses().await?;
        let seconds = |age: Option<Duration>| age.map(|age| age.as_secs());
        Ok(QueueFacts {
            ready: stats.ready,
            delayed: stats.delayed,
            held: stats.held,
            leased: stats.leased,
            dead: stats.dead,
            blocked_keys: stats.blocked_keys,
            oldest_ready_s: seconds(stats.oldest_ready),
            oldest_lease_s: seconds(stats.oldest_lease),
            disk_bytes: stats.disk_bytes,
            pauses: pauses.into_iter().map(pause_facts).collect(),
        })
    })
    .await
}

async fn dead_letters(State(core): State<Core>, Query(page): Query<Page>, headers: HeaderMap) -> Response {
    answer(async {
        operator::check(&core, &headers)?;
        let which = Which { key: page.key, kind: page.kind, cause: page.cause };
        let mut asked = DeadLetterPage::first(filter(which)?).limit(limit(page.limit, USUAL_PAGE)?);
        if let Some(place) = page.after {
            asked = asked.after(place);
        }
        let letters = core.queue.dead_letters(asked).await?;
        Ok(Letters { dead_letters: letters.into_iter().map(letter).collect() })
    })
    .await
}

async fn message(State(core): State<Core>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    answer(async {
        operator::check(&core, &headers)?;
        let found = core.queue.find(&id).await?;
        found.map(shown).ok_or_else(|| {
            let reason = format!(
                "no message {id:?} waits or is a dead letter: it was delivered, discarded, or never came"
            );
            Refusal::new(StatusCode::NOT_FOUND, reason)
        })
    })
    .await
}

async fn redrive(State(core): State<Core>, headers: HeaderMap, body: Body) -> Response {
    answer(async {
        let asked: Move = asked(&core, &headers, body).await?;
        let order = |selection, dry_run| {
            let mut order = Redrive::new(selection, &asked.actor, &asked.reason).limit(MAX_LETTERS);
            (order.dry_run, order.rate) = (dry_run, asked.rate);
            core.queue.redrive(order)
        };
        moved(&core, "queue.redrive", &asked, order).await
    })
    .await
}

async fn discard(State(core): State<Core>, headers: HeaderMap, body: Body) -> Response {
    answer(async {
        let asked: Move = asked(&core, &headers, body).await?;
        if asked.rate.is_some() {
            return Err(bad("a discard has no rate"));
        }
        let order = |selection, dry_run| {
            let mut order = Discard::new(selection, &asked.actor, &asked.reason).limit(MAX_LETTERS);
            order.dry_run = dry_run;
            core.queue.discard(order)
        };
        moved(&core, "queue.discard", &asked, order).await
    })
    .await
}

/// Looks which letters are meant, has the audit log name them, and moves those and no others.
async fn moved<F>(
    core: &Core,
    what: &str,
    asked: &Move,
    order: impl Fn(Selection, bool) -> F,
) -> Result<MovedFacts, Refusal>
where
    F: Future<Output = Result<Moved, openfactory_queue::Error>>,
{
    named(&asked.actor, &asked.reason)?;
    let limit = limit(asked.limit, MAX_LETTERS)?;
    let mut meant = order(selection(asked)?, true).await?;
    let beyond = meant.ids.split_off(limit.min(meant.ids.len()));
    let remaining = meant.remaining.saturating_add(beyond.len() as u64);
    if asked.dry_run || meant.ids.is_empty() {
        return Ok(MovedFacts { ids: meant.ids, missing: meant.missing, remaining });
    }
    core.audit.operated_on(what, &asked.actor, &asked.reason, &meant.ids).await?;
    let done = order(Selection::Ids(meant.ids), false).await?;
    let counts = json!({ "moved": done.ids.len(), "gone_meanwhile": done.missing.len() });
    core.audit.operated(&format!("{what}.done"), &asked.actor, &asked.reason, counts).await?;
    let missing = meant.missing.into_iter().chain(done.missing).collect();
    Ok(MovedFacts { ids: done.ids, missing, remaining })
}

async fn pause(State(core): State<Core>, headers: HeaderMap, body: Body) -> Response {
    answer(async {
        let asked: Hold = asked(&core, &headers, body).await?;
        named(&asked.actor, &asked.reason)?;
        let mut pause = Pause::new(scope(&asked.scope), &asked.actor, &asked.reason);
        if let Some(seconds) = asked.for_s {
            let until = core.clock.now().checked_add(Duration::from_secs(seconds));
            pause = pause.until(until.ok_or_else(|| bad("for_s is too long"))?);
        }
        core.audit.operated("queue.pause", &asked.actor, &asked.reason, json!(asked)).await?;
        core.queue.pause(pause).await?;
        Ok(Held { changed: true })
    })
    .await
}

async fn resume(State(core): State<Core>, headers: HeaderMap, body: Body) -> Response {
    answer(async {
        let asked: Hold = asked(&core, &headers, body).await?;
        named(&asked.actor, &asked.reason)?;
        if asked.for_s.is_some() {
            return Err(bad("a resume has no for_s"));
        }
        core.audit.operated("queue.resume", &asked.actor, &asked.reason, json!(asked)).await?;
        let resume = Resume::new(scope(&asked.scope), &asked.actor, &asked.reason);
        Ok(Held { changed: core.queue.resume(resume).await? })
    })
    .await
}

async fn answer<T: Serialize>(work: impl Future<Output = Result<T, Refusal>>) -> Response {
    match work.await {
        Ok(facts) => Json(facts).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

/// Reads what an operator asks for.
async fn asked<T: DeserializeOwned>(core: &Core, headers: &HeaderMap, body: Body) -> Result<T, Refusal> {
    operator::check(core, headers)?;
    let body = read_body(body, MAX_BODY, BODY_WITHIN).await?;
    serde_json::from_slice(&body)
        .map_err(|error| bad(format!("the body is not what is asked for here: {error}")))
}

fn bad(reason: impl Into<String>) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, reason)
}

fn named(actor: &str, reason: &str) -> Result<(), Refusal> {
    if actor.trim().is_empty() || reason.trim().is_empty() {
        return Err(bad("say who asks (actor) and why (reason)"));
    }
    Ok(())
}

fn limit(asked: Option<usize>, usual: usize) -> Result<usize, Refusal> {
    match asked.unwrap_or(usual) {
        limit @ 1..=MAX_LETTERS => Ok(limit),
        _ => Err(bad(format!("limit is 1 to {MAX_LETTERS}"))),
    }
}

fn selection(asked: &Move) -> Result<Selection, Refusal> {
    match (asked.ids.as_slice(), &asked.all) {
        ([], None) => Err(bad("say which: ids, or all")),
        ([], Some(which)) => Ok(Selection::Matching(filter(which.clone())?)),
        (ids, None) => Ok(Selection::Ids(ids.to_vec())),
        (_, Some(_)) => Err(bad("ids or all, not both")),
    }
}

fn filter(which: Which) -> Result<DeadLetterFilter, Refusal> {
    let mut filter = DeadLetterFilter::all();
    filter.key = which.key;
    filter.kind = which.kind;
    if let Some(name) = which.cause {
        let cause = DeadCause::from_name(&name);
        filter.cause = Some(cause.ok_or_else(|| bad("cause is rejected, expired or parked"))?);
    }
    Ok(filter)
}

fn scope(scope: &Scope) -> PauseScope {
    match scope {
        Scope::Queue => PauseScope::Queue,
        Scope::Key(key) => PauseScope::Key(key.clone()),
        Scope::Destination(destination) => PauseScope::Destination(destination.clone()),
    }
}

fn pause_facts(pause: Pause) -> PauseFacts {
    let scope = match pause.scope {
        PauseScope::Key(key) => Scope::Key(key),
        PauseScope::Destination(destination) => Scope::Destination(destination),
        _ => Scope::Queue,
    };
    PauseFacts {
        scope,
        since: time(pause.since),
        until: pause.until.map(time),
        actor: pause.actor,
        reason: pause.reason,
    }
}

fn letter(letter: DeadLetter) -> Letter {
    Letter {
        id: letter.message.id,
        place: letter.seq,
        kind: letter.message.kind,
        key: letter.message.key,
        cause: letter.cause.name().to_owned(),
        reason: letter.reason,
        published: time(letter.published),
        died: time(letter.died),
        failures: letter.failures,
        blocking: letter.blocking,
    }
}

fn shown(found: Found) -> Shown {
    let payload: Option<Value> = serde_json::from_slice(&found.message.payload).ok();
    let payload_base64 = payload.is_none().then(|| STANDARD.encode(&found.message.payload));
    let happened = found.history.into_iter().map(|incident| Happened {
        at: time(incident.at),
        what: incident.kind.name().to_owned(),
        reason: incident.reason,
        times: incident.times,
    });
    Shown {
        id: found.message.id,
        place: found.seq,
        state: state(&found.state).to_owned(),
        kind: found.message.kind,
        key: found.message.key,
        published: time(found.published),
        failures: found.failures,
        deliveries: found.deliveries,
        history: happened.collect(),
        attributes: found.message.attributes,
        payload,
        payload_base64,
    }
}

fn state(state: &MessageState) -> &'static str {
    match state {
        MessageState::Ready => "ready",
        MessageState::Delayed { .. } => "delayed",
        MessageState::Held => "held",
        MessageState::Leased { .. } => "leased",
        MessageState::Dead => "dead",
        _ => "unknown",
    }
}

fn time(time: SystemTime) -> String {
    timestamp::format(time)
}
