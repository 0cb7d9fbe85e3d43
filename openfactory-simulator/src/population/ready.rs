//! Instances that are copied instead of made anew: what they begin with is the same for all of a kind.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use super::{Population, plant};
use crate::clock::ManualClock;
use crate::entropy::SystemEntropy;
use crate::refusal::Refusal;
use crate::schema::Schema;
use crate::store::Store;
use crate::switches::Switches;

/// What tells such instances apart: the profile's name, whether it is prepared for the guide, whether it has demo data.
type Kind = (&'static str, bool, bool);

/// An instance of this kind, without seeds and logins; made when it is first asked for.
pub(crate) fn ready(population: Population) -> Result<Arc<Store>, Refusal> {
    static READY: Mutex<BTreeMap<Kind, Arc<Store>>> = Mutex::new(BTreeMap::new());
    let key = (population.profile.name(), population.prepared, population.demo);
    let mut ready = READY.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(store) = ready.get(&key) {
        return Ok(Arc::clone(store));
    }
    // Every row that is planted says when it was made.
    let clock = Arc::new(ManualClock::starting_at(SystemTime::UNIX_EPOCH));
    let schema = Schema::shared(population.prepared);
    let switches = Switches::of(population.profile);
    let store = Store::open(None, schema, switches, clock, Arc::new(SystemEntropy))?;
    store.write(|session| plant(session, population))?;
    let store = Arc::new(store);
    ready.insert(key, Arc::clone(&store));
    Ok(store)
}
