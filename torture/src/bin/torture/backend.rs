//! The backends, as they are tortured: what has to run beside a life, how a life opens the queue, and the setting that
//! is known to lose.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use clap::ValueEnum;
use openfactory_queue::SyncQueue;
use openfactory_queue::capabilities::{Durability, Requirements};
use openfactory_queue::clock::{Clock, SystemClock};

use crate::Result;

mod nats;
mod postgres;
mod sqlite;

/// A backend, as it is tortured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Backend {
    /// SQLite as it is by default.
    Sqlite,
    /// SQLite without a sync at each commit: known to lose what it has acknowledged when the power is cut.
    SqliteUnsynced,
    /// PostgreSQL as it is by default; two handles in each life, and the server is killed too.
    Postgres,
    /// PostgreSQL with fsync=off: known to lose.
    PostgresUnsynced,
    /// NATS JetStream with `sync_interval: always`; two handles in each life, and the server is killed too.
    Nats,
    /// NATS JetStream as it is by default: known to lose.
    NatsUnsynced,
}

/// A server of which lives are clients.
pub(crate) trait Server {
    /// Starts it, for the first time or after a fault, and waits until it answers.
    fn start(&mut self) -> Result<()>;

    /// Stops it where it stands, with all its processes: only a kill follows.
    fn stop(&self) -> Result<()>;

    /// Kills it, with all its processes.
    fn kill(&mut self) -> Result<()>;
}

impl Backend {
    /// The same backend by a setting that is known to lose what it has acknowledged.
    pub(crate) fn calibration(self) -> Self {
        match self {
            Self::Sqlite | Self::SqliteUnsynced => Self::SqliteUnsynced,
            Self::Postgres | Self::PostgresUnsynced => Self::PostgresUnsynced,
            Self::Nats | Self::NatsUnsynced => Self::NatsUnsynced,
        }
    }

    /// What is missing on this machine, if something is.
    pub(crate) fn missing(self) -> Option<String> {
        match self {
            Self::Sqlite | Self::SqliteUnsynced => None,
            Self::Postgres | Self::PostgresUnsynced => postgres::missing(),
            Self::Nats | Self::NatsUnsynced => nats::missing(),
        }
    }

    /// Makes its server, not yet started: small files in `place`, the messages on `disk`.
    pub(crate) fn server(self, place: &Path, disk: &Path) -> Result<Option<Box<dyn Server>>> {
        Ok(match self {
            Self::Sqlite | Self::SqliteUnsynced => None,
            Self::Postgres => Some(Box::new(postgres::Postgres::new(place, disk, true)?)),
            Self::PostgresUnsynced => Some(Box::new(postgres::Postgres::new(place, disk, false)?)),
            Self::Nats => Some(Box::new(nats::Nats::new(place, disk, true)?)),
            Self::NatsUnsynced => Some(Box::new(nats::Nats::new(place, disk, false)?)),
        })
    }

    /// Where a life finds the queue.
    pub(crate) fn address(self, place: &Path, disk: &Path) -> String {
        match self {
            Self::Sqlite | Self::SqliteUnsynced => sqlite::address(disk),
            Self::Postgres | Self::PostgresUnsynced => postgres::address(place),
            Self::Nats | Self::NatsUnsynced => nats::address(place),
        }
    }

    /// Opens the queue in the n-th life: one handle or several, among which the work is divided.
    pub(crate) async fn open(self, address: &str, life: u32) -> Result<Vec<Arc<dyn SyncQueue>>> {
        let queues = match self {
            Self::Sqlite | Self::SqliteUnsynced => sqlite::open(address, self == Self::Sqlite).await?,
            Self::Postgres | Self::PostgresUnsynced => postgres::open(address, life).await?,
            Self::Nats | Self::NatsUnsynced => nats::open(address, life, self == Self::Nats).await?,
        };
        let durable = Requirements::new().durability(Durability::PowerLoss).ordering().fencing();
        for queue in &queues {
            // What is known to lose must not say that it doesn't.
            let honest = queue.capabilities().require(&durable).is_ok() == (self != self.calibration());
            if !honest {
                return Err(format!("the queue declares {:?}", queue.capabilities().durability).into());
            }
        }
        Ok(queues)
    }

    /// Whether a lease ends with the process that holds it; otherwise with its time.
    pub(crate) fn leases_end_with_the_process(self) -> bool {
        matches!(self, Self::Sqlite | Self::SqliteUnsynced)
    }
}

/// The machine's clock, ahead by so much.
#[derive(Debug)]
struct Later(Duration);

#[async_trait]
impl Clock for Later {
    fn now(&self) -> SystemTime {
        SystemClock.now() + self.0
    }

    async fn sleep(&self, duration: Duration) {
        SystemClock.sleep(duration).await;
    }
}
