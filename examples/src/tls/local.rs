//! A certificate authority for this machine alone, made once in a directory, and a server certificate under it.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use jiff::tz::Offset;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
};

use super::{ServerTls, TlsError};
use crate::write_once::write_atomically;

/// The names that the server certificate is valid for.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
const DAY_SECONDS: u32 = 24 * 60 * 60;
const DAY: Duration = Duration::from_secs(DAY_SECONDS as u64);
const CA_DAYS: u32 = 3650;
const SERVER_DAYS: u32 = 397;
/// A server certificate with less than this left is replaced, a CA likewise.
const RENEW_DAYS: u32 = 30;

/// A local CA and the server certificate that it signed, as files in a directory. ECDSA on P-256.
///
/// | file | holds |
/// |---|---|
/// | `ca.pem` | the CA's certificate: what clients are told to trust |
/// | `ca.key` | the CA's key, mode 0600 |
/// | `server.pem`, `server.key` | for `localhost`, `127.0.0.1` and `::1`; the key has mode 0600 |
/// | `ca.until`, `server.until` | when each ends, RFC 3339 |
#[derive(Clone, Debug)]
pub struct LocalCertificates {
    directory: PathBuf,
}

impl LocalCertificates {
    /// Makes what is missing in `directory`, or will soon have ended at `now`; what is there and valid stays.
    /// Processes that do this at once take turns.
    ///
    /// # Errors
    /// When the directory can't be written, or what lies there is not what this made.
    pub fn ensure(directory: &Path, now: SystemTime) -> Result<Self, TlsError> {
        let write = |source| TlsError::Write { path: directory.to_owned(), source };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(write)?;
        let lock = File::create(directory.join(".lock")).map_err(write)?;
        lock.lock().map_err(write)?;

        let this = Self { directory: directory.to_owned() };
        let (ca_key, ca_is_new) = match this.valid("ca", now)? {
            true => (this.load_key("ca.key")?, false),
            false => (this.make_ca(now)?, true),
        };
        if ca_is_new || !this.valid("server", now)? {
            this.make_server(ca_key, now)?;
        }
        Ok(this)
    }

    /// The CA's certificate: what a client trusts.
    #[must_use]
    pub fn ca(&self) -> PathBuf {
        self.directory.join("ca.pem")
    }

    /// The server's certificate.
    #[must_use]
    pub fn server_certificate(&self) -> PathBuf {
        self.directory.join("server.pem")
    }

    /// The server's private key.
    #[must_use]
    pub fn server_key(&self) -> PathBuf {
        self.directory.join("server.key")
    }

    /// The server's certificate and key, for a listener.
    ///
    /// # Errors
    /// When the files can't be read or don't fit each other.
    pub fn server(&self) -> Result<ServerTls, TlsError> {
        ServerTls::from_files(&self.server_certificate(), &self.server_key())
    }

    /// Whether the certificate `name` is whole and has enough time left. Its `.until` file is written last, so
    /// where that is missing the making was cut short.
    fn valid(&self, name: &str, now: SystemTime) -> Result<bool, TlsError> {
        let path = self.directory.join(format!("{name}.until"));
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(source) => return Err(TlsError::Read { path, source }),
        };
        let until: Timestamp = text.trim().parse().map_err(|source: jiff::Error| TlsError::Content {
            path,
            expected: "RFC 3339 time",
            source: Some(Box::new(source)),
        })?;
        Ok(until > midnight(now + DAY * RENEW_DAYS)?)
    }

    fn load_key(&self, name: &str) -> Result<KeyPair, TlsError> {
        let path = self.directory.join(name);
        let pem =
            fs::read_to_string(&path).map_err(|source| TlsError::Read { path: path.clone(), source })?;
        KeyPair::from_pem(&pem).map_err(|source| TlsError::Content {
            path,
            expected: "PEM private key",
            source: Some(Box::new(source)),
        })
    }

    fn make_ca(&self, now: SystemTime) -> Result<KeyPair, TlsError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(make)?;
        let mut params = ca_params();
        let until = validity(&mut params, now, CA_DAYS)?;
        let certificate = params.self_signed(&key).map_err(make)?;
        self.write("ca.key", &key.serialize_pem(), 0o600)?;
        self.write("ca.pem", &certificate.pem(), 0o644)?;
        self.write("ca.until", &format!("{until}\n"), 0o644)?;
        Ok(key)
    }

    fn make_server(&self, ca_key: KeyPair, now: SystemTime) -> Result<(), TlsError> {
        let issuer = Issuer::new(ca_params(), ca_key);
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(make)?;
        let mut params = CertificateParams::new(NAMES.map(str::to_owned)).map_err(make)?;
        params.distinguished_name = common_name("localhost");
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let until = validity(&mut params, now, SERVER_DAYS)?;
        let certificate = params.signed_by(&key, &issuer).map_err(make)?;
        self.write("server.key", &key.serialize_pem(), 0o600)?;
        self.write("server.pem", &certificate.pem(), 0o644)?;
        self.write("server.until", &format!("{until}\n"), 0o644)
    }

    fn write(&self, name: &str, text: &str, mode: u32) -> Result<(), TlsError> {
        let path = self.directory.join(name);
        write_atomically(&path, text.as_bytes(), mode).map_err(|source| TlsError::Write { path, source })
    }
}

