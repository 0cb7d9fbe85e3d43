//! Parity for a case: how much, and where it is.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use openfactory_attest::Work;
use openfactory_attest::verity::fec::{self, FecArea, FecRoots};
use openfactory_attest::verity::{BlockSize, Tree};

use super::{Case, Draw, Where};
use crate::tool;
use crate::verity_fec::mend;

#[derive(Clone, Copy, Debug)]
enum Layout {
    /// In a file of its own, so many blocks from its beginning.
    OwnFile(u64),
    /// In the hash tree's file, so many blocks behind the tree.
    BehindTree(u64),
}

#[derive(Debug)]
pub(super) struct Parity {
    /// Data and hash blocks have to be of one size.
    pub(super) block: BlockSize,
    roots: FecRoots,
    layout: Layout,
    repair: bool,
}

impl Parity {
    /// Mostly blocks of a size that the kernel takes: each code word has 255 symbols, whatever the image has.
    pub(super) fn draw(draw: &mut Draw) -> Self {
        let large = u64::from(draw.below(32) == 0) * 2;
        let block = BlockSize::new(512 << (draw.below(4) + large)).unwrap();
        let roots = FecRoots::new(2 + draw.below(23) as u8).unwrap();
        let blocks = draw.below(4);
        let layout = draw.one_of([Layout::OwnFile(0), Layout::OwnFile(blocks), Layout::BehindTree(blocks)]);
        Self { block, roots, layout, repair: draw.below(3) == 0 }
    }

    fn area(&self, tree: &Tree) -> FecArea {
        let block = u64::from(self.block.get());
        match self.layout {
            Layout::OwnFile(blocks) => FecArea::at(self.roots, blocks * block),
            Layout::BehindTree(blocks) => {
                let end = tree.hash_device_size().next_multiple_of(block);
                FecArea::behind_tree(self.roots, end + blocks * block)
            }
        }
    }

    fn file(&self, case: &Case, who: &str) -> String {
        match self.layout {
            Layout::OwnFile(_) => format!("{who}.parity"),
            Layout::BehindTree(_) => case.hash_name(who),
        }
    }

    /// Both write parity for the trees that they have made, which are equal.
    pub(super) fn check(&self, case: &Case, data: &[u8], tree: &Tree, directory: &Path) {
        let area = self.area(tree);
        let path = |name: &str| directory.join(name);
        // It covers the hash device up to its end, or up to parity, which has to be there.
        let len = |who: &str| fs::metadata(path(&case.hash_name(who))).unwrap().len();
        let len = match self.layout {
            Layout::OwnFile(_) => len("theirs").max(len("ours")),
            Layout::BehindTree(_) => area.offset(),
        };
        for who in ["theirs", "ours"] {
            let hash = OpenOptions::new().write(true).open(path(&case.hash_name(who))).unwrap();
            hash.set_len(len).unwrap();
            let _there_may_be_none = fs::remove_file(path(&format!("{who}.parity")));
        }
        let options = [
            case.options(),
            vec![format!("--fec-roots={}", self.roots.get()), format!("--fec-offset={}", area.offset())],
        ]
        .concat();
        let run = |verb: &str, who: &str, root: Option<&str>| {
            let files = [format!("{who}.img"), case.hash_name(who)];
            let parity = format!("--fec-device={}", self.file(case, who));
            let arguments = std::iter::once(verb).chain(files.iter().map(String::as_str)).chain(root);
            let arguments = arguments.chain(options.iter().map(String::as_str)).chain([parity.as_str()]);
            tool::succeed("matrix of parity", directory, "veritysetup", &arguments.collect::<Vec<_>>())
        };
        run("format", "theirs", None);

        let (image, hash) = (data.to_vec(), fs::read(path(&case.hash_name("ours"))).unwrap());
        let mut parity = Vec::new();
        fec::encode(&image, &hash, tree, area, &mut parity, &Work::on_all_cores()).unwrap();
        let mut create = OpenOptions::new();
        let out = create.write(true).create(true).truncate(false).open(path(&self.file(case, "ours")));
        out.unwrap().write_all_at(&parity, area.offset()).unwrap();
        let [theirs, ours] = ["theirs", "ours"].map(|who| fs::read(path(&self.file(case, who))).unwrap());
        assert!(theirs == ours, "{options:?} {self:?}");

        if self.repair {
            self.damage(data, &path("ours.img"), parity.len());
            // Where the root hash is that of a single data block, `veritysetup` repairs and still says no.
            if case.data_blocks > 1 {
                run("verify", "ours", Some(&tree.root_hash().to_string()));
            }
            let mut damaged = fs::read(path("ours.img")).unwrap();
            let mut hash = if case.place == Where::BehindData { damaged.clone() } else { hash };
            damaged.truncate(data.len());
            assert!(damaged != data);
            let (report, _) = mend(&mut damaged, &mut hash, &ours, tree, area);
            assert!(report.is_intact() && damaged == data, "{options:?} {self:?}");
        }
    }

    /// Wrong bytes in one code word, as many as it can bear where nobody knows which they are.
    fn damage(&self, data: &[u8], image: &Path, parity: usize) {
        let image = OpenOptions::new().write(true).open(image).unwrap();
        let roots = usize::from(self.roots.get());
        for at in (0..data.len()).step_by(parity / roots).take(roots / 2) {
            image.write_all_at(&[data[at] ^ 0x55], at as u64).unwrap();
        }
    }
}
