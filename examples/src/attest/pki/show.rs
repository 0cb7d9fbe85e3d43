//! `attest pki show`.

use std::path::PathBuf;
use std::time::SystemTime;

use clap::Args;
use openfactory_attest::pki::{Currency, OcspStatus, PkiError, Revocation, Serial};
use serde_json::{Value, json};

use super::file::{NoStatement, Statement, certificate};
use crate::attest::{CliError, output};
use crate::cli::{self, Verdict};

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// A certificate revocation list or an OCSP response, DER or PEM, whoever made it
    file: PathBuf,
    /// The authority's certificate
    #[arg(long, value_name = "FILE")]
    ca: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl ShowArgs {
    pub(super) fn run(self) -> Result<Verdict, CliError> {
        let now = SystemTime::now();
        let shown = match Statement::read(&self.file, &certificate(&self.ca)?) {
            Ok(statement) => Shown::of(&statement, now),
            Err(NoStatement::Unreadable(error)) => return Err(error),
            Err(NoStatement::Bad(error)) => {
                cli::tell(&error);
                return Ok(Verdict::Bad);
            }
        };
        if self.json {
            output::write_json(&shown.json())?;
        } else {
            output::text(&shown.text())?;
        }
        if let Err(error) = shown.holds {
            cli::tell(&error);
            return Ok(Verdict::Bad);
        }
        Ok(Verdict::Good)
    }
}

struct Shown {
    kind: &'static str,
    number: Option<String>,
    holds: Result<(), PkiError>,
    lines: Vec<Line>,
}

struct Line {
    serial: Serial,
    status: &'static str,
    revocation: Option<Revocation>,
    currency: Currency,
}

impl Shown {
    fn of(statement: &Statement, now: SystemTime) -> Self {
        match statement {
            Statement::Crl(crl) => Self {
                kind: "crl",
                number: crl.number().map(str::to_owned),
                holds: crl.currency().check(now),
                lines: crl
                    .iter()
                    .map(|(serial, revocation)| Line {
                        serial: serial.clone(),
                        status: "revoked",
                        revocation: Some(*revocation),
                        currency: *crl.currency(),
                    })
                    .collect(),
            },
            Statement::Ocsp(response) => Self {
                kind: "ocsp",
                number: None,
                holds: response.check(now),
                lines: response
                    .iter()
                    .map(|(serial, answer)| {
                        let (status, revocation) = match answer.status {
                            OcspStatus::Good => ("good", None),
                            OcspStatus::Unknown => ("unknown", None),
                            OcspStatus::Revoked(revocation) => ("revoked", Some(revocation)),
                        };
                        Line { serial: serial.clone(), status, revocation, currency: answer.currency }
                    })
                    .collect(),
            },
        }
    }

    fn json(&self) -> Value {
        json!({
            "kind": self.kind,
            "number": self.number,
            "holds": self.holds.is_ok(),
            "certificates": self.lines.iter().map(Line::json).collect::<Vec<_>>(),
        })
    }

    fn text(&self) -> String {
        let mut text: String = self.lines.iter().map(Line::text).collect();
        if let Some(number) = &self.number {
            text.push_str(&format!("Number {number}\n"));
        }
        text.push_str(&format!("{} certificates\n", self.lines.len()));
        text
    }
}

impl Line {
    fn json(&self) -> Value {
        json!({
            "serial": self.serial.to_string(),
            "status": self.status,
            "revoked_at": self.revocation.map(|it| time(it.time)),
            "reason": self.revocation.and_then(|it| it.reason()).map(|reason| reason.as_str()),
            "reason_code": self.revocation.and_then(|it| it.code),
            "invalid_since": self.revocation.and_then(|it| it.invalid_since).map(time),
            "this_update": time(self.currency.this_update),
            "next_update": self.currency.next_update.map(time),
        })
    }

    fn text(&self) -> String {
        let mut text = format!("{} {}", self.serial, self.status);
        if let Some(revocation) = &self.revocation {
            text.push_str(&format!(" {}", time(revocation.time)));
            match (revocation.reason(), revocation.code) {
                (Some(reason), _) => text.push_str(&format!(" ({reason})")),
                (None, Some(code)) => text.push_str(&format!(" (reason {code})")),
                (None, None) => {}
            }
            if let Some(since) = revocation.invalid_since {
                text.push_str(&format!(", invalid since {}", time(since)));
            }
        }
        let Currency { this_update, next_update, .. } = self.currency;
        let until = next_update.map_or("a newer one".to_owned(), time);
        text.push_str(&format!("; from {} until {until}\n", time(this_update)));
        text
    }
}

fn time(time: SystemTime) -> String {
    jiff::Timestamp::try_from(time).map(|time| time.to_string()).unwrap_or_default()
}
