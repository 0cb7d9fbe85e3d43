//! The parameters of a hash tree on the command line.

use clap::Args;
use openfactory_attest::verity::{BlockSize, Params, Salt, Superblock, Uuid};

use crate::attest::CliError;

/// Bytes in a salt that nobody chose, as `veritysetup` takes.
const RANDOM_SALT: usize = 32;

/// What a tree is made with.
#[derive(Debug, Args)]
pub(crate) struct Parameters {
    /// Bytes in a data block: a power of two from 512 to 524288 (4096 when formatting)
    #[arg(long, value_name = "N", value_parser = block_size)]
    data_block_size: Option<BlockSize>,
    /// Bytes in a hash block: a power of two from 512 to 524288 (4096 when formatting)
    #[arg(long, value_name = "N", value_parser = block_size)]
    hash_block_size: Option<BlockSize>,
    /// What is hashed before each block, up to 256 bytes; - for nothing (32 random bytes when formatting)
    #[arg(long, value_name = "HEX|-", allow_hyphen_values = true)]
    salt: Option<Salt>,
    /// Name of the hash device (random when formatting)
    #[arg(long)]
    uuid: Option<Uuid>,
    /// Blocks of the image that the tree covers (all, when formatting)
    #[arg(long, value_name = "N")]
    pub(super) data_blocks: Option<u64>,
}

fn block_size(text: &str) -> Result<BlockSize, String> {
    let bytes = text.parse().map_err(|_not_a_number| format!("{text} is no number"))?;
    BlockSize::new(bytes).map_err(|error| error.to_string())
}

impl Parameters {
    /// The parameters to format with; what was not chosen is random, or as everywhere.
    pub(super) fn for_format(&self) -> Result<Params, CliError> {
        let salt = match &self.salt {
            Some(salt) => salt.clone(),
            None => Salt::new(random::<RANDOM_SALT>()?)
                .map_err(|error| CliError::because("cannot make a salt", error))?,
        };
        let uuid = match self.uuid {
            Some(uuid) => uuid,
            None => Uuid::from_random(random()?),
        };
        Ok(Params::new(uuid)
            .with_salt(salt)
            .with_data_block_size(self.data_block_size.unwrap_or_default())
            .with_hash_block_size(self.hash_block_size.unwrap_or_default()))
    }

    /// Where the superblock is not what was demanded.
    pub(super) fn disagreements(&self, superblock: &Superblock) -> Vec<String> {
        let params = superblock.params();
        [
            disagreement("data block size", self.data_block_size, params.data_block_size(), BlockSize::get),
            disagreement("hash block size", self.hash_block_size, params.hash_block_size(), BlockSize::get),
            disagreement("salt", self.salt.as_ref(), params.salt(), |salt| salt),
            disagreement("uuid", self.uuid, params.uuid(), |uuid| uuid),
            disagreement("number of data blocks", self.data_blocks, superblock.data_blocks(), |blocks| {
                blocks
            }),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// A sentence, if something else was demanded than what the superblock says.
fn disagreement<T: PartialEq, D: std::fmt::Display>(
    what: &str,
    demanded: Option<T>,
    says: T,
    display: impl Fn(T) -> D,
) -> Option<String> {
    let demanded = demanded.filter(|demanded| *demanded != says)?;
    Some(format!("the superblock's {what} is {}, not {}", display(says), display(demanded)))
}

fn random<const N: usize>() -> Result<[u8; N], CliError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| CliError::because("the system gives no random bytes", error))?;
    Ok(bytes)
}
