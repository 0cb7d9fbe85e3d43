//! Telling waiting leases that something changed: those of this process at once, those of others by LISTEN and NOTIFY.
//!
//! A notification takes a transaction of its own, which need not be synced; one is under way at a time, and what
//! changes meanwhile is told by the next. If one is lost, a waiting lease looks by itself after a while.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{AsyncMessage, Client, Connection, NoTls, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::config::PostgresConfig;
use super::failure::from_server;
use super::link::settings;
use crate::error::Error;

/// The pause before a lost connection is made again.
const AGAIN: Duration = Duration::from_secs(1);

/// Wakes waiting leases; stops when dropped.
pub(super) struct Wake {
    changed: Arc<Notify>,
    tell: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Wake {
    /// Listens on a connection of its own; the first one must come about.
    pub(super) async fn start(config: Arc<PostgresConfig>) -> Result<Self, Error> {
        let (changed, tell) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let ears = Ears { config, changed: Arc::clone(&changed), tell: Arc::clone(&tell) };
        let first = ears.connect().await?;
        let task = tokio::spawn(ears.listen(first));
        Ok(Self { changed, tell, task })
    }

    pub(super) fn changed(&self) -> &Notify {
        &self.changed
    }

    /// Something may be leased now.
    pub(super) fn up(&self) {
        self.changed.notify_waiters();
        self.tell.notify_one();
    }

    /// Wakes those who wait here and stops listening.
    pub(super) fn stop(&self) {
        self.task.abort();
        self.changed.notify_waiters();
    }
}

impl Drop for Wake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Ears {
    config: Arc<PostgresConfig>,
    changed: Arc<Notify>,
    tell: Arc<Notify>,
}

impl Ears {
    async fn listen(self, first: (Client, JoinHandle<()>)) {
        let mut next = Some(first);
        loop {
            let made = match next.take() {
                Some(made) => Ok(made),
                None => self.connect().await,
            };
            match made {
                Ok((client, connection)) => {
                    // What was told while nobody listened.
                    self.changed.notify_waiters();
                    let lost = self.tell_others(&client).await;
                    tracing::debug!(%lost, "the listening connection is lost");
                    connection.abort();
                }
                Err(error) => tracing::debug!(%error, "no listening connection"),
            }
            self.config.clock.sleep(AGAIN).await;
        }
    }

    /// Passes on what is told, until the connection is lost.
    async fn tell_others(&self, client: &Client) -> tokio_postgres::Error {
        let tell =
            format!("BEGIN; SET LOCAL synchronous_commit TO off; NOTIFY {}; COMMIT", channel(&self.config));
        loop {
            // Now and then without cause, to notice that the connection is lost.
            tokio::select! {
                () = self.tell.notified() => {}
                () = self.config.clock.sleep(self.config.poll) => {}
            }
            if let Err(error) = client.batch_execute(&tell).await {
                return error;
            }
        }
    }

    async fn connect(&self) -> Result<(Client, JoinHandle<()>), Error> {
        match self.config.tls.client()? {
            None => self.connect_by(NoTls).await,
            Some(client) => self.connect_by(MakeRustlsConnect::new(client)).await,
        }
    }

    async fn connect_by<T>(&self, tls: T) -> Result<(Client, JoinHandle<()>), Error>
    where
        T: MakeTlsConnect<Socket> + Send,
        T::Stream: Send + 'static,
    {
        let failed = |error| from_server("open", error);
        let (client, connection) = self.config.server.connect(tls).await.map_err(failed)?;
        let task = tokio::spawn(hear(connection, Arc::clone(&self.changed)));
        let listen = format!("{}; LISTEN {}", settings(&self.config), channel(&self.config));
        client.batch_execute(&listen).await.map_err(failed)?;
        Ok((client, task))
    }
}

/// Drives a connection; every notification on it wakes.
async fn hear<T>(mut connection: Connection<Socket, T>, changed: Arc<Notify>)
where
    T: tokio_postgres::tls::TlsStream + Unpin,
{
    loop {
        match poll_fn(|context| connection.poll_message(context)).await {
            Some(Ok(AsyncMessage::Notification(_))) => changed.notify_waiters(),
            Some(Ok(_)) => {}
            Some(Err(error)) => {
                tracing::debug!(%error, "the listening connection failed");
                return;
            }
            None => return,
        }
    }
}

fn channel(config: &PostgresConfig) -> String {
    format!("{}_ready", config.schema)
}
