//! Stage 2: the evidence of a verified build, on its change request and for each framework in scope.

use std::fmt::Write as _;

use super::Desk;
use super::operation::{File, Operation, RecordKey, Values};
use super::text::clip;
use crate::lifecycle::correlation;
use crate::lifecycle::event::build::{BuildVerified, LinkStatus};
use crate::lifecycle::mapping::Framework;

/// File name of the verification document.
const DOCUMENT: &str = "verification.json";

pub(super) fn verified(desk: &Desk<'_>, body: &BuildVerified) -> Vec<Operation> {
    let change = desk.build_change(&body.build_id);
    let document = File::new(DOCUMENT, "application/json", body.document.to_json());
    let mut operations = vec![Operation::Attach { record: change.clone(), file: document.clone() }];
    for file in &body.evidence {
        operations.push(Operation::Attach {
            record: change.clone(),
            file: File::new(&file.name, &file.media_type, file.content.clone()),
        });
    }
    operations.push(desk.note(change.clone(), "verified", summary(body)));
    for framework in &desk.mapping.compliance.frameworks {
        let record = RecordKey::new(
            &desk.mapping.tables.evidence,
            correlation::evidence(&body.build_id, &framework.name),
        );
        operations
            .push(Operation::Create { record: record.clone(), values: item(desk, body, framework, &record) });
        operations.push(Operation::Attach { record, file: document.clone() });
    }
    operations
}

fn item(desk: &Desk<'_>, body: &BuildVerified, framework: &Framework, record: &RecordKey) -> Values {
    let compliance = &desk.mapping.compliance;
    let (proved, all) = body.score();
    let title = format!("{}: verification evidence of build {}", framework.name, body.build_id);
    desk.identified(record)
        .text("name", clip(&title, 100))
        .text("short_description", clip(&title, 160))
        .text("description", format!("Clauses: {}\n\n{}", framework.evidence_clauses, summary(body)))
        .column(compliance.kind_column.as_ref(), "evidence")
        .column(compliance.framework_column.as_ref(), &framework.name)
        .column(compliance.build_column.as_ref(), body.build_id.as_str())
        .column(compliance.result_column.as_ref(), if body.passed() { "pass" } else { "fail" })
        .column(compliance.score_column.as_ref(), format!("{proved}/{all}"))
        .column(compliance.digest_column.as_ref(), body.document_digest.to_string())
}

/// The chain link by link, with what stands for it.
fn summary(body: &BuildVerified) -> String {
    let (proved, all) = body.score();
    let verdict = if body.passed() { "holds" } else { "DOES NOT HOLD" };
    let mut text = format!(
        "The verification chain of build {} {verdict}: {proved} of {all} links proved.\n\
         Verification document SHA-256 (payload): {}\n\
         File manifest SHA-256: {}\n\
         dm-verity root hash: {}\n",
        body.build_id, body.document_digest, body.manifest_digest, body.root_hash,
    );
    for link in &body.chain {
        // Writing to a String does not fail.
        let _ = write!(text, "\n- {}: {}", link.name, link.status);
        if link.status != LinkStatus::Proved && !link.reason.is_empty() {
            let _ = write!(text, " ({})", link.reason);
        }
    }
    text
}
