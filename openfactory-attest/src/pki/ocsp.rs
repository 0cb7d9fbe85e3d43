//! OCSP responses (RFC 6960): an authority's word on single certificates, made beforehand for whoever asks (RFC 5019).

use std::collections::BTreeMap;
use std::time::SystemTime;

use der::asn1::{Null, OctetString};
use der::{Decode as _, Encode as _};

use super::crl::{invalidity, told, uncritical};
use super::publish::serials;
use super::responder::{Issuer, responder};
use super::revocation::{Currency, Revocation, Serial};
use super::wire::{
    self, CertStatus, OCSP_BASIC, Responder, Response, ResponseBytes, ResponseData, ResponseStatus,
    RevokedInfo, Signed, SingleResponse,
};
use super::{Authority, KeyCertificate, PkiError};
use crate::key::KeyId;
use crate::trust::TrustStore;

const LABEL: &str = "OCSP RESPONSE";
const WHAT: &str = "an OCSP response";

/// An OCSP response that the authority signed, or somebody to whom it gave a certificate for that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OcspResponse {
    der: Vec<u8>,
    answers: BTreeMap<Serial, OcspAnswer>,
    responder: Option<KeyCertificate>,
}

/// What a response says of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OcspAnswer {
    /// Whether it was revoked.
    pub status: OcspStatus,
    /// From when and until when this holds.
    pub currency: Currency,
}

/// Whether a certificate was revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OcspStatus {
    /// It was not.
    Good,
    /// It was.
    Revoked(Revocation),
    /// The responder knows of no such certificate.
    Unknown,
}

impl Authority<'_> {
    /// A response on the certificates of these keys: revoked by the store's revocation list, good where the store or its registry
    /// knows the key, else unknown. Serial numbers are as in [`crl`](Self::crl).
    ///
    /// # Errors
    /// [`PkiError`].
    pub fn ocsp(
        &self,
        keys: &[KeyId],
        trust: &TrustStore,
        certificates: &[KeyCertificate],
        this_update: SystemTime,
        next_update: SystemTime,
    ) -> Result<OcspResponse, PkiError> {
        if next_update <= this_update {
            return Err(PkiError::Time);
        }
        let (this_update, next_update) = (wire::instant(this_update)?, wire::instant(next_update)?);
        let issuer = Issuer::of(self.certificate)?;
        let mut answers = BTreeMap::new();
        for key_id in keys {
            let (status, extensions) = status(trust, key_id)?;
            for serial in serials(key_id, self.certificate, certificates) {
                let answer = SingleResponse {
                    id: issuer.name(&serial)?,
                    status: status.clone(),
                    this_update,
                    next_update: Some(next_update),
                    extensions: extensions.clone(),
                };
                answers.insert(serial, answer);
            }
        }
        let data = ResponseData {
            version: 0,
            responder: Responder::Key(issuer.key()?),
            produced: this_update,
            responses: answers.into_values().collect(),
            extensions: None,
        };
        let response = OctetString::new(Signed::by(self.key, &data)?.to_der()?);
        let bytes = ResponseBytes { kind: OCSP_BASIC, response: response.map_err(PkiError::encode)? };
        OcspResponse::of(
            &Response { status: ResponseStatus::Successful, bytes: Some(bytes) },
            self.certificate,
        )
    }
}

type Told = (CertStatus, Option<Vec<x509_cert::ext::Extension>>);

fn status(trust: &TrustStore, key_id: &KeyId) -> Result<Told, PkiError> {
    let list = trust.revocations();
    if let Some((list, key)) = list.and_then(|list| Some((list, list.get(key_id)?))) {
        let revoked = RevokedInfo {
            time: wire::instant(key.revoked_at.unwrap_or(list.issued))?,
            reason: Some(wire::reason_code(key.reason)),
        };
        return Ok((CertStatus::Revoked(revoked), invalidity(key)?.map(|it| vec![it])));
    }
    let registered = trust.registry().is_some_and(|registry| registry.get(&key_id.to_string()).is_some());
    let known = registered || trust.get(key_id).is_some();
    Ok((if known { CertStatus::Good(Null) } else { CertStatus::Unknown(Null) }, None))
}

