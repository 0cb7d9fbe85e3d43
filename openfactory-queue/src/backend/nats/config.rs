//! How a NATS queue is to be.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_nats::{ConnectOptions, ServerAddr};

use crate::backend::tls::Tls;
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, ErrorKind};

/// Ids are remembered in every router's memory, so for a day unless configured otherwise.
const DEDUP_WINDOW: Duration = Duration::from_secs(24 * 3600);

/// The longest payload unless configured otherwise, in bytes: the server's own limit is 1 MiB unless it was raised.
const MAX_PAYLOAD: usize = 512 * 1024;

/// So many messages live at most, and so many dead letters are kept, unless configured otherwise.
const MAX_MESSAGES: u64 = 100_000;

/// So many ids are remembered unless configured otherwise: eleven new ones a second throughout a day.
const MAX_IDS: u64 = 1_000_000;

/// When the server's acknowledgement means that a message is on its disk.
///
/// JetStream acknowledges before it syncs, every two minutes, unless it is configured with `sync_interval: always`
/// (NATS documentation, "JetStream: server configuration").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerSync {
    /// Now and then: a power cut loses what was acknowledged since.
    Interval,
    /// Before each acknowledgement, by the operator's word: every server of the cluster has `sync_interval: always`.
    /// [`NatsConfig::system_login`] asks the servers themselves.
    Always,
}

/// Who the queue is to the server.
#[derive(Clone)]
#[non_exhaustive]
pub enum Login {
    /// Nobody in particular.
    None,
    /// A user with a password.
    User {
        /// Its name.
        name: String,
        /// Its password.
        password: String,
    },
    /// A bearer token.
    Token(String),
    /// The text of a credentials file: a JWT and the seed of its key.
    Credentials(String),
}

/// Shows no secret.
impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::User { .. } => "User",
            Self::Token(_) => "Token",
            Self::Credentials(_) => "Credentials",
        })
    }
}

/// How a [`NatsQueue`](super::NatsQueue) is to be.
///
/// The clocks of routers that share a queue must agree to well within a lease: the time is the caller's, not the
/// server's.
#[derive(Clone)]
pub struct NatsConfig {
    pub(super) servers: Vec<ServerAddr>,
    pub(super) name: String,
    pub(super) login: Login,
    pub(super) tls: Tls,
    pub(super) sync: ServerSync,
    pub(super) system: Option<Login>,
    pub(super) replicas: usize,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) dedup_window: Duration,
    pub(super) max_payload: usize,
    pub(super) max_messages: u64,
    pub(super) max_dead_letters: u64,
    pub(super) max_ids: u64,
    pub(super) patience: Duration,
    pub(super) poll: Duration,
}

impl NatsConfig {
    /// A queue on the servers that `addresses` names (`nats://host:4222`, several with commas between): the queue
    /// `queue`, TLS with the platform's roots, one replica, not known to sync, ids remembered for a day, payloads
    /// up to 512 KiB, up to 100,000 messages, as many dead letters and 1,000,000 ids, 30 s for an answer, and a look each
    /// 5 s for what no notification told.
    ///
    /// # Errors
    /// `Invalid` if an address is none, or holds a user: say that by [`login`](Self::login).
    pub fn new(addresses: &str) -> Result<Self, Error> {
        let invalid = |detail: &str| Error::new(ErrorKind::Invalid, "open", detail);
        let servers: Vec<ServerAddr> = addresses
            .split(',')
            .map(|address| address.trim().parse())
            .collect::<Result<_, _>>()
            .map_err(|source| invalid("the server's address can't be read").with_source(source))?;
        if servers.iter().any(|server| !matches!(server.scheme(), "nats" | "tls") || server.host().is_empty())
        {
            return Err(invalid("the server's address is not nats://host:port"));
        }
        if servers.iter().any(|server| server.username().is_some() || server.password().is_some()) {
            return Err(invalid("the server's address holds a user: name it apart"));
        }
        Ok(Self {
            servers,
            name: "queue".to_owned(),
            login: Login::None,
            tls: Tls::Platform,
            sync: ServerSync::Interval,
            system: None,
            replicas: 1,
            clock: Arc::new(SystemClock),
            dedup_window: DEDUP_WINDOW,
            max_payload: MAX_PAYLOAD,
            max_messages: MAX_MESSAGES,
            max_dead_letters: MAX_MESSAGES,
            max_ids: MAX_IDS,
            patience: Duration::from_secs(30),
            poll: Duration::from_secs(5),
        })
    }

    /// Uses the streams of this name, made if they aren't there. Two names are two queues.
    ///
    /// # Errors
    /// `Invalid` if it is not 1 to 40 of `a` to `z`, `0` to `9` and `_`, beginning with a letter.
    pub fn name(mut self, name: impl Into<String>) -> Result<Self, Error> {
        let name = name.into();
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let good =
            name.len() <= 40 && name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(plain);
        if !good {
            let detail = "a queue is named by up to 40 of a-z, 0-9 and _, beginning with a letter";
            return Err(Error::new(ErrorKind::Invalid, "open", detail));
        }
        self.name = name;
        Ok(self)
    }

    /// Who the queue is to the server.
    #[must_use]
    pub fn login(mut self, login: Login) -> Self {
        self.login = login;
        self
    }

