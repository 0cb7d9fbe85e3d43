//! Impact analysis: which devices run a build, or anything made of a base image, by the relations in the CMDB (guide,
//! Stage 4, and "Key Compromise Response", Phase 2).
//!
//! The CMDB is asked, not believed: [`Impact::differences`] says where it and what is known here part.
//!
//! ```
//! use std::collections::{BTreeMap, BTreeSet};
//!
//! use openfactory_sn::lifecycle::correlation;
//! use openfactory_sn::lifecycle::id::{BuildId, DeviceId};
//! use openfactory_sn::lifecycle::impact::{Impact, Origin, impact};
//! use openfactory_sn::lifecycle::mapping::Mapping;
//! use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
//! use openfactory_sn::SysId;
//! use serde_json::json;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (build, press) = (BuildId::new("b-1")?, DeviceId::new("press-7")?);
//! let key = |correlation| SysId::derived("cmdb_ci_os_image", &correlation);
//! let (parent, child) = (key(correlation::build_item(&build)), key(correlation::device_item(&press)));
//! let instance = ScriptedTransport::new()
//!     .on(
//!         Expected::get("/api/now/table/cmdb_rel_type"),
//!         Reply::result(200, json!([{"sys_id": "a1", "name": "Runs on::Runs"}])),
//!     )
//!     .on(
//!         Expected::get("/api/now/table/cmdb_rel_ci"),
//!         Reply::result(200, json!([{"sys_id": "b1", "parent": parent, "child": child, "type": "a1"}])),
//!     )
//!     .on(
//!         Expected::get("/api/now/table/cmdb_ci_os_image"),
//!         Reply::result(200, json!([{"sys_id": child, "correlation_id": "device/press-7"}])),
//!     );
//! let found: Impact = impact(&client(&instance), &Mapping::guide(), &Origin::Builds(vec![build.clone()])).await?;
//! instance.assert_done();
//! assert_eq!(found.devices(), BTreeSet::from([&press]));
//!
//! // Here, another device is known to run it.
//! let known = BTreeMap::from([(build, BTreeSet::from([DeviceId::new("press-8")?]))]);
//! assert_eq!(found.differences(&known), [
//!     "device press-7 runs build b-1 in the CMDB alone",
//!     "device press-8 runs build b-1 by its reports, but not in the CMDB",
//! ]);
//! # Ok(())
//! # }
//! ```

use std::collections::{BTreeMap, BTreeSet};

use super::correlation;
use super::id::{BuildId, DeviceId};
use super::mapping::{Mapping, Tables};
use crate::client::Client;
use crate::error::Error;
use crate::id::{CorrelationId, SysId};
use crate::query::{Condition, Operator, Query};
use crate::record::Row;

/// Records that one query asks for.
const AT_ONCE: usize = 50;

/// Where the walk begins.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// A base image in a version: whatever was built on it.
    BaseImage {
        /// The base image.
        base_image: String,
        /// Its version.
        base_version: String,
    },
    /// Some builds.
    Builds(Vec<BuildId>),
}

/// What the CMDB says is affected.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Impact {
    /// The builds, each with the devices that it runs on.
    pub builds: BTreeMap<BuildId, BTreeSet<DeviceId>>,
    /// Related items that are none of ours.
    pub foreign: BTreeSet<SysId>,
    /// What could not be asked: types of relations that the instance lacks, or has twice.
    pub unasked: Vec<String>,
}

impl Impact {
    /// All devices.
    #[must_use]
    pub fn devices(&self) -> BTreeSet<&DeviceId> {
        self.builds.values().flatten().collect()
    }

    /// Where the CMDB and what is known here part, a sentence each.
    #[must_use]
    pub fn differences(&self, known: &BTreeMap<BuildId, BTreeSet<DeviceId>>) -> Vec<String> {
        let none = BTreeSet::new();
        let builds: BTreeSet<&BuildId> = self.builds.keys().chain(known.keys()).collect();
        let mut differences = self.unasked.clone();
        for build in builds {
            let there = self.builds.get(build).unwrap_or(&none);
            let here = known.get(build).unwrap_or(&none);
            for device in there.difference(here) {
                differences.push(format!("device {device} runs build {build} in the CMDB alone"));
            }
            for device in here.difference(there) {
                differences
                    .push(format!("device {device} runs build {build} by its reports, but not in the CMDB"));
            }
        }
        differences
            .extend(self.foreign.iter().map(|item| format!("item {item} is related, and none of ours")));
        differences
    }
}

