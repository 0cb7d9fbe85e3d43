//! What ServiceNow holds when the story is over: every record, with its number and a link.

use openfactory_sn::query::{Condition, Operator};
use openfactory_sn::{Client, Query, Row};
use serde::Serialize;

use super::error::{DemoError, During as _};
use super::table;

/// One record for a person.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Record {
    pub(crate) table: String,
    pub(crate) sys_id: String,
    pub(crate) number: String,
    pub(crate) correlation_id: String,
    pub(crate) summary: String,
    pub(crate) state: String,
    pub(crate) link: String,
}

/// The kinds of records, in the order in which they are shown: their name in `--json`, their table, the field
/// that says what they are, the field that says how they stand, and how ours are told from those that the
/// instance had before.
const KINDS: [(&str, &str, &[&str], &str); 6] = [
    ("change_request", "change_request", &["short_description"], "state"),
    ("incident", "incident", &["short_description"], "state"),
    ("cmdb", "cmdb_ci_os_image", &["name"], "operational_status"),
    ("relation", "cmdb_rel_ci", &["type", "parent", "child"], ""),
    ("grc", "sn_grc_item", &["short_description"], "u_result"),
    ("attachment", "sys_attachment", &["file_name"], "size_bytes"),
];

/// Records by the name of their kind, in the order in which they are shown.
pub(crate) type Records = Vec<(&'static str, Vec<Record>)>;

/// All records of the story, by kind.
pub(crate) async fn collect(client: &Client) -> Result<Records, DemoError> {
    let mut kinds = Vec::with_capacity(KINDS.len());
    for (kind, table, summary, state) in KINDS {
        let query =
            Query::new().and(Condition::new("sys_created_by", Operator::Equal, vec![OURS.to_owned()]));
        let rows =
            client.dynamic_table(table).find(&query.order_by("sys_created_on").order_by("sys_id")).await;
        let rows = rows.during(&format!("read {table}"))?;
        let records = rows.iter().map(|row| record(client, table, summary, state, row)).collect();
        kinds.push((kind, records));
    }
    Ok(kinds)
}

/// The user whom the router acts as.
const OURS: &str = openfactory_simulator::INTEGRATION_USER;

fn record(client: &Client, table: &str, summary: &[&str], state: &str, row: &Row) -> Record {
    let text = |field: &str| row.text(field).to_owned();
    let number = ["number", "asset_tag"].into_iter().map(text).find(|number| !number.is_empty());
    Record {
        table: table.to_owned(),
        sys_id: row.sys_id().to_string(),
        number: number.unwrap_or_default(),
        correlation_id: text("correlation_id"),
        summary: summary.iter().map(|field| text(field)).collect::<Vec<_>>().join(" → "),
        state: text(state),
        link: client.record_link(table, row.sys_id()),
    }
}

/// The records as a table.
pub(crate) fn rendered(kinds: &Records) -> String {
    let rows: Vec<[String; 5]> = kinds
        .iter()
        .flat_map(|(_, records)| records)
        .map(|record| {
            let summary: String = record.summary.chars().take(64).collect();
            let (table, number) = (record.table.clone(), record.number.clone());
            [table, number, record.state.clone(), summary, record.link.clone()]
        })
        .collect();
    table::render(["table", "number", "state", "what", "link"], &rows)
}