/// What the CA says of itself; always the same, so that a later start can sign with the stored key alone.
fn ca_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = common_name("openfactory local CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn common_name(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

/// Valid from the start of the day before `now`, for clocks that run behind, to the start of the day `days` on;
/// returns that end.
fn validity(params: &mut CertificateParams, now: SystemTime, days: u32) -> Result<Timestamp, TlsError> {
    let (from, to) = (midnight(now - DAY)?, midnight(now + DAY * days)?);
    let date = |at: Timestamp| {
        let date = Offset::UTC.to_datetime(at).date();
        rcgen::date_time_ymd(date.year().into(), date.month().unsigned_abs(), date.day().unsigned_abs())
    };
    params.not_before = date(from);
    params.not_after = date(to);
    Ok(to)
}

fn midnight(at: SystemTime) -> Result<Timestamp, TlsError> {
    let error = |source: jiff::Error| TlsError::Make { source: Box::new(source) };
    let seconds = Timestamp::try_from(at).map_err(error)?.as_second();
    let day = i64::from(DAY_SECONDS);
    Timestamp::from_second(seconds - seconds.rem_euclid(day)).map_err(error)
}

fn make(source: rcgen::Error) -> TlsError {
    TlsError::Make { source: Box::new(source) }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::time::SystemTime;

    use super::{DAY, LocalCertificates, SERVER_DAYS};

    #[test]
    fn made_once_kept_and_renewed_before_its_end() {
        let directory = tempfile::tempdir().unwrap();
        let now = SystemTime::now();
        let made = LocalCertificates::ensure(directory.path(), now).unwrap();
        let ca = fs::read(made.ca()).unwrap();
        let server = fs::read(made.server_certificate()).unwrap();
        made.server().unwrap();
        for key in ["ca.key", "server.key"] {
            let mode = fs::metadata(directory.path().join(key)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{key}");
        }

        LocalCertificates::ensure(directory.path(), now + DAY).unwrap();
        assert_eq!(fs::read(made.server_certificate()).unwrap(), server, "still valid, so kept");

        let late = now + DAY * (SERVER_DAYS - 10);
        let renewed = LocalCertificates::ensure(directory.path(), late).unwrap();
        assert_ne!(fs::read(made.server_certificate()).unwrap(), server, "renewed");
        assert_eq!(fs::read(made.ca()).unwrap(), ca, "under the same CA");
        renewed.server().unwrap();
    }

    #[test]
    fn a_making_that_was_cut_short_is_done_again() {
        let directory = tempfile::tempdir().unwrap();
        let now = SystemTime::now();
        let made = LocalCertificates::ensure(directory.path(), now).unwrap();
        let server = fs::read(made.server_certificate()).unwrap();
        fs::remove_file(directory.path().join("server.until")).unwrap();
        LocalCertificates::ensure(directory.path(), now).unwrap();
        assert_ne!(fs::read(made.server_certificate()).unwrap(), server);
        made.server().unwrap();
    }
}
