//! Reading whole kinds of entities, within bounds.

use openfactory_sn::lifecycle::entity::{Entity, EntityKey, EntityKind};
use openfactory_sn::lifecycle::state::StateError;
use serde::Serialize;

use super::super::core::Core;

/// Entities read at once.
const PAGE: usize = 500;

/// The most entities of a kind that are read for one look.
const MOST: usize = 20_000;

/// All entities of a kind, and whether those are all.
pub(super) async fn all(
    core: &Core,
    kind: EntityKind,
) -> Result<(Vec<(EntityKey, Entity)>, bool), StateError> {
    let mut rows: Vec<(EntityKey, Entity)> = Vec::new();
    while rows.len() < MOST {
        let after = rows.last().map(|(key, _)| key.clone());
        let page = core.state.list(kind, after.as_ref(), PAGE).await?;
        let ended = page.len() < PAGE;
        rows.extend(page.into_iter().map(|(key, kept)| (key, kept.value)));
        if ended {
            return Ok((rows, true));
        }
    }
    Ok((rows, false))
}

/// The word by which a value is written in events and state.
pub(super) fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(error) => format!("unwritable: {error}"),
    }
}
