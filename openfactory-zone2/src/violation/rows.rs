//! The four tables.

use openfactory_attest::drift::Priority::{P1, P2, P3};

use super::Automation::{
    FlagCertificate, HaltMigration, HoldOldBase, Quarantine, Reprovision, RestoreSnapshot, ReviewChange,
    RollBack,
};
use super::Record::{ChangeClosed, ChangeUpdate, EmergencyChange, Incident};
use super::Table::{Constraint, Lockdown, Migration, Modification};
use super::{Content, Row};
use crate::finding::Role::{DeviceOps, NetworkOps, Security};

macro_rules! table {
    ($($row:ident, $id:literal, $table:expr, $priority:expr, $role:expr, $records:expr, $automation:expr,
        $headline:literal;)*) => {
        pub(super) const fn content(row: Row) -> &'static Content {
            match row {
                $(Row::$row => &Content {
                    id: $id,
                    table: $table,
                    priority: $priority,
                    role: $role,
                    records: $records,
                    automation: $automation,
                    headline: $headline,
                },)*
            }
        }
    };
}

#[rustfmt::skip]
table! {
    HashMismatch, "zone2.modification.hash-mismatch", Modification, Some(P1), Security, &[Incident],
        &[Quarantine], "Locked overlay tampered with";
    WriteAttempt, "zone2.modification.write-attempt", Modification, Some(P2), Security, &[Incident],
        &[], "Attempt to write to the locked overlay";
    Executable, "zone2.modification.executable", Modification, Some(P1), Security, &[Incident],
        &[Quarantine], "Executable in the overlay";
    OutsideManifest, "zone2.modification.outside-manifest", Modification, Some(P3), DeviceOps, &[Incident],
        &[], "Overlay holds what its manifest doesn't allow";

    NetworkAddress, "zone2.constraint.network-address", Constraint, Some(P2), NetworkOps, &[Incident],
        &[], "Network address outside its permitted subnets";
    Certificate, "zone2.constraint.certificate", Constraint, Some(P2), Security, &[Incident],
        &[FlagCertificate], "Certificate out of force or of a wrong issuer";
    Position, "zone2.constraint.position", Constraint, Some(P1), Security, &[Incident],
        &[Quarantine], "Device outside its installation zone";
    Hostname, "zone2.constraint.hostname", Constraint, Some(P3), DeviceOps, &[Incident],
        &[], "Hostname of a wrong form";
    AllowedSet, "zone2.constraint.allowed-set", Constraint, Some(P3), DeviceOps, &[Incident],
        &[], "Value outside its allowed set";
    KeyUsage, "zone2.constraint.key-usage", Constraint, Some(P2), Security, &[Incident],
        &[], "Certificate lacks a required key usage";

    WhiteoutConflict, "zone2.migration.whiteout-conflict", Migration, Some(P2), DeviceOps,
        &[Incident, ChangeUpdate], &[HaltMigration, RestoreSnapshot, ReviewChange],
        "Stale whiteout hides content of the new base";
    SchemaTransform, "zone2.migration.schema-transform", Migration, Some(P2), DeviceOps, &[Incident],
        &[HaltMigration, RestoreSnapshot, HoldOldBase], "Overlay file can't be brought into its new form";
    UnexpectedBinary, "zone2.migration.unexpected-binary", Migration, Some(P1), Security, &[Incident],
        &[HaltMigration, RestoreSnapshot, Quarantine], "Executable in the overlay, found by its migration";
    BrokenChain, "zone2.migration.broken-chain", Migration, Some(P2), Security, &[Incident],
        &[HaltMigration, RestoreSnapshot, Reprovision], "Device certificate doesn't chain to the new base's issuers";
    PostBootValidation, "zone2.migration.post-boot-validation", Migration, Some(P2), DeviceOps,
        &[Incident, ChangeUpdate], &[RestoreSnapshot, RollBack], "Constraints don't hold on the new base";
    Migrated, "zone2.migration.succeeded", Migration, None, DeviceOps, &[ChangeUpdate],
        &[], "Overlay migrated and sealed anew";

    MigrationOpened, "zone2.lockdown.migration-opened", Lockdown, None, DeviceOps, &[ChangeUpdate],
        &[], "Migration window opened";
    MigrationClosed, "zone2.lockdown.migration-closed", Lockdown, None, DeviceOps, &[ChangeUpdate],
        &[], "Migration window closed, device locked";
    Unlocked, "zone2.lockdown.unlocked", Lockdown, None, Security, &[EmergencyChange],
        &[], "Device unlocked by a fleet command";
    Relocked, "zone2.lockdown.relocked", Lockdown, None, Security, &[ChangeClosed],
        &[], "Device locked again";
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Integration guide: the four Zone 2 tables, row by row: priority, records, role, what is done.
    #[test]
    fn rows_are_the_guides_row_by_row() {
        let table: [(&str, &str, &[super::super::Record], &str); 20] = [
            ("hash-mismatch", "P1", &[Incident], "device quarantined"),
            ("write-attempt", "P2", &[Incident], ""),
            ("executable", "P1", &[Incident], "device quarantined"),
            ("outside-manifest", "P3", &[Incident], ""),
            ("network-address", "P2", &[Incident], ""),
            ("certificate", "P2", &[Incident], "configuration item flagged \"Cert Expired\""),
            ("position", "P1", &[Incident], "device quarantined"),
            ("hostname", "P3", &[Incident], ""),
            ("allowed-set", "P3", &[Incident], ""),
            ("key-usage", "P2", &[Incident], ""),
            (
                "whiteout-conflict",
                "P2",
                &[Incident, ChangeUpdate],
                "migration halted; Zone 2 restored from the snapshot before the migration; \
                 change request put to review",
            ),
            (
                "schema-transform",
                "P2",
                &[Incident],
                "migration halted; Zone 2 restored from the snapshot before the migration; \
                 device held on the old base version",
            ),
            (
                "unexpected-binary",
                "P1",
                &[Incident],
                "migration halted; Zone 2 restored from the snapshot before the migration; device quarantined",
            ),
            (
                "broken-chain",
                "P2",
                &[Incident],
                "migration halted; Zone 2 restored from the snapshot before the migration; \
                 device held until it is provisioned anew",
            ),
            (
                "post-boot-validation",
                "P2",
                &[Incident, ChangeUpdate],
                "Zone 2 restored from the snapshot before the migration; previous base image booted again",
            ),
            ("succeeded", "", &[ChangeUpdate], ""),
            ("migration-opened", "", &[ChangeUpdate], ""),
            ("migration-closed", "", &[ChangeUpdate], ""),
            ("unlocked", "", &[EmergencyChange], ""),
            ("relocked", "", &[ChangeClosed], ""),
        ];
        for (row, (name, priority, records, automation)) in Row::ALL.into_iter().zip(table) {
            let done: Vec<_> = row.automation().iter().map(|done| done.as_str()).collect();
            assert_eq!(row.id().rsplit('.').next(), Some(name));
            assert_eq!(row.priority().map(|p| format!("{p:?}")).unwrap_or_default(), priority, "{row}");
            assert_eq!(row.records(), records, "{row}");
            assert_eq!(done.join("; "), automation, "{row}");
        }
        assert_eq!(Row::NetworkAddress.role(), NetworkOps);
    }

    #[test]
    fn the_rows_stand_in_the_guides_tables() {
        let tables = [(Modification, 4), (Constraint, 6), (Migration, 6), (Lockdown, 4)];
        let expected = tables.into_iter().flat_map(|(table, rows)| std::iter::repeat_n(table, rows));
        assert!(Row::ALL.into_iter().map(Row::table).eq(expected));
    }

    #[test]
    fn every_p1_quarantines_and_nothing_else_does() {
        for row in Row::ALL {
            assert_eq!(row.automation().contains(&Quarantine), row.priority() == Some(P1), "{row}");
        }
    }

    #[test]
    fn ids_are_distinct_and_round_trip() {
        for row in Row::ALL {
            assert_eq!(row.id().parse(), Ok(row));
            let json = serde_json::to_string(&row).unwrap();
            assert_eq!(serde_json::from_str::<Row>(&json).unwrap(), row);
        }
        assert!("zone2.modification.tides".parse::<Row>().is_err());
    }
}
