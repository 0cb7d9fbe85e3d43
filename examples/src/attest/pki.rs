//! `attest pki`: revocations as others ask for them, in X.509's words.

mod check;
mod file;
mod make;
mod show;

use clap::Subcommand;

use super::CliError;
use crate::cli::Verdict;

const CRL_HELP: &str = "Example:
  attest pki crl --trust trust.json --ca ca.crt --ca-key ca.key --days 7 -o ca.crl
  openssl crl -in ca.crl -CAfile ca.crt -noout -text

A key is named by the serial number of its certificate that --certificate gives, else by that which `attest pki certificate`
gives it: one byte 1, then the first 19 bytes of its id.";

const OCSP_HELP: &str = "Example:
  attest pki ocsp --trust trust.json --ca ca.crt --ca-key ca.key --certificate platform.crt -o platform.ocsp
  openssl ocsp -respin platform.ocsp -issuer ca.crt -cert platform.crt -CAfile ca.crt

Revoked is what the trust store's revocation list revokes, good what the trust store or its registry knows, anything else is
unknown.";

const SHOW_HELP: &str = "Exit status: 0 it holds, 1 it is another authority's, was changed or holds no longer, 2 could not check.";

const CHECK_HELP: &str = "Example:
  attest pki check --trust trust.json --ca ca.crt --crl published.crl --certificate platform.crt

Who made what is published does not matter. Exit status: 0 every key that was revoked is told to be, 1 one is not, or what is
published is not the authority's or holds no longer, 2 could not check.";

/// `attest pki ...`
#[derive(Debug, Subcommand)]
pub(crate) enum PkiCommand {
    /// Make the certificate of an authority, which its key signs itself
    #[command(after_help = "Example:
  attest pki authority --key ca.key --name 'Example CA' -o ca.crt
  openssl x509 -in ca.crt -noout -text")]
    Authority(make::AuthorityArgs),
    /// Make the certificate of a key
    Certificate(make::CertificateArgs),
    /// Sign the trust store's revocation list as a certificate revocation list (PEM)
    #[command(after_help = CRL_HELP)]
    Crl(make::CrlArgs),
    /// Sign an OCSP response on keys (DER)
    #[command(after_help = OCSP_HELP)]
    Ocsp(make::OcspArgs),
    /// Check who signed a certificate revocation list or an OCSP response, and show what it says
    #[command(after_help = SHOW_HELP)]
    Show(show::ShowArgs),
    /// Check that every key that was revoked is revoked by what is published
    #[command(after_help = CHECK_HELP)]
    Check(check::CheckArgs),
}

impl PkiCommand {
    pub(crate) fn run(self) -> Result<Verdict, CliError> {
        match self {
            Self::Authority(args) => args.run(),
            Self::Certificate(args) => args.run(),
            Self::Crl(args) => args.run(),
            Self::Ocsp(args) => args.run(),
            Self::Show(args) => args.run(),
            Self::Check(args) => args.run(),
        }
    }
}
