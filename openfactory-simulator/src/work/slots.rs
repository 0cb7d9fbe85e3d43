//! When an item could be changed: within its maintenance windows if it has any, outside of blackouts, and while no
//! other change is under way on it.

use std::iter::successors;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Report, conflict};
use crate::access::Caller;
use crate::instant;
use crate::refusal::Refusal;
use crate::schedule::{self, Window};
use crate::schema::FieldType;
use crate::store::{Session, StoreError};
use crate::write::{self, Writer, input::Input};

/// How many days ahead are looked through.
const WINDOW_PROPERTY: &str = "change.conflict.next_available.schedule_window";
const DAYS: i64 = 90;

/// How many slots are told.
const LIMIT_PROPERTY: &str = "change.conflict.next_available.choice_limit";
const LIMIT: usize = 100;

/// The most slots that are told, whatever the property says.
const MOST: usize = 10_000;

const DAY: i64 = 86_400;

/// What is looked for; seconds, since the epoch where they are an instant.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Search {
    pub(crate) item: String,
    /// The change itself is not in its own way.
    pub(crate) change: Option<String>,
    pub(crate) from: i64,
    pub(crate) duration: i64,
}

/// Tells the slots: in each span that is open long enough the first, or, where a switch says so, all.
pub(super) fn perform(session: &Session<'_>, caller: &Caller, search: &Search) -> Result<Report, Refusal> {
    let slots = slots(session, search)?;
    if slots.is_empty() {
        return Ok(nothing(session)?);
    }
    let told = |second: i64| {
        let kept = instant::glide_from_unix(second);
        json!({ "display_value": caller.locale.show(&FieldType::DateTime, &kept), "value": kept })
    };
    let spans: Vec<Value> =
        slots.iter().map(|slot| json!({ "start": told(slot.from), "end": told(slot.to) })).collect();
    Ok(Report { payload: Some(json!({ "payload": { "spans": spans } })), ..Report::default() })
}

/// Plans a change for the first slot.
pub(super) fn first(
    session: &Session<'_>,
    writer: &Writer<'_>,
    change: &str,
    search: &Search,
) -> Result<Report, Refusal> {
    let Some(record) = session.find("change_request", change)? else { return Err(Refusal::no_record()) };
    let Some(slot) = slots(session, search)?.into_iter().next() else { return Ok(nothing(session)?) };
    let (start, end) = (instant::glide_from_unix(slot.from), instant::glide_from_unix(slot.to));
    write::update(session, writer, &record, &Input::of([("start_date", &start), ("end_date", &end)]))?;
    Ok(Report { infos: vec!["Change has been updated".to_owned()], ..Report::default() })
}

fn nothing(session: &Session<'_>) -> Result<Report, StoreError> {
    let infos = vec![format!("No slots found for {} days from now", days(session)?)];
    Ok(Report { infos, ..Report::default() })
}

fn days(session: &Session<'_>) -> Result<i64, StoreError> {
    let said = session.property(WINDOW_PROPERTY)?.and_then(|text| text.trim().parse().ok());
    Ok(said.filter(|days| (1..=3_650).contains(days)).unwrap_or(DAYS))
}

fn slots(session: &Session<'_>, search: &Search) -> Result<Vec<Window>, StoreError> {
    let Some(item) = session.find("cmdb_ci", &search.item)? else { return Ok(Vec::new()) };
    let ahead = search.from.saturating_add(days(session)?.saturating_mul(DAY));
    let Some(span) = Window::new(search.from, ahead) else { return Ok(Vec::new()) };
    let maintained = conflict::maintenance(session, &item)?;
    let mut windows = Vec::new();
    for schedule in &maintained {
        windows.extend(schedule::windows(session, schedule, span)?);
    }
    let mut closed = Vec::new();
    for blackout in conflict::blackouts(session, &item)? {
        closed.extend(schedule::windows(session, &blackout, span)?);
    }
    let others = conflict::changes_on(session, &item.sys_id, search.change.as_deref())?;
    closed.extend(others.into_iter().map(|(_, window)| window));
    let windows = (!maintained.is_empty()).then_some(windows.as_slice());
    let limit = session.property(LIMIT_PROPERTY)?.and_then(|text| text.trim().parse().ok()).unwrap_or(LIMIT);
    let (duration, fill) = (search.duration, session.switches.slots_fill_spans);
    let within = |open: Window| {
        let slot = move |from: i64| {
            Window::new(from, from.saturating_add(duration)).filter(|slot| open.holds(*slot))
        };
        successors(slot(open.from), move |before| if fill { slot(before.to) } else { None })
    };
    let open = schedule::open(span, windows, &closed);
    Ok(open.into_iter().flat_map(within).take(limit.min(MOST)).collect())
}
