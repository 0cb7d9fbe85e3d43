//! What ServiceNow holds when the story is over: every record, with its number and a link.

use std::collections::BTreeMap;

use openfactory_sn::models::{change_request, incident};
use openfactory_sn::query::{Condition, Operator};
use openfactory_sn::{Client, Query, Row};
use serde::Serialize;

use super::error::{DemoError, During as _};

/// One record for a person.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Record {
    pub(crate) table: String,
    pub(crate) sys_id: String,
    pub(crate) number: String,
    pub(crate) correlation_id: String,
    pub(crate) summary: String,
    /// As the record has it.
    pub(crate) state: String,
    /// As a person reads it, with how the record was closed.
    pub(crate) stands: String,
    pub(crate) link: String,
}

/// The kinds of records, in the order in which they are shown: their name in `--json`, their table, the field
/// that says what they are, and the field that says how they stand.
const KINDS: [(&str, &str, &str, &str); 6] = [
    ("change_request", "change_request", "short_description", "state"),
    ("incident", "incident", "short_description", "state"),
    ("cmdb", "cmdb_ci_os_image", "name", "operational_status"),
    ("relation", "cmdb_rel_ci", "", ""),
    ("grc", "sn_grc_item", "short_description", "u_result"),
    ("attachment", "sys_attachment", "file_name", "size_bytes"),
];

/// Records by the name of their kind, in the order in which they are shown.
pub(crate) type Records = Vec<(&'static str, Vec<Record>)>;

/// All records of the story, by kind.
pub(crate) async fn collect(client: &Client) -> Result<Records, DemoError> {
    let mut kinds: Records = Vec::with_capacity(KINDS.len());
    let mut names = type_names(client).await?;
    for (kind, table, summary, state) in KINDS {
        let ours = Condition::new("sys_created_by", Operator::Equal, vec![OURS.to_owned()]);
        let query = Query::new().and(ours).order_by("sys_created_on").order_by("sys_id");
        let rows = client.dynamic_table(table).find(&query).await;
        let rows = rows.during(&format!("read {table}"))?;
        let mut records = Vec::with_capacity(rows.len());
        for row in &rows {
            let what = if kind == "relation" { relation(row, &names) } else { row.text(summary).to_owned() };
            if kind == "cmdb" {
                names.insert(row.sys_id().to_string(), what.clone());
            }
            records.push(record(client, (kind, table, state), what, row));
        }
        records.sort_by(|one, other| one.number.cmp(&other.number));
        kinds.push((kind, records));
    }
    Ok(kinds)
}

/// The user whom the router acts as.
const OURS: &str = openfactory_simulator::INTEGRATION_USER;

/// The types of relations by sys_id: `Depends on::Used by`.
async fn type_names(client: &Client) -> Result<BTreeMap<String, String>, DemoError> {
    let named = Query::new().and(Condition::new("name", Operator::IsNotEmpty, Vec::new()));
    let rows = client.dynamic_table("cmdb_rel_type").find(&named).await.during("read cmdb_rel_type")?;
    Ok(rows.iter().map(|row| (row.sys_id().to_string(), row.text("name").to_owned())).collect())
}

/// `edge-0001 depends on Build 7`, from parent, type and child.
fn relation(row: &Row, names: &BTreeMap<String, String>) -> String {
    let name = |field: &str| names.get(row.text(field)).map_or_else(|| row.text(field), String::as_str);
    let kind = name("type").split("::").next().unwrap_or_default().to_lowercase();
    format!("{} {kind} {}", name("parent"), name("child"))
}

fn record(client: &Client, (kind, table, state): (&str, &str, &str), summary: String, row: &Row) -> Record {
    let text = |field: &str| row.text(field).to_owned();
    let number = ["number", "asset_tag"].into_iter().map(text).find(|number| !number.is_empty());
    Record {
        table: table.to_owned(),
        sys_id: row.sys_id().to_string(),
        number: number.unwrap_or_default(),
        correlation_id: text("correlation_id"),
        summary,
        state: text(state),
        stands: stands(kind, row.text(state), row.text("close_code")),
        link: client.record_link(table, row.sys_id()),
    }
}

fn stands(kind: &str, state: &str, closed_as: &str) -> String {
    let name = match kind {
        "change_request" => change_request::State::from_raw(state).to_string(),
        "incident" => incident::State::from_raw(state).to_string(),
        _ => state.to_owned(),
    };
    if closed_as.is_empty() { name } else { format!("{name}, {}", closed_as.to_lowercase()) }
}
