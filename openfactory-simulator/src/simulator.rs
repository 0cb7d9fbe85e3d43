//! A running simulator.

mod patience;
mod server;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::task::JoinHandle;

use crate::api::{self, App};
use crate::auth::Logins;
use crate::builder::Builder;
use crate::calls::Calls;
use crate::credential::{OAuthClient, User};
use crate::entropy::{self, Entropy};
use crate::faults::service::Faulty;
use crate::faults::{Fault, FaultPlan};
use crate::inspect::Inspect;
use crate::jobs;
use crate::limits::Counters;
use crate::page::Sessions;
use crate::population::{self, Population};
use crate::profile::{POINT_USERS, Profile};
use crate::refusal::Refusal;
use crate::schema::Schema;
use crate::seed::{Seed, SeedError};
use crate::store::{Lock, Session, Store, StoreError};
use crate::switches::Switches;
use crate::tls::{self, TlsError};
use crate::turns::Turns;
use crate::webhook::deliver::{self, Outbound};
use crate::webhook::{Webhook, WebhookError};
use crate::work::Works;
use server::Server;

/// Why a simulator did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The address can't be listened on.
    #[error("can't listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// There is no certificate to serve with.
    #[error("TLS can't be set up")]
    Tls(#[source] TlsError),
    /// The state can't be used.
    #[error("the state {} can't be used", file.as_ref().map_or("in memory".to_owned(), |file| file.display().to_string()))]
    State {
        /// The state file, where there is one.
        file: Option<PathBuf>,
        /// What is wrong with it.
        #[source]
        source: StoreError,
    },
    /// A seed can't be used.
    #[error("a seed can't be used")]
    Seed(#[source] SeedError),
    /// A row of a seed was refused.
    #[error("a row of a seed was refused")]
    Row {
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Two users or two clients were given the same name.
    #[error("the {what} {name} was given twice: which password would hold?")]
    Twice {
        /// What they are: a user, an OAuth client.
        what: &'static str,
        /// Their name.
        name: String,
    },
    /// The webhook can't be used.
    #[error("the webhook can't be used")]
    Webhook(#[source] WebhookError),
}

/// A running ServiceNow.
///
/// Dropping it stops it at once; [`shutdown`](Self::shutdown) lets requests come to their end.
#[derive(Debug)]
pub struct Simulator {
    base_url: String,
    ca_pem: Option<String>,
    users: Vec<User>,
    clients: Vec<OAuthClient>,
    faults: Arc<FaultPlan>,
    outbound: Arc<Outbound>,
    store: Arc<Store>,
    server: Server,
    /// Held until it is stopped.
    _lock: Option<Lock>,
    deliveries: JoinHandle<()>,
    jobs: JoinHandle<()>,
}

impl Simulator {
    /// The settings to start with.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Starts one with nothing set: on a free port of 127.0.0.1 with TLS, its data in memory, as the profile
    /// [`Profile::Guide`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let simulator = openfactory_simulator::Simulator::start().await?;
    /// let admin = simulator.user("admin").ok_or("no administrator")?;
    /// assert!(!admin.password().is_empty() && simulator.base_url().starts_with("https://127.0.0.1:"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If no port or no certificate is to be had.
    pub async fn start() -> Result<Self, StartError> {
        Self::builder().start().await
    }

    pub(crate) async fn built(builder: Builder) -> Result<Self, StartError> {
        // Whatever this process already uses for TLS is left in place.
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            let installed = rustls::crypto::ring::default_provider().install_default();
            if installed.is_err() {
                tracing::debug!("another part of the process installed its TLS provider first");
            }
        }
        once_each("user", builder.users.iter().map(User::name))?;
        once_each("client", builder.clients.iter().map(OAuthClient::id))?;
        let prepared = builder.prepared || builder.profile != Profile::Stock;
        let users = with_standard_users(builder.users, builder.profile, &*builder.entropy);
        let clients = with_a_client(builder.clients, &*builder.entropy);
        let mut schema = Schema::shared(prepared);
        for seed in &builder.seeds {
            seed.extend_schema(Arc::make_mut(&mut schema)).map_err(StartError::Seed)?;
        }
        let listener = std::net::TcpListener::bind(builder.listen)
            .map_err(|source| StartError::Listen { address: builder.listen, source })?;
        let address =
            listener.local_addr().map_err(|source| StartError::Listen { address: builder.listen, source })?;
        let identity = if builder.tls {
            Some(tls::identity(builder.tls_dir.as_deref(), address.ip()).map_err(StartError::Tls)?)
        } else {
            None
        };
        let scheme = if builder.tls { "https" } else { "http" };
        let base_url = format!("{scheme}://{}", reachable(address));

        let file = builder.state.clone();
        let in_state = |source| StartError::State { file: file.clone(), source };
        let lock = file.as_deref().map(Lock::of).transpose().map_err(in_state)?;
        let population = Population { profile: builder.profile, prepared, demo: builder.demo_data };
        let in_row = |refusal: Refusal| StartError::Row { source: refusal.into() };
        // What every instance of a kind begins with is planted once, and copied.
        let as_delivered = Arc::ptr_eq(&schema, &Schema::shared(prepared));
        let switches = builder.switches.unwrap_or_else(|| Switches::of(builder.profile));
        let store = match &file {
            None => {
                let ready = population::ready(population).map_err(in_row)?;
                ready.copy(schema, switches, builder.clock, builder.entropy)
            }
            Some(file) => Store::open(Some(file), schema, switches, builder.clock, builder.entropy),
        };
        let store = Arc::new(store.map_err(in_state)?);
        if file.is_some() {
            store.write(|session| played_as(session, builder.profile)).map_err(in_state)?;
        }
        let complete = as_delivered && file.is_none();
        store
            .write(|session| {
                if !complete {
                    population::plant(session, population)?;
                }
                builder.seeds.iter().try_for_each(|seed| seed.plant(session))?;
                population::plant_logins(session, &logins_of(&users, &clients))
            })
            .map_err(in_row)?;

        let outbound = Arc::new(Outbound::default());
        if let Some(webhook) = builder.webhook {
            outbound.set(webhook).map_err(StartError::Webhook)?;
        }
        let faults = Arc::new(FaultPlan::new(builder.faults));
        let calls = Arc::new(Calls::new(Arc::clone(&store.clock)));
        let app = App {
            store: Arc::clone(&store),
            logins: Logins {
                passwords: users.iter().map(|user| (user.name.clone(), user.password.clone())).collect(),
                api_keys: users
                    .iter()
                    .filter_map(|user| Some((user.api_key.clone()?, user.name.clone())))
                    .collect(),
                clients: clients.clone(),
            },
            integration_users: integration_users(&clients),
            faults: Arc::clone(&faults),
            outbound: Arc::clone(&outbound),
            counters: Counters::default(),
            turns: Turns::new(builder.semaphores.0, builder.semaphores.1),
            quota: builder.quota,
            works: Works::new(builder.workers.0, builder.workers.1),
            patience: builder.patience,
            calls: Arc::clone(&calls),
            sessions: Sessions::new(&*store.entropy),
            base_url: base_url.clone(),
        };
        let (config, ca_pem) = identity.map(|identity| (identity.config, identity.ca_pem)).unzip();
        let app = Arc::new(app);
        let router = api::router(Arc::clone(&app));
        let faulty = Arc::clone(&faults);
        let service = Faulty::new(router, faulty, calls, switches.unavailable_body);
        let server = Server::start(listener, config, service, builder.patience)
            .map_err(|source| StartError::Listen { address, source })?;
        let deliveries = tokio::spawn(deliver::run(Arc::clone(&store), Arc::clone(&outbound)));
        let jobs = tokio::spawn(jobs::run(app));
        Ok(Self {
            base_url,
            ca_pem,
            users,
            clients,
            faults,
            outbound,
            store,
            server,
            _lock: lock,
            deliveries,
            jobs,
        })
    }

    /// Where it serves, such as `https://127.0.0.1:41234`, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The certificate of its CA, PEM; none where it speaks plain HTTP.
    #[must_use]
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// Everyone who may log in, with passwords.
    #[must_use]
    pub fn users(&self) -> &[User] {
        &self.users
    }

    /// The user of this name who may log in, such as `admin`, `change.manager` or `openfactory.integration`.
    #[must_use]
    pub fn user(&self, name: &str) -> Option<&User> {
        self.users.iter().find(|user| user.name == name)
    }

    /// The OAuth clients, with secrets; the first is the one that was given first, or one made at the start.
    #[must_use]
    pub fn clients(&self) -> &[OAuthClient] {
        &self.clients
    }

    /// A look at what it holds.
    #[must_use]
    pub fn store(&self) -> Inspect<'_> {
        Inspect::new(&self.store)
    }

    /// Plants the rows of a seed into tables that are there. As at the start, no rule runs, and a row is planted once.
    ///
    /// # Errors
    /// [`StoreError::NoTable`] if a table of the seed does not exist, since tables are made at the start alone;
    /// [`StoreError::Unfit`] if a row has a field that its table has not got; else if the state can't be written. Nothing
    /// was planted then.
    pub fn plant(&self, seed: &Seed) -> Result<(), StoreError> {
        seed.check(&self.store.schema).map_err(|source| StoreError::Unfit { source: source.into() })?;
        self.store.write(|session| seed.plant(session))
    }

    /// Adds a fault that waits for a request.
    pub fn inject(&self, fault: Fault) {
        self.faults.add([fault]);
    }

    /// Takes back all faults.
    pub fn clear_faults(&self) {
        self.faults.clear();
    }

    /// Sets or replaces the webhook; calls that are pending go to the new one.
    ///
    /// # Errors
    /// If no client can be made for it.
    pub fn set_webhook(&self, webhook: Webhook) -> Result<(), WebhookError> {
        self.outbound.set(webhook)
    }

    /// Revokes every access token: whoever presents one is answered 401. Gives how many there were.
    ///
    /// # Errors
    /// If the state can't be written.
    pub fn revoke_tokens(&self) -> Result<usize, StoreError> {
        self.store.write(|session| session.revoke_tokens())
    }

    /// Stops taking requests, lets those under way come to their end for at most five seconds, and closes.
    pub async fn shutdown(mut self) {
        self.deliveries.abort();
        self.jobs.abort();
        self.server.stop().await;
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.deliveries.abort();
        self.jobs.abort();
        self.server.kill();
    }
}

/// Refuses a state that was another profile's: what is in it is not what this one begins with.
fn played_as(session: &Session<'_>, profile: Profile) -> Result<(), StoreError> {
    const KEY: &str = "profile";
    match session.kept_under(KEY)? {
        None => session.keep(KEY, profile.name()),
        Some(found) if found == profile.name() => Ok(()),
        Some(found) => Err(StoreError::Profile { found }),
    }
}

/// The address as a client on this machine reaches it.
fn reachable(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => ([127, 0, 0, 1], v4.port()).into(),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => (std::net::Ipv6Addr::LOCALHOST, v6.port()).into(),
        address => address,
    }
}

