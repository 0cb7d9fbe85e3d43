//! A look at what a running simulator holds, for tests.

use crate::access::Caller;
use crate::query::{Query, evaluate};
use crate::record::Record;
use crate::store::{Delivery, Narrow, Store, StoreError};

/// Reads the simulator's data directly, without access rules.
#[derive(Clone, Copy, Debug)]
pub struct Inspect<'a> {
    store: &'a Store,
}

impl<'a> Inspect<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store }
    }

    /// All rows of a table and of the tables that extend it, in the order in which they were made.
    ///
    /// # Errors
    /// If there is no such table or the state can't be read.
    pub fn records(self, table: &str) -> Result<Vec<Record>, StoreError> {
        self.known(table)?;
        self.store.read(|session| session.scan(table, &Narrow::All))
    }

    /// The rows that an encoded query finds.
    ///
    /// # Errors
    /// If there is no such table or the state can't be read.
    pub fn query(self, table: &str, encoded_query: &str) -> Result<Vec<Record>, StoreError> {
        self.known(table)?;
        self.store.read(|session| {
            let parsed = Query::parse(session, &Caller::system(), table, encoded_query)?;
            evaluate::run(session, table, &parsed.query)
        })
    }

    /// The row of this `sys_id`, if there is one.
    ///
    /// # Errors
    /// If there is no such table or the state can't be read.
    pub fn record(self, table: &str, sys_id: &str) -> Result<Option<Record>, StoreError> {
        self.known(table)?;
        self.store.read(|session| session.find(table, sys_id))
    }

    /// The bytes of an attachment, if it exists.
    ///
    /// # Errors
    /// If the state can't be read.
    pub fn attachment(self, sys_id: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.read(|session| session.body(sys_id))
    }

    /// All calls to the webhook that were queued, oldest first.
    ///
    /// # Errors
    /// If the state can't be read.
    pub fn deliveries(self) -> Result<Vec<Delivery>, StoreError> {
        self.store.read(|session| session.deliveries())
    }

    fn known(self, table: &str) -> Result<(), StoreError> {
        match self.store.schema.table(table) {
            Some(_) => Ok(()),
            None => Err(StoreError::NoTable { name: table.to_owned() }),
        }
    }
}
