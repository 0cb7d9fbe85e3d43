//! `attest trust register`, `renew` and `scope`: the signed registry of keys.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::Args;
use openfactory_attest::key::Signer;
use openfactory_attest::trust::registry::{Holder, KeyRegistry, RegisteredKey};
use openfactory_attest::{Ed25519Key, KeyKind, TrustedKey};
use serde_json::json;

use super::file::{Changing, public_key};
use crate::attest::target::Target;
use crate::attest::{CliError, input, output};
use crate::cli::Verdict;

/// What the next registry is signed with, and until when it is good.
#[derive(Debug, Args)]
pub(crate) struct Signing {
    /// A root key's private half; may be given several times
    #[arg(long, value_name = "FILE", required = true)]
    root_key: Vec<PathBuf>,
    /// From when on nobody may go by this registry: RFC 3339 or a day, UTC
    #[arg(long, value_name = "TIME", value_parser = input::time)]
    expires: SystemTime,
    /// How many root keys have to sign this registry and the next one; as before if not given
    #[arg(long, value_name = "N")]
    threshold: Option<usize>,
    /// Write the signed registry here too, to be published
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// The key, and who signs.
#[derive(Debug, Args)]
pub(crate) struct Register {
    /// The trust store
    file: PathBuf,
    /// What it is for
    #[arg(long)]
    kind: KeyKind,
    /// What people call it
    #[arg(long)]
    name: String,
    /// The public key, in PEM; for what signs
    #[arg(long, value_name = "FILE", required_unless_present = "id", conflicts_with = "id")]
    key: Option<PathBuf>,
    /// A name for this very secret, where it signs nothing
    #[arg(long)]
    id: Option<String>,
    /// The id of the registered key that it stands under
    #[arg(long, value_name = "ID")]
    parent: Option<String>,
    /// Who has it: device:NAME, service:NAME, repository:NAME or person:NAME; may be given several times
    #[arg(long, value_name = "HOLDER")]
    holder: Vec<Holder>,
    /// From when it counts; from now if not given
    #[arg(long, value_name = "TIME", value_parser = input::time)]
    from: Option<SystemTime>,
    /// From when it counts no more
    #[arg(long, value_name = "TIME", value_parser = input::time)]
    until: Option<SystemTime>,
    /// The id of the registered key that it takes the place of
    #[arg(long, value_name = "ID")]
    replaces: Option<String>,
    /// The incident for which it was made
    #[arg(long, value_name = "NUMBER", requires = "replaces")]
    incident: Option<String>,
    #[command(flatten)]
    signing: Signing,
}

impl Register {
    pub(super) fn run(self) -> Result<Verdict, CliError> {
        let now = SystemTime::now();
        let from = self.from.unwrap_or(now);
        let mut key = match (&self.key, &self.id) {
            (Some(file), _) => {
                RegisteredKey::new(&TrustedKey::new(&self.name, self.kind, public_key(file)?), from)
            }
            (None, id) => RegisteredKey::secret(id.clone().unwrap_or_default(), &self.name, self.kind, from),
        };
        key = key.held_by(self.holder);
        if let Some(parent) = self.parent {
            key = key.under(parent);
        }
        if let Some(until) = self.until {
            key = key.until(until);
        }
        if let Some(replaces) = self.replaces {
            key = key.replacing(replaces, self.incident.as_deref());
        }
        let told = format!("registered {} {} {}", key.id, key.kind, key.name);
        self.signing.sign(&self.file, now, &told, |registry| registry.with(key))
    }
}

impl Signing {
    pub(super) fn renew(&self, file: &Path) -> Result<Verdict, CliError> {
        self.sign(file, SystemTime::now(), "renewed", |registry| registry)
    }

    /// Makes the next registry, has it signed, and takes it into the trust store.
    fn sign(
        &self,
        file: &Path,
        now: SystemTime,
        told: &str,
        change: impl FnOnce(KeyRegistry) -> KeyRegistry,
    ) -> Result<Verdict, CliError> {
        let inputs = self.root_key.iter().map(PathBuf::as_path).chain([file]);
        let target = self.output.as_deref().map(|path| Target::new(path, inputs)).transpose()?;
        let keys = self.root_key.iter().map(|file| input::private_key(file));
        let keys = keys.collect::<Result<Vec<Ed25519Key>, _>>()?;
        let mut changing = Changing::open(file)?;
        let store = &mut changing.store;
        let next = match store.registry() {
            Some(there) => there.next(now, self.expires),
            None => KeyRegistry::new(1, now, self.expires).with_threshold(store.threshold()),
        };
        let next = match self.threshold {
            Some(threshold) => next.with_threshold(threshold),
            None => next,
        };
        let next = change(next);
        let signers: Vec<&dyn Signer> = keys.iter().map(|key| key as &dyn Signer).collect();
        let envelope =
            next.sign(&signers).map_err(|error| CliError::because("cannot sign the key registry", error))?;
        store
            .take_registry(&envelope)
            .map_err(|error| CliError::because("nobody would take this key registry", error))?;
        changing.write()?;
        if let Some(target) = target {
            target.write(&envelope.to_json())?;
        }
        output::text(&format!("{told} by registry {}\n", next.sequence))?;
        Ok(Verdict::Good)
    }
}

/// What a compromise of a registered key touches.
pub(super) fn scope(file: &Path, id: &str, as_json: bool) -> Result<Verdict, CliError> {
    let store = input::trust_file(file)?;
    let Some(registry) = store.registry() else {
        return Err(CliError::new("the trust store has no key registry"));
    };
    let Some((key, touched)) = registry.get(id).zip(registry.touched_by(id)) else {
        return Err(CliError::new(format!("the key {id} is not registered")));
    };
    let (severity, scope) = (key.kind.severity(), key.kind.scope());
    let holders: Vec<String> = touched.holders.iter().map(ToString::to_string).collect();
    if as_json {
        output::write_json(&json!({
            "id": id,
            "kind": key.kind,
            "name": key.name,
            "severity": severity.to_string(),
            "scope": scope.to_string(),
            "keys": touched.keys,
            "holders": holders,
        }))?;
        return Ok(Verdict::Good);
    }
    let mut text = format!("{} {}: {severity}, {scope}\n", key.kind, key.name);
    for key in touched.keys {
        text.push_str(&format!("key     {} {} {}\n", key.id, key.kind, key.name));
    }
    for holder in holders {
        text.push_str(&format!("holder  {holder}\n"));
    }
    output::text(&text)?;
    Ok(Verdict::Good)
}
