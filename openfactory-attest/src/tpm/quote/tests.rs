//! Quotes that a key which signs everything has signed: what no genuine key would.

use p256::ecdsa::signature::hazmat::PrehashSigner as _;

use super::*;
use crate::tpm::Bank;
use crate::tpm::quote::Clock;

const NONCE: [u8; 4] = [1, 2, 3, 4];
const CLOCK: Clock = Clock { clock: 1000, resets: 5, restarts: 2, safe: true };

fn pcrs() -> PcrValues {
    let mut pcrs = PcrValues::new();
    for bank in [Bank::Sha1, Bank::Sha256] {
        for pcr in 0..3 {
            pcrs.insert(pcr, PcrValue::hash(bank, &[&[pcr]]));
        }
    }
    pcrs
}

/// The quote of PCRs 0 and 2 of SHA-256, with these parts otherwise.
struct Made {
    magic: u32,
    kind: u16,
    clock: Clock,
    banks: Vec<(u16, Vec<u8>)>,
    digest: Option<Vec<u8>>,
    after: &'static [u8],
}

impl Default for Made {
    fn default() -> Self {
        let banks = vec![(0x000b, vec![0b101, 0, 0])];
        Self { magic: GENERATED, kind: QUOTE, clock: CLOCK, banks, digest: None, after: b"" }
    }
}

impl Made {
    fn bytes(&self) -> Vec<u8> {
        let count = u32::try_from(self.banks.len()).unwrap();
        let pcrs = pcrs();
        let value = |pcr| pcrs.get(Bank::Sha256, pcr).unwrap().as_bytes();
        let digest = PcrValue::hash(Bank::Sha256, &[value(0), value(2)]).as_bytes().to_vec();
        let digest = self.digest.clone().unwrap_or(digest);
        let mut bytes =
            [&self.magic.to_be_bytes()[..], &self.kind.to_be_bytes(), &[0, 0, 0, 4], &NONCE].concat();
        bytes.extend(self.clock.clock.to_be_bytes());
        bytes.extend(self.clock.resets.to_be_bytes());
        bytes.extend(self.clock.restarts.to_be_bytes());
        bytes.push(u8::from(self.clock.safe));
        bytes.extend([0; 8]);
        bytes.extend(count.to_be_bytes());
        for (bank, bits) in &self.banks {
            bytes.extend(bank.to_be_bytes());
            bytes.push(u8::try_from(bits.len()).unwrap());
            bytes.extend(bits);
        }
        bytes.extend(u16::try_from(digest.len()).unwrap().to_be_bytes());
        bytes.extend(digest);
        bytes.extend(self.after);
        bytes
    }

    fn check(&self, asked: &str, told: &PcrValues, seen: Option<Clock>) -> Result<Quote, QuoteError> {
        let message = self.bytes();
        let secret = p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
        let digest = PcrValue::hash(Bank::Sha256, &[&message]);
        let signed: p256::ecdsa::Signature = secret.sign_prehash(digest.as_bytes()).unwrap();
        let signed = signed.to_bytes();
        let (r, s) = signed.split_at(32);
        let signature = [&[0, 0x18, 0, 0x0b, 0, 32][..], r, &[0, 32], s].concat();
        let key = AttestationKey::of_p256(*secret.verifying_key());
        let asked = asked.parse().unwrap();
        let expected = Expected::new(&key, &NONCE, &asked, told);
        seen.map_or(expected, |seen| expected.after(seen)).verify(&message, &signature)
    }

    fn refused(&self) -> QuoteError {
        self.check("sha256:0,2", &pcrs(), None).unwrap_err()
    }
}

#[test]
fn only_what_was_quoted_comes_out() {
    let quote = Made::default().check("sha256:2,0", &pcrs(), None).unwrap();
    let confirmed: Vec<_> = quote.pcrs.iter().map(|(pcr, value)| (value.bank(), pcr)).collect();
    assert_eq!(confirmed, [(Bank::Sha256, 0), (Bank::Sha256, 2)]);
    assert_eq!(quote.clock, CLOCK);
}

