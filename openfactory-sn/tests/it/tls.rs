//! Whom the built-in transport trusts, against a real TLS server.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;

use openfactory_sn::{Auth, Client, ErrorKind, RetryPolicy, Secret};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::support::{ID, id};

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn pem(&self) -> String {
        self.0.pem()
    }

    fn issue(&self, name: &str) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &self.0).unwrap();
        (certificate.der().clone(), PrivatePkcs8KeyDer::from(key.serialize_der()).into())
    }
}

/// A server on this machine that answers each connection's first request with a record.
fn serve(authority: &Authority, name: &str) -> String {
    let (certificate, key) = authority.issue(name);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut tls = StreamOwned::new(connection, stream.unwrap());
            let mut buffer = [0; 4096];
            // A client that does not trust us hangs up here.
            if tls.read(&mut buffer).is_ok_and(|read| read > 0) {
                let body = format!(r#"{{"result":{{"sys_id":"{ID}"}}}}"#);
                let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length:";
                write!(tls, "{head} {}\r\n\r\n{body}", body.len()).unwrap();
                tls.conn.send_close_notify();
                let _ = tls.flush();
            }
        }
    });
    address
}

async fn get(address: &str, roots: &[String]) -> Result<(), ErrorKind> {
    let mut builder =
        Client::builder(address).auth(Auth::basic("svc", Secret::new("pass"))).retry(RetryPolicy::never());
    for root in roots {
        builder = builder.root_certificate_pem(root.as_str());
    }
    let client = builder.build().unwrap();
    client.dynamic_table("incident").get(&id()).await.map(|_| ()).map_err(|error| error.kind())
}

#[tokio::test]
async fn only_the_given_root_is_trusted() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let address = serve(&ours, "localhost");
    assert_eq!(get(&address, &[ours.pem()]).await, Ok(()));
    assert_eq!(get(&address, &[theirs.pem(), ours.pem()]).await, Ok(()));
    assert_eq!(get(&address, &[theirs.pem()]).await, Err(ErrorKind::Connect));
}

#[tokio::test]
async fn the_name_must_be_the_servers() {
    let ours = Authority::new();
    let address = serve(&ours, "other.example.com");
    assert_eq!(get(&address, &[ours.pem()]).await, Err(ErrorKind::Connect));
}

#[test]
fn what_is_no_certificate_is_told_when_the_client_is_built() {
    let builder = Client::builder("https://plant.example.com").auth(Auth::basic("a", Secret::new("b")));
    let error = builder.root_certificate_pem("-----BEGIN NOTHING-----").build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Local);
}
