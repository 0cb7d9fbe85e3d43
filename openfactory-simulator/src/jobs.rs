//! What an instance does by itself after some time: workers go on with what they were given, and resolved incidents are
//! closed after the days that the property `glide.ui.autoclose.time` names, by default seven; with 0 they never are.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::access::Caller;
use crate::api::App;
use crate::instant;
use crate::query::{Query, evaluate};
use crate::refusal::Refusal;
use crate::rules::incident::{CLOSED, RESOLVED};
use crate::store::{Session, StoreError};
use crate::work;
use crate::write::{self, Writer, input::Input};

const PROPERTY: &str = "glide.ui.autoclose.time";

const DEFAULT_DAYS: u64 = 7;

/// How often the clock is looked at.
const PACE: Duration = Duration::from_millis(200);

/// How far the clock has to have gone on for the jobs to run again.
const EVERY: Duration = Duration::from_secs(3_600);

/// Lets the workers go on, and runs the other jobs whenever an hour has passed, until the task is aborted.
pub(crate) async fn run(app: Arc<App>) {
    let mut last = app.store.clock.now();
    loop {
        tokio::time::sleep(PACE).await;
        let now = app.store.clock.now();
        let hourly = now.duration_since(last).map_or(true, |passed| passed >= EVERY);
        if hourly {
            last = now;
        }
        let own = Arc::clone(&app);
        let done = tokio::task::spawn_blocking(move || {
            work::advance(&own);
            if hourly { own.store.write(close) } else { Ok(()) }
        });
        match done.await {
            Ok(Ok(())) => {}
            Ok(Err(refusal)) => {
                tracing::error!(%refusal, detail = ?refusal.detail, "incidents were not closed")
            }
            Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "a job was broken off"),
        }
    }
}

fn close(session: &Session<'_>) -> Result<(), Refusal> {
    let days = days(session)?;
    let Some(before) = before(session.now, days) else { return Ok(()) };
    let system = Caller::system();
    let query = format!("state={RESOLVED}^resolved_at<={}", instant::glide(before));
    let query = Query::parse(session, &system, "incident", &query)?.query;
    let none = BTreeSet::new();
    let writer = Writer { caller: &system, integration_users: &none, webhook: None, by_rule: true };
    for incident in evaluate::run(session, "incident", &query)? {
        write::update(session, &writer, &incident, &Input::of([("state", CLOSED)]))?;
    }
    Ok(())
}

fn days(session: &Session<'_>) -> Result<u64, StoreError> {
    Ok(session.property(PROPERTY)?.and_then(|text| text.trim().parse().ok()).unwrap_or(DEFAULT_DAYS))
}

/// The instant before which an incident must have been resolved; none if none is closed.
fn before(now: SystemTime, days: u64) -> Option<SystemTime> {
    let span = days.checked_mul(24 * 3_600).filter(|seconds| *seconds > 0)?;
    now.checked_sub(Duration::from_secs(span))
}
