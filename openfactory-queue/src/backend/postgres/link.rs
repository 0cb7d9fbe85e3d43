//! The connections, and how a transaction is run on one of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use deadpool_postgres::{
    Hook, HookError, Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime, Transaction,
};
use futures_util::future::BoxFuture;
use tokio_postgres::types::ToSql;
use tokio_postgres::{NoTls, Row};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::config::PostgresConfig;
use super::failure::Failure;
use crate::backend::request;
use crate::error::{Error, ErrorKind};
use crate::stamp::Stamp;

/// A transaction that lost a race is begun anew so many times.
const RACES: usize = 8;

/// Parameters of a statement.
pub(super) type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// What is done in one transaction; done again from the start if it lost a race.
pub(super) trait Work: Send + Sync + 'static {
    /// What comes of it.
    type Done: Send + 'static;

    fn run<'a>(&'a self, tx: &'a Tx<'a>) -> BoxFuture<'a, Result<Self::Done, Failure>>;
}

/// A transaction at one instant.
pub(super) struct Tx<'a> {
    tx: Transaction<'a>,
    pub(super) config: &'a PostgresConfig,
    pub(super) now: Stamp,
}

impl Tx<'_> {
    pub(super) async fn rows(&self, sql: &str, params: Params<'_>) -> Result<Vec<Row>, Failure> {
        let statement = self.tx.prepare_cached(sql).await?;
        Ok(self.tx.query(&statement, params).await?)
    }

    pub(super) async fn run(&self, sql: &str, params: Params<'_>) -> Result<u64, Failure> {
        let statement = self.tx.prepare_cached(sql).await?;
        Ok(self.tx.execute(&statement, params).await?)
    }
}

/// The connections of a queue; clones share them.
#[derive(Clone)]
pub(super) struct Link {
    pub(super) config: Arc<PostgresConfig>,
    pool: Pool,
    closed: Arc<AtomicBool>,
}

impl Link {
    pub(super) fn new(config: PostgresConfig) -> Result<Self, Error> {
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let server = config.server.clone();
        let manager = match config.tls.client()? {
            None => Manager::from_config(server, NoTls, recycling),
            Some(client) => Manager::from_config(server, MakeRustlsConnect::new(client), recycling),
        };
        let settings = settings(&config);
        let prepare = Hook::async_fn(move |client, _| {
            let settings = settings.clone();
            Box::pin(async move { client.batch_execute(&settings).await.map_err(HookError::Backend) })
        });
        let pool = Pool::builder(manager)
            .max_size(config.connections)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(config.patience))
            .create_timeout(Some(config.patience))
            .post_create(prepare)
            .build()
            .map_err(|source| {
                Error::new(ErrorKind::Other, "open", "no pool of connections").with_source(source)
            })?;
        Ok(Self { config: Arc::new(config), pool, closed: Arc::default() })
    }

    pub(super) fn now(&self) -> Stamp {
        Stamp::from(self.config.clock.now())
    }

    pub(super) fn close(&self) -> bool {
        self.pool.close();
        !self.closed.swap(true, Ordering::AcqRel)
    }

    pub(super) fn check_open(&self, operation: &'static str) -> Result<(), Error> {
        if self.closed.load(Ordering::Acquire) { Err(request::closed(operation)) } else { Ok(()) }
    }

    pub(super) async fn connection(&self) -> Result<Object, Failure> {
        Ok(self.pool.get().await?)
    }

    /// Does the work in a task of its own: a caller that goes away leaves no transaction open.
    pub(super) async fn transact<W: Work>(&self, operation: &'static str, work: W) -> Result<W::Done, Error> {
        self.check_open(operation)?;
        let link = self.clone();
        let task = tokio::spawn(async move { link.race(&work).await });
        match task.await {
            Ok(done) => done.map_err(|failure| failure.into_error(operation)),
            Err(source) => Err(died(operation, source)),
        }
    }

    async fn race<W: Work>(&self, work: &W) -> Result<W::Done, Failure> {
        let mut left = RACES;
        loop {
            match self.once(work).await {
                Err(failure) if failure.is_race() && left > 0 => left -= 1,
                done => return done,
            }
        }
    }

    async fn once<W: Work>(&self, work: &W) -> Result<W::Done, Failure> {
        let mut client = self.connection().await?;
        // Dropped without a commit, by an error below, it is rolled back.
        let tx = client.transaction().await?;
        let tx = Tx { tx, config: &self.config, now: self.now() };
        let done = work.run(&tx).await?;
        tx.tx.commit().await.map_err(Failure::Commit)?;
        Ok(done)
    }

    /// One statement that commits by itself.
    pub(super) async fn rows(
        &self,
        operation: &'static str,
        sql: &str,
        params: Params<'_>,
    ) -> Result<Vec<Row>, Error> {
        self.check_open(operation)?;
        let work = async {
            let client = self.connection().await?;
            let statement = client.prepare_cached(sql).await?;
            client.query(&statement, params).await.map_err(Failure::Commit)
        };
        work.await.map_err(|failure| failure.into_error(operation))
    }
}

pub(super) fn died(operation: &'static str, source: tokio::task::JoinError) -> Error {
    Error::new(ErrorKind::Other, operation, "the task of the call died").with_source(source).outcome_unknown()
}

/// What every connection is told first. A commit that is not synced is never accepted, a stronger one is.
pub(super) fn settings(config: &PostgresConfig) -> String {
    format!(
        "SET search_path TO {schema}, pg_catalog;
         SET default_transaction_isolation TO 'read committed';
         SET statement_timeout TO {millis};
         SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'",
        schema = config.schema,
        millis = config.patience.as_millis().min(i32::MAX as u128),
    )
}
