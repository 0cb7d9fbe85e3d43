//! A server with nothing to do but to copy pages: incidents with all fields that an instance sends, in the order of their
//! keys, by key or by offset.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;

use serde_json::{Map, Value};

use crate::Result;

/// What an incident holds, as in the answer of an instance; empty fields are in `EMPTY`.
const FILLED: &[(&str, &str)] = &[
    ("made_sla", "true"),
    ("sys_updated_on", "2026-01-31 10:15:04"),
    ("child_incidents", "0"),
    ("task_effective_number", "INC0010001"),
    ("number", "INC0010001"),
    ("sys_updated_by", "ada.lovelace"),
    ("opened_by", "681ccaf9c0a8016400b98a06818d57c7"),
    ("sys_created_on", "2026-01-31 09:12:44"),
    ("sys_domain", "global"),
    ("state", "2"),
    ("sys_created_by", "openfactory.integration"),
    ("knowledge", "false"),
    ("order", "0"),
    ("cmdb_ci", "109562a3c611227500a7b7ff98cc0dc7"),
    ("impact", "2"),
    ("active", "true"),
    ("business_service", "27d32778c0a8000b00db970eeaa60f16"),
    ("priority", "3"),
    ("sys_domain_path", "/"),
    ("opened_at", "2026-01-31 09:12:40"),
    ("caller_id", "5137153cc611227c000bbd1bd8cd2005"),
    ("subcategory", "os"),
    ("short_description", "Drift on edge-00042: /usr/lib/systemd/system differs from its manifest"),
    ("correlation_display", "OpenFactory"),
    ("assignment_group", "d625dccec0a8016700a222a0f7900d06"),
    (
        "description",
        "Files differ from the signed manifest of build b-1; see the attached report of the device.",
    ),
    ("notify", "1"),
    ("sys_class_name", "incident"),
    ("contact_type", "Monitoring"),
    ("incident_state", "2"),
    ("urgency", "2"),
    ("company", "31bea3d53790200044e0bfc8bcbe5dec"),
    ("reassignment_count", "1"),
    ("assigned_to", "5137153cc611227c000bbd1bd8cd2007"),
    ("severity", "3"),
    ("approval", "not requested"),
    ("sys_mod_count", "4"),
    ("reopen_count", "0"),
    ("escalation", "0"),
    ("upon_approval", "proceed"),
    ("upon_reject", "cancel"),
    ("correlation_id", "incident/edge-00042/files"),
    ("category", "software"),
];

const EMPTY: &[&str] = &[
    "parent",
    "caused_by",
    "watch_list",
    "hold_reason",
    "origin_table",
    "approval_history",
    "resolved_by",
    "user_input",
    "route_reason",
    "calendar_stc",
    "closed_at",
    "delivery_plan",
    "contract",
    "work_notes_list",
    "business_impact",
    "rfc",
    "time_worked",
    "expected_start",
    "business_duration",
    "group_list",
    "work_end",
    "reopened_time",
    "resolved_at",
    "approval_set",
    "work_notes",
    "universal_request",
    "close_code",
    "delivery_task",
    "work_start",
    "additional_assignee_list",
    "business_stc",
    "cause",
    "origin_id",
    "calendar_duration",
    "close_notes",
    "service_offering",
    "closed_by",
    "follow_up",
    "parent_incident",
    "reopened_by",
    "problem_id",
    "activity_due",
    "comments",
    "sla_due",
    "comments_and_work_notes",
    "due_date",
    "sys_tags",
    "location",
];

/// Where the key goes in the text of a record.
const KEY: &str = "KEY";

/// The server, which ends with the process.
pub(crate) struct Pages {
    /// `http://127.0.0.1:PORT`.
    pub(crate) base_url: String,
}

impl Pages {
    /// Serves so many incidents.
    pub(crate) fn serve(records: usize) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let base_url = format!("http://{}", listener.local_addr()?);
        let (raw, all) = (
            Shape::new(Value::String),
            Shape::new(|text| {
                let member = |name: &str| (name.to_owned(), Value::String(text.clone()));
                Value::Object([member("display_value"), member("value")].into_iter().collect())
            }),
        );
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (raw, all) = (raw.clone(), all.clone());
                // A client that goes away ends its thread.
                thread::spawn(move || drop(converse(&stream, records, &raw, &all)));
            }
        });
        Ok(Self { base_url })
    }
}