    /// How the server is known.
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }

    /// What the operator says of the server's syncing. By [`ServerSync::Always`] the queue declares that it survives a
    /// power cut.
    #[must_use]
    pub fn sync(mut self, sync: ServerSync) -> Self {
        self.sync = sync;
        self
    }

    /// Asks every server how it syncs, whenever the queue is opened, as this user of their system account: what they say
    /// is what the queue declares, and if [`sync`](Self::sync) promises more, opening fails. For a server that doesn't
    /// answer now, the operator's word counts; without it, opening fails.
    #[must_use]
    pub fn system_login(mut self, login: Login) -> Self {
        self.system = Some(login);
        self
    }

    /// Keeps so many replicas, 1 to 5, on as many servers of a cluster.
    #[must_use]
    pub fn replicas(mut self, replicas: usize) -> Self {
        self.replicas = replicas.clamp(1, 5);
        self
    }

    /// Takes the time from `clock`.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Remembers ids for so long after their publish; a queue that has remembered them longer goes on doing so.
    #[must_use]
    pub fn dedup_window(mut self, window: Duration) -> Self {
        self.dedup_window = window;
        self
    }

    /// Takes payloads of up to so many bytes. The server's `max_payload` must be 256 KiB above.
    #[must_use]
    pub fn max_payload(mut self, bytes: usize) -> Self {
        self.max_payload = bytes;
        self
    }

    /// Answers `Full` when so many messages live. Each of them, and each remembered id, takes some hundred bytes of
    /// every router's memory.
    #[must_use]
    pub fn max_messages(mut self, messages: u64) -> Self {
        self.max_messages = messages;
        self
    }

    /// Keeps so many dead letters. At the limit nothing is dropped: what should become a dead letter stays in the
    /// queue, a settlement that asks for one is answered `Full`, and what has expired waits. Of several routers, the one
    /// that was opened last decides for all.
    #[must_use]
    pub fn max_dead_letters(mut self, letters: u64) -> Self {
        self.max_dead_letters = letters;
        self
    }

    /// Remembers so many ids, those of living messages and dead letters included. At the limit a publish is answered `Full`
    /// until the oldest has been remembered for the [window](Self::dedup_window): none is forgotten before. Of
    /// several routers, the one that was opened last decides for all.
    #[must_use]
    pub fn max_ids(mut self, ids: u64) -> Self {
        self.max_ids = ids;
        self
    }

    /// Tries so long to get an answer, across restarts of the server.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience.max(Duration::from_millis(1));
        self
    }

    /// A waiting lease looks at least this often, in case a notification was lost.
    #[must_use]
    pub fn poll(mut self, poll: Duration) -> Self {
        self.poll = poll.max(Duration::from_millis(1));
        self
    }

    /// How long one answer may take.
    pub(super) fn answer(&self) -> Duration {
        self.patience.min(Duration::from_secs(5))
    }

    pub(super) fn options(&self, login: &Login) -> Result<ConnectOptions, Error> {
        let mut options = ConnectOptions::new()
            .name("openfactory-queue")
            .connection_timeout(self.answer())
            .request_timeout(Some(self.answer()))
            .reconnect_delay_callback(|attempts| Duration::from_millis(20 << attempts.min(6)));
        options = match login {
            Login::None => options,
            Login::User { name, password } => options.user_and_password(name.clone(), password.clone()),
            Login::Token(token) => options.token(token.clone()),
            Login::Credentials(text) => options.credentials(text).map_err(|source| {
                Error::new(ErrorKind::Invalid, "open", "the credentials can't be read").with_source(source)
            })?,
        };
        Ok(match self.tls.client()? {
            Some(client) => options.require_tls(true).tls_client_config(client),
            None => options,
        })
    }
}

impl fmt::Debug for NatsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsConfig")
            .field("servers", &self.servers.iter().map(ServerAddr::host).collect::<Vec<_>>())
            .field("name", &self.name)
            .field("login", &self.login)
            .field("tls", &self.tls)
            .field("sync", &self.sync)
            .field("system", &self.system)
            .field("replicas", &self.replicas)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_names_are_checked() {
        assert_eq!(NatsConfig::new("nats://a:1, nats://b:2").unwrap().servers.len(), 2);
        for bad in ["", "ftp://a", "nats://u:hunter2@a:1"] {
            assert_eq!(
                NatsConfig::new(bad).map(drop).map_err(|error| error.kind()),
                Err(ErrorKind::Invalid),
                "{bad}"
            );
        }
        let config = || NatsConfig::new("nats://a").unwrap();
        assert!(config().name("events_2").is_ok());
        for bad in ["", "2x", "X", "a.b", "a>", &"a".repeat(41)] {
            assert!(config().name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let login = Login::User { name: "q".into(), password: "hunter2".into() };
        let config = NatsConfig::new("nats://db.example.com").unwrap();
        let text =
            format!("{:?} {:?}", config.clone().login(login), config.login(Login::Token("hunter2".into())));
        assert!(text.contains("db.example.com") && !text.contains("hunter2"), "{text}");
        assert!(NatsConfig::new("nats://a").unwrap().options(&Login::Credentials("x".into())).is_err());
    }
}
