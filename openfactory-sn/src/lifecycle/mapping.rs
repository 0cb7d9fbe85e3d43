//! What differs between instances, as data: tables, classes, fields, choices, groups.
//!
//! A column that an instance hasn't got is `None`, and nothing is written there. [`Mapping::guide`] speaks the
//! integration guide's own tables and words.
//!
//! What another instance has otherwise is said in code or in a file:
//!
//! ```
//! use openfactory_sn::lifecycle::compliance::Compliance;
//! use openfactory_sn::lifecycle::mapping::{
//!     ChangeMapping, ComplianceMapping, Framework, Groups, IncidentMapping, ItemMapping, Mapping, MappingFault,
//!     Relations, RiskBySecurityLevel, Role, StatusChoices, Tables,
//! };
//!
//! /// The instance of a plant that keeps its devices as IoT devices.
//! fn plant() -> Mapping {
//!     let mut mapping = Mapping::guide();
//!     mapping.profile = "plant".to_owned();
//!     tables(&mut mapping.tables);
//!     changes(&mut mapping.change);
//!     incidents(&mut mapping.incident);
//!     items(&mut mapping.item);
//!     compliance(&mut mapping.compliance);
//!     relations(&mut mapping.relations);
//!     groups(&mut mapping.groups);
//!     mapping
//! }
//!
//! fn tables(tables: &mut Tables) {
//!     tables.device = "cmdb_ci_iot".to_owned();
//!     tables.evidence = "sn_grc_document".to_owned();
//! }
//!
//! fn changes(change: &mut ChangeMapping) {
//!     change.fleet_column = None; // there is no such column: nothing is written
//!     change.risk = risk(change.risk.clone());
//! }
//!
//! fn risk(risk: RiskBySecurityLevel) -> RiskBySecurityLevel {
//!     let mut risk = risk;
//!     risk.strict = "3".to_owned(); // this instance has no choice 4
//!     risk
//! }
//!
//! fn incidents(incident: &mut IncidentMapping) {
//!     incident.category = "hardware".to_owned();
//! }
//!
//! fn items(item: &mut ItemMapping) {
//!     item.flags_column = Some("u_warnings".to_owned());
//!     status(&mut item.operational_status);
//! }
//!
//! fn status(status: &mut StatusChoices) {
//!     status.compliant = Some("1".to_owned());
//!     status.quarantined = Some("6".to_owned());
//!     status.unknown = None; // leave it as it is
//! }
//!
//! fn compliance(compliance: &mut ComplianceMapping) {
//!     compliance.frameworks.retain(|framework: &Framework| framework.name == "ISO 27001");
//! }
//!
//! fn relations(relations: &mut Relations) {
//!     relations.build_depends_on_base = "Instantiates::Instantiated by".to_owned();
//! }
//!
//! fn groups(groups: &mut Groups) {
//!     groups.security = "Plant SOC".to_owned();
//!     groups.fleets.extend("line-7".parse().map(|line| (line, "Line 7".to_owned())));
//! }
//!
//! let mapping = plant();
//! assert_eq!(mapping.validate(), []);
//! assert_eq!(mapping.item.operational_status.choice(Compliance::Quarantined), Some("6"));
//! assert_eq!(mapping.item.operational_status.choice(Compliance::Unknown), None);
//! assert_eq!(mapping.groups.role(Role::Security), "Plant SOC");
//! assert_eq!(mapping.groups.fleet(&"line-7".parse()?), "Line 7");
//! assert_eq!(mapping.groups.fleet(&"line-8".parse()?), "Fleet Operations");
//!
//! // As a file it is the same, and what is misspelt there is found before anything is written.
//! let file = serde_json::to_string(&mapping)?;
//! assert_eq!(serde_json::from_str::<Mapping>(&file)?, mapping);
//! let misspelt: Mapping = serde_json::from_str(&file.replace("cmdb_ci_iot", "cmdb ci iot"))?;
//! assert!(matches!(&misspelt.validate()[..], [MappingFault::Name { name, .. }] if name == "cmdb ci iot"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod guide;
mod validate;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use self::validate::MappingFault;
use super::compliance::Compliance;
use super::id::FleetId;

