//! Writes, as far as the access rules let the caller: what may not be written of a row is dropped, in silence.

use super::App;
use crate::access::{Access, Operation};
use crate::record::Record;
use crate::refusal::Refusal;
use crate::write::{self, input::Input};

/// Makes a row; one that the caller may not make, as it then is, is refused too.
pub(super) fn create(
    app: &App,
    access: &Access<'_>,
    table: &str,
    mut input: Input,
) -> Result<Record, Refusal> {
    access.demand_table(Operation::Create, table)?;
    access.admit(Operation::Create, &Record::new(table, ""), &mut input)?;
    let record = write::create(access.session(), &app.writer(access.caller()), table, &input)?;
    access.demand(Operation::Create, &record)?;
    Ok(record)
}

/// Changes a row.
pub(super) fn update(
    app: &App,
    access: &Access<'_>,
    record: &Record,
    mut input: Input,
) -> Result<Record, Refusal> {
    access.demand(Operation::Write, record)?;
    access.admit(Operation::Write, record, &mut input)?;
    write::update(access.session(), &app.writer(access.caller()), record, &input)
}
