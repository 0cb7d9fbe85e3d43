//! `attest compromise`: what a key that got into other hands touches.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use openfactory_attest::audit::{self, VerifierKey};
use openfactory_attest::compromise::{self, BlastRadius, Fleet, MAX_FLEET, Place, SignedAt, Standing};
use openfactory_attest::key::KeyId;
use openfactory_attest::ledger::{LoggedUses, ReadUsesError, read_uses};
use openfactory_attest::trust::revocation::Window;
use serde_json::Value;

use super::audit::verifier_key;
use super::{CliError, input, output};
use crate::cli::{self, Verdict};

/// `attest compromise ...`
#[derive(Debug, Subcommand)]
pub(crate) enum CompromiseCommand {
    /// Find out what a compromised key touches: artifacts, builds, devices
    ///
    /// The order is the audit log's index, for a thief writes what date he likes. What the log held before the window
    /// is proved to be outside; what it first held inside or after, and what it never held, counts as affected, and so
    /// does a device of which it is not known by whose document it runs.
    #[command(after_help = "Example:
  attest compromise assess --audit /var/lib/openfactory/audit --log-vkey log.key.pub --key-id 3f5a... \\
      --from 4711 --to 4720 --fleet fleet.json

Exit status: 0 assessed, 1 the log is bad, 2 could not check.")]
    Assess(Box<Assess>),
}

/// The key, the window and what is known.
#[derive(Debug, Args)]
pub(crate) struct Assess {
    /// The audit log's directory
    #[arg(long, value_name = "DIR")]
    audit: PathBuf,
    /// The log's verifier key (name+hash+base64), or a file with it, or a PEM public key file; without it the log's
    /// signature is not checked
    #[arg(long, value_name = "VKEY")]
    log_vkey: Option<String>,
    /// The compromised key
    #[arg(long, value_name = "ID")]
    key_id: KeyId,
    /// The first index at which the key may have been in other hands
    #[arg(long, value_name = "INDEX")]
    from: u64,
    /// The first index after that; if not given, the window is open
    #[arg(long, value_name = "INDEX")]
    to: Option<u64>,
    /// What devices run, and which artifacts exist: docs/formats/fleet-facts.md
    #[arg(long, value_name = "FILE")]
    fleet: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl CompromiseCommand {
    pub(crate) fn run(self) -> Result<Verdict, CliError> {
        let Self::Assess(assess) = self;
        assess.run()
    }
}

impl Assess {
    fn run(self) -> Result<Verdict, CliError> {
        if self.to.is_some_and(|to| to <= self.from) {
            return Err(CliError::new("the window is empty: --to is the first index after it"));
        }
        let directory = &self.audit;
        let origin = audit::verify::origin(directory)
            .map_err(|error| CliError::file("read the log in", directory, error))?
            .ok_or_else(|| CliError::new(format!("there is no audit log in {}", directory.display())))?;
        let key = self.log_vkey.as_deref().map(|key| verifier_key(key, directory)).transpose()?;
        let fleet = self.fleet()?;
        let uses = match read_uses(directory, key.as_ref()) {
            Ok(uses) => uses,
            Err(error @ ReadUsesError::Bad { .. }) => {
                cli::tell(&error);
                return Ok(Verdict::Bad);
            }
            Err(error) => return Err(CliError::file("read the log in", directory, error)),
        };
        if let Some((index, error)) = uses.damaged.first() {
            cli::tell(&CliError::because(format!("entry {index} of the log is damaged"), error.clone()));
            return Ok(Verdict::Bad);
        }
        if self.from > uses.size {
            return Err(CliError::new(format!(
                "--from {} is beyond the log in {}, which has {} entries",
                self.from,
                directory.display(),
                uses.size
            )));
        }
        let signed_here = uses.uses.iter().any(|(_, one)| one.key_id == self.key_id);
        let signed_there = fleet.artifacts.iter().any(|artifact| artifact.signed_by == self.key_id);
        if !signed_here && !signed_there {
            return Err(CliError::new(format!(
                "nothing signed by key {} is known, in the log or in --fleet: its blast radius can't be told",
                self.key_id
            )));
        }
        let window = Window::from(origin, self.from);
        let window = match self.to {
            Some(to) => window.until(to),
            None => window,
        };
        let signed: Vec<_> = uses.uses.iter().map(|(index, one)| SignedAt::of(*index, one)).collect();
        let radius = compromise::assess(self.key_id, &window, &signed, &fleet.artifacts, &fleet.devices);
        if self.json {
            output::write_json(&json(&radius, &uses, key.as_ref(), self.fleet.is_some())?)?;
        } else {
            output::text(&text(&radius, key.is_some(), self.fleet.is_some()))?;
        }
        Ok(Verdict::Good)
    }

