use super::*;

/// Leaves and roots of the test data that RFC 6962 implementations share (transparency-dev/merkle, testonly).
const LEAVES: [&str; 8] =
    ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
const ROOTS: [&str; 9] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

fn tree_of(count: u64) -> Tree {
    let mut tree = Tree::new();
    for index in 0..count {
        tree.push(leaf_hash(&index.to_be_bytes()));
    }
    tree
}

#[test]
fn roots_are_those_of_rfc_6962_implementations() {
    let (mut tree, mut frontier) = (Tree::new(), Frontier::new());
    assert_eq!((tree.root().to_string(), frontier.root().to_string()), (ROOTS[0].into(), ROOTS[0].into()));
    for (leaf, root) in LEAVES.into_iter().zip(&ROOTS[1..]) {
        let leaf = leaf_hash(&hex::decode(leaf).unwrap());
        tree.push(leaf);
        frontier.push(leaf);
        assert_eq!((tree.root().to_string(), frontier.root().to_string()), ((*root).into(), (*root).into()));
    }
    let continued = (0..40).fold(tree_of(13).clone_frontier(), |mut frontier, leaf: u8| {
        frontier.push(leaf_hash(&[leaf]));
        frontier
    });
    let whole = (0..40).fold(tree_of(13), |mut tree, leaf: u8| {
        tree.push(leaf_hash(&[leaf]));
        tree
    });
    assert_eq!((continued.size(), continued.root()), (53, whole.root()));
    for (size, root) in ROOTS.iter().enumerate() {
        assert_eq!(tree.root_at(size as u64).unwrap().to_string(), *root);
    }
    assert_eq!(tree.root_at(9), None);
}

#[test]
fn every_inclusion_proof_holds_and_for_nothing_else() {
    let tree = tree_of(33);
    for size in 1..=33 {
        let root = tree.root_at(size).unwrap();
        for index in 0..size {
            let proof = tree.inclusion_proof(index, size).unwrap();
            let leaf = *tree.leaf(index).unwrap();
            assert!(verify_inclusion(leaf, index, size, &proof, &root), "{index} of {size}");
            for other in (0..size).filter(|other| *other != index) {
                assert!(!verify_inclusion(leaf, other, size, &proof, &root), "{index} as {other} of {size}");
            }
            let mut longer = proof.clone();
            longer.push(leaf);
            assert!(!verify_inclusion(leaf, index, size, &longer, &root));
            if let Some(shorter) = proof.get(1..) {
                assert!(!verify_inclusion(leaf, index, size, shorter, &root));
            }
        }
        assert_eq!(tree.inclusion_proof(size, size), None);
    }
    assert_eq!(tree.inclusion_proof(0, 34), None);
    assert!(!verify_inclusion(leaf_hash(b""), 0, 0, &[], &tree.root()));
}

#[test]
fn every_consistency_proof_holds_and_for_nothing_else() {
    let tree = tree_of(20);
    let head = |size: u64| TreeHead::new(size, tree.root_at(size).unwrap());
    let wrong = |size: u64| TreeHead::new(size, leaf_hash(b"another history"));
    for new in 0..=20 {
        for old in 0..=new {
            let proof = tree.consistency_proof(old, new).unwrap();
            assert!(verify_consistency(head(old), head(new), &proof), "{old} in {new}");
            assert!(!verify_consistency(wrong(old), head(new), &proof), "{old} in {new}");
            if old > 0 {
                assert!(!verify_consistency(head(old), wrong(new), &proof), "{old} in {new}");
            }
            if old > 0 && old < new {
                assert!(!verify_consistency(head(old), head(new), &[]), "{old} in {new}");
                let mut longer = proof.clone();
                longer.push(leaf_hash(b""));
                assert!(!verify_consistency(head(old), head(new), &longer), "{old} in {new}");
            }
        }
    }
    assert_eq!(tree.consistency_proof(3, 2), None);
    assert_eq!(tree.consistency_proof(3, 21), None);
    assert!(!verify_consistency(head(3), head(2), &[]));
}
