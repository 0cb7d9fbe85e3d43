//! Dot-walking: `assignment_group.manager.email`.

use std::borrow::Cow;

use super::{Purpose, Sight};
use crate::duration;
use crate::record::Record;
use crate::schema::{Field, FieldType, GLOBAL, Schema};
use crate::store::StoreError;

/// How many dots a path may have.
const MAX_DOTS: usize = 8;

/// The field at the end of a path, and the table it stands in.
pub(crate) fn field<'a>(schema: &'a Schema, table: &str, path: &str) -> Option<&'a Field> {
    if path.matches('.').count() > MAX_DOTS {
        return None;
    }
    let mut table = table.to_owned();
    let mut steps = path.split('.').peekable();
    while let Some(step) = steps.next() {
        let field = schema.field(&table, step)?;
        if steps.peek().is_none() {
            return Some(field);
        }
        match &field.kind {
            FieldType::Reference(to) => to.clone_into(&mut table),
            FieldType::String
            | FieldType::Integer
            | FieldType::Decimal
            | FieldType::Boolean
            | FieldType::DateTime
            | FieldType::Date
            | FieldType::Duration
            | FieldType::List(_)
            | FieldType::Journal
            | FieldType::Password => return None,
        }
    }
    None
}

/// The raw value at the end of a path; empty where a reference on the way is empty, or leads nowhere or out of sight.
pub(crate) fn value(
    sight: &dyn Sight,
    record: &Record,
    path: &str,
    purpose: Purpose,
) -> Result<String, StoreError> {
    let session = sight.session();
    session.step()?;
    if path.matches('.').count() > MAX_DOTS {
        return Ok(String::new());
    }
    let mut at = Cow::Borrowed(record);
    let mut steps = path.split('.').peekable();
    while let Some(step) = steps.next() {
        let last = steps.peek().is_none();
        let here = match purpose {
            // On the way, a reference is followed by what it equals.
            Purpose::Ranging if !last => Purpose::Matching,
            purpose => purpose,
        };
        if !sight.tells(&at, step, here)? {
            break;
        }
        if last {
            return Ok(at.value(step).to_owned());
        }
        let Some(Field { kind: FieldType::Reference(to), .. }) = session.schema.field(&at.class, step) else {
            break;
        };
        match session.find(to, at.value(step))? {
            Some(next) if sight.reaches(&next)? => at = Cow::Owned(next),
            _ => break,
        }
    }
    Ok(String::new())
}

/// What stands for a row where it is referred to; nothing for one whose name is out of sight.
pub(crate) fn display_of(sight: &dyn Sight, table: &str, sys_id: &str) -> Result<String, StoreError> {
    let session = sight.session();
    let Some(record) = session.find(table, sys_id)? else { return Ok(String::new()) };
    if !sight.names(&record)? {
        return Ok(String::new());
    }
    let Some(name) = session.schema.display_field(&record.class) else { return Ok(String::new()) };
    match session.schema.field(&record.class, name) {
        Some(Field { kind: FieldType::Reference(to), .. }) => {
            let Some(further) = session.find(to, record.value(name))? else { return Ok(String::new()) };
            let shown = session.schema.display_field(&further.class).map(|field| further.value(field));
            Ok(if sight.names(&further)? { shown.unwrap_or_default().to_owned() } else { String::new() })
        }
        _ => Ok(record.value(name).to_owned()),
    }
}

/// The display value of a field's raw value.
pub(crate) fn display(sight: &dyn Sight, field: &Field, value: &str) -> Result<String, StoreError> {
    if value.is_empty() {
        return Ok(String::new());
    }
    match &field.kind {
        FieldType::Reference(_) if value == GLOBAL => Ok(GLOBAL.to_owned()),
        FieldType::Reference(to) => display_of(sight, to, value),
        FieldType::Duration => Ok(duration::shown(value)),
        FieldType::List(to) => {
            let names = value
                .split(',')
                .map(|sys_id| display_of(sight, to, sys_id.trim()))
                .collect::<Result<Vec<_>, _>>()?;
            Ok(names.into_iter().filter(|name| !name.is_empty()).collect::<Vec<_>>().join(", "))
        }
        _ if field.name == "sys_class_name" => {
            Ok(sight.session().schema.table(value).map_or(value, |table| table.label.as_str()).to_owned())
        }
        _ => Ok(field.choice_label(value).unwrap_or(value).to_owned()),
    }
}
