//! What was built, and is it still that? Evidence about OS images, made and judged offline: no async runtime, no
//! network.
//!
//! An image gets a dm-verity hash tree (bit for bit `veritysetup`'s) and a manifest of every file in it; a signed
//! document binds both to the recipe, the build log and the request; an append-only log proves when that was. Later
//! anyone with the public key can check all of it, with this crate or with tools that others wrote.
//!
//! ```
//! use openfactory_attest::verity::{self, Params};
//! use openfactory_attest::manifest::{Compare, DifferenceKind};
//! use openfactory_attest::{Ed25519Key, Envelope, KeyKind, Manifest, Signer as _, TrustStore, TrustedKey, Work};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (image, work) = (vec![7; 1024 * 1024], Work::on_all_cores());
//!
//! // The build side: hash the image, sign the root hash.
//! let params = Params::new("a60c98d2-ae9b-4865-bfcb-b4e3ace11033".parse()?);
//! let mut hash_device = std::io::Cursor::new(Vec::new());
//! let tree = verity::format(&image, None, &mut hash_device, &params, &work)?;
//! let key = Ed25519Key::generate()?;
//! let envelope = Envelope::sign("text/plain", tree.root_hash().to_string().as_bytes(), &key)?;
//!
//! // The device side: believe the signed root hash only, find the block that was changed.
//! let mut trust = TrustStore::new();
//! trust.add(TrustedKey::new("builder", KeyKind::BuildPlatformSigning, key.public_key().clone()))?;
//! let signed = envelope.open(&trust, "text/plain", &[KeyKind::BuildPlatformSigning])?;
//! assert_eq!(signed.get().as_slice(), tree.root_hash().to_string().as_bytes());
//!
//! let mut on_device = image;
//! on_device[42 * 4096] ^= 1;
//! let report = verity::verify(&on_device, &hash_device.into_inner(), &tree, &work)?;
//! assert_eq!(report.findings()[0].to_string(), "data block 42 does not match its hash");
//!
//! // The same for a tree of files.
//! let root = tempfile::tempdir()?;
//! std::fs::write(root.path().join("motd"), "hello\n")?;
//! let baseline = Manifest::of_directory(root.path(), &work)?;
//! std::fs::remove_file(root.path().join("motd"))?;
//! let now = Manifest::of_directory(root.path(), &work)?;
//! assert_eq!(baseline.diff(&now, &Compare::content())[0].kind, DifferenceKind::Removed);
//! # Ok(())
//! # }
//! ```
//!
//! # Where to look
//! - [`verity`]: hash trees and root hashes; [`verity::verify()`] names every bad block.
//! - [`fsverity`]: digests of single files as the kernel's fs-verity has them.
//! - [`Manifest`]: every file of a directory or a squashfs; what differs. `squashfs` reads, unpacks and packs images,
//!   `iso9660` finds one within an ISO image.
//! - `sbom`: which packages an image holds, as CycloneDX, and which files are nobody's.
//! - [`BuildRecipe`], [`intent`], [`document`], [`chain`]: from the request to the image, link by link.
//!   [`provenance`]: the same build in SLSA's words.
//! - [`Envelope`], [`TrustStore`], [`Verified`]: signed bytes, and the only door to what is in them.
//! - [`vault`], [`trust::revocation`], [`ledger`], [`compromise`]: keys that sign and stop signing, and what a stolen one
//!   touches.
//! - `pki`: the same revocations as X.509 CRL and OCSP responses, and whether those that are published hold them.
//! - `bundle`: all evidence of one build in one directory, verified offline; `maturity`: how much that proves.
//! - [`ima`], [`tpm`]: what a kernel measured, and whether a TPM confirms it; `tpm::quote` checks its signed word.
//! - [`audit`]: the append-only log. [`report`], [`drift`]: what a device says, and what its differences mean.
//!
//! # Errors
//! Each format has its own enum, precise and growing. "Could not be checked" is an error; "checked, and it is bad" is
//! a report. Whatever bytes are parsed, the end is a value or an error, in bounded memory.
//!
//! # Not here
//! Activating images in the kernel, mounting, fetching anything, deciding what happens to a device that fails.

pub mod audit;
#[cfg(feature = "squashfs")]
pub mod bundle;
pub mod canonical;
pub mod chain;
pub mod compromise;
pub mod digest;
pub mod document;
pub mod drift;
pub mod envelope;
pub mod fsverity;
pub mod ima;
pub mod intent;
#[cfg(feature = "squashfs")]
pub mod iso9660;
pub mod key;
pub mod lanes;
pub mod ledger;
pub mod manifest;
#[cfg(all(feature = "sbom", feature = "squashfs"))]
pub mod maturity;
#[cfg(feature = "pkcs7")]
pub mod pki;
pub mod provenance;
pub mod recipe;
pub mod report;
#[cfg(feature = "sbom")]
pub mod sbom;
#[cfg(feature = "squashfs")]
pub mod squashfs;
pub mod statement;
pub mod test_report;
pub mod tpm;
pub mod trust;
pub mod vault;
pub mod verity;

#[cfg(feature = "pkcs7")]
mod common_name;
mod instant;
mod read_at;
mod work;

pub use digest::Sha256Digest;
pub use envelope::{Envelope, Verified};
pub use key::{Ed25519Key, KeyId, KeyKind, PublicKey, Signer};
pub use manifest::Manifest;
pub use read_at::ReadAt;
pub use recipe::BuildRecipe;
pub use trust::{TrustStore, TrustedKey};
pub use work::Work;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
