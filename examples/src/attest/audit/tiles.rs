//! `attest audit publish` and `verify-tiles`: a log as files that others read and check.

use std::path::Path;

use openfactory_attest::audit;
use openfactory_attest::audit::publish::PublishError;
use openfactory_attest::audit::snapshot::ReadLogError;
use openfactory_attest::audit::tiles::{self, Tiles};
use openfactory_attest::audit::verify::Which;
use serde_json::json;

use super::{named_key, unsigned};
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
        output::write(told.as_bytes())?;
    }
    Ok(Verdict::Good)
}

pub(super) fn verify(
    directory: &Path,
    key: &str,
    since: Option<&Path>,
    json: bool,
) -> Result<Verdict, CliError> {
    let failed = |error| CliError::file("check the published log in", directory, error);
    let key = named_key(key, || {
        let note = Tiles::open(directory).map_err(failed)?.checkpoint().to_owned();
        Ok(note.split('\n').next().unwrap_or_default().to_owned())
    })?;
    let since = since.map(input::read_small).transpose()?;
    let report = tiles::verify(directory, &key, since.as_deref()).map_err(failed)?;
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
    let findings: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    if json {
        output::write_json(&json!({
            "good": report.is_good(),
            "origin": key.name(),
            "size": report.checkpoint.map(|head| head.size),
            "root": report.checkpoint.map(|head| head.root),
            "verified": report.verified,
            "since_checked": since.is_some(),
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
        output::write(text.as_bytes())?;
    }
    Ok(if report.is_good() { Verdict::Good } else { Verdict::Bad })
}
