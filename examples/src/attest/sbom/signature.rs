//! `attest sbom sign`, `attest sbom verify`: the signature inside a CycloneDX document.

use std::path::Path;

use openfactory_attest::key::KeyKind;
use openfactory_attest::sbom::MAX_DOCUMENT;
use openfactory_attest::sbom::jsf::{self, JsfError};
use serde_json::{Value, json};

use crate::attest::target::Target;
use crate::attest::{CliError, input, output};
use crate::cli::Verdict;

/// What signs inventories.
const SIGNERS: [KeyKind; 2] = [KeyKind::BuildPlatformSigning, KeyKind::ReleaseSigning];

pub(super) fn sign(document: &Path, key: &Path, to: Option<&Path>) -> Result<Verdict, CliError> {
    let target = to.map(|file| Target::new(file, [document, key])).transpose()?;
    let bytes = input::read(document, MAX_DOCUMENT)?;
    let signed = jsf::sign(&bytes, &input::private_key(key)?)
        .map_err(|error| CliError::file("sign", document, error))?;
    match target {
        Some(target) => target.write(&signed)?,
        None => output::write(&signed)?,
    }
    Ok(Verdict::Good)
}

pub(super) fn verify(document: &Path, trust: &Path, as_json: bool) -> Result<Verdict, CliError> {
    let trust = input::trust(trust)?;
    let bytes = input::read(document, MAX_DOCUMENT)?;
    let (told, verdict) = match jsf::verify(&bytes, &trust, &SIGNERS) {
        Ok(key) => {
            let told = json!({ "signed": true, "name": key.name, "kind": key.kind, "key_id": key.key_id() });
            (told, Verdict::Good)
        }
        // Not what is signed this way: that is no verdict.
        Err(error @ (JsfError::Json(_) | JsfError::NotCycloneDx | JsfError::Canonical(_))) => {
            return Err(CliError::file("check the signature of", document, error));
        }
        Err(error) => (json!({ "signed": false, "reason": error.to_string() }), Verdict::Bad),
    };
    if as_json {
        output::write_json(&told)?;
    } else {
        let text = |name: &str| told.get(name).and_then(Value::as_str).unwrap_or_default();
        let line = match verdict {
            Verdict::Good => format!("signed by {:?}, key {}\n", text("name"), text("key_id")),
            Verdict::Bad => format!("{}: {}\n", document.display(), text("reason")),
        };
        output::text(&line)?;
    }
    Ok(verdict)
}
