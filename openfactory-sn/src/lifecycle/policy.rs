//! The numbers of the workflow.
//!
//! ```
//! use std::time::Duration;
//!
//! use openfactory_sn::lifecycle::entity::Instruction;
//! use openfactory_sn::lifecycle::{id::FleetId, mapping::Mapping, policy::Policy};
//!
//! // Change requests live in a table of their own on this instance.
//! let mut mapping = Mapping::guide();
//! mapping.tables.change_request = "u_image_change".to_owned();
//! let mut policy = Policy::for_mapping(&mapping);
//! assert_eq!(policy.change_request_table, "u_image_change");
//!
//! // Ada may have devices rolled back, rebuilt and kept apart, by a field of their incidents; a rebuild is approved first.
//! policy.instructors.insert("ada".to_owned());
//! policy.instructions_that_wait.insert(Instruction::Rebuild);
//!
//! // Devices report daily; those on the shelf are not missed.
//! let (line, shelf) = (FleetId::new("line-7")?, FleetId::new("spare-parts")?);
//! policy.report_within_of.insert(shelf.clone(), 0);
//! assert_eq!(policy.report_within(&line), Some(Duration::from_secs(24 * 60 * 60)));
//! assert_eq!(policy.report_within(&shelf), None);
//!
//! // In a file, durations are seconds, and what is not named stays as it is.
//! let from_file: Policy = serde_json::from_str(r#"{"rollout_soak": 3600, "rollout_reports": 12}"#)?;
//! assert_eq!(from_file.rollout_soak, Duration::from_secs(3600));
//! assert_eq!(from_file.proof_within, Policy::default().proof_within);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::entity::Instruction;
use super::id::FleetId;
use super::mapping::Mapping;

const HOUR: u64 = 3600;

/// How long things may take, and where the change requests are. Durations are in whole seconds when written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Policy {
    /// The table of change requests; the same as in the mapping, since their sys_ids are derived from it.
    pub change_request_table: String,
    /// How long a device may be silent, from its deployment and from each report on; `None`: for ever.
    #[serde(with = "optional_seconds")]
    pub report_within: Option<Duration>,
    /// The same for single fleets, in seconds; 0: for ever.
    pub report_within_of: BTreeMap<FleetId, u64>,
    /// How soon after a remediation a report must prove it.
    #[serde(with = "seconds")]
    pub proof_within: Duration,
    /// How far ahead of ours a device's clock may be.
    #[serde(with = "seconds")]
    pub clock_tolerance: Duration,
    /// How often compliance is recorded though nothing changed.
    #[serde(with = "seconds")]
    pub compliance_heartbeat: Duration,
    /// How long a deployment waits for the verification of its build to be known here.
    #[serde(with = "seconds")]
    pub wait_for_build: Duration,
    /// How long each device of a rollout must stay healthy, unless the rollout says otherwise.
    #[serde(with = "seconds")]
    pub rollout_soak: Duration,
    /// How many healthy reports of a device that takes at least.
    pub rollout_reports: u32,
    /// Whether a report must prove the signed dm-verity root hash to be healthy in a rollout.
    pub rollout_requires_verity: bool,
    /// How long each stage of a rollout may take, unless the rollout says otherwise.
    #[serde(with = "seconds")]
    pub rollout_stage_within: Duration,
    /// The table of incidents; the same as in the mapping.
    pub incident_table: String,
    /// The column of an incident that a person writes an instruction into; `None`: there are no instructions.
    pub instruction_column: Option<String>,
    /// The column in which the instance records who wrote it.
    pub instructed_by_column: Option<String>,
    /// The column in which the instance records when.
    pub instructed_at_column: Option<String>,
    /// The `user_name` that we write with: it instructs nobody.
    pub own_user: String,
    /// Whose instructions count, by `user_name`; of nobody else, and of nobody at all while it is empty.
    pub instructors: BTreeSet<String>,
    /// Which instructions wait for the approval of their change request before they are begun. None do unless it is
    /// said here: an emergency change is approved afterwards.
    pub instructions_that_wait: BTreeSet<Instruction>,
}

impl Default for Policy {
    fn default() -> Self {
        let incident = Mapping::guide().incident;
        Self {
            change_request_table: "change_request".to_owned(),
            report_within: Some(Duration::from_secs(24 * HOUR)),
            report_within_of: BTreeMap::new(),
            proof_within: Duration::from_secs(HOUR / 2),
            clock_tolerance: Duration::from_secs(HOUR / 12),
            compliance_heartbeat: Duration::from_secs(24 * HOUR),
            wait_for_build: Duration::from_secs(HOUR),
            rollout_soak: Duration::from_secs(900),
            rollout_reports: 3,
            rollout_requires_verity: true,
            rollout_stage_within: Duration::from_secs(24 * HOUR),
            incident_table: "incident".to_owned(),
            instruction_column: incident.instruction_column,
            instructed_by_column: incident.instructed_by_column,
            instructed_at_column: incident.instructed_at_column,
            own_user: incident.caller,
            instructors: BTreeSet::new(),
            instructions_that_wait: BTreeSet::new(),
        }
    }
}

impl Policy {
    /// How long a device of this fleet may be silent; `None`: for ever.
    #[must_use]
    pub fn report_within(&self, fleet: &FleetId) -> Option<Duration> {
        match self.report_within_of.get(fleet) {
            Some(0) => None,
            Some(seconds) => Some(Duration::from_secs(*seconds)),
            None => self.report_within,
        }
    }

    /// The default one, for the tables of this mapping.
    #[must_use]
    pub fn for_mapping(mapping: &Mapping) -> Self {
        let incident = mapping.incident.clone();
        Self {
            change_request_table: mapping.tables.change_request.clone(),
            incident_table: mapping.tables.incident.clone(),
            instruction_column: incident.instruction_column,
            instructed_by_column: incident.instructed_by_column,
            instructed_at_column: incident.instructed_at_column,
            own_user: incident.caller,
            ..Self::default()
        }
    }
}

mod seconds {
    use serde::{Deserialize, Deserializer, Serializer};
    use std::time::Duration;

    pub(super) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(duration.as_secs())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_secs)
    }
}

mod optional_seconds {
    use serde::{Deserialize, Deserializer, Serializer};
    use std::time::Duration;

    #[expect(clippy::ref_option, reason = "the signature that serde's `with` calls")]
    pub(super) fn serialize<S: Serializer>(
        duration: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match duration {
            Some(duration) => serializer.serialize_some(&duration.as_secs()),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(deserializer)?.map(Duration::from_secs))
    }
}
