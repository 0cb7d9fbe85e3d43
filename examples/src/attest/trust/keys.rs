//! `attest trust init` and `attest trust add`.

use std::path::Path;

use openfactory_attest::{KeyKind, TrustStore, TrustedKey};

use super::file::{Changing, public_key};
use crate::attest::{CliError, input, output};
use crate::cli::Verdict;

pub(super) fn init(file: &Path, root: &Path, name: &str, threshold: Option<u8>) -> Result<Verdict, CliError> {
    let root = TrustedKey::new(name, KeyKind::RootSigning, public_key(root)?);
    let told = line(&root);
    let mut store = TrustStore::new();
    if let Some(threshold) = threshold {
        store = store.with_threshold(threshold.into());
    }
    store.add(root).map_err(|error| CliError::because("cannot trust the key", error))?;
    input::create_new(file, &store.to_json(), 0o644)?;
    output::text(&told)?;
    Ok(Verdict::Good)
}

pub(super) fn add(file: &Path, key: &Path, kind: KeyKind, name: &str) -> Result<Verdict, CliError> {
    if !kind.signs() {
        return Err(CliError::new(format!(
            "a secret of kind {kind} signs nothing; there is nothing to trust"
        )));
    }
    let key = TrustedKey::new(name, kind, public_key(key)?);
    let told = line(&key);
    let mut changing = Changing::open(file)?;
    if changing.store.revoked(key.key_id()).is_some() {
        return Err(CliError::new(format!("the key {} was revoked", key.key_id())));
    }
    if changing.store.registry().is_some_and(|registry| registry.get(&key.key_id().to_string()).is_some()) {
        return Err(CliError::new(format!(
            "the key {} is registered: the registry's word counts",
            key.key_id()
        )));
    }
    changing.store.add(key).map_err(|error| CliError::because("cannot trust the key", error))?;
    changing.write()?;
    output::text(&told)?;
    Ok(Verdict::Good)
}

fn line(key: &TrustedKey) -> String {
    format!("{} {} {}\n", key.key_id(), key.kind, key.name)
}
