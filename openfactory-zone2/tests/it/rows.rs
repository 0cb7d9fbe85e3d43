//! The guide's four Zone 2 tables, row by row, on a real ext4: beside each row the test in which a process does what the
//! row says. What each row is worth (priority, records) is `violation/rows.rs`'s; here is how it comes about.
//!
//! The holes of deny mode are attacked in `watched`: truncate, rename, unlink, chmod, link, replacement, attributes and an
//! open descriptor by `holes_of_deny_mode_are_told_and_found`, a bind mount and the upper layer below an overlay by
//! `other_mounts_of_the_file_system_are_gated_too`, the block device under the page cache by
//! `a_write_to_the_block_device_is_found_by_the_next_scan`, a mapping by `a_write_by_a_mapping_is_found_by_the_next_scan`, a
//! listener that died by `a_dead_monitor_leaves_a_read_only_file_system`, one that doesn't work by
//! `a_canary_tells_a_gate_that_does_not_work`, and one that was flooded by `an_overflow_says_that_something_was_lost`.

mod constraints;
mod migrations;
mod transitions;

use openfactory_zone2::Row;

use super::watched;

/// Each row and its test.
const TESTS: [(Row, fn()); 20] = [
    (Row::HashMismatch, watched::guide_row_zone_2_hash_mismatch_by_a_real_process),
    (Row::WriteAttempt, watched::guide_row_write_attempt_on_the_read_only_mount),
    (Row::Executable, watched::guide_rows_new_executable_and_file_outside_manifest_by_a_real_process),
    (Row::OutsideManifest, watched::guide_rows_new_executable_and_file_outside_manifest_by_a_real_process),
    (Row::NetworkAddress, constraints::guide_row_network_address_outside_permitted_subnet),
    (Row::Certificate, constraints::guide_row_tls_certificate_expired_or_invalid_issuer),
    (Row::Position, constraints::guide_row_gps_coordinates_outside_installation_zone),
    (Row::Hostname, constraints::guide_row_hostname_format_violation),
    (Row::AllowedSet, constraints::guide_row_department_code_not_in_allowed_set),
    (Row::KeyUsage, constraints::guide_row_certificate_key_usage_flags_mismatch),
    (Row::WhiteoutConflict, migrations::guide_row_stale_whiteout_hides_new_base_content),
    (Row::SchemaTransform, migrations::guide_row_schema_migration_transform_failure),
    (Row::UnexpectedBinary, migrations::guide_row_unexpected_binary_in_zone_2),
    (Row::BrokenChain, migrations::guide_row_certificate_chain_broken_after_migration),
    (Row::PostBootValidation, migrations::guide_row_post_boot_validation_failure_after_migration),
    (Row::Migrated, migrations::guide_row_successful_migration),
    (Row::MigrationOpened, transitions::guide_row_locked_to_migration),
    (Row::MigrationClosed, transitions::guide_row_migration_to_locked),
    (Row::Unlocked, transitions::guide_row_locked_to_unlocked),
    (Row::Relocked, transitions::guide_row_unlocked_to_locked),
];

#[test]
fn every_row_of_the_guides_tables_has_its_test() {
    assert_eq!(TESTS.map(|(row, _)| row), Row::ALL);
}
