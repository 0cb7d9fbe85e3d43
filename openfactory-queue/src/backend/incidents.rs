//! A message's history as JSON text, for backends that store it so.

use serde::{Deserialize, Serialize};

use crate::history::{Incident, IncidentKind};
use crate::stamp::Stamp;

#[derive(Serialize, Deserialize)]
struct Stored {
    at: i64,
    kind: String,
    reason: String,
    delivery: u32,
    times: u32,
}

pub(super) fn to_text(history: &[Incident]) -> Result<String, serde_json::Error> {
    let stored = history.iter().map(|incident| Stored {
        at: Stamp::from(incident.at).0,
        kind: incident.kind.name().to_owned(),
        reason: incident.reason.clone(),
        delivery: incident.delivery,
        times: incident.times,
    });
    serde_json::to_string(&stored.collect::<Vec<_>>())
}

/// The error says what is wrong with the text.
pub(super) fn from_text(text: &str) -> Result<Vec<Incident>, String> {
    let stored: Vec<Stored> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let incident = |stored: Stored| {
        let kind = IncidentKind::from_name(&stored.kind)
            .ok_or_else(|| format!("{:?} is no kind of incident", stored.kind))?;
        let mut incident = Incident::new(Stamp(stored.at).time(), kind, &stored.reason, stored.delivery);
        incident.times = stored.times;
        Ok(incident)
    };
    stored.into_iter().map(incident).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_round_trips_and_what_is_none_is_refused() {
        let mut failed =
            Incident::new(Stamp(1_764_000_000_000_001).time(), IncidentKind::Failed, "\"a\"\0", 3);
        failed.times = 7;
        let dead = Incident::new(Stamp(-5).time(), IncidentKind::Dead, "b", 4);
        let history = vec![failed, dead];
        let text = to_text(&history).unwrap();
        assert_eq!(from_text(&text).unwrap(), history);
        for bad in ["", "{}", "[1]", &text.replace("failed", "lost")] {
            assert!(from_text(bad).is_err(), "{bad}");
        }
    }
}
