//! Records as they are read ([`Row`]) and as they are written ([`Fields`]), and the trait of typed ones.

mod define;
pub(crate) mod fields;
mod layout;
pub(crate) mod page;
pub(crate) mod row;
mod taken;

pub(crate) use self::define::{column, member, record};
pub(crate) use self::fields::{Fields, JOURNAL, journal_of};
pub use self::row::Malformed;
pub(crate) use self::row::Row;
pub use self::taken::{NotTaken, Untaken};

use std::borrow::Cow;
use std::marker::PhantomData;

/// What a row can be read as.
///
/// ```
/// use openfactory_sn::models::incident::{Incident, State};
/// use openfactory_sn::record::{FromRow, Malformed};
/// use openfactory_sn::Row;
///
/// /// What a dashboard needs of an incident.
/// struct Line {
///     title: String,
///     open: bool,
/// }
///
/// impl FromRow for Line {
///     fn from_row(row: Row) -> Result<Self, Malformed> {
///         let incident = Incident::from_row(row)?;
///         Ok(Self { open: incident.state != Some(State::Closed), title: incident.short_description })
///     }
/// }
///
/// let row: Row = serde_json::from_str(r#"{"sys_id": "a1", "short_description": "drift", "state": "2"}"#)?;
/// let line = Line::from_row(row)?;
/// assert_eq!((line.title.as_str(), line.open), ("drift", true));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait FromRow: Sized {
    /// Reads the typed fields.
    ///
    /// # Errors
    ///
    /// [`Malformed`] names the record and the field that does not hold what it should.
    fn from_row(row: Row) -> Result<Self, Malformed>;
}

/// A table's typed record. Its unknown fields are in [`Record::row`], untouched.
///
/// A table of your own is a struct, two short impls, and a constant for each field that is asked about or written:
///
/// ```
/// use openfactory_sn::record::{Field, FromRow, Malformed, Record};
/// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
/// use openfactory_sn::value::Reference;
/// use openfactory_sn::{Query, Row};
/// # use serde_json::json;
///
/// const SITE: Field<Reference> = Field::new("u_site");
///
/// struct Gateway {
///     row: Row,
///     firmware: String,
///     site: Option<Reference>,
/// }
///
/// impl FromRow for Gateway {
///     fn from_row(row: Row) -> Result<Self, Malformed> {
///         Ok(Self { firmware: row.read("u_firmware")?, site: row.read(SITE.name())?, row })
///     }
/// }
///
/// impl Record for Gateway {
///     const TABLE: &'static str = "u_gateway";
///
///     fn row(&self) -> &Row {
///         &self.row
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), openfactory_sn::Error> {
/// let rows = json!([{"sys_id": "g1", "u_firmware": "7.1", "u_site": "", "u_other": "kept"}]);
/// let instance = ScriptedTransport::new().on(
///     Expected::get("/api/now/table/u_gateway").query("sysparm_query", "u_siteISEMPTY^ORDERBYsys_id"),
///     Reply::result(200, rows),
/// );
/// let mut gateways = client(&instance).table::<Gateway>().list(&Query::new().and(SITE.is_empty()))?;
/// let gateway = gateways.try_next().await?.expect("one gateway");
/// assert_eq!((gateway.firmware.as_str(), gateway.site.is_none()), ("7.1", true));
/// assert_eq!(gateway.row().text("u_other"), "kept");
/// # Ok(())
/// # }
/// ```
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
///
/// ```
/// use openfactory_sn::models::change_request::STATE;
/// use openfactory_sn::record::Field;
/// use openfactory_sn::{Fields, Query};
///
/// const LINE: Field<i64> = Field::new("u_line");
///
/// assert_eq!((STATE.name(), LINE.name()), ("state", "u_line"));
/// assert_eq!(Fields::new().with_field(LINE, 4).get("u_line"), Some("4"));
/// let group = Field::<String>::named("assignment_group.name");
/// let query = Query::new().and(LINE.is(4)).and(group.is("Line 4 operations"));
/// assert_eq!(query.encoded()?, "u_line=4^assignment_group.name=Line 4 operations");
/// # Ok::<(), openfactory_sn::query::QueryError>(())
/// ```
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
