//! The combined document as SPDX 2.3.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value, json};

use super::{CombineError, Parts, list, told};
use crate::instant;
use crate::manifest::EntryKind;

const DOCUMENT: &str = "SPDXRef-DOCUMENT";
const DEVICE: &str = "SPDXRef-Device";
const ZONE2: &str = "SPDXRef-Zone2";
const BASE: &str = "DocumentRef-Base";

/// What the base has beside packages and relationships, and is still so.
const KEPT: [&str; 3] = ["files", "snippets", "hasExtractedLicensingInfos"];

pub(super) fn combine(base: &Value, parts: &Parts<'_>) -> Result<Value, CombineError> {
    let namespace = base.get("documentNamespace").and_then(Value::as_str);
    let namespace = namespace.ok_or(CombineError::Shape { path: "documentNamespace", expected: "text" })?;
    let of_base = list(base, "packages")?;
    for package in &of_base {
        let id = package.get("SPDXID").and_then(Value::as_str).unwrap_or_default();
        if id == DEVICE || id == ZONE2 || id.strip_prefix(ZONE2).is_some_and(|rest| rest.starts_with('-')) {
            return Err(CombineError::Id { id: id.to_owned() });
        }
    }
    let described = |relation: &Value| {
        let text = |name: &str| relation.get(name).and_then(Value::as_str);
        (text("spdxElementId") == Some(DOCUMENT) && text("relationshipType") == Some("DESCRIBES"))
            .then(|| text("relatedSpdxElement").unwrap_or_default().to_owned())
    };
    let mut relationships =
        vec![relation(DOCUMENT, "DESCRIBES", DEVICE), relation(DEVICE, "CONTAINS", ZONE2)];
    let also = list(base, "documentDescribes")?;
    let mut contained: Vec<String> = also.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    let mut kept = Vec::new();
    for relation in list(base, "relationships")? {
        match described(&relation) {
            Some(id) => contained.push(id),
            None => kept.push(relation),
        }
    }
    contained.sort_unstable();
    contained.dedup();
    relationships.extend(contained.iter().map(|id| relation(DEVICE, "CONTAINS", id)));
    relationships.extend(parts.files().map(|(number, _)| relation(ZONE2, "CONTAINS", &file_id(number))));
    relationships.extend(kept);

    let bound = format!("base SBOM sha256: {}; Zone 2 manifest sha256: {}", parts.base, parts.manifest);
    let mut packages = vec![
        package(DEVICE, parts.zone2.device, "DEVICE", &[("comment", bound.into())]),
        package(
            ZONE2,
            "Zone 2",
            "OTHER",
            &[("comment", format!("manifest sha256: {}", parts.manifest).into())],
        ),
    ];
    packages.extend(parts.files().map(|(number, entry)| {
        let said = match &entry.kind {
            EntryKind::File { digest, .. } => {
                ("checksums", json!([{ "algorithm": "SHA256", "checksumValue": digest }]))
            }
            _ => ("comment", told(&entry).unwrap_or_default().into()),
        };
        package(&file_id(number), &entry.path.to_string(), "FILE", &[said])
    }));
    packages.extend(of_base);

    let mut document = Map::new();
    for name in KEPT {
        let kept = list(base, name)?;
        if !kept.is_empty() {
            document.insert(name.to_owned(), kept.into());
        }
    }
    let mut references = list(base, "externalDocumentRefs")?;
    references.push(json!({
        "externalDocumentId": BASE,
        "spdxDocument": namespace,
        "checksum": { "algorithm": "SHA256", "checksumValue": parts.base },
    }));
    let creator = concat!("Tool: ", env!("CARGO_PKG_NAME"), "-", env!("CARGO_PKG_VERSION"));
    let members = [
        ("spdxVersion", json!("SPDX-2.3")),
        ("dataLicense", json!("CC0-1.0")),
        ("SPDXID", json!(DOCUMENT)),
        ("name", json!(parts.zone2.device)),
        (
            "documentNamespace",
            json!(format!("https://openfactory.tech/attest/sbom/combined/{}", parts.uuid("spdx"))),
        ),
        ("creationInfo", json!({ "created": created(parts.time)?, "creators": [creator] })),
        ("externalDocumentRefs", references.into()),
        ("packages", packages.into()),
        ("relationships", relationships.into()),
    ];
    document.extend(members.map(|(name, value)| (name.to_owned(), value)));
    Ok(document.into())
}

fn file_id(number: usize) -> String {
    format!("{ZONE2}-{number}")
}

fn relation(from: &str, kind: &str, to: &str) -> Value {
    json!({ "spdxElementId": from, "relationshipType": kind, "relatedSpdxElement": to })
}

fn package(id: &str, name: &str, purpose: &str, more: &[(&str, Value)]) -> Value {
    let unknown = "NOASSERTION";
    let mut package = json!({
        "SPDXID": id,
        "name": name,
        "downloadLocation": unknown,
        "filesAnalyzed": false,
        "licenseConcluded": unknown,
        "licenseDeclared": unknown,
        "copyrightText": unknown,
        "primaryPackagePurpose": purpose,
    });
    if let Some(members) = package.as_object_mut() {
        members.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    }
    package
}

/// SPDX knows no fractions of seconds, and nothing before 1970 here.
fn created(time: SystemTime) -> Result<String, CombineError> {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).map_err(|_before| CombineError::Time)?;
    let whole = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(since.as_secs()));
    whole.and_then(instant::format).ok_or(CombineError::Time)
}