/// The text of a record, cut where its key goes.
#[derive(Clone)]
struct Shape(Vec<u8>, Vec<u8>);

impl Shape {
    fn new(value: impl Fn(String) -> Value) -> Self {
        let filled = FILLED.iter().copied();
        let fields = filled.chain(EMPTY.iter().map(|name| (*name, ""))).chain([("sys_id", KEY)]);
        let fields: Map<String, Value> =
            fields.map(|(name, text)| (name.to_owned(), value(text.to_owned()))).collect();
        let text = Value::Object(fields).to_string();
        let around: Vec<&str> = text.split(KEY).collect();
        let (first, rest) =
            around.split_first().map_or(("", Vec::new()), |(first, rest)| (*first, rest.to_vec()));
        // The key stands once, or as value and display value.
        match rest.as_slice() {
            [last] => Self(first.into(), (*last).into()),
            [between, last] => Self([first, &"0".repeat(32), between].concat().into(), (*last).into()),
            _ => Self(Vec::new(), Vec::new()),
        }
    }

    fn page(&self, records: std::ops::Range<usize>) -> Vec<u8> {
        let mut page = Vec::with_capacity(32 + records.len() * (self.0.len() + self.1.len() + 33));
        page.extend_from_slice(b"{\"result\":[");
        for (position, record) in records.enumerate() {
            if position > 0 {
                page.push(b',');
            }
            page.extend_from_slice(&self.0);
            page.extend_from_slice(format!("{record:032x}").as_bytes());
            page.extend_from_slice(&self.1);
        }
        page.extend_from_slice(b"]}");
        page
    }
}

/// Answers one request after the other.
fn converse(stream: &TcpStream, records: usize, raw: &Shape, all: &Shape) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    loop {
        let mut target = String::new();
        if reader.read_line(&mut target)? == 0 {
            return Ok(());
        }
        let mut header = String::new();
        while reader.read_line(&mut header)? > 2 {
            header.clear();
        }
        let number = |name: &str| -> Option<usize> { parameter(&target, name)?.parse().ok() };
        let after = parameter(&target, "sysparm_query").and_then(|query| {
            let key = query.split_once("sys_id%3E").map(|(_, rest)| rest)?.get(..32)?;
            usize::from_str_radix(key, 16).ok()
        });
        let first = after.map_or(0, |key| key + 1) + number("sysparm_offset").unwrap_or(0);
        let last = records.min(first + number("sysparm_limit").unwrap_or(10_000));
        let shape = if parameter(&target, "sysparm_display_value") == Some("all") { all } else { raw };
        let body = shape.page(first.min(last)..last);
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json;charset=UTF-8\r\nX-Total-Count: {records}\r\n\
             Content-Length: {}\r\n\r\n",
            body.len()
        );
        let mut stream = stream;
        stream.write_all(head.as_bytes())?;
        stream.write_all(&body)?;
    }
}

/// The value of a parameter of the request's target, as it came.
fn parameter<'a>(target: &'a str, name: &str) -> Option<&'a str> {
    let query = target.split_whitespace().nth(1)?.split_once('?')?.1;
    query
        .split('&')
        .find_map(|pair| pair.split_once('=').filter(|(other, _)| *other == name))
        .map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_holds_the_records_that_were_asked_for() {
        let shape = Shape::new(Value::String);
        let page: Value = serde_json::from_slice(&shape.page(7..10)).unwrap();
        let keys: Vec<_> =
            page["result"].as_array().unwrap().iter().map(|row| row["sys_id"].clone()).collect();
        assert_eq!(keys, [7, 8, 9].map(|key| format!("{key:032x}")));
        assert_eq!(page["result"][0].as_object().unwrap().len(), FILLED.len() + EMPTY.len() + 1);
    }

    #[test]
    fn parameters_are_found() {
        let target = "GET /api/now/table/incident?sysparm_limit=5&sysparm_query=sys_id%3Eab HTTP/1.1\r\n";
        assert_eq!(parameter(target, "sysparm_limit"), Some("5"));
        assert_eq!(parameter(target, "sysparm_query"), Some("sys_id%3Eab"));
        assert_eq!(parameter(target, "sysparm"), None);
    }
}
