//! Where the instance's data is: SQLite, in memory or in a file.
//!
//! Whatever a request changes is one transaction, committed before the request is answered: rows, numbers,
//! approvals, journal entries, attachments and the webhook deliveries that its business rules queued.

mod browse;
mod deliveries;
mod index;
mod layout;
mod lock;
mod quota;
mod session;
mod standing;
mod tokens;

use std::cell::Cell;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, TransactionBehavior};

pub(crate) use deliveries::Pending;
pub use deliveries::{Delivery, DeliveryState};
pub(crate) use index::Index;
pub(crate) use lock::Lock;
pub(crate) use session::{Narrow, Session};
pub(crate) use standing::Standing;
pub(crate) use tokens::{Kind as TokenKind, Token};

use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::schema::Schema;
use crate::switches::Switches;
use quota::Quota;

/// How many statements are kept prepared.
const STATEMENTS: usize = 64;

/// All pages of a state at once.
const WHOLE: i32 = -1;

/// The data could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// SQLite refused.
    #[error("the simulator's state could not be read or written")]
    Sqlite {
        /// What SQLite said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The state file is of another layout than this version's.
    #[error("the state file has layout {found}, this version reads {}", layout::VERSION)]
    Layout {
        /// The layout number found in the file.
        found: i64,
    },
    /// Another instance serves from the state.
    #[error("another instance serves from the state")]
    InUse,
    /// Whether another instance serves from the state can't be found out.
    #[error("the state can't be locked")]
    Lock {
        /// What the system said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The state is that of an instance of another profile.
    #[error("the state is that of an instance of the profile {found}")]
    Profile {
        /// Its profile.
        found: String,
    },
    /// A row in the state can't be read.
    #[error("row {sys_id} of {class} in the state is damaged")]
    Damaged {
        /// Its table.
        class: String,
        /// Its `sys_id`.
        sys_id: String,
        /// What is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The thread that worked on the state did not come to an end.
    #[error("work on the state was broken off")]
    Interrupted {
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The work took longer than it may.
    #[error("the work took longer than it may")]
    TooLong,
    /// A row that was to be planted does not fit its table.
    #[error("a row does not fit its table")]
    Unfit {
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The table asked for does not exist.
    #[error("there is no table {name:?}")]
    NoTable {
        /// The name asked for.
        name: String,
    },
}

impl From<rusqlite::Error> for StoreError {
    fn from(source: rusqlite::Error) -> Self {
        Self::Sqlite { source: source.into() }
    }
}

pub(crate) struct Store {
    connection: Mutex<Connection>,
    pub(crate) schema: Arc<Schema>,
    index: Index,
    standing: Standing,
    pub(crate) switches: Switches,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the state file, or an empty state in memory.
    pub(crate) fn open(
        file: Option<&Path>,
        schema: Arc<Schema>,
        switches: Switches,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, StoreError> {
        let connection = match file {
            Some(path) => Connection::open(path)?,
            None => Connection::open_in_memory()?,
        };
        layout::prepare(&connection, file.is_some())?;
        Self::on(connection, schema, switches, clock, entropy)
    }

    /// A state in memory that begins as this one stands.
    pub(crate) fn copy(
        &self,
        schema: Arc<Schema>,
        switches: Switches,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, StoreError> {
        let mut copy = Connection::open_in_memory()?;
        let own = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        match Backup::new(&own, &mut copy)?.step(WHOLE)? {
            StepResult::Done => {}
            other => {
                return Err(StoreError::Sqlite {
                    source: format!("a copy was not finished: {other:?}").into(),
                });
            }
        }
        Self::on(copy, schema, switches, clock, entropy)
    }

    fn on(
        connection: Connection,
        schema: Arc<Schema>,
        switches: Switches,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, StoreError> {
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        let index = Index::of(&schema);
        let standing = Standing::default();
        let connection = Mutex::new(connection);
        let store = Self { connection, schema, index, standing, switches, clock, entropy };
        store.write(|session| session.reindex())?;
        Ok(store)
    }

    /// Runs `work` in a transaction that is committed if it succeeds and leaves no trace if it does not.
    pub(crate) fn write<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce(&Session<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.write_within(None, work)
    }

    /// The same, if the work takes no longer than this.
    pub(crate) fn write_within<T, E: From<StoreError>>(
        &self,
        time: Option<Duration>,
        work: impl FnOnce(&Session<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(StoreError::from)?;
        let session = self.session(&transaction, time);
        let outcome = work(&session);
        let unsettled = session.unsettled.get();
        let done = outcome.and_then(|outcome| {
            transaction.commit().map_err(StoreError::from)?;
            Ok(outcome)
        });
        if unsettled {
            // What was read within the transaction may never have come to be.
            self.standing.forget();
        }
        done
    }

    /// Runs `work`, which only reads.
    pub(crate) fn read<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce(&Session<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.read_within(None, work)
    }

    /// The same, if the work takes no longer than this.
    pub(crate) fn read_within<T, E: From<StoreError>>(
        &self,
        time: Option<Duration>,
        work: impl FnOnce(&Session<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        work(&self.session(&connection, time))
    }

    fn session<'a>(&'a self, connection: &'a Connection, time: Option<Duration>) -> Session<'a> {
        let now = self.clock.now();
        Session {
            connection,
            schema: &self.schema,
            index: &self.index,
            standing: &self.standing,
            switches: &self.switches,
            unsettled: Cell::new(false),
            now,
            quota: Quota::from(now, time, &*self.clock),
            entropy: &*self.entropy,
        }
    }
}
