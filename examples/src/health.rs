//! `/healthz` and `/readyz`: whether the process lives, and whether it can do its work right now.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;

/// What the parts of a service say about themselves. Cheap to clone; all clones are one.
#[derive(Clone, Debug, Default)]
pub struct Health {
    parts: Arc<Mutex<BTreeMap<String, Readiness>>>,
}

/// What one part of a service says: ready, or not ready and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Readiness {
    /// Whether this part can do its work.
    pub ready: bool,
    /// Why not, for a person to act on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A handle by which one part of a service tells how it is.
#[derive(Clone, Debug)]
pub struct Component {
    name: String,
    health: Health,
}

#[derive(Serialize)]
struct Report {
    ready: bool,
    parts: BTreeMap<String, Readiness>,
}

impl Health {
    /// Health without any part: ready.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a part by its name. Until it says otherwise it is not ready, with the reason "starting".
    pub fn component(&self, name: &str) -> Component {
        let part = Component { name: name.to_owned(), health: self.clone() };
        part.unready("starting");
        part
    }

    /// Whether every part is ready.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.lock().values().all(|part| part.ready)
    }

    /// `GET /healthz`: 200 as long as the process answers. `GET /readyz`: 200 when every part is ready, else 503;
    /// its body names each part, and for those that are not ready the reason.
    pub fn routes(&self) -> Router {
        Router::new()
            .route("/healthz", get(async || "ok\n"))
            .route("/readyz", get(ready))
            .with_state(self.clone())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Readiness>> {
        // Each change is one insert, so a panic elsewhere can't leave the map half-changed.
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Component {
    /// Says that this part can do its work.
    pub fn ready(&self) {
        self.set(Readiness { ready: true, reason: None });
    }

    /// Says that this part can't do its work, and why.
    pub fn unready(&self, reason: impl Into<String>) {
        self.set(Readiness { ready: false, reason: Some(reason.into()) });
    }

    fn set(&self, readiness: Readiness) {
        self.health.lock().insert(self.name.clone(), readiness);
    }
}

async fn ready(State(health): State<Health>) -> Response {
    let parts = health.lock().clone();
    let ready = parts.values().all(|part| part.ready);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Report { ready, parts })).into_response()
}

#[cfg(test)]
mod tests {
    use super::Health;

    #[test]
    fn one_unready_part_makes_the_whole_unready() {
        let health = Health::new();
        assert!(health.is_ready());
        let queue = health.component("queue");
        let store = health.component("store");
        queue.ready();
        assert!(!health.is_ready(), "store is still starting");
        store.ready();
        assert!(health.is_ready());
        queue.unready("disk full");
        assert!(!health.is_ready());
    }
}
