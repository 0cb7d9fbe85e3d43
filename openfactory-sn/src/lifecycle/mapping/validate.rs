//! What can be wrong with a mapping before any instance is asked.

use super::Mapping;

/// Something that is wrong with a mapping.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MappingFault {
    /// A table's or column's name that ServiceNow could not have.
    #[error("{key}: {name:?} is not the name of a table or column (a-z, 0-9, _; at most 80)")]
    Name {
        /// Where in the mapping.
        key: &'static str,
        /// The name.
        name: String,
    },
    /// Something that must say something is empty.
    #[error("{key} is empty")]
    Empty {
        /// Where in the mapping.
        key: &'static str,
    },
    /// A number that is out of bounds.
    #[error("{key} is {found}, not within {least} to {most}")]
    Bounds {
        /// Where in the mapping.
        key: &'static str,
        /// The number.
        found: usize,
        /// The least good one.
        least: usize,
        /// The greatest good one.
        most: usize,
    },
    /// The same framework twice: their records would be one.
    #[error("the framework {name:?} is listed twice")]
    Framework {
        /// Its name.
        name: String,
    },
}

impl Mapping {
    /// All that is wrong with it in itself. Whether an instance has these tables, columns and choices is another
    /// question, to be asked of the instance.
    #[must_use]
    pub fn validate(&self) -> Vec<MappingFault> {
        let mut faults = Vec::new();
        for (key, name) in self.names() {
            let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
            if name.is_empty() || name.len() > 80 || !name.bytes().all(good) {
                faults.push(MappingFault::Name { key, name: name.to_owned() });
            }
        }
        for (key, text) in self.texts() {
            if text.trim().is_empty() {
                faults.push(MappingFault::Empty { key });
            }
        }
        let (least, most, found) = (60, 1000, self.change.short_description_limit);
        if !(least..=most).contains(&found) {
            faults.push(MappingFault::Bounds { key: "change.short_description_limit", found, least, most });
        }
        for (index, framework) in self.compliance.frameworks.iter().enumerate() {
            if self.compliance.frameworks[..index].iter().any(|other| other.name == framework.name) {
                faults.push(MappingFault::Framework { name: framework.name.clone() });
            }
        }
        faults
    }

    fn names(&self) -> Vec<(&'static str, &str)> {
        let (tables, change, incident) = (&self.tables, &self.change, &self.incident);
        let (item, compliance) = (&self.item, &self.compliance);
        let mut names = vec![
            ("tables.change_request", tables.change_request.as_str()),
            ("tables.incident", &tables.incident),
            ("tables.base_image", &tables.base_image),
            ("tables.build", &tables.build),
            ("tables.device", &tables.device),
            ("tables.relation", &tables.relation),
            ("tables.relation_type", &tables.relation_type),
            ("tables.evidence", &tables.evidence),
            ("tables.compliance", &tables.compliance),
            ("tables.user", &tables.user),
            ("tables.group", &tables.group),
            ("tables.journal", &tables.journal),
        ];
        let columns = [
            ("change.build_column", &change.build_column),
            ("change.fleet_column", &change.fleet_column),
            ("incident.build_column", &incident.build_column),
            ("incident.device_column", &incident.device_column),
            ("incident.instruction_column", &incident.instruction_column),
            ("incident.instructed_by_column", &incident.instructed_by_column),
            ("incident.instructed_at_column", &incident.instructed_at_column),
            ("item.kind_column", &item.kind_column),
            ("item.build_column", &item.build_column),
            ("item.fleet_column", &item.fleet_column),
            ("item.features_column", &item.features_column),
            ("item.security_level_column", &item.security_level_column),
            ("item.recipe_hash_column", &item.recipe_hash_column),
            ("item.root_hash_column", &item.root_hash_column),
            ("item.document_digest_column", &item.document_digest_column),
            ("item.document_link_column", &item.document_link_column),
            ("item.compliance_column", &item.compliance_column),
            ("item.attested_column", &item.attested_column),
            ("item.flags_column", &item.flags_column),
            ("item.overlay_column", &item.overlay_column),
            ("item.lockdown_column", &item.lockdown_column),
            ("item.seal_digest_column", &item.seal_digest_column),
            ("compliance.kind_column", &compliance.kind_column),
            ("compliance.framework_column", &compliance.framework_column),
            ("compliance.build_column", &compliance.build_column),
            ("compliance.device_column", &compliance.device_column),
            ("compliance.result_column", &compliance.result_column),
            ("compliance.score_column", &compliance.score_column),
            ("compliance.digest_column", &compliance.digest_column),
            ("compliance.item_column", &compliance.item_column),
        ];
        names.extend(columns.into_iter().filter_map(|(key, column)| Some((key, column.as_deref()?))));
        names
    }

