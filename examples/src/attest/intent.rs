//! `attest intent`: what was asked for, signed before it is built.

use std::path::PathBuf;
use std::time::SystemTime;

use clap::Subcommand;
use openfactory_attest::intent::BuildIntent;

use super::{CliError, input, output};
use crate::cli::Verdict;
use crate::write_once::write_atomically;

/// Bytes of a request in natural language at most.
const MAX_REQUEST: usize = 1 << 20;

/// `attest intent ...`
#[derive(Debug, Subcommand)]
pub(crate) enum IntentCommand {
    /// Sign that this recipe was asked for, in these words, by this person, now
    ///
    /// The verification document of the finished build has to refer to the intent, or its chain is broken.
    #[command(after_help = "Example:
  attest intent sign --recipe recipe.json --request request.txt --requester qa@example.com \\
      --base-version 13.1 --key platform.key -o intent.json")]
    Sign {
        /// The recipe
        #[arg(long, value_name = "FILE")]
        recipe: PathBuf,
        /// The request in the requester's own words
        #[arg(long, value_name = "FILE")]
        request: PathBuf,
        /// Who asked
        #[arg(long, value_name = "EMAIL")]
        requester: String,
        /// The version of the base image to build on
        #[arg(long, value_name = "VERSION")]
        base_version: String,
        /// The build platform's private key
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// The signed intent
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

impl IntentCommand {
    pub(crate) fn run(self) -> Result<Verdict, CliError> {
        let Self::Sign { recipe, request, requester, base_version, key, output, json } = self;
        let recipe = input::recipe(&recipe)?;
        let text = String::from_utf8(input::read(&request, MAX_REQUEST)?)
            .map_err(|error| CliError::because(format!("{} is not UTF-8 text", request.display()), error))?;
        let key = input::private_key(&key)?;
        let intent =
            BuildIntent::new(recipe.recipe_hash(), &text, requester, base_version, SystemTime::now());
        let envelope =
            intent.sign(&key).map_err(|error| CliError::because("cannot sign the build intent", error))?;
        write_atomically(&output, &envelope.to_json(), 0o644)
            .map_err(|error| CliError::file("write", &output, error))?;
        if json {
            output::write_json(&serde_json::json!({
                "recipe_hash": intent.recipe_hash,
                "intent_digest": envelope.payload_digest(),
            }))?;
        } else {
            let digest = envelope.payload_digest();
            output::write(
                format!("Recipe hash:   {}\nIntent digest: {digest}\n", intent.recipe_hash).as_bytes(),
            )?;
        }
        Ok(Verdict::Good)
    }
}
