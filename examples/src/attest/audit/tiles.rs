//! `attest audit publish` and `verify-tiles`: a log as files that others read and check.

use std::path::Path;

use openfactory_attest::audit;
use openfactory_attest::audit::policy::PolicyError;
use openfactory_attest::audit::publish::PublishError;
use openfactory_attest::audit::snapshot::ReadLogError;
use openfactory_attest::audit::tiles::{self, Tiles};
use openfactory_attest::audit::verify::Which;
use serde_json::json;

use super::{instant, named_key, published_origin, unsigned, witness};
use crate::attest::{CliError, input, output};
use crate::cli::{self, Verdict};

pub(super) fn publish(log: &Path, directory: &Path, json: bool) -> Result<Verdict, CliError> {
    let published = match audit::publish(log, directory) {
        Ok(published) => published,
        Err(
            error @ (PublishError::Ahead { .. }
            | PublishError::Changed { .. }
            | PublishError::Fork { .. }
            | PublishError::Log(ReadLogError::Corrupt { .. } | ReadLogError::Rewritten)),
        ) => {
            cli::tell(&error);
            return Ok(Verdict::Bad);
        }
        Err(error) => return Err(CliError::file("publish the log in", log, error)),
    };
    let head = published.head;
    if json {
        let told = json!({ "size": head.size, "root": head.root, "tiles_written": published.written });
        output::write_json(&told)?;
    } else {
        let told = format!(
            "Entries published: {}\nRoot: {}\nTiles written: {}\n",
            head.size, head.root, published.written
        );
        output::text(&told)?;
    }
    Ok(Verdict::Good)
}

pub(super) fn verify(
    directory: &Path,
    key: &str,
    since: Option<&Path>,
    policy: Option<&Path>,
    json: bool,
) -> Result<Verdict, CliError> {
    let failed = |error| CliError::file("check the published log in", directory, error);
    let tiles = Tiles::open(directory).map_err(failed)?;
    let key = named_key(key, || Ok(published_origin(tiles.checkpoint())))?;
    let policy = policy.map(witness::policy).transpose()?;
    let since = since.map(input::read_small).transpose()?;
    let report = tiles.verify(&key, since.as_deref()).map_err(failed)?;
    let about_own = |finding: &tiles::TilesFinding| match finding {
        tiles::TilesFinding::Checkpoint { which: Which::Own, error } => unsigned(error),
        _ => false,
    };
    if report.findings.iter().all(about_own) && !report.is_good() {
        return Err(CliError::new(format!(
            "what is published in {} is not signed by this key of {}",
            directory.display(),
            key.name()
        )));
    }
    let mut findings: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    let cosigned = policy.map(|policy| policy.cosigned(tiles.checkpoint().as_bytes())).transpose();
    let cosigned = cosigned.unwrap_or_else(|error| {
        findings.push(match &error {
            PolicyError::Note(cause) => format!("{error}: {cause}"),
            _ => error.to_string(),
        });
        None
    });
    let good = findings.is_empty();
    if json {
        output::write_json(&json!({
            "good": good,
            "origin": key.name(),
            "size": report.checkpoint.map(|head| head.size),
            "root": report.checkpoint.map(|head| head.root),
            "verified": report.verified,
            "since_checked": since.is_some(),
            "witnesses": cosigned.map(|all| all.into_iter().map(|one| one.witness).collect::<Vec<_>>()),
            "findings": findings,
        }))?;
    } else {
        let mut text: String = findings.iter().map(|finding| format!("BAD: {finding}\n")).collect();
        if let Some(head) = report.checkpoint {
            text.push_str(&format!(
                "Entries verified: {} of {}\nRoot: {}\n",
                report.verified, head.size, head.root
            ));
        }
        for cosignature in cosigned.into_iter().flatten() {
            text.push_str(&format!("Cosigned by {} at {}\n", cosignature.witness, instant(cosignature.time)));
        }
        output::text(&text)?;
    }
    Ok(if good { Verdict::Good } else { Verdict::Bad })
}
