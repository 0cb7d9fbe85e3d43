//! The parameters of a hash tree on the command line.

use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use clap::Args;
use openfactory_attest::ReadAt as _;
use openfactory_attest::verity::{
    Algorithm, BlockSize, HashType, Params, RootHash, Salt, Superblock, Tree, Uuid,
};

use crate::attest::CliError;

/// Bytes in a salt that nobody chose, as `veritysetup` takes.
const RANDOM_SALT: usize = 32;

/// What a tree is made with.
#[derive(Debug, Args)]
pub(crate) struct Parameters {
    /// Hash algorithm: sha256, sha512 or, for old images, sha1 (sha256 when formatting)
    #[arg(long = "hash", id = "algorithm", value_name = "NAME")]
    algorithm: Option<Algorithm>,
    /// Hash type: 1, or 0 as ChromeOS's first (1 when formatting)
    #[arg(long = "format", id = "hash_type", value_name = "N", value_parser = hash_type)]
    hash_type: Option<HashType>,
    /// Bytes in a data block: a power of two from 512 to 524288 (4096 when formatting)
    #[arg(long, value_name = "N", value_parser = block_size)]
    data_block_size: Option<BlockSize>,
    /// Bytes in a hash block: a power of two from 512 to 524288 (4096 when formatting)
    #[arg(long, value_name = "N", value_parser = block_size)]
    hash_block_size: Option<BlockSize>,
    /// What is hashed with each block, up to 256 bytes; - for nothing (32 random bytes when formatting)
    #[arg(long, value_name = "HEX|-", allow_hyphen_values = true)]
    salt: Option<Salt>,
    /// Name of the hash device (random when formatting)
    #[arg(long, conflicts_with = "no_superblock")]
    uuid: Option<Uuid>,
    /// Blocks of the image that the tree covers (all, when formatting)
    #[arg(long, value_name = "N")]
    pub(super) data_blocks: Option<u64>,
    /// The byte of HASH at which the hash area begins
    #[arg(long, value_name = "BYTES", default_value_t = 0, hide_default_value = true)]
    hash_offset: u64,
    /// The hash area has no superblock: what is not given as an option is as when formatting, and without salt
    #[arg(long)]
    no_superblock: bool,
}

fn block_size(text: &str) -> Result<BlockSize, String> {
    BlockSize::new(number(text)?).map_err(|error| error.to_string())
}

fn hash_type(text: &str) -> Result<HashType, String> {
    HashType::from_number(number(text)?).map_err(|error| error.to_string())
}

fn number(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_not_a_number| format!("{text} is no number"))
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
        Ok(self.with(uuid, salt))
    }

    fn with(&self, uuid: Uuid, salt: Salt) -> Params {
        let params = Params::new(uuid)
            .with_hash_type(self.hash_type.unwrap_or_default())
            .with_algorithm(self.algorithm.unwrap_or_default())
            .with_salt(salt)
            .with_data_block_size(self.data_block_size.unwrap_or_default())
            .with_hash_block_size(self.hash_block_size.unwrap_or_default())
            .with_hash_offset(self.hash_offset);
        if self.no_superblock { params.without_superblock() } else { params }
    }

    /// The tree to check against, and where the superblock is not what was demanded.
    pub(super) fn for_tree(
        &self,
        data: (&Path, &File),
        (hash, hash_file): (&Path, &File),
        root: RootHash,
    ) -> Result<(Tree, Vec<String>), CliError> {
        let no_tree = |error| CliError::because("there is no such hash tree", error);
        if self.no_superblock {
            let params = self.with(Uuid::from_bytes([0; 16]), self.salt.clone().unwrap_or_default());
            let data_blocks = match self.data_blocks {
                Some(blocks) => blocks,
                None => all_blocks(data, (hash, hash_file), params.data_block_size())?,
            };
            return Ok((Tree::new(params, data_blocks, root).map_err(no_tree)?, Vec::new()));
        }
        let superblock = Superblock::read_at(hash_file, self.hash_offset)
            .map_err(|error| CliError::file("use the hash tree in", hash, error))?;
        let tree = Tree::claimed_by(&superblock, root).map_err(no_tree)?;
        Ok((tree, self.disagreements(&superblock)))
    }

    /// Where the superblock is not what was demanded.
    fn disagreements(&self, superblock: &Superblock) -> Vec<String> {
        let params = superblock.params();
        [
            disagreement("hash algorithm", self.algorithm, params.algorithm(), |name| name),
            disagreement("hash type", self.hash_type, params.hash_type(), |number| number),
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

/// All blocks of an image that has nothing else in its file.
fn all_blocks(
    (data, image): (&Path, &File),
    (hash, hash_file): (&Path, &File),
    block: BlockSize,
) -> Result<u64, CliError> {
    let identity = |path: &Path, file: &File| {
        let about = file.metadata().map_err(|error| CliError::file("read", path, error))?;
        Ok((about.dev(), about.ino()))
    };
    if identity(data, image)? == identity(hash, hash_file)? {
        return Err(CliError::new("say with --data-blocks how much of the file is data"));
    }
    let size = image.size().map_err(|error| CliError::file("read", data, error))?;
    if size % u64::from(block.get()) != 0 {
        let text = format!("{} is no whole number of blocks of {} bytes", data.display(), block.get());
        return Err(CliError::new(text));
    }
    Ok(size / u64::from(block.get()))
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
