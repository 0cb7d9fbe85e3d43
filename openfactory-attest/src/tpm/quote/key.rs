//! Attestation keys and what they sign.

use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use pkcs8::DecodePublicKey as _;
use rsa::traits::PublicKeyParts as _;
use sha2::{Sha256, Sha384, Sha512};

use super::error::QuoteError;
use super::wire::Reader;
use crate::tpm::{Bank, PcrValue};

const RSASSA: u16 = 0x0014;
const RSAPSS: u16 = 0x0016;
const ECDSA: u16 = 0x0018;

/// The most bytes of a key in PEM.
const MAX_PEM: usize = 16 * 1024;

/// The public part of a TPM's attestation key: RSA with 2,048 to 4,096 bits, or ECDSA on the curve P-256.
///
/// That it lives in a TPM and signs nothing but what the TPM made (`restricted`, `sign`, `fixedTPM`) has to be known from
/// when it was enrolled: a PEM file does not tell.
#[derive(Clone, Debug)]
pub struct AttestationKey(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Rsa(rsa::PublicKey),
    P256(p256::ecdsa::VerifyingKey),
}

impl AttestationKey {
    /// Reads a PEM `PUBLIC KEY`, as `tpm2_createak -f pem` writes it.
    ///
    /// # Errors
    /// [`QuoteError::Key`] if it is none that is taken here.
    pub fn from_pem(pem: &str) -> Result<Self, QuoteError> {
        let pem = Some(pem.trim()).filter(|pem| pem.len() <= MAX_PEM).ok_or(QuoteError::Key)?;
        if let Ok(key) = p256::ecdsa::VerifyingKey::from_public_key_pem(pem) {
            return Ok(Self(Kind::P256(key)));
        }
        let key = rsa::PublicKey::from_public_key_pem(pem).map_err(|_other| QuoteError::Key)?;
        let taken = (2048..=4096).contains(&key.n().bit_width());
        if taken { Ok(Self(Kind::Rsa(key))) } else { Err(QuoteError::Key) }
    }

    #[cfg(test)]
    pub(super) const fn of_p256(key: p256::ecdsa::VerifyingKey) -> Self {
        Self(Kind::P256(key))
    }

    /// Checks a `TPMT_SIGNATURE` over these bytes; gives the hash of its scheme.
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<Bank, QuoteError> {
        let mut reader = Reader::new(signature, "TPMT_SIGNATURE");
        let (scheme, hash) = (reader.u16()?, reader.u16()?);
        // SHA-1 is none to sign with.
        let bank = Bank::of_id(hash).filter(|bank| *bank != Bank::Sha1);
        let bank = bank.ok_or(QuoteError::Scheme { scheme, hash })?;
        let digest = PcrValue::hash(bank, &[message]);
        let digest = digest.as_bytes();
        let verified = match (&self.0, scheme) {
            (Kind::Rsa(key), RSASSA | RSAPSS) => {
                let bytes = reader.sized()?;
                reader.end()?;
                match bank {
                    Bank::Sha384 => rsa_verifies::<Sha384>(key, scheme, digest, bytes),
                    Bank::Sha512 => rsa_verifies::<Sha512>(key, scheme, digest, bytes),
                    _ => rsa_verifies::<Sha256>(key, scheme, digest, bytes),
                }
            }
            (Kind::P256(key), ECDSA) => {
                let (r, s) = (scalar(reader.sized()?)?, scalar(reader.sized()?)?);
                reader.end()?;
                let signature = p256::ecdsa::Signature::from_scalars(r, s);
                signature.is_ok_and(|signature| key.verify_prehash(digest, &signature).is_ok())
            }
            _ => return Err(QuoteError::Scheme { scheme, hash }),
        };
        if verified { Ok(bank) } else { Err(QuoteError::Signature) }
    }
}

/// A TPM may leave out zeros at the front.
fn scalar(bytes: &[u8]) -> Result<[u8; 32], QuoteError> {
    let mut scalar = [0; 32];
    let at = scalar.len().checked_sub(bytes.len()).ok_or(QuoteError::Signature)?;
    scalar.iter_mut().skip(at).zip(bytes).for_each(|(to, from)| *to = *from);
    Ok(scalar)
}

/// By RSAPSS with a salt of any length: how long it is differs between TPMs.
fn rsa_verifies<D>(key: &rsa::PublicKey, scheme: u16, digest: &[u8], signature: &[u8]) -> bool
where
    D: sha2::Digest + sha2::digest::FixedOutputReset + sha2::digest::const_oid::AssociatedOid,
{
    let key = key.clone();
    if scheme == RSASSA {
        rsa::pkcs1v15::Signature::try_from(signature).is_ok_and(|signature| {
            rsa::pkcs1v15::VerifyingKey::<D>::new(key).verify_prehash(digest, &signature).is_ok()
        })
    } else {
        rsa::pss::Signature::try_from(signature).is_ok_and(|signature| {
            let key = rsa::pss::VerifyingKey::<D>::new_with_auto_salt_len(key);
            key.verify_prehash(digest, &signature).is_ok()
        })
    }
}
