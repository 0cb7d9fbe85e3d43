//! Input with one flaw each: a folder `tests/flaws/PARSER/FLAW` holds `input`, or the tree `root`, and what its reader says
//! to it in `refused`, with all causes.
//!
//! A new folder needs no code. `OPENFACTORY_BLESS=1 cargo test` writes what the readers say now; read the difference.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use openfactory_attest::audit::{Checkpoint, Entry, Proof, VerifierKey};
use openfactory_attest::document::VerificationDocument;
use openfactory_attest::ima::{AsciiList, BinaryList};
use openfactory_attest::key::Passphrase;
use openfactory_attest::tpm::PcrValues;
use openfactory_attest::verity::Superblock;
use openfactory_attest::{
    BuildRecipe, Ed25519Key, Envelope, KeyKind, Manifest, PublicKey, Signer as _, TrustStore, TrustedKey,
};

mod logs;
mod reports;
mod roots;
#[cfg(feature = "pkcs7")]
mod x509;

use logs::{cosignature, tile, tile_entries, witness_policy};
use reports::test_report;
#[cfg(feature = "test-report")]
use reports::{junit, xccdf};
use roots::{key_registry, revocation_list};
#[cfg(feature = "pkcs7")]
use x509::{certificate, crl, ocsp, root_hash_signature, signature_partition};

type Refused = Result<(), Box<dyn Error>>;

/// The key that the fixtures' checkpoints were signed with.
fn key() -> PublicKey {
    Ed25519Key::from_seed(&[7; 32]).public_key().clone()
}

fn text(input: &[u8]) -> &str {
    std::str::from_utf8(input).unwrap()
}

fn superblock(input: &[u8]) -> Refused {
    Ok(Superblock::read(&input.to_vec()).map(drop)?)
}

fn envelope(input: &[u8]) -> Refused {
    let mut trust = TrustStore::new();
    trust.add(TrustedKey::new("x", KeyKind::BuildPlatformSigning, key()))?;
    Ok(VerificationDocument::open(&Envelope::parse(input)?, &trust).map(drop)?)
}

fn checkpoint(input: &[u8]) -> Refused {
    Ok(Checkpoint::open(input, &VerifierKey::new("example.com/log", key())?).map(drop)?)
}

fn proof(input: &[u8]) -> Refused {
    Ok(Proof::parse(input).map(drop)?)
}

fn verifier_key(input: &[u8]) -> Refused {
    Ok(text(input).parse::<VerifierKey>().map(drop)?)
}

fn audit_entry(input: &[u8]) -> Refused {
    Ok(Entry::parse(input).map(drop)?)
}

fn public_key(input: &[u8]) -> Refused {
    Ok(PublicKey::from_pem(text(input)).map(drop)?)
}

fn private_key(input: &[u8]) -> Refused {
    Ok(Ed25519Key::from_pem(text(input)).map(drop)?)
}

fn encrypted_key(input: &[u8]) -> Refused {
    Ok(Passphrase::new("guess").decrypt(text(input)).map(drop)?)
}

fn manifest(input: &[u8]) -> Refused {
    Ok(Manifest::parse_json(input).map(drop)?)
}

fn sha256sum(input: &[u8]) -> Refused {
    Ok(Manifest::parse_sha256sum(input).map(drop)?)
}

fn trust_store(input: &[u8]) -> Refused {
    Ok(TrustStore::parse(input).map(drop)?)
}

fn recipe(input: &[u8]) -> Refused {
    Ok(BuildRecipe::parse(input).map(drop)?)
}

fn ima_ascii(input: &[u8]) -> Refused {
    Ok(AsciiList::new(input).try_for_each(|event| event.map(drop))?)
}

fn ima_binary(input: &[u8]) -> Refused {
    Ok(BinaryList::new(input).try_for_each(|event| event.map(drop))?)
}

fn pcrs(input: &[u8]) -> Refused {
    Ok(PcrValues::parse(input).map(drop)?)
}

/// What the reader says, and why, and why that.
fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

fn folders(of: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(of).unwrap_or_else(|error| panic!("{}: {error}", of.display()));
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    folders
}

