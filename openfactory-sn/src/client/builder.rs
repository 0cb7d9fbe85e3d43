//! How a client comes to be.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::Client;
use super::engine::Engine;
use super::pace::Pacer;
use super::retry::RetryPolicy;
use crate::auth::{Auth, Authenticator, IntegrationPoint, User};
use crate::clock::{Clock, Jitter, RandomJitter, SystemClock};
use crate::error::{Error, ErrorKind};
use crate::transport::Transport;
#[cfg(feature = "http")]
use crate::transport::http::HttpOptions;
use crate::wire::url::{BaseUrl, PlainHttp};

/// Total time of a call. The instance's own quota for one request is 60 s.
const TOTAL: Duration = Duration::from_secs(30);
/// Calls at once: what one node of an instance works at for integrations.
const CONCURRENT: usize = 4;
/// Largest answer, in bytes.
#[cfg(feature = "http")]
const MAX_BODY: usize = 16 * 1024 * 1024;

/// The settings of a [`Client`]. Only [`ClientBuilder::auth`] has no default.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use openfactory_sn::testing::{Expected, FixedClock, NoJitter, Reply, ScriptedTransport};
/// use openfactory_sn::{Auth, Client, IntegrationPoint, RetryPolicy, Secret};
/// # use openfactory_sn::SysId;
/// # use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let instance = ScriptedTransport::new()
///     .on(Expected::get("/api/now/table/incident/a1"), Reply::fault(503, "Instance is starting", ""))
///     .on(Expected::get("/api/now/table/incident/a1"), Reply::result(200, json!({"sys_id": "a1"})));
/// let clock = FixedClock::at(SystemTime::UNIX_EPOCH);
/// let mut policy = RetryPolicy::default();
/// policy.attempts = 2;
/// policy.first_wait = Duration::from_secs(2);
///
/// let sn = Client::builder("https://plant.example.com")
///     .auth(Auth::client_credentials("0f1e", Secret::new("general")))
///     .auth_for(IntegrationPoint::Incident, Auth::basic("svc_incident", Secret::new("incidents")))
///     .retry(policy)
///     .total_timeout(Duration::from_secs(20))
///     .concurrent_calls(2)
///     .transport(instance.clone()) // in a test: its own network, time and chance
///     .clock(clock.clone())
///     .jitter(NoJitter)
///     .build()?;
/// sn.dynamic_table("incident").get(&SysId::new("a1")?).await?;
/// assert_eq!(clock.slept().first(), Some(&Duration::from_secs(1)), "half of the first wait's bound");
/// instance.assert_done();
///
/// let error = Client::builder("https://plant.example.com").transport(instance).build().unwrap_err();
/// assert_eq!(error.to_string(), "build a client: no credential given");
/// # Ok(())
/// # }
/// ```
#[must_use = "a builder does nothing until it is built"]
pub struct ClientBuilder {
    base_url: String,
    auth: Option<Auth>,
    points: Vec<(IntegrationPoint, Auth)>,
    plain: PlainHttp,
    transport: Option<Arc<dyn Transport>>,
    clock: Arc<dyn Clock>,
    jitter: Arc<dyn Jitter>,
    policy: RetryPolicy,
    total: Duration,
    concurrent: usize,
    #[cfg(feature = "http")]
    http: HttpOptions,
}

impl fmt::Debug for ClientBuilder {
    /// Without the address, in which somebody may have put a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("auth", &self.auth)
            .field("points", &self.points)
            .field("policy", &self.policy)
            .field("total", &self.total)
            .finish_non_exhaustive()
    }
}

impl ClientBuilder {
    pub(super) fn new(base_url: String) -> Self {
        Self {
            base_url,
            auth: None,
            points: Vec::new(),
            plain: PlainHttp::Refused,
            transport: None,
            clock: Arc::new(SystemClock),
            jitter: Arc::new(RandomJitter),
            policy: RetryPolicy::default(),
            total: TOTAL,
            concurrent: CONCURRENT,
            #[cfg(feature = "http")]
            http: HttpOptions::new(MAX_BODY),
        }
    }