    fn fleet(&self) -> Result<Fleet, CliError> {
        let Some(path) = &self.fleet else { return Ok(Fleet::new(Vec::new(), Vec::new())) };
        let bytes = input::read(path, MAX_FLEET)?;
        Fleet::parse(&bytes)
            .map_err(|error| CliError::because(format!("{} is no fleet file", path.display()), error))
    }
}

fn json(
    radius: &BlastRadius,
    uses: &LoggedUses,
    key: Option<&VerifierKey>,
    fleet_given: bool,
) -> Result<Value, CliError> {
    let mut told = serde_json::to_value(radius)
        .map_err(|error| CliError::because("cannot write the assessment as json", error))?;
    if let Some(told) = told.as_object_mut() {
        told.insert("log_size".to_owned(), uses.size.into());
        told.insert("log_signature_checked".to_owned(), key.is_some().into());
        told.insert("fleet_assessed".to_owned(), fleet_given.into());
        told.insert("log_covered".to_owned(), uses.covered.into());
    }
    Ok(told)
}

fn text(radius: &BlastRadius, log_signature_checked: bool, fleet_given: bool) -> String {
    let mut text = format!("Key id: {}\nWindow: {}\n", radius.key_id, radius.window);
    if !log_signature_checked {
        text.push_str("Log signature: not checked (no --log-vkey)\n");
    }
    let count = |wanted: fn(&Place) -> bool| radius.artifacts.iter().filter(|it| wanted(&it.place)).count();
    text.push_str(&format!(
        "Artifacts: {} inside the window, {} after, {} in no log, {} before\n",
        count(|place| matches!(place, Place::Inside { .. })),
        count(|place| matches!(place, Place::After { .. })),
        count(|place| matches!(place, Place::Unlogged)),
        count(|place| matches!(place, Place::Before { .. })),
    ));
    for artifact in radius.affected_artifacts() {
        let kind = artifact.kind.as_deref().unwrap_or("kind not known");
        text.push_str(&format!("  {} {}: {kind}\n", artifact.payload, artifact.place));
    }
    if !fleet_given {
        text.push_str("Builds and devices: not assessed (no --fleet)\n");
        return text;
    }
    text.push_str(&format!("Builds: {}\n", radius.builds.len()));
    radius.builds.iter().for_each(|build| text.push_str(&format!("  {build}\n")));
    text.push_str(&format!("Devices affected: {}\n", radius.affected.len()));
    for device in &radius.affected {
        let build = device.build.as_deref().unwrap_or("build not known");
        text.push_str(&format!("  {} ({build}): {}\n", device.device, why(device.standing)));
    }
    text.push_str(&format!("Devices proved outside: {}\n", radius.outside.len()));
    text
}

fn why(standing: Standing) -> String {
    match standing {
        Standing::Signed { place } => format!("its document is {place}"),
        Standing::NotKnown => "not known by whose document it runs".to_owned(),
        Standing::OtherKey => "its document is signed by another key".to_owned(),
        _ => "not known".to_owned(),
    }
}
