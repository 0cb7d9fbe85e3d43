//! How a PostgreSQL queue is to be.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::config::{Host, SslMode};

use crate::backend::tls::Tls;
use crate::backend::{DEDUP_WINDOW, MAX_PAYLOAD};
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, ErrorKind};

/// How a [`PostgresQueue`](super::PostgresQueue) is to be.
///
/// Routers that share a queue must agree on the window, and their clocks must agree to well within a lease: the
/// time is the caller's, not the server's.
#[derive(Clone)]
pub struct PostgresConfig {
    pub(super) server: tokio_postgres::Config,
    pub(super) schema: String,
    pub(super) connections: usize,
    pub(super) tls: Tls,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) dedup_window: Duration,
    pub(super) max_payload: usize,
    pub(super) patience: Duration,
    pub(super) poll: Duration,
}

impl PostgresConfig {
    /// A queue on the server that `address` names, as a URL (`postgresql://user:secret@host/database`) or as words
    /// (`host=/run/postgresql user=queue`), in the schema `openfactory_queue`: up to 8 connections and one more that
    /// listens, TLS with the platform's roots for any host but a socket, ids remembered for 30 days, payloads up
    /// to 1 MiB, 30 s for an answer, and a look each 5 s for what no notification told.
    ///
    /// # Errors
    /// `Invalid` if the address is none, or allows a connection without TLS to a host by `sslmode`: say that by
    /// [`tls`](Self::tls).
    pub fn new(address: &str) -> Result<Self, Error> {
        let invalid = |detail: &str| Error::new(ErrorKind::Invalid, "open", detail);
        let mut server = tokio_postgres::Config::from_str(address)
            .map_err(|source| invalid("the server's address can't be read").with_source(source))?;
        if server.get_hosts().is_empty() {
            return Err(invalid("the server's address names no host"));
        }
        let local = server.get_hosts().iter().all(|host| matches!(host, Host::Unix(_)));
        if server.get_application_name().is_none() {
            server.application_name("openfactory-queue");
        }
        if address.contains("sslmode") && server.get_ssl_mode() != SslMode::Require {
            return Err(invalid(
                "sslmode must be require; a connection without TLS is asked for by the configuration",
            ));
        }
        let config = Self {
            server,
            schema: "openfactory_queue".to_owned(),
            connections: 8,
            tls: Tls::Platform,
            clock: Arc::new(SystemClock),
            dedup_window: DEDUP_WINDOW,
            max_payload: MAX_PAYLOAD,
            patience: Duration::from_secs(30),
            poll: Duration::from_secs(5),
        };
        Ok(config.tls(if local { Tls::Off } else { Tls::Platform }))
    }

    /// Keeps the tables in this schema, made if it isn't there. Two schemas are two queues.
    ///
    /// # Errors
    /// `Invalid` if it is not 1 to 40 of `a` to `z`, `0` to `9` and `_`, beginning with a letter.
    pub fn schema(mut self, name: impl Into<String>) -> Result<Self, Error> {
        let name = name.into();
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let good =
            name.len() <= 40 && name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(plain);
        if !good {
            let detail = "a schema is named by up to 40 of a-z, 0-9 and _, beginning with a letter";
            return Err(Error::new(ErrorKind::Invalid, "open", detail));
        }
        self.schema = name;
        Ok(self)
    }

    /// Uses up to so many connections at once, at least 1, beside the one that listens.
    #[must_use]
    pub fn connections(mut self, connections: usize) -> Self {
        self.connections = connections.max(1);
        self
    }

    /// How the server is known.
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.server.ssl_mode(if matches!(tls, Tls::Off) { SslMode::Disable } else { SslMode::Require });
        self.tls = tls;
        self
    }

    /// Takes the time from `clock`.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Remembers ids for so long after their publish.
    #[must_use]
    pub fn dedup_window(mut self, window: Duration) -> Self {
        self.dedup_window = window;
        self
    }

    /// Takes payloads of up to so many bytes.
    #[must_use]
    pub fn max_payload(mut self, bytes: usize) -> Self {
        self.max_payload = bytes;
        self
    }

    /// Waits so long for a connection and for the answer to a statement.
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
}

/// Shows no password.
impl fmt::Debug for PostgresConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresConfig")
            .field("hosts", &self.server.get_hosts())
            .field("database", &self.server.get_dbname())
            .field("user", &self.server.get_user())
            .field("schema", &self.schema)
            .field("connections", &self.connections)
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_needs_tls_and_a_socket_does_not() {
        let host = PostgresConfig::new("postgresql://q:hunter2@db.example.com/q").unwrap();
        assert_eq!((host.server.get_ssl_mode(), matches!(host.tls, Tls::Platform)), (SslMode::Require, true));
        let socket = PostgresConfig::new("host=/run/postgresql user=q").unwrap();
        assert_eq!(socket.server.get_ssl_mode(), SslMode::Disable);
        for bad in
            ["host=db sslmode=prefer", "postgresql://db/q?sslmode=disable", "user=q", "host=", "port=x"]
        {
            assert_eq!(
                PostgresConfig::new(bad).map(drop).map_err(|error| error.kind()),
                Err(ErrorKind::Invalid),
                "{bad}"
            );
        }
    }

    #[test]
    fn debug_shows_no_password() {
        let config = PostgresConfig::new("postgresql://q:hunter2@db.example.com/q").unwrap();
        let text = format!("{config:?}");
        assert!(text.contains("db.example.com") && !text.contains("hunter2"), "{text}");
    }

    #[test]
    fn a_schema_is_a_plain_word() {
        let config = || PostgresConfig::new("host=/run/postgresql").unwrap();
        assert!(config().schema("queue_2").is_ok());
        for bad in ["", "2queue", "Queue", "a\"b", "a b", &"a".repeat(41)] {
            assert!(config().schema(bad).is_err(), "{bad}");
        }
    }
}