/// A column, or `None` where the instance has none for it.
pub type Column = Option<String>;

/// All that differs between instances.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Mapping {
    /// Its name, for logs and records.
    pub profile: String,
    /// What `correlation_display` says.
    pub source_name: String,
    /// Names of tables.
    pub tables: Tables,
    /// Change requests.
    pub change: ChangeMapping,
    /// Incidents.
    pub incident: IncidentMapping,
    /// Configuration items.
    pub item: ItemMapping,
    /// Compliance records.
    pub compliance: ComplianceMapping,
    /// Relation types by name.
    pub relations: Relations,
    /// Groups by role and by fleet.
    pub groups: Groups,
}

/// Names of tables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Tables {
    /// Change requests.
    pub change_request: String,
    /// Incidents.
    pub incident: String,
    /// The class of base images.
    pub base_image: String,
    /// The class of builds.
    pub build: String,
    /// The class of devices.
    pub device: String,
    /// Relations between configuration items.
    pub relation: String,
    /// Types of relations.
    pub relation_type: String,
    /// Evidence for a build.
    pub evidence: String,
    /// Compliance items of devices.
    pub compliance: String,
    /// Users.
    pub user: String,
    /// Groups.
    pub group: String,
    /// Entries of journal fields, where notes are looked for before they are repeated.
    pub journal: String,
}

/// Choices of `risk`, by the recipe's security level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RiskBySecurityLevel {
    /// For `minimal`.
    pub minimal: String,
    /// For `standard`.
    pub standard: String,
    /// For `strict`.
    pub strict: String,
    /// For a recipe without a level, or with one that is not known.
    pub absent: String,
}

/// Change requests (guide, Stage 1, "Change Request Fields").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ChangeMapping {
    /// The category.
    pub category: String,
    /// The type of a planned change.
    pub planned_type: String,
    /// The type of an emergency change.
    pub emergency_type: String,
    /// The risk.
    pub risk: RiskBySecurityLevel,
    /// The longest short description, in characters.
    pub short_description_limit: usize,
    /// Close code of a change that did what it should.
    pub closed_successful: String,
    /// Close code of a change that did not.
    pub closed_unsuccessful: String,
    /// Where the build's id goes.
    pub build_column: Column,
    /// Where the fleet goes.
    pub fleet_column: Column,
}

/// Incidents (guide, Stage 6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct IncidentMapping {
    /// The category.
    pub category: String,
    /// The `user_name` of the caller.
    pub caller: String,
    /// Close code where a rollback or rebuild resolved it.
    pub resolved_by_change: String,
    /// Close code where the device complies again without one.
    pub resolved_otherwise: String,
    /// Where the build's id goes.
    pub build_column: Column,
    /// Where the device's id goes.
    pub device_column: Column,
    /// Where a person writes what is to be done: `rollback`, `rebuild` or `quarantine`.
    pub instruction_column: Column,
    /// Where the instance itself records who wrote that, by `user_name`.
    pub instructed_by_column: Column,
    /// Where the instance itself records when.
    pub instructed_at_column: Column,
}

/// Choices of `operational_status` by compliance; `None` leaves the field as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct StatusChoices {
    /// The device matches its build.
    pub compliant: Option<String>,
    /// It does not.
    pub drifted: Option<String>,
    /// It has not proved anything.
    pub unknown: Option<String>,
    /// It is kept apart.
    pub quarantined: Option<String>,
    /// The remedy was applied.
    pub remediated: Option<String>,
}

impl StatusChoices {
    /// The choice for a state of compliance.
    #[must_use]
    pub fn choice(&self, compliance: Compliance) -> Option<&str> {
        match compliance {
            Compliance::Compliant => self.compliant.as_deref(),
            Compliance::Drifted => self.drifted.as_deref(),
            Compliance::Unknown => self.unknown.as_deref(),
            Compliance::Quarantined => self.quarantined.as_deref(),
            Compliance::Remediated => self.remediated.as_deref(),
        }
    }
}