/// Refuses a name that comes a second time.
fn once_each<'n>(what: &'static str, names: impl Iterator<Item = &'n str>) -> Result<(), StartError> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(StartError::Twice { what, name: name.to_owned() });
        }
    }
    Ok(())
}

/// The users given, and the standard ones with passwords made up for those that were not given.
fn with_standard_users(mut users: Vec<User>, profile: Profile, entropy: &dyn Entropy) -> Vec<User> {
    let everywhere = [population::ADMIN_USER, population::CHANGE_MANAGER_USER, population::INTEGRATION_USER];
    let points = (profile == Profile::Hardened).then_some(POINT_USERS).into_iter().flatten();
    for name in everywhere.into_iter().chain(points) {
        if users.iter().all(|user| user.name != name) {
            users.push(User::new(name, entropy::token(entropy)));
        }
    }
    users
}

fn with_a_client(mut clients: Vec<OAuthClient>, entropy: &dyn Entropy) -> Vec<OAuthClient> {
    if clients.is_empty() {
        clients.push(OAuthClient::new(entropy::sys_id(entropy), entropy::token(entropy)));
    }
    clients
}

fn logins_of(users: &[User], clients: &[OAuthClient]) -> Vec<(String, Vec<String>)> {
    let users = users.iter().map(|user| (user.name.clone(), user.roles.clone()));
    users.chain(clients.iter().map(|client| (client.user.clone(), Vec::new()))).collect()
}

fn integration_users(clients: &[OAuthClient]) -> BTreeSet<String> {
    let of_clients = clients.iter().map(|client| client.user.clone());
    let own = [population::INTEGRATION_USER].into_iter().chain(POINT_USERS).map(str::to_owned);
    of_clients.chain(own).collect()
}