/// Walks the relations from a base image or from builds to the devices.
///
/// # Errors
/// What the instance answers to a query; nothing was changed.
pub async fn impact(client: &Client, mapping: &Mapping, origin: &Origin) -> Result<Impact, Error> {
    let (tables, relations) = (&mapping.tables, &mapping.relations);
    let mut walk = Walk { client, tables, found: Impact::default() };
    let builds = match origin {
        Origin::Builds(builds) => builds.clone(),
        Origin::BaseImage { base_image, base_version } => {
            let base = correlation::base_image_item(base_image, base_version);
            let base = SysId::derived(&tables.base_image, &base);
            let links = walk.links(&relations.build_depends_on_base, "child", &[base]).await?;
            let builds: Vec<SysId> = links.into_iter().map(|link| link.parent).collect();
            let named = walk.named(&tables.build, &builds, "build/").await?;
            named.into_values().filter_map(|id| BuildId::new(id).ok()).collect()
        }
    };
    walk.devices(&relations.build_runs_on_device, builds).await?;
    Ok(walk.found)
}

/// The devices that builds run on.
pub(super) async fn of_builds(
    client: &Client,
    tables: &Tables,
    type_name: &str,
    builds: Vec<BuildId>,
) -> Result<Impact, Error> {
    let mut walk = Walk { client, tables, found: Impact::default() };
    walk.devices(type_name, builds).await?;
    Ok(walk.found)
}

struct Link {
    parent: SysId,
    child: SysId,
}

struct Walk<'a> {
    client: &'a Client,
    tables: &'a Tables,
    found: Impact,
}

impl Walk<'_> {
    async fn devices(&mut self, type_name: &str, builds: Vec<BuildId>) -> Result<(), Error> {
        let key = |build: &BuildId| SysId::derived(&self.tables.build, &correlation::build_item(build));
        let builds: BTreeMap<SysId, BuildId> = builds.into_iter().map(|build| (key(&build), build)).collect();
        let parents: Vec<SysId> = builds.keys().cloned().collect();
        let links = self.links(type_name, "parent", &parents).await?;
        let children: BTreeSet<SysId> = links.iter().map(|link| link.child.clone()).collect();
        let children: Vec<SysId> = children.into_iter().collect();
        let named = self.named(&self.tables.device, &children, "device/").await?;
        self.found.builds = builds.values().map(|build| (build.clone(), BTreeSet::new())).collect();
        for link in links {
            let (Some(build), Some(device)) = (builds.get(&link.parent), named.get(&link.child)) else {
                continue;
            };
            if let (Some(devices), Ok(device)) = (self.found.builds.get_mut(build), DeviceId::new(device)) {
                devices.insert(device);
            }
        }
        Ok(())
    }

    /// The relations of a type at one of whose ends these items stand.
    async fn links(&mut self, type_name: &str, end: &str, items: &[SysId]) -> Result<Vec<Link>, Error> {
        if items.is_empty() {
            return Ok(Vec::new());
        }
        let of_name = Condition::new("name", Operator::Equal, vec![type_name.to_owned()]);
        let types = self.client.dynamic_table(&self.tables.relation_type);
        let types = types.find(&Query::new().and(of_name).limit(2)).await?;
        let [kind] = types.as_slice() else {
            let how = if types.is_empty() { "is not there" } else { "is there twice" };
            self.found.unasked.push(format!("the type of relation {type_name:?} {how}"));
            return Ok(Vec::new());
        };
        let kind = kind.sys_id().as_str();
        let of_kind = || Condition::new("type", Operator::Equal, vec![kind.to_owned()]);
        let mut links = Vec::new();
        for row in self.all(&self.tables.relation, end, items, Some(&of_kind)).await? {
            let of = |field| SysId::new(row.text(field)).ok();
            if let (Some(parent), Some(child)) = (of("parent"), of("child")) {
                links.push(Link { parent, child });
            }
        }
        Ok(links)
    }

    /// The ids behind items of ours, by their correlation; others are remembered as foreign.
    async fn named(
        &mut self,
        table: &str,
        items: &[SysId],
        kind: &str,
    ) -> Result<BTreeMap<SysId, String>, Error> {
        let mut named = BTreeMap::new();
        for row in self.all(table, "sys_id", items, None).await? {
            let ours = CorrelationId::new(row.text("correlation_id"))
                .ok()
                .filter(|correlation| SysId::derived(table, correlation) == *row.sys_id());
            let id = ours.and_then(|key| key.as_str().strip_prefix(kind).map(ToOwned::to_owned));
            if let Some(id) = id {
                named.insert(row.sys_id().clone(), id);
            }
        }
        self.found.foreign.extend(items.iter().filter(|item| !named.contains_key(item)).cloned());
        Ok(named)
    }

    async fn all(
        &self,
        table: &str,
        field: &str,
        values: &[SysId],
        also: Option<&(dyn Fn() -> Condition + Sync)>,
    ) -> Result<Vec<Row>, Error> {
        let mut rows = Vec::new();
        for some in values.chunks(AT_ONCE) {
            let some = some.iter().map(|value| value.as_str().to_owned()).collect();
            let mut query = Query::new().and(Condition::new(field, Operator::OneOf, some));
            if let Some(also) = also {
                query = query.and(also());
            }
            let mut listing = self.client.dynamic_table(table).list(&query)?;
            while let Some(row) = listing.try_next().await? {
                rows.push(row);
            }
        }
        Ok(rows)
    }
}
