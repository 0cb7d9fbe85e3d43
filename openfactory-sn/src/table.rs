//! Tables: typed ([`Table`]) and by name ([`DynamicTable`]).

mod aggregate;
mod change;
mod correlate;
mod dynamic;
mod ensure;
mod journal;
mod listing;
mod page;

use std::marker::PhantomData;

pub use self::aggregate::{Aggregate, Group};
pub use self::dynamic::DynamicTable;
pub(crate) use self::dynamic::is_absent;
pub use self::ensure::Ensured;
pub(crate) use self::ensure::{kept_key, keyed, leaves_doubt};
pub use self::listing::Listing;
pub(crate) use self::page::Pager;

use crate::error::{Error, ErrorKind};
use crate::id::SysId;
use crate::query::Query;
use crate::record::{Fields, Malformed, Record, Row};

/// A table of typed records.
///
/// ```no_run
/// # async fn example(sn: openfactory_sn::Client) -> Result<(), openfactory_sn::Error> {
/// use openfactory_sn::Query;
/// use openfactory_sn::models::change_request::{ChangeRequest, STATE, State};
///
/// let mut open = sn.table::<ChangeRequest>().list(&Query::new().and(STATE.is(State::Implement)))?;
/// while let Some(change) = open.try_next().await? {
///     println!("{}  {}", change.sys_id(), change.short_description);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Table<R> {
    rows: DynamicTable,
    holds: PhantomData<fn() -> R>,
}

impl<R: Record> Table<R> {
    pub(crate) fn new(rows: DynamicTable) -> Self {
        Self { rows, holds: PhantomData }
    }

    /// The record with this key.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there is none or it is hidden; else as [`DynamicTable::get`].
    pub async fn get(&self, sys_id: &SysId) -> Result<R, Error> {
        self.typed(self.rows.get(sys_id).await?)
    }

    /// The record with this key, or `None` if there is none or it is hidden.
    ///
    /// # Errors
    ///
    /// As [`DynamicTable::get_opt`].
    pub async fn get_opt(&self, sys_id: &SysId) -> Result<Option<R>, Error> {
        self.rows.get_opt(sys_id).await?.map(|row| self.typed(row)).transpose()
    }

    /// The records that a query asks for, page by page as they are taken.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Local`] if the query cannot be encoded.
    pub fn list(&self, query: &Query) -> Result<Listing<R>, Error> {
        self.rows.listing(query)
    }

    /// Creates a record. An answer that got lost leaves open whether it exists: see [`Table::ensure`].
    ///
    /// # Errors
    ///
    /// As [`DynamicTable::create`].
    pub async fn create(&self, fields: &Fields) -> Result<R, Error> {
        self.typed(self.rows.create(fields).await?)
    }

    /// Makes sure that the record with this key exists, and says whether this call created it.
    ///
    /// # Errors
    ///
    /// As [`DynamicTable::ensure`].
    pub async fn ensure(&self, sys_id: &SysId, fields: &Fields) -> Result<(R, bool), Error> {
        let Ensured { row, created, .. } = self.rows.ensure(sys_id, fields).await?;
        Ok((self.typed(row)?, created))
    }

    /// Sets these fields of a record, leaving the others.
    ///
    /// # Errors
    ///
    /// As [`DynamicTable::update`].
    pub async fn update(&self, sys_id: &SysId, fields: &Fields) -> Result<R, Error> {
        self.typed(self.rows.update(sys_id, fields).await?)
    }

    /// Sets those of these fields that the record, as it was read, does not hold already; `None` if it holds them all.
    ///
    /// # Errors
    ///
    /// As [`DynamicTable::update_changed`].
    pub async fn update_changed(&self, read: &R, wanted: &Fields) -> Result<Option<R>, Error> {
        self.rows.update_changed(read.row(), wanted).await?.map(|row| self.typed(row)).transpose()
    }

    /// How many records a query means.
    ///
    /// # Errors
    ///
    /// As [`DynamicTable::count`].
    pub async fn count(&self, query: &Query) -> Result<u64, Error> {
        self.rows.count(query).await
    }

    /// The same table without types: for what is asked of it more rarely.
    #[must_use]
    pub fn untyped(&self) -> &DynamicTable {
        &self.rows
    }

    /// Deletes a record.
    ///
    /// # Errors
    ///
    /// As [`DynamicTable::delete`].
    pub async fn delete(&self, sys_id: &SysId) -> Result<(), Error> {
        self.rows.delete(sys_id).await
    }

    fn typed(&self, row: Row) -> Result<R, Error> {
        R::from_row(row).map_err(|malformed| undecodable("read", self.rows.name(), malformed))
    }
}

/// A record that does not hold what its type says.
pub(crate) fn undecodable(verb: &str, table: &str, malformed: Malformed) -> Error {
    let reason = "record does not hold what its type needs";
    Error::new(ErrorKind::Decode, format!("{verb} {table}"), reason).with_source(malformed)
}
