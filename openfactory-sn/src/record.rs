//! Records as they are read ([`Row`]) and as they are written ([`Fields`]), and the trait of typed ones.

mod define;
pub(crate) mod fields;
pub(crate) mod row;

pub(crate) use self::define::{column, member, record};
pub(crate) use self::fields::Fields;
pub use self::row::Malformed;
pub(crate) use self::row::Row;

use std::borrow::Cow;
use std::marker::PhantomData;

/// What a row can be read as.
pub trait FromRow: Sized {
    /// Reads the typed fields.
    ///
    /// # Errors
    ///
    /// [`Malformed`] names the record and the field that does not hold what it should.
    fn from_row(row: Row) -> Result<Self, Malformed>;
}

/// A table's typed record. Its unknown fields are in [`Record::row`], untouched.
pub trait Record: FromRow {
    /// The table it is in, unless the call names another, such as a subclass.
    const TABLE: &'static str;

    /// Everything that was read.
    fn row(&self) -> &Row;
}

/// A field of a table with the type of its values: makes [query conditions](crate::query::Condition) and
/// [values to write](Fields::with_field).
///
/// Models have them as constants; [`Field::named`] is for a customer's own fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field<T> {
    name: Cow<'static, str>,
    holds: PhantomData<fn() -> T>,
}

impl<T> Field<T> {
    /// A field known when the program is written.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name: Cow::Borrowed(name), holds: PhantomData }
    }

    /// A field known when the program runs; may be dot-walked in a query (`assignment_group.name`).
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: Cow::Owned(name.into()), holds: PhantomData }
    }

    /// Its column name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}
