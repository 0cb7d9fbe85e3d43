//! The combined document as CycloneDX.

use serde_json::{Map, Value, json};

use super::{CombineError, Parts, list, told};
use crate::instant;
use crate::manifest::EntryKind;

/// The oldest version that is written; a newer one of the base stays.
const VERSION: u32 = 6;

/// What is said of the image's components from outside of them, and is still so.
const KEPT: [&str; 4] = ["services", "vulnerabilities", "formulation", "annotations"];

const DEVICE: &str = "openfactory:device";
const ZONE2: &str = "openfactory:zone2";

pub(super) fn combine(base: &Value, parts: &Parts<'_>) -> Result<Value, CombineError> {
    let mut image = match base.pointer("/metadata/component") {
        None => json!({ "type": "operating-system", "name": "base image" }),
        Some(component) if component.is_object() => component.clone(),
        Some(_) => return Err(CombineError::Shape { path: "metadata.component", expected: "object" }),
    };
    let image_ref = match image.get("bom-ref").and_then(Value::as_str) {
        Some(reference) => reference.to_owned(),
        None => format!("openfactory:base-sbom:sha256:{}", parts.base),
    };
    let mut within = list(&image, "components")?;
    within.extend(list(base, "components")?);
    let mut references = list(&image, "externalReferences")?;
    references.push(json!({
        "type": "bom",
        "url": link(base, parts),
        "hashes": [{ "alg": "SHA-256", "content": parts.base }],
    }));
    if let Some(members) = image.as_object_mut() {
        members.insert("bom-ref".to_owned(), image_ref.clone().into());
        members.insert("components".to_owned(), within.into());
        members.insert("externalReferences".to_owned(), references.into());
    }
    refuse_own(&image)?;

    let mut dependencies = list(base, "dependencies")?;
    dependencies.push(json!({ "ref": DEVICE, "dependsOn": [image_ref, ZONE2] }));
    let mut compositions = list(base, "compositions")?;
    compositions.push(json!({ "aggregate": "complete", "assemblies": [ZONE2] }));
    let mut document = Map::new();
    for name in KEPT {
        let kept = list(base, name)?;
        if !kept.is_empty() {
            document.insert(name.to_owned(), kept.into());
        }
    }
    let metadata = json!({
        "timestamp": instant::format(parts.time).ok_or(CombineError::Time)?,
        "lifecycles": [{ "phase": "operations" }],
        "tools": { "components": [
            { "type": "library", "bom-ref": env!("CARGO_PKG_NAME"), "name": env!("CARGO_PKG_NAME"),
              "version": env!("CARGO_PKG_VERSION") }] },
        "component": { "type": "device", "bom-ref": DEVICE, "name": parts.zone2.device },
        "properties": [
            { "name": "openfactory:base-sbom:sha256", "value": parts.base },
            { "name": "openfactory:zone2-manifest:sha256", "value": parts.manifest }],
    });
    let members = [
        ("bomFormat", json!("CycloneDX")),
        ("specVersion", json!(format!("1.{}", version(base).max(VERSION)))),
        ("serialNumber", json!(parts.uuid("cyclonedx").urn().to_string())),
        ("version", json!(1)),
        ("metadata", metadata),
        ("components", json!([image, zone2(parts)])),
        ("dependencies", dependencies.into()),
        ("compositions", compositions.into()),
    ];
    document.extend(members.map(|(name, value)| (name.to_owned(), value)));
    Ok(document.into())
}

fn zone2(parts: &Parts<'_>) -> Value {
    let files = parts.files().map(|(number, entry)| {
        let mut properties = vec![
            json!({ "name": "openfactory:zone2:mode", "value": format!("{:04o}", entry.mode) }),
            json!({ "name": "openfactory:zone2:owner", "value": format!("{}:{}", entry.uid, entry.gid) }),
        ];
        properties
            .extend(told(&entry).map(|told| json!({ "name": "openfactory:zone2:kind", "value": told })));
        let mut file = json!({
            "type": "file",
            "bom-ref": format!("{ZONE2}:{number}"),
            "name": entry.path.to_string(),
            "properties": properties,
        });
        if let (EntryKind::File { digest, .. }, Some(file)) = (&entry.kind, file.as_object_mut()) {
            file.insert("hashes".to_owned(), json!([{ "alg": "SHA-256", "content": digest }]));
        }
        file
    });
    json!({
        "type": "data",
        "bom-ref": ZONE2,
        "name": "Zone 2",
        "properties": [{ "name": "openfactory:manifest:sha256", "value": parts.manifest }],
        "components": files.collect::<Vec<_>>(),
    })
}

/// A link to the image's document: by its serial number and version if it has them (BOM-Link), else by its digest.
fn link(base: &Value, parts: &Parts<'_>) -> String {
    let serial =
        base.get("serialNumber").and_then(Value::as_str).and_then(|urn| urn.strip_prefix("urn:uuid:"));
    match serial.and_then(|serial| uuid::Uuid::parse_str(serial).ok()) {
        Some(serial) => {
            let version = base.get("version").and_then(Value::as_u64).filter(|version| *version > 0);
            format!("urn:cdx:{serial}/{}", version.unwrap_or(1))
        }
        None => format!("urn:sha256:{}", parts.base),
    }
}

fn version(base: &Value) -> u32 {
    let version =
        base.get("specVersion").and_then(Value::as_str).and_then(|version| version.strip_prefix("1."));
    version.and_then(|version| version.parse().ok()).unwrap_or(VERSION)
}

/// Refuses ids of ours in the base.
fn refuse_own(image: &Value) -> Result<(), CombineError> {
    let mut pending = vec![image];
    while let Some(component) = pending.pop() {
        let id = component.get("bom-ref").and_then(Value::as_str).unwrap_or_default();
        if id == DEVICE || id == ZONE2 || id.strip_prefix(ZONE2).is_some_and(|rest| rest.starts_with(':')) {
            return Err(CombineError::Id { id: id.to_owned() });
        }
        pending.extend(component.get("components").and_then(Value::as_array).into_iter().flatten());
    }
    Ok(())
}