    fn texts(&self) -> Vec<(&'static str, &str)> {
        let (change, incident, groups) = (&self.change, &self.incident, &self.groups);
        let mut texts = vec![
            ("profile", self.profile.as_str()),
            ("source_name", &self.source_name),
            ("change.category", &change.category),
            ("change.planned_type", &change.planned_type),
            ("change.emergency_type", &change.emergency_type),
            ("change.risk.minimal", &change.risk.minimal),
            ("change.risk.standard", &change.risk.standard),
            ("change.risk.strict", &change.risk.strict),
            ("change.risk.absent", &change.risk.absent),
            ("change.closed_successful", &change.closed_successful),
            ("change.closed_unsuccessful", &change.closed_unsuccessful),
            ("incident.category", &incident.category),
            ("incident.caller", &incident.caller),
            ("incident.resolved_by_change", &incident.resolved_by_change),
            ("incident.resolved_otherwise", &incident.resolved_otherwise),
            ("relations.build_runs_on_device", &self.relations.build_runs_on_device),
            ("relations.build_depends_on_base", &self.relations.build_depends_on_base),
            ("groups.change", &groups.change),
            ("groups.security", &groups.security),
            ("groups.operations", &groups.operations),
            ("groups.network", &groups.network),
            ("groups.devices", &groups.devices),
            ("groups.default_fleet", &groups.default_fleet),
        ];
        texts.extend(
            self.compliance
                .frameworks
                .iter()
                .map(|framework| ("compliance.frameworks", framework.name.as_str())),
        );
        texts.extend(groups.fleets.values().map(|group| ("groups.fleets", group.as_str())));
        texts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guide_is_valid_and_reads_back() {
        let guide = Mapping::guide();
        assert_eq!(guide.validate(), vec![]);
        let json = serde_json::to_string(&guide).unwrap();
        assert_eq!(serde_json::from_str::<Mapping>(&json).unwrap(), guide);
    }

    #[test]
    fn each_fault_is_found() {
        let mut mapping = Mapping::guide();
        mapping.tables.incident = "incident^NQ".to_owned();
        mapping.item.flags_column = Some("U_FLAGS".to_owned());
        mapping.groups.security = " ".to_owned();
        mapping.change.short_description_limit = 10;
        let twice = mapping.compliance.frameworks[0].clone();
        mapping.compliance.frameworks.push(twice);
        let keys: Vec<String> = mapping.validate().iter().map(ToString::to_string).collect();
        assert_eq!(
            keys,
            [
                "tables.incident: \"incident^NQ\" is not the name of a table or column (a-z, 0-9, _; at most 80)",
                "item.flags_column: \"U_FLAGS\" is not the name of a table or column (a-z, 0-9, _; at most 80)",
                "groups.security is empty",
                "change.short_description_limit is 10, not within 60 to 1000",
                "the framework \"21 CFR Part 11\" is listed twice",
            ]
        );
    }

    #[test]
    fn an_unknown_key_is_refused() {
        let mut json = serde_json::to_value(Mapping::guide()).unwrap();
        json["tables"]["incidnet"] = "incident".into();
        assert!(serde_json::from_value::<Mapping>(json).unwrap_err().to_string().contains("incidnet"));
    }
}
