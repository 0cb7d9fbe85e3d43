//! Rows as the API shows them: every value text, references as objects, three ways of display.

use serde_json::{Map, Value, json};

use crate::locale::Locale;
use crate::query::{Purpose, Sight, walk};
use crate::record::Record;
use crate::schema::{Field, FieldType};
use crate::store::StoreError;

/// `sysparm_display_value`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Display {
    /// Raw values.
    #[default]
    False,
    /// Display values.
    True,
    /// Both, in an object for each field.
    All,
}

/// How rows are to be shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct View {
    pub(crate) display: Display,
    pub(crate) exclude_links: bool,
    /// `sysparm_fields`; without it, all.
    pub(crate) fields: Option<Vec<String>>,
    /// Scheme and authority of links, as the request named them.
    pub(crate) base_url: String,
    /// How the caller sees dates.
    pub(crate) locale: Locale,
}

/// A row as a JSON object, with the fields that `table` has.
pub(crate) fn record(sight: &dyn Sight, table: &str, row: &Record, view: &View) -> Result<Value, StoreError> {
    let mut object = Map::new();
    match &view.fields {
        None => {
            for field in sight.session().schema.fields(table) {
                let shown = value(sight, field, row, row.value(&field.name), view)?;
                object.insert(field.name.clone(), shown);
            }
        }
        Some(paths) => {
            for path in paths {
                let Some(field) = walk::field(sight.session().schema, table, path) else { continue };
                let raw = walk::value(sight, row, path, Purpose::Telling)?;
                let owner = if path.contains('.') { None } else { Some(row) };
                let shown = match owner {
                    Some(row) => value(sight, field, row, &raw, view)?,
                    None => plain(sight, field, &raw, view)?,
                };
                object.insert(path.clone(), shown);
            }
        }
    }
    Ok(Value::Object(object))
}

fn value(
    sight: &dyn Sight,
    field: &Field,
    row: &Record,
    raw: &str,
    view: &View,
) -> Result<Value, StoreError> {
    if field.kind != FieldType::Journal {
        return plain(sight, field, raw, view);
    }
    Ok(match view.display {
        Display::False => json!(""),
        Display::True => json!(journal(sight, field, row, &view.locale)?),
        Display::All => json!({ "display_value": journal(sight, field, row, &view.locale)?, "value": "" }),
    })
}

/// What stands for a password wherever it is shown.
const MASK: &str = "********";

fn plain(sight: &dyn Sight, field: &Field, raw: &str, view: &View) -> Result<Value, StoreError> {
    if field.kind == FieldType::Password {
        return Ok(match view.display {
            Display::False => json!(""),
            Display::True => json!(MASK),
            Display::All => json!({ "display_value": MASK, "value": "" }),
        });
    }
    let FieldType::Reference(to) = &field.kind else {
        return Ok(match view.display {
            Display::False => json!(raw),
            Display::True => json!(shown(sight, field, raw, &view.locale)?),
            Display::All => {
                json!({ "display_value": shown(sight, field, raw, &view.locale)?, "value": raw })
            }
        });
    };
    if raw.is_empty() {
        return Ok(match view.display {
            Display::All => json!({ "display_value": "", "value": "" }),
            Display::False | Display::True => json!(""),
        });
    }
    let link = format!("{}/api/now/table/{to}/{raw}", view.base_url);
    let shown = match view.display {
        Display::False => String::new(),
        Display::True | Display::All => walk::display(sight, field, raw)?,
    };
    Ok(match (view.display, view.exclude_links) {
        (Display::False, true) => json!(raw),
        (Display::False, false) => json!({ "link": link, "value": raw }),
        (Display::True, true) => json!(shown),
        (Display::True, false) => json!({ "display_value": shown, "link": link }),
        (Display::All, true) => json!({ "display_value": shown, "value": raw }),
        (Display::All, false) => json!({ "display_value": shown, "link": link, "value": raw }),
    })
}

/// The display value of a field's raw value, dates as the caller sees them.
pub(crate) fn shown(
    sight: &dyn Sight,
    field: &Field,
    raw: &str,
    locale: &Locale,
) -> Result<String, StoreError> {
    match field.kind {
        FieldType::DateTime | FieldType::Date => Ok(locale.show(&field.kind, raw)),
        _ => walk::display(sight, field, raw),
    }
}

/// All entries of a journal field as one text, newest first.
fn journal(sight: &dyn Sight, field: &Field, row: &Record, locale: &Locale) -> Result<String, StoreError> {
    let mut text = String::new();
    for entry in sight.session().by("sys_journal_field", "element_id", &row.sys_id)?.iter().rev() {
        if entry.value("element") != field.name {
            continue;
        }
        let name = person(sight, entry.value("sys_created_by"))?;
        text.push_str(&format!(
            "{} - {name} ({})\n{}\n\n",
            locale.show(&FieldType::DateTime, entry.value("sys_created_on")),
            field.label,
            entry.value("value")
        ));
    }
    Ok(text)
}

/// The name of a user, or else the short one that it logs in by.
pub(crate) fn person(sight: &dyn Sight, user_name: &str) -> Result<String, StoreError> {
    let user = sight.session().by("sys_user", "user_name", user_name)?.into_iter().next();
    Ok(match user {
        Some(user) if sight.names(&user)? => user.value("name").to_owned(),
        _ => user_name.to_owned(),
    })
}
