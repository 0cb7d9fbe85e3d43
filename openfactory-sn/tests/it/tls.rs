//! Whom the built-in transport trusts, against a real TLS server.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;

use openfactory_sn::{Auth, Client, ClientBuilder, ErrorKind, IntegrationPoint, RetryPolicy, Secret};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

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

    /// Certificate and key, as PEM.
    fn issue_pem(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &self.0).unwrap();
        (certificate.pem(), key.serialize_pem())
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
    serve_to(authority, name, None)
}

/// The same, to clients alone whose certificate is by `clients`.
fn serve_to(authority: &Authority, name: &str, clients: Option<&Authority>) -> String {
    let (certificate, key) = authority.issue(name);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = clients.map(|clients| {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(clients.pem().as_bytes()).unwrap()).unwrap();
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().unwrap()
    });
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.unwrap_or_else(WebPkiClientVerifier::no_client_auth))
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

fn basic() -> Auth {
    Auth::basic("svc", Secret::new("pass"))
}

/// What a read comes to, by a client that is built as told.
async fn get_by(address: &str, built: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Result<(), ErrorKind> {
    let builder = Client::builder(address).auth(Auth::client_certificate()).retry(RetryPolicy::never());
    let client = built(builder).build().unwrap();
    client.dynamic_table("incident").get(&id()).await.map(|_| ()).map_err(|error| error.kind())
}

#[tokio::test]
async fn a_client_certificate_is_shown_and_proved() {
    let (ours, clients) = (Authority::new(), Authority::new());
    let address = serve_to(&ours, "localhost", Some(&clients));
    let shown = |authority: &Authority| {
        let (certificate, key) = authority.issue_pem("integration");
        let root = ours.pem();
        move |builder: ClientBuilder| {
            builder.root_certificate_pem(root).client_certificate_pem(certificate, key)
        }
    };
    assert_eq!(get_by(&address, shown(&clients)).await, Ok(()));
    assert!(get_by(&address, shown(&Authority::new())).await.is_err());
    let without = |builder: ClientBuilder| builder.root_certificate_pem(ours.pem()).auth(basic());
    assert!(get_by(&address, without).await.is_err());
}

/// A proxy that leads every tunnel to `target`, and tells where it was asked to lead.
fn proxy(target: String) -> (String, std::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (asked, asks) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") && client.read(&mut byte).is_ok_and(|read| read == 1) {
            head.push(byte[0]);
        }
        asked.send(String::from_utf8(head).unwrap()).unwrap();
        client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        let server = std::net::TcpStream::connect(target).unwrap();
        let (mut to, mut from) = (server.try_clone().unwrap(), client.try_clone().unwrap());
        std::thread::spawn(move || std::io::copy(&mut from, &mut to));
        let mut server = server;
        let _ = std::io::copy(&mut server, &mut client);
    });
    (address, asks)
}

#[tokio::test]
async fn a_proxy_is_asked_for_a_tunnel() {
    let ours = Authority::new();
    let server = serve(&ours, "plant.example.com");
    let (address, asks) = proxy(server.replace("https://localhost", "127.0.0.1"));
    let with_user = address.replace("http://", "http://us:pass-3f9a@");
    let got = get_by("https://plant.example.com", |builder| {
        let builder = builder.root_certificate_pem(ours.pem()).proxy(with_user).auth(basic());
        assert!(!format!("{builder:?}").contains("pass-3f9a"));
        builder
    });
    assert_eq!(got.await, Ok(()));
    let asked = asks.recv().unwrap();
    assert!(asked.starts_with("CONNECT plant.example.com:443 "), "{asked}");
    assert!(asked.to_lowercase().contains("proxy-authorization: basic "), "{asked}");
    let nowhere = Client::builder("https://plant.example.com").auth(Auth::client_certificate()).proxy("::");
    assert_eq!(nowhere.build().unwrap_err().kind(), ErrorKind::Local);
}

#[test]
fn a_certificate_that_is_not_given_is_missed_at_once() {
    let builder = || Client::builder("https://plant.example.com").auth(Auth::basic("svc", Secret::new("p")));
    let error = builder().auth(Auth::client_certificate()).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Local);
    let error = builder().auth_for(IntegrationPoint::Cmdb, Auth::client_certificate()).build().unwrap_err();
    assert!(error.to_string().contains("none is given"), "{error}");
}
