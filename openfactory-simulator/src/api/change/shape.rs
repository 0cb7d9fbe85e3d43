//! Records in this API's shape: every field an object, and its value typed, unlike in the Table API.

use serde_json::{Map, Value, json};

use crate::access::Access;
use crate::record::Record;
use crate::render;
use crate::schema::{Field, FieldType, Schema};
use crate::store::{Session, StoreError};

/// A row with typed values.
pub(super) fn typed(access: &Access<'_>, row: &Record, base_url: &str) -> Result<Value, StoreError> {
    let session = access.session();
    let mut object = Map::new();
    for field in session.schema.fields(&row.class) {
        let locale = &access.caller().locale;
        let shown = render::shown(access, field, row.value(&field.name), locale)?;
        object.insert(field.name.clone(), value(field, row.value(&field.name), &shown, base_url));
    }
    let mut shown = Value::Object(object);
    access.hide(row, &mut shown)?;
    Ok(shown)
}

fn value(field: &Field, raw: &str, shown: &str, base_url: &str) -> Value {
    match &field.kind {
        _ if raw.is_empty() && !matches!(field.kind, FieldType::DateTime | FieldType::Date) => {
            json!({ "display_value": "", "value": "" })
        }
        FieldType::Integer | FieldType::Decimal => match raw.parse::<f64>() {
            Ok(number) => json!({ "display_value": shown, "value": number }),
            Err(_) => json!({ "display_value": shown, "value": raw }),
        },
        FieldType::Boolean => json!({ "display_value": raw, "value": raw == "true" }),
        FieldType::Reference(to) => json!({
            "display_value": shown,
            "value": raw,
            "link": format!("{base_url}/api/now/table/{to}/{raw}"),
        }),
        FieldType::DateTime | FieldType::Date => {
            json!({ "display_value": shown, "value": raw, "display_value_internal": raw })
        }
        FieldType::String | FieldType::Duration | FieldType::List(_) => {
            json!({ "display_value": shown, "value": raw })
        }
        FieldType::Journal | FieldType::Password => json!({ "display_value": "", "value": "" }),
    }
}

/// `__meta`: which of the names that were sent did nothing.
pub(super) fn meta<'a>(session: &Session<'_>, table: &str, sent: impl Iterator<Item = &'a String>) -> Value {
    let ignored: Vec<_> = sent
        .filter(|name| session.schema.field(table, name).is_none() || Schema::is_system_field(name))
        .filter(|name| *name != "sys_id")
        .collect();
    json!({ "ignoredFields": ignored })
}
