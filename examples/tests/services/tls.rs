//! The local CA and the listener: what `openssl` says of the certificates, and who gets through.

use std::process::Command;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::routing::get;
use openfactory_examples::serve::{Limits, ServeError, serve};
use openfactory_examples::shutdown::Shutdown;
use openfactory_examples::tls::{LocalCertificates, http_client};

use crate::skip;

const TIMEOUT: Duration = Duration::from_secs(5);

#[test]
fn openssl_accepts_the_chain_under_its_strict_rules() {
    let directory = tempfile::tempdir().unwrap();
    let certificates = LocalCertificates::ensure(directory.path(), SystemTime::now()).unwrap();
    if Command::new("openssl").arg("version").output().is_err() {
        return skip("openssl_accepts_the_chain_under_its_strict_rules", "openssl");
    }
    for host in [["-verify_hostname", "localhost"], ["-verify_ip", "127.0.0.1"], ["-verify_ip", "::1"]] {
        let output = Command::new("openssl")
            .args(["verify", "-x509_strict", "-purpose", "sslserver", "-CAfile"])
            .arg(certificates.ca())
            .args(host)
            .arg(certificates.server_certificate())
            .output()
            .unwrap();
        assert!(output.status.success(), "{host:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[tokio::test]
async fn a_client_that_trusts_the_ca_gets_through_and_one_that_does_not_is_stopped() {
    let directory = tempfile::tempdir().unwrap();
    let certificates = LocalCertificates::ensure(directory.path(), SystemTime::now()).unwrap();
    let other = tempfile::tempdir().unwrap();
    let stranger = LocalCertificates::ensure(other.path(), SystemTime::now()).unwrap();

    let stop = Shutdown::new();
    let app = Router::new().route("/", get(async || "hello"));
    let tls = certificates.server().unwrap();
    let running = serve(app, "127.0.0.1:0".parse().unwrap(), Some(&tls), Limits::default(), &stop).unwrap();

    let client = http_client(Some(&certificates.ca()), TIMEOUT).unwrap();
    let answer = client.get(running.local_url()).send().await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "hello");
    drop(client);

    let distrusting = http_client(Some(&stranger.ca()), TIMEOUT).unwrap();
    assert!(distrusting.get(running.local_url()).send().await.unwrap_err().is_connect());

    let address = running.address;
    stop.trigger();
    running.join.await.unwrap().unwrap();
    assert!(std::net::TcpStream::connect(address).is_err(), "nobody listens any more");
}

#[tokio::test]
async fn plain_http_is_for_loopback_only() {
    let stop = Shutdown::new();
    let refused = serve(Router::new(), "0.0.0.0:0".parse().unwrap(), None, Limits::default(), &stop);
    assert!(matches!(refused, Err(ServeError::PlainHttp { .. })));
    let running =
        serve(Router::new(), "127.0.0.1:0".parse().unwrap(), None, Limits::default(), &stop).unwrap();
    assert!(running.local_url().starts_with("http://"));
    let taken = serve(Router::new(), running.address, None, Limits::default(), &stop);
    assert!(matches!(taken, Err(ServeError::Listen { .. })));
}
