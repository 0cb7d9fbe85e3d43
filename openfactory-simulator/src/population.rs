//! What every instance begins with, and the demo data of one that is to be looked at.

mod access;
pub(crate) mod changes;
mod demo;
mod dictionary;
mod filters;
mod identifiers;
mod imports;
mod layouts;
mod people;
mod policies;
mod ready;

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::auth::grant::CLIENT_CREDENTIALS_PROPERTY;
use crate::profile::Profile;
use crate::refusal::Refusal;
use crate::store::{Session, StoreError};
use crate::write::{self, input::Input};
pub use people::{ADMIN_USER, CHANGE_MANAGER_USER, INTEGRATION_USER};
pub(crate) use people::{CAB_GROUP, plant_logins};
pub(crate) use ready::ready;

/// When the rows were made that an instance is delivered with.
const DELIVERED: &str = "2001-01-01 08:00:00";

/// Relation types with the `sys_id`s that stock instances have.
const RELATION_TYPES: [(&str, &str); 8] = [
    ("60bc4e22c0a8010e01f074cbe6bd73c3", "Runs on::Runs"),
    ("1a9cb166f1571100a92eb60da2bce5c5", "Depends on::Used by"),
    ("55c95bf6c0a8010e0118ec7056ebc54d", "Contains::Contained by"),
    ("5f985e0ec0a8010e00a9714f2a172815", "Hosted on::Hosts"),
    ("cb5592603751200032ff8c00dfbe5d17", "Uses::Used by"),
    ("25242fb2377a9200738d021a54990e88", "Owns::Owned by"),
    ("a99d39118f10310091769012cbbe4429", "Cluster of::Cluster"),
    ("607ad1b2c0a8010e01941856b365af90", "Exchanges data with::Exchanges data with"),
];

/// What an instance begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Population {
    pub(crate) profile: Profile,
    /// Whether it has what the guide assumes.
    pub(crate) prepared: bool,
    /// Whether it has records to look at and to try things on.
    pub(crate) demo: bool,
}

/// Plants whatever was not planted before.
pub(crate) fn plant(session: &Session<'_>, population: Population) -> Result<(), Refusal> {
    let profile = population.profile;
    people::plant(session, profile)?;
    for (sys_id, name) in RELATION_TYPES {
        let (parent, child) = name.split_once("::").unwrap_or((name, name));
        let values = [("name", name), ("parent_descriptor", parent), ("child_descriptor", child)];
        once(session, "cmdb_rel_type", sys_id, values)?;
    }
    // On an instance as it is delivered, an administrator has to make this property.
    if population.prepared {
        let sys_id = derived_id("sys_properties", CLIENT_CREDENTIALS_PROPERTY);
        let values = [("name", CLIENT_CREDENTIALS_PROPERTY), ("value", "true"), ("type", "boolean")];
        once(session, "sys_properties", &sys_id, values)?;
    }
    access::plant(session, population)?;
    policies::plant(session)?;
    identifiers::plant(session)?;
    changes::plant(session)?;
    filters::plant(session)?;
    imports::plant(session)?;
    dictionary::plant(session)?;
    layouts::plant(session)?;
    if population.demo { demo::plant(session) } else { Ok(()) }
}

/// Plants a row unless it was planted before, even if it was changed or deleted since.
fn once<const N: usize>(
    session: &Session<'_>,
    table: &str,
    sys_id: &str,
    values: [(&str, &str); N],
) -> Result<(), Refusal> {
    let values = values.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Ok(delivered(session, table, sys_id, values)?)
}

/// The same, for values of any number.
fn delivered(
    session: &Session<'_>,
    table: &str,
    sys_id: &str,
    mut values: BTreeMap<String, String>,
) -> Result<(), StoreError> {
    let made = values.entry("sys_created_on".to_owned()).or_insert_with(|| DELIVERED.to_owned()).clone();
    values.entry("sys_updated_on".to_owned()).or_insert(made);
    seeded(session, table, sys_id, values)
}

/// Plants a row of a seed unless it was planted before.
pub(crate) fn seeded(
    session: &Session<'_>,
    table: &str,
    sys_id: &str,
    values: BTreeMap<String, String>,
) -> Result<(), StoreError> {
    if session.mark_seeded(session.schema.root(table), sys_id)? && !session.taken(table, sys_id)? {
        write::plant(session, table, sys_id, &Input::seed(values))?;
    }
    Ok(())
}

/// A `sys_id` that is the same on every start.
pub(crate) fn derived_id(table: &str, key: &str) -> String {
    let digest = Sha256::digest(format!("openfactory-simulator\0{table}\0{key}"));
    hex::encode(digest).chars().take(32).collect()
}
