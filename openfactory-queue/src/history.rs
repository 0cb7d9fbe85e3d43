//! What happened to a message on its way.

use std::time::SystemTime;

/// At most so many incidents are kept of a message, the newest.
pub const MAX_INCIDENTS: usize = 32;

/// Reasons are cut at so many bytes.
pub const MAX_REASON: usize = 2048;

/// One thing that happened. Equal ones in a row are kept as one, with their number.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Incident {
    /// When, the last time.
    pub at: SystemTime,
    /// What.
    pub kind: IncidentKind,
    /// Why.
    pub reason: String,
    /// The delivery in which it happened, the last time.
    pub delivery: u32,
    /// How many times in a row.
    pub times: u32,
}

impl Incident {
    /// One that happened once; the reason is cut at [`MAX_REASON`] bytes.
    #[must_use]
    pub fn new(at: SystemTime, kind: IncidentKind, reason: &str, delivery: u32) -> Self {
        Self { at, kind, reason: cut(reason).to_owned(), delivery, times: 1 }
    }
}

/// The kinds of [`Incident`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IncidentKind {
    /// A retry that counted.
    Failed,
    /// A retry that did not count.
    Deferred,
    /// A lease that ended without an answer.
    Lapsed,
    /// Dead-lettered by its worker.
    Dead,
    /// Dead-lettered because its time was over.
    Expired,
    /// Dead-lettered along with the one before it in its key.
    Parked,
    /// Put back by an operator.
    Redriven,
}

impl IncidentKind {
    /// The name it is stored and shown by.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Deferred => "deferred",
            Self::Lapsed => "lapsed",
            Self::Dead => "dead",
            Self::Expired => "expired",
            Self::Parked => "parked",
            Self::Redriven => "redriven",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Failed, Self::Deferred, Self::Lapsed, Self::Dead, Self::Expired, Self::Parked, Self::Redriven]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

/// Adds an incident, folding it into the last one if that is of the same kind and reason, and dropping the oldest
/// beyond [`MAX_INCIDENTS`].
pub fn record(history: &mut Vec<Incident>, incident: Incident) {
    match history.last_mut() {
        Some(last) if last.kind == incident.kind && last.reason == incident.reason => {
            last.times = last.times.saturating_add(incident.times);
            last.at = incident.at;
            last.delivery = incident.delivery;
        }
        _ => history.push(incident),
    }
    if history.len() > MAX_INCIDENTS {
        history.drain(..history.len() - MAX_INCIDENTS);
    }
}

/// At most [`MAX_REASON`] bytes of `reason`, cut between characters.
#[must_use]
pub fn cut(reason: &str) -> &str {
    &reason[..reason.floor_char_boundary(MAX_REASON)]
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn an_outage_is_one_line_of_history() {
        let mut history = Vec::new();
        for n in 0..500u32 {
            let at = UNIX_EPOCH + Duration::from_secs(n.into());
            record(&mut history, Incident::new(at, IncidentKind::Deferred, "503", n));
        }
        assert_eq!(history.len(), 1);
        assert_eq!((history[0].times, history[0].delivery), (500, 499));
    }

    #[test]
    fn the_newest_are_kept() {
        let mut history = Vec::new();
        for n in 0..100u32 {
            record(&mut history, Incident::new(UNIX_EPOCH, IncidentKind::Failed, &n.to_string(), n));
        }
        assert_eq!(history.len(), MAX_INCIDENTS);
        assert_eq!(history.last().map(|incident| incident.delivery), Some(99));
    }

    #[test]
    fn reasons_are_cut_between_characters() {
        let long = "é".repeat(MAX_REASON);
        assert_eq!(cut(&long).len(), MAX_REASON);
        assert_eq!(cut(&format!("a{long}")).len(), MAX_REASON - 1);
    }

    #[test]
    fn names_round_trip() {
        for kind in [IncidentKind::Failed, IncidentKind::Parked, IncidentKind::Redriven] {
            assert_eq!(IncidentKind::from_name(kind.name()), Some(kind));
        }
        assert_eq!(IncidentKind::from_name("lost"), None);
    }
}
