//! The whole matrix of parameters, parity and its place among them, drawn at random, byte for byte against `veritysetup`.
//!
//! `OPENFACTORY_SEED` repeats a run.

use std::fs::{self, File, OpenOptions};
use std::path::Path;

use openfactory_attest::verity::{self, Algorithm, BlockSize, HashType, Params, Salt, Superblock, Tree};
use openfactory_attest::{ReadAt as _, Work};

use crate::tool;
use crate::verity::noise;

mod parity;

use parity::Parity;

const UUID: &str = "a60c98d2-ae9b-4865-bfcb-b4e3ace11033";
const DRAWS: usize = 200;
const MOST_DATA: u64 = 1 << 18;

/// SplitMix64: small, and the same everywhere.
pub(crate) struct Draw(pub(crate) u64);

impl Draw {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    pub(crate) fn one_of<T: Copy, const N: usize>(&mut self, of: [T; N]) -> T {
        of[self.below(N as u64) as usize]
    }

    fn block_size(&mut self) -> BlockSize {
        BlockSize::new(512 << self.below(11)).unwrap()
    }
}

pub(crate) fn seed() -> u64 {
    let chosen = std::env::var("OPENFACTORY_SEED").ok().map(|seed| seed.parse().unwrap());
    let seed = chosen.unwrap_or_else(|| {
        let mut bytes = [0; 8];
        getrandom::fill(&mut bytes).unwrap();
        u64::from_le_bytes(bytes)
    });
    eprintln!("OPENFACTORY_SEED={seed}");
    seed
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Where {
    OwnFile,
    OwnFileBehind,
    BehindData,
}

struct Case {
    params: Params,
    data_blocks: u64,
    place: Where,
    parity: Option<Parity>,
}

impl Case {
    fn draw(draw: &mut Draw) -> Self {
        let parity = (draw.below(2) == 0).then(|| Parity::draw(draw));
        let (data, hash) = match &parity {
            None => (draw.block_size(), draw.block_size()),
            Some(parity) => (parity.block, parity.block),
        };
        let data_blocks = 1 + draw.below((MOST_DATA / u64::from(data.get())).max(2));
        let data_size = data_blocks * u64::from(data.get());
        let any = draw.below(257) as usize;
        let len = draw.one_of([0, 1, 20, 32, 55, 56, 64, 256, any]);
        let salt: Vec<u8> = (0..len).map(|_| draw.below(256) as u8).collect();
        let place = draw.one_of([Where::OwnFile, Where::OwnFile, Where::OwnFileBehind, Where::BehindData]);
        let superblock = draw.below(3) > 0;
        let step = if superblock { 512 } else { u64::from(hash.get()) };
        let offset = match place {
            Where::OwnFile => 0,
            Where::OwnFileBehind => draw.below(8) * step,
            Where::BehindData => data_size.next_multiple_of(step) + draw.below(3) * step,
        };
        let params = Params::new(UUID.parse().unwrap())
            .with_hash_type(draw.one_of([HashType::Normal, HashType::Normal, HashType::ChromeOs]))
            .with_algorithm(draw.one_of([
                Algorithm::Sha256,
                Algorithm::Sha256,
                Algorithm::Sha512,
                Algorithm::Sha1,
            ]))
            .with_data_block_size(data)
            .with_hash_block_size(hash)
            .with_salt(Salt::new(salt).unwrap())
            .with_hash_offset(offset);
        let params = if superblock { params } else { params.without_superblock() };
        Self { params, data_blocks, place, parity }
    }

    fn options(&self) -> Vec<String> {
        let params = &self.params;
        let mut options = vec![
            format!("--hash={}", params.algorithm()),
            format!("--format={}", params.hash_type()),
            format!("--data-block-size={}", params.data_block_size().get()),
            format!("--hash-block-size={}", params.hash_block_size().get()),
            format!("--data-blocks={}", self.data_blocks),
            format!("--salt={}", params.salt()),
            format!("--hash-offset={}", params.hash_offset()),
        ];
        match params.has_superblock() {
            true => options.push(format!("--uuid={UUID}")),
            false => options.push("--no-superblock".to_owned()),
        }
        options
    }

    fn hash_name(&self, who: &str) -> String {
        match self.place {
            Where::BehindData => format!("{who}.img"),
            Where::OwnFile | Where::OwnFileBehind => format!("{who}.hash"),
        }
    }

    /// Both write into files that are equal before; what they leave must be equal, and pass both checks.
    fn check(&self, directory: &Path) -> bool {
        let data = noise((self.data_blocks * u64::from(self.params.data_block_size().get())) as usize);
        for who in ["theirs", "ours"] {
            // `veritysetup` wants whole pages to write a superblock into.
            let whole_pages = |mut before: Vec<u8>| {
                before.resize((self.params.hash_offset() as usize + 512).next_multiple_of(4096), 0);
                before
            };
            if self.place == Where::BehindData {
                fs::write(directory.join(self.hash_name(who)), whole_pages(data.clone())).unwrap();
                continue;
            }
            fs::write(directory.join(format!("{who}.img")), &data).unwrap();
            if self.place == Where::OwnFileBehind {
                let before = vec![0xee; self.params.hash_offset() as usize];
                fs::write(directory.join(self.hash_name(who)), whole_pages(before)).unwrap();
            } else if self.place == Where::OwnFile {
                let _no_file_is_as_well = fs::remove_file(directory.join(self.hash_name(who)));
            }
        }
        let run = |verb: &str, more: &[&str]| {
            let options = self.options();
            let options = options.iter().map(String::as_str);
            let arguments: Vec<&str> =
                std::iter::once(verb).chain(more.iter().copied()).chain(options).collect();
            tool::succeed("matrix", directory, "veritysetup", &arguments)
        };
        let Some(told) = run("format", &["theirs.img", &self.hash_name("theirs")]) else { return false };

        let image = File::open(directory.join("ours.img")).unwrap();
        let mut create = OpenOptions::new();
        let out = create.read(true).write(true).create(true).truncate(false);
        let mut out = out.open(directory.join(self.hash_name("ours"))).unwrap();
        let work = Work::on_all_cores();
        let tree = verity::format(&image, Some(self.data_blocks), &mut out, &self.params, &work).unwrap();
        let root = tree.root_hash().to_string();
        assert!(told.contains(&root), "{:?}: ours is {root}, theirs {told}", self.options());
        let mut expected = fs::read(directory.join(self.hash_name("theirs"))).unwrap();
        let mut written = fs::read(directory.join(self.hash_name("ours"))).unwrap();
        // Where a single data block needs no tree, `veritysetup` ends the file with the superblock.
        let len = expected.len().max(written.len());
        expected.resize(len, 0);
        written.resize(len, 0);
        assert!(expected == written, "{:?}", self.options());

        run("verify", &["ours.img", &self.hash_name("ours"), &root]);
        let theirs = File::open(directory.join(self.hash_name("theirs"))).unwrap();
        if self.params.has_superblock() {
            let superblock = Superblock::read_at(&theirs, self.params.hash_offset()).unwrap();
            assert_eq!(Tree::claimed_by(&superblock, tree.root_hash()).unwrap(), tree);
        }
        assert!(verity::verify(&image, &theirs, &tree, &work).unwrap().is_intact());
        self.flip(&data, &theirs, &tree);
        if let Some(parity) = &self.parity {
            parity.check(self, &data, &tree, directory);
        }
        true
    }

    /// One flipped bit of the data is named.
    fn flip(&self, data: &[u8], theirs: &File, tree: &Tree) {
        let mut damaged = data.to_vec();
        let at = damaged.len() * 2 / 3;
        damaged[at] ^= 4;
        let report = verity::verify(&damaged, theirs, tree, &Work::on_all_cores()).unwrap();
        let block = at as u64 / u64::from(self.params.data_block_size().get());
        assert_eq!(report.findings()[0].to_string(), format!("data block {block} does not match its hash"));
        assert_eq!((report.bad_data_blocks(), report.findings().len()), (1, 1));
        assert_eq!(data.to_vec().size().unwrap(), tree.data_size());
    }
}

#[test]
fn same_bytes_as_veritysetup_for_any_parameters() {
    let directory = tool::quick_directory();
    let mut draw = Draw(seed());
    for number in 0..DRAWS {
        let case = Case::draw(&mut draw);
        eprintln!("{number}: {:?} {:?} {:?}", case.options(), case.place, case.parity);
        if !case.check(directory.path()) {
            return;
        }
    }
}
