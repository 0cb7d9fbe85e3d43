//! Views: which fields of a table a list shows, as the rows of `sys_ui_list` and `sys_ui_list_element` have it.

use crate::store::{Session, StoreError};

/// The view of people who have not chosen another, which has no name; `sysparm_view` calls it `desktop`.
const DEFAULT: &str = "";

/// The fields of `sysparm_view`: those of `desktop`, of `mobile`, of `both`, or of another view by name. None, which
/// means all fields, where no list is laid out for the table or its parents. A row always has its `sys_id`.
pub(crate) fn fields(
    session: &Session<'_>,
    table: &str,
    view: &str,
) -> Result<Option<Vec<String>>, StoreError> {
    let names: &[&str] = match view {
        "" | "desktop" => &[DEFAULT],
        "both" => &[DEFAULT, "mobile"],
        other => &[other],
    };
    let mut fields = vec!["sys_id".to_owned()];
    for name in names {
        for field in of_view(session, table, name)? {
            if !fields.contains(&field) {
                fields.push(field);
            }
        }
    }
    Ok((fields.len() > 1).then_some(fields))
}

/// The fields of the list that is laid out for the table or the nearest of its parents; a view that is not known is the
/// default one.
fn of_view(session: &Session<'_>, table: &str, name: &str) -> Result<Vec<String>, StoreError> {
    let known = session.by("sys_ui_view", "name", name)?.into_iter().next();
    let view = match known {
        Some(view) => view,
        None if name == DEFAULT => return Ok(Vec::new()),
        None => return of_view(session, table, DEFAULT),
    };
    for table in session.schema.chain(table) {
        let lists = session.by("sys_ui_list", "name", &table.name)?;
        let Some(list) = lists.into_iter().find(|list| list.value("view") == view.sys_id) else { continue };
        let mut elements = session.by("sys_ui_list_element", "list_id", &list.sys_id)?;
        elements.sort_by_key(|element| element.value("position").parse::<i64>().unwrap_or(i64::MAX));
        return Ok(elements.into_iter().map(|element| element.value("element").to_owned()).collect());
    }
    Ok(Vec::new())
}
