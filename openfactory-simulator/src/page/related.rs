//! What hangs on a record: relations of a configuration item both ways, and rows that refer to it.

use std::collections::BTreeMap;

use super::link::{self, Link};
use crate::access::Access;
use crate::query::walk;
use crate::record::Record;
use crate::schema::FieldType;
use crate::store::{Session, StoreError};

/// How many rows that mention a record are looked at.
const LOOKED_AT: usize = 1_000;

/// How many rows of a list are shown here; the rest by its link.
const SHOWN: usize = 10;

const RELATION: &str = "cmdb_rel_ci";

/// A relation, read from the record's end.
pub(super) struct Relation {
    pub(super) descriptor: String,
    pub(super) other: Link,
    pub(super) class: String,
    pub(super) record: Link,
}

/// Rows of one table that refer to the record by one field.
pub(super) struct RelatedList {
    /// The table and the field.
    pub(super) title: String,
    pub(super) all: String,
    pub(super) count: usize,
    pub(super) rows: Vec<Link>,
}

pub(super) fn relations(access: &Access<'_>, record: &Record) -> Result<Vec<Relation>, StoreError> {
    let session = access.session();
    if !session.schema.is_a(&record.class, "cmdb_ci") {
        return Ok(Vec::new());
    }
    let mut relations = Vec::new();
    for (here, there, descriptor) in
        [("parent", "child", "parent_descriptor"), ("child", "parent", "child_descriptor")]
    {
        for row in access.visible(session.by(RELATION, here, &record.sys_id)?)? {
            let kind = session.find("cmdb_rel_type", row.value("type"))?;
            let other = row.value(there);
            let class = access.readable(session.find("cmdb_ci", other)?)?.map(|other| other.class);
            let shown = walk::display_of(access, "cmdb_ci", other)?;
            relations.push(Relation {
                descriptor: kind.map_or_else(|| there.to_owned(), |kind| kind.value(descriptor).to_owned()),
                other: Link::to_record(class.as_deref().unwrap_or("cmdb_ci"), other, &shown),
                class: class.map(|class| label(session, &class)).unwrap_or_default(),
                record: Link::to_record(RELATION, &row.sys_id, "relationship"),
            });
        }
    }
    Ok(relations)
}

/// Rows of whatever table that refer to the record and may be read, by table and field; relations are not among them.
pub(super) fn lists(access: &Access<'_>, record: &Record) -> Result<Vec<RelatedList>, StoreError> {
    let session = access.session();
    let mut lists: BTreeMap<String, RelatedList> = BTreeMap::new();
    for row in access.visible(session.mentioning(&record.sys_id, LOOKED_AT)?)? {
        if row.class == RELATION {
            continue;
        }
        for field in session.schema.fields(&row.class) {
            let FieldType::Reference(to) = &field.kind else { continue };
            let refers = row.value(&field.name) == record.sys_id && session.schema.is_a(&record.class, to);
            if !refers || !access.shows(&row, &field.name)? {
                continue;
            }
            let title = format!("{} · {}", label(session, &row.class), field.label);
            let list = lists.entry(title).or_insert_with_key(|title| RelatedList {
                title: title.clone(),
                all: link::list(&row.class, &format!("{}={}", field.name, record.sys_id), 0),
                count: 0,
                rows: Vec::new(),
            });
            list.count += 1;
            if list.rows.len() < SHOWN {
                list.rows.push(Link::to_record(&row.class, &row.sys_id, &name(access, &row, record)?));
            }
        }
    }
    Ok(lists.into_values().collect())
}

/// What stands for a row, and what it is about. Where that is the record beside which it is shown, as of an approval, the
/// other rows that it refers to.
fn name(access: &Access<'_>, row: &Record, record: &Record) -> Result<String, StoreError> {
    let session = access.session();
    let mut shown = display(access, row)?;
    if shown == walk::display_of(access, &record.class, &record.sys_id)? {
        let mut others = Vec::new();
        for field in session.schema.fields(&row.class) {
            let value = row.value(&field.name);
            if let FieldType::Reference(to) = &field.kind
                && !value.is_empty()
                && value != record.sys_id
                && access.shows(row, &field.name)?
            {
                others.push(walk::display_of(access, to, value)?);
            }
        }
        others.retain(|other| !other.is_empty());
        if !others.is_empty() {
            shown = others.join(", ");
        }
    }
    Ok(match about(access, row)? {
        "" => shown,
        about if shown.is_empty() => about.to_owned(),
        about => format!("{shown} {about}"),
    })
}

/// What stands for a row, unless the visitor may not read that.
pub(super) fn display(access: &Access<'_>, row: &Record) -> Result<String, StoreError> {
    let session = access.session();
    match session.schema.display_field(&row.class) {
        Some(field) if access.shows(row, field)? => walk::display_of(access, &row.class, &row.sys_id),
        _ => Ok(String::new()),
    }
}

/// What a row is about, unless the visitor may not read that.
pub(super) fn about<'r>(access: &Access<'_>, row: &'r Record) -> Result<&'r str, StoreError> {
    Ok(if access.shows(row, "short_description")? { row.value("short_description") } else { "" })
}

fn label(session: &Session<'_>, class: &str) -> String {
    session.schema.table(class).map_or(class, |table| table.label.as_str()).to_owned()
}
