//! `attest recipe`: the hash that pins what was asked for.

use std::path::PathBuf;

use clap::Subcommand;

use super::{CliError, input, output};
use crate::cli::Verdict;

/// `attest recipe ...`
#[derive(Debug, Subcommand)]
pub(crate) enum RecipeCommand {
    /// Print the recipe's hash: SHA-256 over its RFC 8785 form, unknown properties included
    #[command(after_help = "Example:
  attest recipe hash recipe.json

Two spellings of one recipe have one hash. A recipe with a name twice, or an integer that other
readers would round, has none and is refused.")]
    Hash {
        /// The recipe
        recipe: PathBuf,
    },
}

impl RecipeCommand {
    pub(crate) fn run(self) -> Result<Verdict, CliError> {
        let Self::Hash { recipe } = self;
        let recipe = input::recipe(&recipe)?;
        output::text(&format!("{}\n", recipe.recipe_hash()))?;
        Ok(Verdict::Good)
    }
}
