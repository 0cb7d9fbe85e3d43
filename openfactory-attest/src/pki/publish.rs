//! Whether what was revoked is really told to those who ask in X.509's words.

use std::fmt;
use std::time::SystemTime;

use super::revocation::Serial;
use super::{Crl, KeyCertificate, OcspResponse, OcspStatus, PkiError};
use crate::key::KeyId;
use crate::trust::revocation::RevocationList;

/// What is out there of an authority: its certificate revocation list, OCSP responses, certificates.
#[derive(Clone, Copy, Debug)]
pub struct Published<'a> {
    authority: &'a KeyCertificate,
    certificates: &'a [KeyCertificate],
    crl: Option<&'a Crl>,
    responses: &'a [OcspResponse],
}

/// What is not published as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Gap {
    /// The authority's certificate is not valid now.
    Authority,
    /// The certificate revocation list is to be gone by no longer.
    StaleCrl,
    /// The certificate revocation list is of a time to come.
    EarlyCrl,
    /// The certificate revocation list does not revoke a key that was revoked.
    NotInCrl(KeyId),
    /// No OCSP response speaks of a key that was revoked.
    NotByOcsp(KeyId),
    /// An OCSP response says of a key that was revoked that it is good.
    GoodByOcsp(KeyId),
    /// An OCSP response says of a key that was revoked that it is unknown.
    UnknownByOcsp(KeyId),
    /// The OCSP response on a key is to be gone by no longer, or whoever signed it may no longer.
    StaleOcsp(KeyId),
    /// The OCSP response on a key is of a time to come.
    EarlyOcsp(KeyId),
    /// There is neither a list nor a response to speak of a key that was revoked.
    Nowhere(KeyId),
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Authority => f.write_str("the authority's certificate is not valid now"),
            Self::StaleCrl => f.write_str("the certificate revocation list is to be gone by no longer"),
            Self::EarlyCrl => f.write_str("the certificate revocation list is of a time to come"),
            Self::NotInCrl(key) => write!(f, "the certificate revocation list does not revoke the key {key}"),
            Self::NotByOcsp(key) => write!(f, "no OCSP response speaks of the revoked key {key}"),
            Self::GoodByOcsp(key) => write!(f, "an OCSP response says that the revoked key {key} is good"),
            Self::UnknownByOcsp(key) => {
                write!(f, "an OCSP response says that the revoked key {key} is unknown")
            }
            Self::StaleOcsp(key) => {
                write!(f, "the OCSP response on the revoked key {key} is to be gone by no longer")
            }
            Self::EarlyOcsp(key) => {
                write!(f, "the OCSP response on the revoked key {key} is of a time to come")
            }
            Self::Nowhere(key) => write!(f, "nothing is published of the revoked key {key}"),
        }
    }
}

/// The serial numbers of a key's certificates by this authority; without any given, that of its id.
pub(super) fn serials(
    key_id: &KeyId,
    authority: &KeyCertificate,
    certificates: &[KeyCertificate],
) -> Vec<Serial> {
    let own = certificates.iter().filter(|it| it.issuer == authority.subject && it.key_id() == key_id);
    let serials: Vec<Serial> = own.map(|certificate| certificate.serial().clone()).collect();
    if serials.is_empty() { vec![Serial::of_key(key_id)] } else { serials }
}

impl<'a> Published<'a> {
    /// What this authority published; nothing so far.
    #[must_use]
    pub const fn by(authority: &'a KeyCertificate) -> Self {
        Self { authority, certificates: &[], crl: None, responses: &[] }
    }

    /// With certificates of keys, which have serial numbers of their own where others made them.
    #[must_use]
    pub const fn with_certificates(self, certificates: &'a [KeyCertificate]) -> Self {
        Self { certificates, ..self }
    }

    /// With its certificate revocation list.
    #[must_use]
    pub const fn with_crl(self, crl: &'a Crl) -> Self {
        Self { crl: Some(crl), ..self }
    }

    /// With OCSP responses: every revoked key has to be in one of them.
    #[must_use]
    pub const fn with_responses(self, responses: &'a [OcspResponse]) -> Self {
        Self { responses, ..self }
    }

    /// Holds it against the signed revocation list: every key that it revokes has to be revoked by the certificate revocation
    /// list and, where there are responses, by one of them and good by none. Nothing is left over if all is well.
    #[must_use]
    pub fn gaps(&self, list: &RevocationList, now: SystemTime) -> Vec<Gap> {
        let mut gaps = Vec::new();
        if self.authority.life().check(now).is_err() {
            gaps.push(Gap::Authority);
        }
        match self.crl.map(|crl| crl.currency().check(now)) {
            Some(Err(PkiError::Early { .. })) => gaps.push(Gap::EarlyCrl),
            Some(Err(_)) => gaps.push(Gap::StaleCrl),
            _ => {}
        }
        for key in &list.revoked {
            let key = key.key_id;
            if self.crl.is_none() && self.responses.is_empty() {
                gaps.push(Gap::Nowhere(key));
            }
            for serial in serials(&key, self.authority, self.certificates) {
                if self.crl.is_some_and(|crl| crl.get(&serial).is_none()) {
                    gaps.push(Gap::NotInCrl(key));
                }
                if !self.responses.is_empty() {
                    self.by_ocsp(key, &serial, now, &mut gaps);
                }
            }
        }
        gaps
    }

    fn by_ocsp(&self, key: KeyId, serial: &Serial, now: SystemTime, gaps: &mut Vec<Gap>) {
        let about: Vec<_> = self.responses.iter().filter_map(|it| Some((it, it.get(serial)?))).collect();
        if about.is_empty() {
            gaps.push(Gap::NotByOcsp(key));
        }
        let mut late = None;
        let mut holds = false;
        for (response, answer) in about {
            match answer.status {
                OcspStatus::Good => gaps.push(Gap::GoodByOcsp(key)),
                OcspStatus::Unknown => gaps.push(Gap::UnknownByOcsp(key)),
                OcspStatus::Revoked(_) if self.is_answered_by_revoked(response) => {
                    late = Some(Gap::StaleOcsp(key));
                }
                OcspStatus::Revoked(_) => match response.holds(answer, now) {
                    Ok(()) => holds = true,
                    Err(PkiError::Early { .. }) => late = Some(Gap::EarlyOcsp(key)),
                    Err(_) => late = Some(Gap::StaleOcsp(key)),
                },
            }
        }
        gaps.extend(late.filter(|_| !holds));
    }

    /// Whether the list revokes who signed a response in the authority's place.
    fn is_answered_by_revoked(&self, response: &OcspResponse) -> bool {
        let revoked =
            |responder: &KeyCertificate| self.crl.is_some_and(|crl| crl.get(responder.serial()).is_some());
        response.responder().is_some_and(revoked)
    }
}
