//! Work that the instance takes up after it has answered: whoever asks for it is given a worker to ask about, and it is
//! done as the clock goes on, in the name of whoever asked.

mod associate;
pub(crate) mod conflict;
mod services;
mod slots;

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub(crate) use slots::Search;

use crate::access::Caller;
use crate::api::App;
use crate::record::Record;
use crate::refusal::Refusal;
use crate::store::{Session, StoreError};
use crate::write::{self, Writer, input::Input};

/// The table of the workers.
pub(crate) const WORKER: &str = "chg_mgt_worker";

const WAITING: &str = "1";
const IN_PROGRESS: &str = "2";
const COMPLETE: &str = "3";
const ERROR: &str = "4";

/// Under which key it is kept what is still to be done.
const PENDING: &str = "work";

/// How long to leave work alone that can't be looked at.
const RESPITE: Duration = Duration::from_secs(1);

/// What a worker is to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Task {
    /// Relate items to a change.
    Associate { change: String, association: Association, items: Vec<String>, refresh: bool },
    /// Find the services that a change has an impact on.
    Services { change: String },
    /// Find out what a change is in conflict with.
    Conflicts { change: String },
    /// Find when a change could be made.
    Slots(Search),
    /// The same, and put the change there.
    FirstSlot { change: String, search: Search },
}

/// How an item belongs to a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Association {
    Affected,
    Impacted,
    Offering,
}

impl Association {
    /// By the name that the API has for it.
    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::Affected, Self::Impacted, Self::Offering].into_iter().find(|known| known.name() == name)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Affected => "affected",
            Self::Impacted => "impacted",
            Self::Offering => "offering",
        }
    }

    /// The table of such associations, and its field for the item.
    pub(crate) fn place(self) -> (&'static str, &'static str) {
        match self {
            Self::Affected => ("task_ci", "ci_item"),
            Self::Impacted => ("task_cmdb_ci_service", "cmdb_ci_service"),
            Self::Offering => ("task_service_offering", "service_offering"),
        }
    }
}

/// What a worker has to say when it is done.
#[derive(Debug, Default)]
struct Report {
    failed: bool,
    errors: Vec<String>,
    warnings: Vec<String>,
    infos: Vec<String>,
    /// Members of the answer beside those that every worker has.
    payload: Option<Value>,
}

