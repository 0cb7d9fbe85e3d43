//! IMA's measurement list: what a kernel loaded, run and read, in the order in which it did, and whether a TPM
//! confirms it.
//!
//! The kernel extends PCR 10 by each entry before it gives the file to anybody. A list counts as far as some beginning of
//! it leads to the value that the TPM quotes; what follows is the *tail*, which nobody attests. Each file in the list is
//! held against manifests that were signed when the image was built: there is no other allow-list.
//!
//! ```
//! use openfactory_attest::ima::{self, AsciiList, Check};
//! use openfactory_attest::tpm::{Bank, PcrValues};
//!
//! let list = b"10 10414c4bcc8bffc164a979aa8bdcbf138c135a7c ima-ng \
//!     sha256:c0011dd564181de52b8284e9e34baba4f4959378034b89bf1c2c04b357e26609 boot_aggregate\n\
//!     10 0000000000000000000000000000000000000000 ima-ng \
//!     sha256:0000000000000000000000000000000000000000000000000000000000000000 /etc/motd\n";
//!
//! // The TPM was asked before the second entry came.
//! let mut replay = ima::Replay::new([Bank::Sha256]);
//! replay.extend(&AsciiList::new(&list[..]).next().expect("an entry")?);
//! let mut pcrs = PcrValues::new();
//! pcrs.insert(10, *replay.value(Bank::Sha256).expect("a bank"));
//!
//! let report = Check::new().expecting(&pcrs).run(AsciiList::new(&list[..]))?;
//! assert_eq!(report.attested, ima::Attested::Prefix { entries: 1, tail: 1 });
//! assert_eq!(report.findings[0].to_string(), "entry 2: /etc/motd was read and written at once, what was read is unknown");
//! assert!(!report.findings[0].attested);
//! assert!(report.good());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Any length of list is read in constant memory. Lists are those of little-endian machines, and of others with the
//! kernel's `ima_canonical_fmt`. Signatures in a list are read and not verified: a file counts by its digest. Kernels
//! before 5.8 extend the bank SHA-256 by a padded SHA-1, which is no proof by SHA-256, and matches nothing here.
//!
//! Source: the kernel's `security/integrity/ima` (`ima_fs.c`, `ima_template.c`, `ima_template_lib.c`, `ima_crypto.c`)
//! and `Documentation/security/IMA-templates.rst`.

mod allowed;
mod ascii;
mod binary;
mod boot_aggregate;
mod check;
mod error;
mod event;
mod progress;
mod replay;
mod template;

pub use allowed::{Allowed, Verdict};
pub use ascii::AsciiList;
pub use binary::BinaryList;
pub use boot_aggregate::{BootAggregate, boot_aggregate};
pub use check::{Attested, Check, Finding, FindingKind, ImaReport, MAX_FINDINGS};
pub use error::{EntryError, ImaError};
pub use event::{DigestType, Event, FileDigest};
pub use replay::{PCR, Replay, ReplayError};
pub use template::{Field, Template};

/// The most bytes of one entry: file names, signatures and measured buffers are far shorter.
pub const MAX_ENTRY: usize = 1024 * 1024;
