//! Trees and reports as text and JSON.

use std::path::Path;

use openfactory_attest::verity::{Fault, Finding, Params, Place, Tree, VerifyReport};
use serde_json::{Value, json};

/// What `veritysetup format` prints, label by label.
pub(super) fn labels(tree: &Tree, hash: &Path) -> String {
    let params = tree.params();
    format!(
        "VERITY header information for {hash}\n\
         UUID:            \t{uuid}\n\
         Hash type:       \t{hash_type}\n\
         Data blocks:     \t{data_blocks}\n\
         Data block size: \t{data_block_size}\n\
         Hash blocks:     \t{hash_blocks}\n\
         Hash block size: \t{hash_block_size}\n\
         Hash algorithm:  \t{algorithm}\n\
         Salt:            \t{salt}\n\
         Root hash:      \t{root}\n\
         Hash device size: \t{size} [bytes]\n",
        hash = hash.display(),
        uuid = uuid(params),
        hash_type = params.hash_type(),
        algorithm = params.algorithm(),
        data_blocks = tree.data_blocks(),
        data_block_size = params.data_block_size().get(),
        hash_blocks = tree.hash_blocks(),
        hash_block_size = params.hash_block_size().get(),
        salt = params.salt(),
        root = tree.root_hash(),
        size = tree.hash_device_size(),
    )
}

/// Empty where it would stand nowhere.
fn uuid(params: &Params) -> String {
    if params.has_superblock() { params.uuid().to_string() } else { String::new() }
}

/// The same as JSON.
pub(super) fn tree_json(tree: &Tree) -> Value {
    let params = tree.params();
    json!({
        "uuid": uuid(params),
        "hash_type": params.hash_type().number(),
        "data_blocks": tree.data_blocks(),
        "data_block_size": params.data_block_size().get(),
        "hash_blocks": tree.hash_blocks(),
        "hash_block_size": params.hash_block_size().get(),
        "hash_algorithm": params.algorithm().name(),
        "salt": params.salt().to_string(),
        "root_hash": tree.root_hash().to_string(),
        "hash_offset": params.hash_offset(),
        "superblock": params.has_superblock(),
        "hash_start_block": tree.hash_start_block(),
        "hash_device_size": tree.hash_device_size(),
    })
}

/// What a check found, as JSON.
pub(super) fn report_json(tree: &Tree, report: &VerifyReport, disagreements: &[String]) -> Value {
    json!({
        "intact": report.is_intact() && disagreements.is_empty(),
        "root_hash": tree.root_hash().to_string(),
        "data_blocks": tree.data_blocks(),
        "hash_blocks": tree.hash_blocks(),
        "bad_data_blocks": report.bad_data_blocks(),
        "bad_hash_blocks": report.bad_hash_blocks(),
        "unproven_data_blocks": report.unproven_data_blocks(),
        "superblock_disagrees": disagreements,
        "findings": report.findings().iter().map(finding_json).collect::<Vec<_>>(),
        "findings_omitted": report.omitted(),
    })
}

fn finding_json(finding: &Finding) -> Value {
    let (place, level) = match finding.place {
        Place::Tree { level } => ("tree", Some(level)),
        _ => ("data", None),
    };
    let fault = match finding.fault {
        Fault::Mismatch => "mismatch",
        Fault::Missing => "missing",
        _ => "unproven",
    };
    json!({ "place": place, "level": level, "first": finding.first, "last": finding.last, "fault": fault })
}