/// Each flaw of this parser is refused, in its words.
fn all_refused(parser: &str, read: fn(&Path) -> Refused) {
    let flaws = folders(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/flaws").join(parser));
    assert!(flaws.len() > 3, "{parser}: too few flaws to say much");
    let mut wrong = Vec::new();
    for flaw in flaws {
        let name = flaw.file_name().unwrap().to_string_lossy().into_owned();
        let Err(error) = read(&flaw) else {
            wrong.push(format!("{name}: taken"));
            continue;
        };
        let (said, file) = (chain(&*error) + "\n", flaw.join("refused"));
        if std::env::var_os("OPENFACTORY_BLESS").is_some() {
            fs::write(&file, &said).unwrap();
        }
        let expected = fs::read_to_string(&file).unwrap_or_default();
        if said != expected {
            wrong.push(format!("{name}: {said}    instead of {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{parser}:\n{}", wrong.join("\n"));
}

/// A test for each parser of one file.
macro_rules! parsers {
    ($($(#[$attribute:meta])* $name:ident $folder:literal;)*) => {
        mod of {
            $(
                #[test]
                $(#[$attribute])*
                fn $name() {
                    super::all_refused($folder, |flaw| super::$name(&std::fs::read(flaw.join("input"))?));
                }
            )*
        }
    };
}

parsers! {
    audit_entry "audit-entry";
    #[cfg(feature = "pkcs7")]
    certificate "certificate";
    checkpoint "checkpoint";
    cosignature "cosignature";
    #[cfg(feature = "pkcs7")]
    crl "crl";
    #[cfg(feature = "sbom")]
    cyclonedx "cyclonedx";
    encrypted_key "encrypted-key";
    envelope "envelope";
    ima_ascii "ima-ascii";
    ima_binary "ima-binary";
    #[cfg(feature = "squashfs")]
    iso "iso";
    #[cfg(feature = "test-report")]
    junit "junit";
    key_registry "key-registry";
    manifest "manifest";
    #[cfg(feature = "pkcs7")]
    ocsp "ocsp";
    pcrs "pcrs";
    private_key "private-key";
    proof "proof";
    public_key "public-key";
    recipe "recipe";
    revocation_list "revocation-list";
    #[cfg(feature = "pkcs7")]
    root_hash_signature "root-hash-signature";
    #[cfg(feature = "rpmdb")]
    rpm_header "rpm-header";
    sha256sum "sha256sum";
    #[cfg(feature = "pkcs7")]
    signature_partition "signature-partition";
    #[cfg(feature = "sbom")]
    spdx "spdx";
    #[cfg(feature = "squashfs")]
    squashfs "squashfs";
    superblock "superblock";
    test_report "test-report";
    tile "tile";
    tile_entries "tile-entries";
    trust_store "trust-store";
    verifier_key "verifier-key";
    witness_policy "witness-policy";
    #[cfg(feature = "test-report")]
    xccdf "xccdf";
}

#[cfg(feature = "squashfs")]
fn squashfs(input: &[u8]) -> Refused {
    let work = openfactory_attest::Work::on_threads(std::num::NonZeroUsize::MIN);
    Ok(Manifest::of_squashfs(&input.to_vec(), &work).map(drop)?)
}

/// From the first volume descriptor on: what is before it is nobody's.
#[cfg(feature = "squashfs")]
fn iso(input: &[u8]) -> Refused {
    use openfactory_attest::iso9660::Iso;

    let image = [&[0; 16 * 2048][..], input].concat();
    Ok(Iso::open(image)?.squashfs().map(drop)?)
}

#[cfg(feature = "rpmdb")]
fn rpm_header(input: &[u8]) -> Refused {
    Ok(openfactory_attest::sbom::Package::parse_rpm_header(input).map(drop)?)
}

#[cfg(feature = "sbom")]
fn cyclonedx(input: &[u8]) -> Refused {
    Ok(openfactory_attest::sbom::Listing::parse(input).map(drop)?)
}

#[cfg(feature = "sbom")]
use self::cyclonedx as spdx;

#[cfg(feature = "sbom")]
#[test]
fn of_package_managers() {
    let read = |flaw: &Path| -> Refused {
        Ok(openfactory_attest::sbom::Inventory::of_directory(&flaw.join("root")).map(drop)?)
    };
    all_refused("dpkg", read);
    all_refused("apk", read);
}