#[test]
fn what_no_tpm_made_is_refused_though_signed() {
    let magic = Made { magic: 0x0054_4347, ..Made::default() };
    assert_eq!(magic.refused(), QuoteError::Magic { magic: 0x0054_4347 });
    // A certified key.
    let kind = Made { kind: 0x8017, ..Made::default() };
    assert_eq!(kind.refused(), QuoteError::Type { kind: 0x8017 });
    let form = QuoteError::Form { what: "TPMS_ATTEST" };
    assert_eq!(Made { after: b"x", ..Made::default() }.refused(), form);
}

#[test]
fn selections_are_those_that_were_asked_for() {
    let banks = |banks: &[(u16, &[u8])]| Made {
        banks: banks.iter().map(|(bank, bits)| (*bank, bits.to_vec())).collect(),
        ..Made::default()
    };
    let twice = banks(&[(0x000b, &[0b101, 0, 0]), (0x000b, &[0b101, 0, 0])]);
    assert_eq!(twice.refused(), QuoteError::Twice { bank: Bank::Sha256 });
    let fewer = QuoteError::Selection { quoted: "sha256:0".into(), asked: "sha256:0,2".into() };
    assert_eq!(banks(&[(0x000b, &[1])]).refused(), fewer);
    let none = QuoteError::Selection { quoted: "no PCR".into(), asked: "sha256:0,2".into() };
    assert_eq!(banks(&[]).refused(), none);
    let form = QuoteError::Form { what: "TPMS_ATTEST" };
    // A bank that is not known here, and a PCR that no TPM has.
    assert_eq!(banks(&[(0x0012, &[1])]).refused(), form);
    assert_eq!(banks(&[(0x000b, &[0b101, 0, 0, 1])]).refused(), form);
}

#[test]
fn values_are_those_that_were_signed() {
    let quote = Made::default();
    let mut other = pcrs();
    other.insert(2, PcrValue::zero(Bank::Sha256));
    assert_eq!(quote.check("sha256:0,2", &other, None), Err(QuoteError::Digest));
    let mut missing = PcrValues::new();
    missing.insert(0, *pcrs().get(Bank::Sha256, 0).unwrap());
    let no_value = QuoteError::NoValue { bank: Bank::Sha256, pcr: 2 };
    assert_eq!(quote.check("sha256:0,2", &missing, None), Err(no_value));
    assert_eq!(Made { digest: Some(Vec::new()), ..Made::default() }.refused(), QuoteError::Digest);
}

#[test]
fn counters_only_go_forward() {
    let now = |clock, resets, restarts, safe| {
        let clock = Clock { clock, resets, restarts, safe };
        Made { clock, ..Made::default() }.check("sha256:0,2", &pcrs(), Some(CLOCK)).map(drop)
    };
    let older = |what, seen, now| Err(QuoteError::Older { what, seen, now });
    assert_eq!(now(1000, 5, 2, true), Ok(()));
    assert_eq!(now(1001, 5, 3, true), Ok(()));
    assert_eq!(now(1001, 6, 0, true), Ok(()));
    // After power was lost the clock may be behind for a while.
    assert_eq!(now(900, 6, 0, false), Ok(()));
    assert_eq!(now(900, 6, 0, true), older("clock", 1000, 900));
    assert_eq!(now(999, 5, 2, false), older("clock", 1000, 999));
    assert_eq!(now(1001, 4, 9, true), older("reset counter", 5, 4));
    assert_eq!(now(1001, 5, 1, true), older("restart counter", 2, 1));
}

#[test]
fn texts_that_select_nothing_are_refused() {
    for text in ["", "sha256", "sha256:", "sha256:24", "md5:1", "sha256:1+sha256:2", "sha256:1,"] {
        assert_eq!(text.parse::<Selection>(), Err(SelectionError), "{text}");
    }
    let text = "sha1:10+sha256:0,1";
    assert_eq!(text.parse::<Selection>().unwrap().to_string(), text);
}
