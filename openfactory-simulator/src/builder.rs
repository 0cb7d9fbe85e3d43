//! How a simulator is set up.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, SystemClock};
use crate::credential::{OAuthClient, User};
use crate::entropy::{Entropy, SystemEntropy};
use crate::faults::Fault;
use crate::profile::Profile;
use crate::seed::Seed;
use crate::simulator::{Simulator, StartError};
use crate::switches::Switches;
use crate::webhook::Webhook;

/// How many calls of integrations a node handles at once, and how many wait.
const SEMAPHORES: (usize, usize) = (4, 50);

/// How long work waits that is done after the answer, and how long it takes.
const WORKERS: (Duration, Duration) = (Duration::from_millis(250), Duration::from_millis(250));

/// How long a call of the Table API may take.
const QUOTA: Duration = Duration::from_secs(60);

/// How long a client may keep the server waiting.
const PATIENCE: Duration = Duration::from_secs(30);

/// Settings of a simulator that is still to be started.
///
/// Without any, it listens on a free port of 127.0.0.1 with a certificate of a CA in memory, keeps its data in memory
/// and plays the profile [`Profile::Guide`].
#[derive(Debug)]
#[must_use]
pub struct Builder {
    pub(crate) listen: SocketAddr,
    pub(crate) tls: bool,
    pub(crate) tls_dir: Option<PathBuf>,
    pub(crate) profile: Profile,
    pub(crate) seeds: Vec<Seed>,
    pub(crate) state: Option<PathBuf>,
    pub(crate) demo_data: bool,
    pub(crate) users: Vec<User>,
    pub(crate) clients: Vec<OAuthClient>,
    pub(crate) webhook: Option<Webhook>,
    pub(crate) faults: Vec<Fault>,
    pub(crate) switches: Option<Switches>,
    pub(crate) prepared: bool,
    pub(crate) semaphores: (usize, usize),
    pub(crate) quota: Duration,
    pub(crate) workers: (Duration, Duration),
    pub(crate) patience: Duration,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            tls: true,
            tls_dir: None,
            profile: Profile::default(),
            seeds: Vec::new(),
            state: None,
            demo_data: false,
            users: Vec::new(),
            clients: Vec::new(),
            webhook: None,
            faults: Vec::new(),
            switches: None,
            prepared: false,
            semaphores: SEMAPHORES,
            quota: QUOTA,
            workers: WORKERS,
            patience: PATIENCE,
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
        }
    }
}

impl Builder {
    /// Listens on this address; port 0 takes a free one.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// Keeps the certificate authority in this directory: `ca.pem` and `ca-key.pem` are made there if missing.
    pub fn tls_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.tls_dir = Some(dir.into());
        self
    }

    /// Speaks HTTP without TLS.
    pub fn plain_http(mut self) -> Self {
        self.tls = false;
        self
    }

    /// Plays this kind of instance.
    pub fn profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// Has on it what the integration guide assumes and an administrator has to make on an instance as it is delivered:
    /// the class `cmdb_ci_os_image`, the columns `u_...`, the choices, the discovery source, `sn_grc_item`, and the
    /// property by which an OAuth client gets tokens. Its rules stay those of its profile; the profiles `guide` and
    /// `hardened` have all that anyway.
    pub fn prepared_for_the_guide(mut self) -> Self {
        self.prepared = true;
        self
    }

    /// Begins with the rows and tables of this seed, too.
    pub fn seed(mut self, seed: Seed) -> Self {
        self.seeds.push(seed);
        self
    }

    /// Keeps the data in this file; without it, in memory. Only one instance at a time serves from it, always of the same
    /// profile.
    pub fn state(mut self, file: impl Into<PathBuf>) -> Self {
        self.state = Some(file.into());
        self
    }

    /// Begins with demo data: two dozen people more, incidents, problems, changes, configuration items and assets to look
    /// at, and hundreds of rows in the log. Without it there is only what an instance can't do without, so that a test
    /// finds the records that it made and no others.
    pub fn demo_data(mut self, demo: bool) -> Self {
        self.demo_data = demo;
        self
    }

    /// Lets this user log in; a user of the standard population keeps its roles and gets the further ones.
    pub fn user(mut self, user: User) -> Self {
        self.users.push(user);
        self
    }

    /// Registers this OAuth client.
    pub fn client(mut self, client: OAuthClient) -> Self {
        self.clients.push(client);
        self
    }

    /// Tells this webhook what people do to change requests and incidents.
    pub fn webhook(mut self, webhook: Webhook) -> Self {
        self.webhook = Some(webhook);
        self
    }

    /// Begins with these faults waiting.
    pub fn faults(mut self, faults: impl IntoIterator<Item = Fault>) -> Self {
        self.faults.extend(faults);
        self
    }

    /// Plays an instance with these switches; without them, with those of its profile.
    pub fn switches(mut self, switches: Switches) -> Self {
        self.switches = Some(switches);
        self
    }

    /// Handles so many calls at once, and lets so many more wait; whoever comes then is refused with 429. By default 4
    /// and 50, as one node of an instance does for integrations.
    pub fn semaphores(mut self, running: usize, waiting: usize) -> Self {
        self.semaphores = (running, waiting);
        self
    }

    /// Cancels calls that take so long, with 500; by default 60 seconds. A query may, of many terms over many rows, and
    /// a fault of the kind [`Slow`](crate::faults::FaultKind::Slow) lets any call take its time.
    pub fn quota(mut self, quota: Duration) -> Self {
        self.quota = quota;
        self
    }

    /// Lets work that is done after the answer, such as relating items to a change, wait so long and then take so long,
    /// by the clock; by default a quarter of a second each.
    pub fn workers(mut self, waiting: Duration, working: Duration) -> Self {
        self.workers = (waiting, working);
        self
    }

    /// Gives up a client that takes so long for its part: for the handshake, for a request's head, for its body, or for
    /// taking any more of its answer. By default 30 seconds.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Takes the time from this clock.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Takes random identifiers, tokens and secrets from here.
    pub fn entropy(mut self, entropy: Arc<dyn Entropy>) -> Self {
        self.entropy = entropy;
        self
    }

    /// Starts serving.
    ///
    /// # Errors
    /// If the address, the state, the certificates, a seed or the webhook can't be used.
    pub async fn start(self) -> Result<Simulator, StartError> {
        Simulator::built(self).await
    }
}