/// Configuration items (guide, Stage 4, "CMDB Configuration Item Mapping").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ItemMapping {
    /// Choices of `operational_status`.
    pub operational_status: StatusChoices,
    /// Where a link to the verification document goes, and the link; `{build_id}` stands for the build.
    pub document_link: Option<String>,
    /// Where items of one class are told apart: base image, build, device.
    pub kind_column: Column,
    /// The build's id.
    pub build_column: Column,
    /// The fleet.
    pub fleet_column: Column,
    /// `build.features`, comma-separated.
    pub features_column: Column,
    /// `build.security_level`.
    pub security_level_column: Column,
    /// The recipe's hash.
    pub recipe_hash_column: Column,
    /// The image's dm-verity root hash.
    pub root_hash_column: Column,
    /// The verification document's digest.
    pub document_digest_column: Column,
    /// A link to the verification document.
    pub document_link_column: Column,
    /// The compliance in words, whatever `operational_status` can say.
    pub compliance_column: Column,
    /// When the device last attested.
    pub attested_column: Column,
    /// Flags such as `Cert Expired`.
    pub flags_column: Column,
    /// Whether the device's overlay is as it has to be.
    pub overlay_column: Column,
    /// The state of its lockdown.
    pub lockdown_column: Column,
    /// The digest of the seal that is in force.
    pub seal_digest_column: Column,
}

/// A framework in scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Framework {
    /// Its name.
    pub name: String,
    /// The clauses that the evidence of a build answers.
    pub evidence_clauses: String,
    /// The clauses that continuous verification of a device answers.
    pub device_clauses: String,
}

/// Compliance records (guide, Stages 2 and 5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ComplianceMapping {
    /// Frameworks in scope; one record each.
    pub frameworks: Vec<Framework>,
    /// Where evidence and compliance items are told apart.
    pub kind_column: Column,
    /// The framework.
    pub framework_column: Column,
    /// The build's id.
    pub build_column: Column,
    /// The device's id.
    pub device_column: Column,
    /// The result: `pass`, `fail`, `not checked`.
    pub result_column: Column,
    /// The score, as `proved/all`.
    pub score_column: Column,
    /// The evidence's digest.
    pub digest_column: Column,
    /// The configuration item, a reference.
    pub item_column: Column,
}

/// Relation types by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Relations {
    /// Parent build, child device.
    pub build_runs_on_device: String,
    /// Parent build, child base image.
    pub build_depends_on_base: String,
}

/// Who answers for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// Approves and carries out changes.
    Change,
    /// Answers incidents about tampering.
    Security,
    /// Answers the other incidents.
    Operations,
    /// Answers incidents about a device's place in the network.
    Network,
    /// Answers incidents about what a device's overlay holds.
    Devices,
}

/// Groups, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Groups {
    /// For changes.
    pub change: String,
    /// For incidents about tampering.
    pub security: String,
    /// For the other incidents.
    pub operations: String,
    /// For incidents about a device's place in the network.
    pub network: String,
    /// For incidents about what a device's overlay holds.
    pub devices: String,
    /// For devices of fleets that are not in `fleets`.
    pub default_fleet: String,
    /// By fleet.
    #[serde(default)]
    pub fleets: BTreeMap<FleetId, String>,
}

impl Groups {
    /// The group of a role.
    #[must_use]
    pub fn role(&self, role: Role) -> &str {
        match role {
            Role::Change => &self.change,
            Role::Security => &self.security,
            Role::Operations => &self.operations,
            Role::Network => &self.network,
            Role::Devices => &self.devices,
        }
    }

    /// The group of a fleet.
    #[must_use]
    pub fn fleet(&self, fleet: &FleetId) -> &str {
        self.fleets.get(fleet).unwrap_or(&self.default_fleet)
    }
}