impl Report {
    fn messages(&self) -> String {
        json!({
            "errorMessages": self.errors,
            "warningMessages": self.warnings,
            "infoMessages": self.infos,
        })
        .to_string()
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Pending {
    worker: String,
    user: String,
    /// When its next stage begins, in milliseconds since the epoch.
    due: i64,
    begun: bool,
    task: Task,
}

/// How fast the workers are, and when there is something for them to do.
#[derive(Debug)]
pub(crate) struct Works {
    waiting: Duration,
    working: Duration,
    /// When something is due, in milliseconds since the epoch; it may be earlier than that, and never later.
    next: AtomicI64,
}

impl Works {
    /// Work waits so long, and then takes so long.
    pub(crate) fn new(waiting: Duration, working: Duration) -> Self {
        // What an earlier run left over is looked for at once.
        Self { waiting, working, next: AtomicI64::new(0) }
    }
}

/// Hands a task to a worker, which is told of by `kind` and by what was asked for.
pub(crate) fn begin(
    app: &App,
    session: &Session<'_>,
    caller: &Caller,
    kind: &str,
    request: &Value,
    task: Task,
) -> Result<Record, Refusal> {
    let input = Input::of([
        ("type", kind),
        ("state", WAITING),
        ("request", request.to_string().as_str()),
        ("messages", Report::default().messages().as_str()),
    ]);
    let worker = write::create(session, &app.writer(caller), WORKER, &input)?;
    let mut pending = pending(session)?;
    let due = after(millis(session.now), app.works.waiting);
    let user = caller.user_name.clone();
    pending.push(Pending { worker: worker.sys_id.clone(), user, due, begun: false, task });
    keep(session, &pending)?;
    app.works.next.fetch_min(due, Ordering::AcqRel);
    Ok(worker)
}

/// Does what is due.
pub(crate) fn advance(app: &App) {
    let now = || millis(app.store.clock.now());
    while app.works.next.load(Ordering::Acquire) <= now() {
        if let Err(refusal) = step(app) {
            tracing::error!(%refusal, detail = ?refusal.detail, "work was put off");
            app.works.next.store(after(now(), RESPITE), Ordering::Release);
            return;
        }
    }
}

/// Takes the next stage of what is due first, in one transaction with all that comes of it.
fn step(app: &App) -> Result<(), Refusal> {
    let mut at_work = None;
    let done = app.store.write(|session| {
        let mut pending = pending(session)?;
        pending.sort_by_key(|work| work.due);
        let due = |work: &&mut Pending| work.due <= millis(session.now);
        if let Some(work) = pending.first_mut().filter(due) {
            if work.begun {
                let work = pending.remove(0);
                at_work = Some(work.worker.clone());
                finish(app, session, &work)?;
            } else {
                work.begun = true;
                work.due = after(work.due, app.works.working);
                mark(app, session, &work.worker, [("state", IN_PROGRESS)])?;
            }
            keep(session, &pending)?;
        }
        plan(app, &pending);
        Ok(())
    });
    match (done, at_work) {
        (Err(refusal), Some(worker)) => app.store.write(|session| give_up(app, session, &worker, &refusal)),
        (done, _) => done,
    }
}

fn finish(app: &App, session: &Session<'_>, work: &Pending) -> Result<(), Refusal> {
    let caller = session.user(&work.user)?.ok_or_else(Refusal::unauthenticated)?;
    let writer = app.writer(&caller);
    let report = match &work.task {
        Task::Associate { change, association, items, refresh } => {
            associate::perform(session, &writer, change, *association, items, *refresh)?
        }
        Task::Services { change } => services::perform(session, &writer, change)?,
        Task::Conflicts { change } => {
            let began = work.due.saturating_sub(whole(app.works.working)) / 1_000;
            conflict::perform(app, session, change, began)?
        }
        Task::Slots(search) => slots::perform(session, &caller, search)?,
        Task::FirstSlot { change, search } => slots::first(session, &writer, change, search)?,
    };
    let payload = report.payload.as_ref().map(Value::to_string).unwrap_or_default();
    let state = if report.failed { ERROR } else { COMPLETE };
    let values = [("state", state), ("messages", &report.messages()), ("payload", &payload)];
    mark(app, session, &work.worker, values)
}

/// Lets a worker end with what it was refused.
fn give_up(app: &App, session: &Session<'_>, worker: &str, refusal: &Refusal) -> Result<(), Refusal> {
    drop_work(app, session, worker)?;
    let error = refusal.detail.clone().unwrap_or_else(|| refusal.to_string());
    let report = Report { errors: vec![error], ..Report::default() };
    mark(app, session, worker, [("state", ERROR), ("messages", &report.messages())])
}

/// Takes back what a worker has not done yet.
fn drop_work(app: &App, session: &Session<'_>, worker: &str) -> Result<(), StoreError> {
    let mut pending = pending(session)?;
    pending.retain(|work| work.worker != worker);
    keep(session, &pending)?;
    plan(app, &pending);
    Ok(())
}

fn mark<const N: usize>(
    app: &App,
    session: &Session<'_>,
    worker: &str,
    values: [(&str, &str); N],
) -> Result<(), Refusal> {
    let Some(row) = session.find(WORKER, worker)? else { return Ok(()) };
    write::update(session, &by_the_instance(app, &Caller::system()), &row, &Input::of(values))?;
    Ok(())
}

/// The instance itself as the writer.
fn by_the_instance<'a>(app: &'a App, system: &'a Caller) -> Writer<'a> {
    Writer { by_rule: true, ..app.writer(system) }
}

fn plan(app: &App, pending: &[Pending]) {
    let next = pending.iter().map(|work| work.due).min().unwrap_or(i64::MAX);
    app.works.next.store(next, Ordering::Release);
}

fn pending(session: &Session<'_>) -> Result<Vec<Pending>, StoreError> {
    let Some(kept) = session.kept_under(PENDING)? else { return Ok(Vec::new()) };
    serde_json::from_str(&kept).map_err(|source| StoreError::Damaged {
        class: WORKER.to_owned(),
        sys_id: PENDING.to_owned(),
        source: source.into(),
    })
}

fn keep(session: &Session<'_>, pending: &[Pending]) -> Result<(), StoreError> {
    let text = serde_json::to_string(pending).map_err(|source| StoreError::Damaged {
        class: WORKER.to_owned(),
        sys_id: PENDING.to_owned(),
        source: source.into(),
    })?;
    session.keep(PENDING, &text)
}

fn millis(at: SystemTime) -> i64 {
    at.duration_since(UNIX_EPOCH).map_or(0, whole)
}

fn whole(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn after(millis: i64, wait: Duration) -> i64 {
    millis.saturating_add(whole(wait))
}
