//! Where values come from: what stands at a constraint's place.

pub(crate) mod capture;
mod certificate;
mod document;
mod extract;
mod hosts;
mod ini;
mod json_key;
mod key_value;
mod keyfile;
mod metadata;
mod observe;
mod toml_key;
pub(crate) mod tree;
mod yaml;

use std::fmt;

pub(crate) use certificate::MEMBERS as CERTIFICATE_MEMBERS;
pub use document::Document;
pub use extract::extract;
pub use metadata::FileMetadata;
pub use observe::{Observer, ReadFileError, ReadFiles, observe};

/// The largest file that values are taken from, in bytes.
pub const MAX_FILE_BYTES: usize = 1 << 20;

/// The most values that one key may have.
pub const MAX_VALUES: usize = 1024;

/// What was found at a constraint's [`Place`](crate::place::Place).
///
/// That a value couldn't be read is kept apart from what it is: a constraint turns it into a finding that says
/// "not checked", never into one that says "good" or "bad".
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Observed {
    /// The file was read and has no such key, or the file doesn't exist.
    Absent,
    /// The file exists and its value couldn't be read, with the reason.
    Unreadable(String),
    /// The whole file, where the file is the value: a certificate.
    Content(Vec<u8>),
    /// The values, one or, where the key holds a list, more.
    Values(Vec<String>),
}

impl Observed {
    /// One value.
    pub fn value(value: impl Into<String>) -> Self {
        Self::Values(vec![value.into()])
    }

    /// These values; [`Absent`](Self::Absent) if there are none, unreadable if there are more than [`MAX_VALUES`].
    #[must_use]
    pub fn values(values: Vec<String>) -> Self {
        match values.len() {
            0 => Self::Absent,
            1..=MAX_VALUES => Self::Values(values),
            more => Self::Unreadable(format!("{more} values are more than the {MAX_VALUES} looked at")),
        }
    }
}

/// How a file of Zone 2 is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Format {
    /// RFC 8259. The key is a path of names and, in arrays, indices from 0, with dots between: `interfaces.0.address`.
    /// `*` is every member or item; a name with dots stands in double quotes: `vlans."eth0.100".addresses`.
    Json,
    /// YAML 1.2, such as netplan's: one document of plain data. The key is as for JSON. A value is the text that stands
    /// there: `no` is no truth value, `010` no number.
    Yaml,
    /// TOML 1.0. The key is as for JSON.
    Toml,
    /// Lines `NAME=value`, as in files of environment variables: `#` begins a comment line, quotes around the whole
    /// value are taken off, `export` before the name is ignored. The key is the name.
    KeyValue,
    /// Sections `[Section]` with lines `Key=value`, as systemd-networkd and NetworkManager have them: `#` and `;` begin
    /// comment lines, a backslash at the end of a line goes on with the next. The key is `Section.Key`; without a dot
    /// it stands before the first section.
    Ini,
    /// As [`Ini`](Self::Ini), as systemd reads its units and networkd its files: an empty assignment takes back what was
    /// assigned before it (systemd.syntax(7)).
    Systemd,
    /// Key files of GLib, as NetworkManager keeps its connections. The key is `section.key`; `;` separates the values of a
    /// list. `ipv4.addresses` and `ipv6.addresses` are the addresses of all `address1`, ... without gateways.
    Keyfile,
    /// Lines of an address and its names, as in `/etc/hosts`. The key is a name, its values are the addresses; `*` is all
    /// addresses.
    Hosts,
    /// Any text. The key is a regular expression over lines, its first group the value.
    Regex,
    /// A certificate, PEM or DER. The key is one of its members: `subject`, `issuer`, `serial`, `dns`, `ip`, `not-before`,
    /// `not-after`, `key-type`, `key-bits`, `sha256`.
    Certificate,
    /// What the file is, not what it holds. The key is `kind`, `mode`, `uid`, `gid`, `size` or `modified`.
    Metadata,
    /// One word on a line of its own, as in `/etc/hostname`: comment and empty lines are skipped. The key is `.`.
    Line,
    /// The file as a whole, such as a certificate. The key is `.`.
    Whole,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 13] = [
        Self::Json,
        Self::Yaml,
        Self::Toml,
        Self::KeyValue,
        Self::Ini,
        Self::Systemd,
        Self::Keyfile,
        Self::Hosts,
        Self::Regex,
        Self::Certificate,
        Self::Metadata,
        Self::Line,
        Self::Whole,
    ];

    /// The words of [`ALL`](Self::ALL), in the same order.
    pub(crate) const WORDS: &[&str] = &[
        "json",
        "yaml",
        "toml",
        "key-value",
        "ini",
        "systemd",
        "keyfile",
        "hosts",
        "regex",
        "certificate",
        "metadata",
        "line",
        "whole",
    ];

    /// The word in the policy file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Yaml => "yaml",
            Self::Toml => "toml",
            Self::KeyValue => "key-value",
            Self::Ini => "ini",
            Self::Systemd => "systemd",
            Self::Keyfile => "keyfile",
            Self::Hosts => "hosts",
            Self::Regex => "regex",
            Self::Certificate => "certificate",
            Self::Metadata => "metadata",
            Self::Line => "line",
            Self::Whole => "whole",
        }
    }

    /// Whether the file as a whole is the value, so that the key is `.`.
    #[must_use]
    pub const fn is_whole(self) -> bool {
        matches!(self, Self::Line | Self::Whole)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
