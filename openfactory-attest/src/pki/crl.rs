//! Certificate revocation lists (RFC 5280, section 5).

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use der::asn1::{GeneralizedTime, OctetString};
use der::oid::AssociatedOid as _;
use der::{Decode as _, Encode as _};
use x509_cert::Version;
use x509_cert::crl::{RevokedCert, TbsCertList};
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, CrlNumber, CrlReason};
use x509_cert::ext::{Extension, ToExtension as _};
use x509_cert::name::Name;

use super::certificate::authority_key;
use super::publish::serials;
use super::revocation::{Currency, Revocation, Serial};
use super::wire::{self, INVALIDITY_DATE, Signed};
use super::{Authority, KeyCertificate, PkiError};
use crate::trust::revocation::{RevocationList, RevokedKey};

const LABEL: &str = "X509 CRL";
const WHAT: &str = "a certificate revocation list";

/// A certificate revocation list that its authority signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crl {
    signed: Signed,
    number: Option<String>,
    currency: Currency,
    revoked: BTreeMap<Serial, Revocation>,
}

impl Authority<'_> {
    /// The revocation list in X.509's words, with all keys that it revokes. Those of which a certificate of this authority is
    /// given stand there by its serial number, the others by [that of their id](Serial::of_key), whether they ever had a certificate
    /// or not.
    ///
    /// Its number is the list's sequence, then the time in seconds in 40 bits: it grows with both.
    ///
    /// # Errors
    /// [`PkiError`].
    pub fn crl(
        &self,
        list: &RevocationList,
        certificates: &[KeyCertificate],
        this_update: SystemTime,
        next_update: SystemTime,
    ) -> Result<Crl, PkiError> {
        if next_update <= this_update {
            return Err(PkiError::Time);
        }
        let issuer = &self.certificate.subject;
        let mut revoked = BTreeMap::new();
        for key in &list.revoked {
            for serial in serials(&key.key_id, self.certificate, certificates) {
                let entry = RevokedCert {
                    serial_number: serial.to_number()?,
                    revocation_date: wire::either(key.revoked_at.unwrap_or(list.issued))?,
                    crl_entry_extensions: Some(entry_extensions(key, issuer)?),
                };
                revoked.insert(serial, entry);
            }
        }
        let extensions = vec![
            authority_key(&self.certificate.key.spki)
                .and_then(|key| key.to_extension(issuer, &[]))
                .map_err(PkiError::encode)?,
            number(list.sequence, this_update)?.to_extension(issuer, &[]).map_err(PkiError::encode)?,
        ];
        let tbs = TbsCertList {
            version: Version::V2,
            signature: self.key.algorithm(),
            issuer: issuer.clone(),
            this_update: wire::either(this_update)?,
            next_update: Some(wire::either(next_update)?),
            // An empty list may not stand there.
            revoked_certificates: (!revoked.is_empty()).then(|| revoked.into_values().collect()),
            crl_extensions: Some(extensions),
        };
        Crl::of(Signed::by(self.key, &tbs)?, self.certificate)
    }
}

fn number(sequence: u64, time: SystemTime) -> Result<CrlNumber, PkiError> {
    let seconds = time.duration_since(UNIX_EPOCH).map_err(|_| PkiError::Time)?.as_secs();
    let number = (u128::from(sequence) << 40) | u128::from(seconds & 0xff_ffff_ffff);
    CrlNumber::try_from(number).map_err(PkiError::encode)
}

/// What is said of a key beside its serial number.
pub(super) fn entry_extensions(key: &RevokedKey, issuer: &Name) -> Result<Vec<Extension>, PkiError> {
    let reason = wire::reason_code(key.reason).to_extension(issuer, &[]).map_err(PkiError::encode)?;
    let mut extensions = vec![reason];
    extensions.extend(invalidity(key)?);
    Ok(extensions)
}

pub(super) fn invalidity(key: &RevokedKey) -> Result<Option<Extension>, PkiError> {
    let Some(time) = key.invalid_since else { return Ok(None) };
    let value = wire::instant(time)?.to_der().and_then(OctetString::new).map_err(PkiError::encode)?;
    Ok(Some(Extension { extn_id: INVALIDITY_DATE, critical: false, extn_value: value }))
}

