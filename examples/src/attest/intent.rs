//! `attest intent`: what was asked for, signed before it is built.

use std::path::PathBuf;
use std::time::SystemTime;

use clap::Subcommand;
use openfactory_attest::Signer as _;
use openfactory_attest::audit::Entry;
use openfactory_attest::intent::BuildIntent;

use super::signing_log::AuditLog;
use super::target::Target;
use super::{CliError, input, output};
use crate::cli::Verdict;

/// Bytes of a request in natural language at most.
const MAX_REQUEST: usize = 1 << 20;

/// `attest intent ...`
#[derive(Debug, Subcommand)]
pub(crate) enum IntentCommand {
    /// Sign that this recipe was asked for, in these words, by this person, now
    ///
    /// The verification document of the finished build has to refer to the intent, or its chain is broken. With --audit the
    /// log holds it from now on: by the log's order, not by a date, an auditor sees that it was there before the build.
    #[command(after_help = "Example:
  attest intent sign --recipe recipe.json --request request.txt --requester qa@example.com \\
      --base-version 13.1 --key platform.key -o intent.json \
      --audit /var/lib/openfactory/audit --log-key log.key")]
    Sign {
        /// The recipe
        #[arg(long, value_name = "FILE")]
        recipe: PathBuf,
        /// The request in the requester's own words
        #[arg(long, value_name = "FILE")]
        request: PathBuf,
        /// Who asked
        #[arg(long, value_name = "EMAIL", value_parser = address)]
        requester: String,
        /// The version of the base image to build on
        #[arg(long, value_name = "VERSION", value_parser = input::text)]
        base_version: String,
        /// The build platform's private key
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// The signed intent
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        #[command(flatten)]
        audit: AuditLog,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

impl IntentCommand {
    pub(crate) fn run(self) -> Result<Verdict, CliError> {
        let Self::Sign { recipe, request, requester, base_version, key, output, audit, json } = self;
        let read = [recipe.as_path(), &request, &key].into_iter().chain(audit.paths());
        let target = Target::new(&output, read)?;
        let recipe = input::recipe(&recipe)?;
        let text = String::from_utf8(input::read(&request, MAX_REQUEST)?)
            .map_err(|error| CliError::because(format!("{} is not UTF-8 text", request.display()), error))?;
        if text.trim().is_empty() {
            return Err(CliError::new(format!("{} asks for nothing", request.display())));
        }
        let key = input::private_key(&key)?;
        let log = audit.open(&key)?;
        let intent =
            BuildIntent::new(recipe.recipe_hash(), &text, requester, base_version, SystemTime::now());
        let envelope =
            intent.sign(&key).map_err(|error| CliError::because("cannot sign the build intent", error))?;
        let told = serde_json::json!({
            "recipe_hash": intent.recipe_hash,
            "intent_digest": envelope.payload_digest(),
        });
        // The log knows of it before anybody else does.
        if let Some(log) = log {
            let id = format!("intent.signed:{}", envelope.payload_digest());
            let subject = format!("recipe:{}", intent.recipe_hash);
            let entry = Entry::new(id, &intent.requester, "intent.signed", intent.time, subject);
            log.record(&entry.with_new(told.clone()), &[&envelope], key.key_id())?;
        }
        target.write(&envelope.to_json())?;
        if json {
            output::write_json(&told)?;
        } else {
            let digest = envelope.payload_digest();
            output::write(
                format!("Recipe hash:   {}\nIntent digest: {digest}\n", intent.recipe_hash).as_bytes(),
            )?;
        }
        Ok(Verdict::Good)
    }
}

/// An e-mail address in its plain form, USER@HOST (RFC 5321 without quoted names and literals): ServiceNow looks the
/// requester up by it.
fn address(text: &str) -> Result<String, String> {
    let is_word = |part: &str, also: &str| {
        !part.is_empty()
            && part.split('.').all(|word| {
                let allowed = |it: char| it.is_alphanumeric() || also.contains(it);
                !word.is_empty() && word.chars().all(allowed)
            })
    };
    let parts = text.rsplit_once('@').filter(|(user, host)| {
        text.len() <= 254 && user.len() <= 64 && is_word(user, "!#$%&'*+-/=?^_`{|}~") && is_word(host, "-")
    });
    match parts {
        Some(_) => Ok(text.to_owned()),
        None => Err("it is no e-mail address such as qa@example.com".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn addresses_and_what_is_none() {
        for good in ["qa@example.com", "a.b+c@plant-7.example", "root@localhost", "jürgen@müller.example"] {
            assert_eq!(address(good).as_deref(), Ok(good));
        }
        let long = format!("{}@example.com", "x".repeat(65));
        for bad in [
            "",
            "qa",
            "@",
            "qa@",
            "@example.com",
            "a b@example.com",
            "a@b@c",
            "a@b..c",
            ".a@b",
            "a@b.",
            "<a@b>",
            "a@b\n",
            "QA Team <qa@example.com>",
            "a@[127.0.0.1]",
            &long,
        ] {
            assert!(address(bad).is_err(), "{bad:?}");
        }
    }
}