    /// The credential. Required.
    pub fn auth(mut self, auth: Auth) -> Self {
        self.auth = Some(auth);
        self
    }

    /// A credential of its own for the tables of this point. May be called once for each point; a later call counts.
    pub fn auth_for(mut self, point: IntegrationPoint, auth: Auth) -> Self {
        self.points.push((point, auth));
        self
    }

    /// Trusts the certificates of this PEM text, and with it nothing else: neither the platform's roots nor the public
    /// ones. May be called several times.
    ///
    /// ```
    /// use openfactory_sn::{Auth, Client, ErrorKind, Secret};
    ///
    /// let builder = || Client::builder("https://plant.intern").auth(Auth::basic("svc", Secret::new("p")));
    /// let pem = "-----BEGIN CERTIFICATE-----\nMIIBlDCCATugAwIBAgIUK==\n-----END CERTIFICATE-----\n";
    /// let error = builder().root_certificate_pem(pem).build().unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Local, "cut short: no client is made that would trust less than was meant");
    /// ```
    #[cfg(feature = "http")]
    pub fn root_certificate_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.http.roots.push(pem.into());
        self
    }

    /// Shows this certificate, with its chain, and proves it by this key (PKCS #8, PKCS #1 or SEC 1), each as PEM text: for
    /// instances that ask for one, alone ([`Auth::client_certificate`]) or beside another credential.
    ///
    /// ```
    /// use openfactory_sn::{Auth, Client, ErrorKind};
    ///
    /// let (chain, key) = ("no certificate", "no key"); // as read from files
    /// let error = Client::builder("https://plant.service-now.com")
    ///     .auth(Auth::client_certificate())
    ///     .client_certificate_pem(chain, key)
    ///     .build()
    ///     .unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Local);
    /// ```
    #[cfg(feature = "http")]
    pub fn client_certificate_pem(mut self, chain: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        self.http.identity = Some((chain.into(), zeroize::Zeroizing::new(key.into())));
        self
    }

    /// Goes through this proxy: `http://host:port`, with `user:password@` if it wants them. Without it, the one that the
    /// environment names (`HTTPS_PROXY`), but none to this machine.
    ///
    /// ```
    /// use openfactory_sn::{Auth, Client, Secret};
    ///
    /// let sn = Client::builder("https://plant.service-now.com")
    ///     .auth(Auth::api_key(Secret::new("k")))
    ///     .proxy("http://proxy.plant.intern:3128")
    ///     .max_response_bytes(4 * 1024 * 1024)
    ///     .build()?;
    /// assert_eq!(sn.base_url(), "https://plant.service-now.com");
    /// # Ok::<(), openfactory_sn::Error>(())
    /// ```
    #[cfg(feature = "http")]
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.http.proxy = Some(crate::Secret::new(url.into()));
        self
    }

    /// The largest answer taken into memory as a whole, in bytes; 16 MiB if not set. Does not limit what comes in chunks
    /// ([`Attachments::open`](crate::attachment::Attachments::open)).
    #[cfg(feature = "http")]
    pub fn max_response_bytes(mut self, bytes: usize) -> Self {
        self.http.max_body = bytes;
        self
    }

    /// Lets an `http://` address through if its host is this machine: for tests. Elsewhere it stays refused.
    ///
    /// ```
    /// use openfactory_sn::testing::ScriptedTransport;
    /// use openfactory_sn::{Auth, Client, Secret};
    ///
    /// let to = |address: &str| {
    ///     let builder = Client::builder(address).auth(Auth::basic("u", Secret::new("p")));
    ///     builder.transport(ScriptedTransport::new())
    /// };
    /// assert!(to("http://127.0.0.1:8080").build().is_err());
    /// assert!(to("http://127.0.0.1:8080").allow_plain_http().build().is_ok());
    /// assert!(to("http://plant.example.com").allow_plain_http().build().is_err(), "only to this machine");
    /// ```
    pub fn allow_plain_http(mut self) -> Self {
        self.plain = PlainHttp::OnLoopback;
        self
    }

    /// Sends by this transport instead of the built-in one.
    pub fn transport(mut self, transport: impl Transport) -> Self {
        self.transport = Some(Arc::new(transport));
        self
    }

    /// Takes the time from here instead of from the machine.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Takes chance from here instead of from the thread's generator.
    pub fn jitter(mut self, jitter: impl Jitter) -> Self {
        self.jitter = Arc::new(jitter);
        self
    }

    /// How hard the client tries by itself.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Time for a call, retries and waits included; 30 s if not set. Keep it below the instance's quota of 60 s. Content of an
    /// attachment has this time from chunk to chunk.
    pub fn total_timeout(mut self, total: Duration) -> Self {
        self.total = total;
        self
    }

    /// Calls at once; 4 if not set, and at least 1. More only fills the instance's own waiting line.
    pub fn concurrent_calls(mut self, calls: usize) -> Self {
        self.concurrent = calls.clamp(1, Semaphore::MAX_PERMITS);
        self
    }

    /// The client. Makes no call: the first one fetches the token.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Local`] if the address is not `https://host[:port]`, there is no credential or it fits in no header,
    /// a certificate cannot be read, or no transport is there (feature `http` off).
    pub fn build(self) -> Result<Client, Error> {
        let local = |reason: &str| Error::new(ErrorKind::Local, "build a client", reason);
        let base = BaseUrl::parse(&self.base_url, self.plain).map_err(local)?;
        let general = self.auth.as_ref().ok_or_else(|| local("no credential given"))?;
        let all = std::iter::once(general).chain(self.points.iter().map(|(_, auth)| auth));
        let mut ready = Vec::new();
        for (auth, user) in User::of_each(all) {
            ready.push(Authenticator::new(auth.clone(), user).map_err(local)?);
        }
        let mut ready = ready.into_iter();
        let auth = ready.next().ok_or_else(|| local("no credential given"))?;
        let points: BTreeMap<_, _> = self.points.iter().map(|(point, _)| *point).zip(ready).collect();
        let transport = self.chosen_transport(&base)?;
        let engine = Engine {
            transport,
            clock: self.clock,
            jitter: self.jitter,
            policy: self.policy,
            total: self.total,
            permits: Arc::new(Semaphore::new(self.concurrent)),
            pacer: Pacer::default(),
        };
        Ok(Client::new(base, auth, points, engine))
    }

    /// Whether calls would be made without any credential.
    #[cfg(feature = "http")]
    fn shows_nothing(&self) -> bool {
        let mut all = self.auth.iter().chain(self.points.iter().map(|(_, auth)| auth));
        self.http.identity.is_none() && all.any(Auth::is_certificate)
    }

    #[cfg(feature = "http")]
    fn chosen_transport(&self, base: &BaseUrl) -> Result<Arc<dyn Transport>, Error> {
        use crate::transport::http::HttpTransport;

        let local = |reason| Error::new(ErrorKind::Local, "build a client", reason);
        match &self.transport {
            Some(_) if self.http.is_particular() => {
                Err(local("certificates and proxy are for the built-in transport, but another is given"))
            }
            Some(transport) => Ok(Arc::clone(transport)),
            None if self.shows_nothing() => {
                Err(local("the credential is a client certificate, but none is given"))
            }
            None => {
                let transport = HttpTransport::new(&self.http, base.is_loopback())
                    .map_err(|error| local("TLS or proxy cannot be set up").with_source(error))?;
                Ok(Arc::new(transport))
            }
        }
    }

    #[cfg(not(feature = "http"))]
    fn chosen_transport(&self, _: &BaseUrl) -> Result<Arc<dyn Transport>, Error> {
        self.transport.clone().ok_or_else(|| {
            Error::new(
                ErrorKind::Local,
                "build a client",
                "no transport given, and the feature `http` is off",
            )
        })
    }
}
