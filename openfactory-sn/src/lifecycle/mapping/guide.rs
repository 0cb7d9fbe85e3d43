//! The profile `guide`: the integration guide's tables and words.

use std::collections::BTreeMap;

use super::{
    ChangeMapping, Column, ComplianceMapping, Framework, Groups, IncidentMapping, ItemMapping, Mapping,
    Relations, RiskBySecurityLevel, StatusChoices, Tables,
};
use crate::lifecycle::compliance::Compliance;
use crate::models::change_request::ChangeRequest;
use crate::models::class::Class;
use crate::models::group::Group;
use crate::models::incident::Incident;
use crate::models::journal_entry::JournalEntry;
use crate::models::relationship::Relationship;
use crate::models::relationship_type::RelationshipType;
use crate::models::user::User;
use crate::record::Record as _;

fn column(name: &str) -> Column {
    Some(name.to_owned())
}

fn framework(name: &str, evidence_clauses: &str, device_clauses: &str) -> Framework {
    Framework {
        name: name.to_owned(),
        evidence_clauses: evidence_clauses.to_owned(),
        device_clauses: device_clauses.to_owned(),
    }
}

fn word(compliance: Compliance) -> Option<String> {
    Some(compliance.label().to_owned())
}

impl Mapping {
    /// The integration guide's own tables, fields and words. Classes and columns that a stock instance hasn't got
    /// (`cmdb_ci_os_image`, `u_…`, the choices of `operational_status`) must have been made there.
    #[must_use]
    pub fn guide() -> Self {
        Self {
            profile: "guide".to_owned(),
            source_name: "OpenFactory".to_owned(),
            tables: tables(),
            change: ChangeMapping {
                category: "Operating System".to_owned(),
                planned_type: "normal".to_owned(),
                emergency_type: "emergency".to_owned(),
                risk: RiskBySecurityLevel {
                    minimal: "2".to_owned(),
                    standard: "3".to_owned(),
                    strict: "4".to_owned(),
                    absent: "2".to_owned(),
                },
                short_description_limit: 160,
                closed_successful: "successful".to_owned(),
                closed_unsuccessful: "unsuccessful".to_owned(),
                build_column: column("u_build_id"),
                fleet_column: column("u_fleet"),
            },
            incident: IncidentMapping {
                category: "software".to_owned(),
                caller: "openfactory.integration".to_owned(),
                resolved_by_change: "Resolved by change".to_owned(),
                resolved_otherwise: "Solution provided".to_owned(),
                build_column: column("u_build_id"),
                device_column: column("u_device"),
                instruction_column: column("u_remediation"),
                instructed_by_column: column("u_remediation_by"),
                instructed_at_column: column("u_remediation_at"),
            },
            item: item(),
            compliance: ComplianceMapping {
                frameworks: vec![
                    framework("21 CFR Part 11", "§11.10(a), §11.10(k)(2)", "§11.10(a), §11.10(e)"),
                    framework("SOC 2", "CC8.1", "CC7.2"),
                    framework("ISO 27001", "A.14.2.2 (2013), 8.32 (2022)", "A.12.1.2 (2013), 8.32 (2022)"),
                ],
                kind_column: column("u_kind"),
                framework_column: column("u_framework"),
                build_column: column("u_build_id"),
                device_column: column("u_device"),
                result_column: column("u_result"),
                score_column: column("u_score"),
                digest_column: column("u_evidence_digest"),
                item_column: column("cmdb_ci"),
            },
            relations: Relations {
                build_runs_on_device: "Runs on::Runs".to_owned(),
                build_depends_on_base: "Depends on::Used by".to_owned(),
            },
            groups: Groups {
                change: "Fleet Operations".to_owned(),
                security: "Security Operations".to_owned(),
                operations: "Fleet Operations".to_owned(),
                network: "Network Operations".to_owned(),
                devices: "Fleet Operations".to_owned(),
                default_fleet: "Fleet Operations".to_owned(),
                fleets: BTreeMap::new(),
            },
        }
    }
}

fn tables() -> Tables {
    let image = Class::OsImage.table();
    Tables {
        change_request: ChangeRequest::TABLE.to_owned(),
        incident: Incident::TABLE.to_owned(),
        base_image: image.to_owned(),
        build: image.to_owned(),
        device: image.to_owned(),
        relation: Relationship::TABLE.to_owned(),
        relation_type: RelationshipType::TABLE.to_owned(),
        evidence: "sn_grc_item".to_owned(),
        compliance: "sn_grc_item".to_owned(),
        user: User::TABLE.to_owned(),
        group: Group::TABLE.to_owned(),
        journal: JournalEntry::TABLE.to_owned(),
    }
}

fn item() -> ItemMapping {
    ItemMapping {
        operational_status: StatusChoices {
            compliant: word(Compliance::Compliant),
            drifted: word(Compliance::Drifted),
            unknown: word(Compliance::Unknown),
            quarantined: word(Compliance::Quarantined),
            remediated: word(Compliance::Remediated),
        },
        document_link: None,
        kind_column: column("u_kind"),
        build_column: column("u_build_id"),
        fleet_column: column("u_fleet"),
        features_column: column("u_features"),
        security_level_column: column("u_security_level"),
        recipe_hash_column: column("u_recipe_hash"),
        root_hash_column: column("u_root_hash"),
        document_digest_column: column("u_document_digest"),
        document_link_column: column("u_document_link"),
        compliance_column: column("u_compliance_status"),
        attested_column: column("u_last_attestation"),
        flags_column: column("u_compliance_flags"),
        overlay_column: column("u_overlay_state"),
        lockdown_column: column("u_lockdown_state"),
        seal_digest_column: column("u_seal_digest"),
    }
}
