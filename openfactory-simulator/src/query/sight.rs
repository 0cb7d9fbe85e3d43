//! For whose eyes a query is answered.

use crate::record::Record;
use crate::store::{Session, StoreError};

/// What a value is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To be told, as it is or in a sum.
    Telling,
    /// To be compared for equality.
    Matching,
    /// To be compared otherwise, or to sort by.
    Ranging,
}

/// What may be made use of while conditions, sorting and aggregates look at rows.
///
/// The instance itself sees everything. Who calls must not learn by a condition or a sum what a plain read would not
/// show: what it may not see is empty, as a reference that leads nowhere is.
pub(crate) trait Sight {
    /// Where the rows are.
    fn session(&self) -> &Session<'_>;

    /// Whether a row is seen to which a reference leads, or which is counted because it refers to another.
    fn reaches(&self, row: &Record) -> Result<bool, StoreError>;

    /// Whether the value of a row's field is seen for this use of it, of a row that is.
    fn tells(&self, row: &Record, field: &str, purpose: Purpose) -> Result<bool, StoreError>;

    /// Whether what stands for a row is seen where another refers to it.
    fn names(&self, row: &Record) -> Result<bool, StoreError>;
}

/// The instance's own.
impl Sight for Session<'_> {
    fn session(&self) -> &Session<'_> {
        self
    }

    fn reaches(&self, _: &Record) -> Result<bool, StoreError> {
        Ok(true)
    }

    fn tells(&self, _: &Record, _: &str, _: Purpose) -> Result<bool, StoreError> {
        Ok(true)
    }

    fn names(&self, _: &Record) -> Result<bool, StoreError> {
        Ok(true)
    }
}