impl OcspResponse {
    /// Reads a response, DER or PEM, that this authority signed, or somebody to whom it gave a certificate for OCSP, which
    /// stands in the response. Whether its answers still hold is not looked at.
    ///
    /// # Errors
    /// [`PkiError`]; [`PkiError::NoAnswer`] where it is a refusal, which anybody can make.
    pub fn read(bytes: &[u8], authority: &KeyCertificate) -> Result<Self, PkiError> {
        Self::of(&wire::read(bytes, LABEL, WHAT)?, authority)
    }

    fn of(response: &Response, authority: &KeyCertificate) -> Result<Self, PkiError> {
        let malformed = |error: der::Error| PkiError::malformed(WHAT, error);
        if response.status != ResponseStatus::Successful {
            return Err(PkiError::NoAnswer { status: response.status as u8 });
        }
        let bytes = response.bytes.as_ref().filter(|bytes| bytes.kind == OCSP_BASIC);
        let bytes = bytes.ok_or_else(|| PkiError::malformed(WHAT, "it is of another kind"))?;
        let signed = Signed::from_der(bytes.response.as_bytes()).map_err(malformed)?;
        let responder = responder(&signed, authority, WHAT)?;
        let data: ResponseData = signed.content(WHAT)?;
        for extension in data.extensions.iter().flatten() {
            uncritical(extension, WHAT)?;
        }
        let issuer = Issuer::of(authority)?;
        let mut answers = BTreeMap::new();
        for single in &data.responses {
            if !issuer.is_in(&single.id)? {
                continue;
            }
            let answer = OcspAnswer::of(single)?;
            let before = answers.insert(Serial::of(&single.id.serial), answer);
            if before.is_some_and(|before| before != answer) {
                return Err(PkiError::malformed(WHAT, "it says two things of one certificate"));
            }
        }
        if answers.is_empty() && !data.responses.is_empty() {
            return Err(PkiError::WrongIssuer { what: WHAT });
        }
        Ok(Self { der: response.to_der().map_err(PkiError::encode)?, answers, responder })
    }

    /// The response in DER.
    #[must_use]
    pub fn as_der(&self) -> &[u8] {
        &self.der
    }

    /// What it says of this authority's certificate with this serial number; `None` where it says nothing.
    #[must_use]
    pub fn get(&self, serial: &Serial) -> Option<&OcspAnswer> {
        self.answers.get(serial)
    }

    /// All that it says of this authority's certificates, by serial number.
    pub fn iter(&self) -> impl Iterator<Item = (&Serial, &OcspAnswer)> {
        self.answers.iter()
    }

    /// Who signed in the authority's place; `None` where the authority signed itself.
    #[must_use]
    pub const fn responder(&self) -> Option<&KeyCertificate> {
        self.responder.as_ref()
    }

    /// Whether all that it says holds now, and whoever signed in the authority's place still may.
    ///
    /// # Errors
    /// [`PkiError::Early`], [`PkiError::Stale`].
    pub fn check(&self, now: SystemTime) -> Result<(), PkiError> {
        self.answers.values().try_for_each(|answer| self.holds(answer, now))
    }

    pub(super) fn holds(&self, answer: &OcspAnswer, now: SystemTime) -> Result<(), PkiError> {
        self.responder.iter().try_for_each(|responder| responder.life().check(now))?;
        answer.currency.check(now)
    }
}

impl OcspAnswer {
    fn of(single: &SingleResponse) -> Result<Self, PkiError> {
        let time = match &single.status {
            CertStatus::Revoked(revoked) => revoked.time,
            _ => single.this_update,
        };
        let told = told(time.to_system_time(), single.extensions.iter().flatten(), WHAT)?;
        let status = match &single.status {
            CertStatus::Good(_) => OcspStatus::Good,
            CertStatus::Unknown(_) => OcspStatus::Unknown,
            CertStatus::Revoked(revoked) => OcspStatus::Revoked(Revocation {
                code: revoked.reason.map(|reason| reason as u8).or(told.code),
                ..told
            }),
        };
        let currency = Currency {
            this_update: single.this_update.to_system_time(),
            next_update: single.next_update.map(|time| time.to_system_time()),
        };
        Ok(Self { status, currency })
    }
}
