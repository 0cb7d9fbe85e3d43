//! Templates: which fields an entry has.

use super::error::EntryError;

/// The most fields of a template (`TEMPLATE_NUM_FIELDS_MAX`).
const MAX_FIELDS: usize = 15;

/// A field of a template, by its name in the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Field {
    /// `d`: SHA-1 of the file, or MD5, 20 bytes.
    D,
    /// `n`: name, up to 255 bytes.
    N,
    /// `d-ng`: digest with its algorithm.
    DNg,
    /// `d-ngv2`: the same with its type, `ima` or `verity`.
    DNgV2,
    /// `n-ng`: name.
    NNg,
    /// `sig`: the file's signature, or nothing.
    Sig,
    /// `buf`: a measured buffer.
    Buf,
    /// `d-modsig`: digest without an appended signature.
    DModsig,
    /// `modsig`: the appended signature.
    Modsig,
    /// `evmsig`: EVM's portable signature.
    EvmSig,
    /// `iuid`: owner.
    Uid,
    /// `igid`: group.
    Gid,
    /// `imode`: kind and permissions.
    Mode,
    /// `xattrnames`: names of extended attributes under EVM.
    XattrNames,
    /// `xattrlengths`: lengths of their values.
    XattrLengths,
    /// `xattrvalues`: their values.
    XattrValues,
}

/// How a field stands in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Bare hex.
    Hex,
    /// Words that end in colons, then hex.
    Digest,
    /// Text, which has a zero byte at its end in the entry.
    Text,
    /// A decimal number, of so many bytes in the entry.
    Number(usize),
}

impl Field {
    const ALL: [Self; 16] = [
        Self::D,
        Self::N,
        Self::DNg,
        Self::DNgV2,
        Self::NNg,
        Self::Sig,
        Self::Buf,
        Self::DModsig,
        Self::Modsig,
        Self::EvmSig,
        Self::Uid,
        Self::Gid,
        Self::Mode,
        Self::XattrNames,
        Self::XattrLengths,
        Self::XattrValues,
    ];

    /// The kernel's name for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::D => "d",
            Self::N => "n",
            Self::DNg => "d-ng",
            Self::DNgV2 => "d-ngv2",
            Self::NNg => "n-ng",
            Self::Sig => "sig",
            Self::Buf => "buf",
            Self::DModsig => "d-modsig",
            Self::Modsig => "modsig",
            Self::EvmSig => "evmsig",
            Self::Uid => "iuid",
            Self::Gid => "igid",
            Self::Mode => "imode",
            Self::XattrNames => "xattrnames",
            Self::XattrLengths => "xattrlengths",
            Self::XattrValues => "xattrvalues",
        }
    }

    pub(super) const fn form(self) -> Form {
        match self {
            Self::DNg | Self::DNgV2 | Self::DModsig => Form::Digest,
            Self::N | Self::NNg | Self::XattrNames => Form::Text,
            Self::Uid | Self::Gid => Form::Number(4),
            Self::Mode => Form::Number(2),
            Self::D
            | Self::Sig
            | Self::Buf
            | Self::Modsig
            | Self::EvmSig
            | Self::XattrLengths
            | Self::XattrValues => Form::Hex,
        }
    }
}

/// Which fields an entry has, and in which order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    fields: Vec<Field>,
    old: bool,
}

impl Template {
    /// The templates that have a name.
    pub const NAMED: [(&'static str, &'static str); 8] = [
        ("ima", "d|n"),
        ("ima-ng", "d-ng|n-ng"),
        ("ima-sig", "d-ng|n-ng|sig"),
        ("ima-buf", "d-ng|n-ng|buf"),
        ("ima-modsig", "d-ng|n-ng|sig|d-modsig|modsig"),
        ("ima-ngv2", "d-ngv2|n-ng"),
        ("ima-sigv2", "d-ngv2|n-ng|sig"),
        ("evm-sig", "d-ng|n-ng|evmsig|xattrnames|xattrlengths|xattrvalues|iuid|igid|imode"),
    ];

    /// The template of this name; or, as the kernel's `ima_template_fmt` has it, of these fields with `|` between.
    pub(super) fn of(name: &[u8]) -> Result<Self, EntryError> {
        let named = Self::NAMED.iter().find(|(known, _)| known.as_bytes() == name);
        let format = named.map_or(name, |(_, fields)| fields.as_bytes());
        let field = |word: &[u8]| Field::ALL.into_iter().find(|field| field.name().as_bytes() == word);
        let fields: Option<Vec<_>> =
            format.split(|byte| *byte == b'|').take(MAX_FIELDS + 1).map(field).collect();
        match fields {
            Some(fields) if fields.len() <= MAX_FIELDS => Ok(Self { fields, old: name == b"ima" }),
            _ => Err(EntryError::Template { name: name.escape_ascii().to_string() }),
        }
    }

    /// Its fields.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Whether it is the first one, `ima`, whose entries look and are hashed otherwise than all others.
    #[must_use]
    pub const fn is_old(&self) -> bool {
        self.old
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_or_its_fields() {
        for (name, fields) in Template::NAMED {
            assert_eq!(
                Template::of(name.as_bytes()).unwrap().fields,
                Template::of(fields.as_bytes()).unwrap().fields
            );
        }
        assert!(Template::of(b"ima").unwrap().is_old());
        assert!(!Template::of(b"d|n").unwrap().is_old());
        let no = |name: &[u8]| assert!(matches!(Template::of(name), Err(EntryError::Template { .. })));
        for name in [&b""[..], b"ima-", b"d-ng|", b"d-ng|x", b"\xff"] {
            no(name);
        }
        assert!(Template::of(["d-ng"; 15].join("|").as_bytes()).is_ok());
        no(["d-ng"; 16].join("|").as_bytes());
    }
}