impl Crl {
    /// Reads a list, DER or PEM, that this authority signed. Whether it [still holds](Self::currency) is not looked at.
    ///
    /// # Errors
    /// [`PkiError`]: of another issuer, not signed by it, or partial, say.
    pub fn read(bytes: &[u8], authority: &KeyCertificate) -> Result<Self, PkiError> {
        Self::of(wire::read(bytes, LABEL, WHAT)?, authority)
    }

    fn of(signed: Signed, authority: &KeyCertificate) -> Result<Self, PkiError> {
        let tbs: TbsCertList = signed.content(WHAT)?;
        let malformed = |reason: &str| PkiError::malformed(WHAT, reason);
        if tbs.issuer != authority.subject {
            return Err(PkiError::WrongIssuer { what: WHAT });
        }
        if signed.certificates.is_some() || signed.algorithm != tbs.signature {
            return Err(malformed("its signature's algorithm is said in two ways"));
        }
        authority.check(&signed, WHAT)?;
        let mut number = None;
        for extension in tbs.crl_extensions.iter().flatten() {
            match extension.extn_id {
                CrlNumber::OID => {
                    let value = CrlNumber::from_der(extension.extn_value.as_bytes());
                    let value = value.map_err(|error| PkiError::malformed(WHAT, error))?;
                    number = Some(hex::encode(value.0.as_bytes()));
                }
                AuthorityKeyIdentifier::OID => {}
                _ => uncritical(extension, WHAT)?,
            }
        }
        let Some(next_update) = tbs.next_update else {
            return Err(malformed("it does not say when there will be another"));
        };
        let currency = Currency {
            this_update: wire::system(tbs.this_update),
            next_update: Some(wire::system(next_update)),
        };
        let mut revoked = BTreeMap::new();
        for entry in tbs.revoked_certificates.iter().flatten() {
            let time = wire::system(entry.revocation_date);
            let told = told(time, entry.crl_entry_extensions.iter().flatten(), WHAT)?;
            if revoked.insert(Serial::of(&entry.serial_number), told).is_some() {
                return Err(malformed("it revokes a certificate twice"));
            }
        }
        Ok(Self { signed, number, currency, revoked })
    }

    /// The list in DER.
    ///
    /// # Errors
    /// [`PkiError::Encode`].
    pub fn to_der(&self) -> Result<Vec<u8>, PkiError> {
        self.signed.to_der()
    }

    /// The list in PEM, with a newline at the end.
    ///
    /// # Errors
    /// [`PkiError::Encode`].
    pub fn to_pem(&self) -> Result<String, PkiError> {
        wire::to_pem(LABEL, &self.to_der()?)
    }

    /// Its number in hex; `None` if it has none.
    #[must_use]
    pub fn number(&self) -> Option<&str> {
        self.number.as_deref()
    }

    /// From when and until when it holds.
    #[must_use]
    pub const fn currency(&self) -> &Currency {
        &self.currency
    }

    /// What it says of the certificate with this serial number; `None` where it does not revoke it.
    #[must_use]
    pub fn get(&self, serial: &Serial) -> Option<&Revocation> {
        self.revoked.get(serial)
    }

    /// All that it revokes, by serial number.
    pub fn iter(&self) -> impl Iterator<Item = (&Serial, &Revocation)> {
        self.revoked.iter()
    }
}

/// What an entry's extensions say.
pub(super) fn told<'e>(
    time: SystemTime,
    extensions: impl Iterator<Item = &'e Extension>,
    what: &'static str,
) -> Result<Revocation, PkiError> {
    let malformed = |error: der::Error| PkiError::malformed(what, error);
    let mut told = Revocation { time, code: None, invalid_since: None };
    for extension in extensions {
        let value = extension.extn_value.as_bytes();
        match extension.extn_id {
            CrlReason::OID => told.code = Some(CrlReason::from_der(value).map_err(malformed)? as u8),
            INVALIDITY_DATE => {
                let date = GeneralizedTime::from_der(value).map_err(malformed)?;
                told.invalid_since = Some(date.to_system_time());
            }
            _ => uncritical(extension, what)?,
        }
    }
    Ok(told)
}

/// Refuses what must be understood and is not: a list of changes, of some reasons, or of other issuers' certificates.
pub(super) fn uncritical(extension: &Extension, what: &'static str) -> Result<(), PkiError> {
    if extension.critical {
        return Err(PkiError::Critical { what, oid: extension.extn_id.to_string() });
    }
    Ok(())
}
