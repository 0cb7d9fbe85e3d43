//! YAML 1.2, as netplan and others have it: plain data alone, bounded in depth and in what aliases make of it.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};
use serde_json::{Map, Value};

/// The most values that a document holds, those that aliases repeat included.
const MAX_NODES: usize = 100_000;

/// How deep lists and mappings may nest.
const MAX_DEPTH: usize = 64;

/// All that stands in a file. Values are the text that stands there: `no` is `no`, and `010` is `010`.
pub(super) fn parse(text: &str) -> Result<Value, String> {
    events(text).map_err(|reason| format!("not acceptable YAML: {reason}"))
}

/// A list or mapping that has not ended.
struct Open {
    anchor: usize,
    /// The name that waits for its value.
    name: Option<String>,
    value: Value,
}

#[derive(Default)]
struct Build {
    open: Vec<Open>,
    root: Option<Value>,
    anchors: BTreeMap<usize, (Value, usize)>,
    nodes: usize,
}

fn events(text: &str) -> Result<Value, String> {
    let mut build = Build::default();
    let mut documents = 0;
    for event in Parser::new_from_str(text) {
        let (event, _) = event.map_err(|error| error.to_string())?;
        match event {
            Event::DocumentStart(_) => {
                documents += 1;
                if documents > 1 {
                    return Err("more than one document".to_owned());
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                known(tag.as_deref())?;
                let null = style == ScalarStyle::Plain
                    && matches!(text.as_ref(), "" | "~" | "null" | "Null" | "NULL");
                let value = if null { Value::Null } else { Value::String(text.into_owned()) };
                build.take(value, anchor, 1)?;
            }
            Event::SequenceStart(anchor, tag) => build.begin(Value::Array(Vec::new()), anchor, &tag)?,
            Event::MappingStart(anchor, tag) => build.begin(Value::Object(Map::new()), anchor, &tag)?,
            Event::SequenceEnd | Event::MappingEnd => build.end()?,
            Event::Alias(anchor) => {
                let (value, nodes) = build.anchors.get(&anchor).cloned().ok_or("an alias of nothing")?;
                build.take(value, 0, nodes)?;
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
    }
    Ok(build.root.unwrap_or(Value::Null))
}

/// Tags of one's own may mean anything.
fn known(tag: Option<&Tag>) -> Result<(), String> {
    match tag {
        Some(tag) if tag.handle != "tag:yaml.org,2002:" => Err("a tag of its own".to_owned()),
        _ => Ok(()),
    }
}

impl Build {
    fn begin(
        &mut self,
        value: Value,
        anchor: usize,
        tag: &Option<std::borrow::Cow<'_, Tag>>,
    ) -> Result<(), String> {
        known(tag.as_deref())?;
        if self.open.len() >= MAX_DEPTH {
            return Err(format!("nested deeper than {MAX_DEPTH}"));
        }
        if let Some(Open { name: None, value: Value::Object(_), .. }) = self.open.last() {
            return Err("a name that is no plain value".to_owned());
        }
        self.count(1)?;
        self.open.push(Open { anchor, name: None, value });
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        let Some(Open { anchor, value, .. }) = self.open.pop() else { return Ok(()) };
        self.place(value, anchor)
    }

    fn take(&mut self, value: Value, anchor: usize, nodes: usize) -> Result<(), String> {
        self.count(nodes)?;
        self.place(value, anchor)
    }

    fn count(&mut self, nodes: usize) -> Result<(), String> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > MAX_NODES { Err(format!("more than {MAX_NODES} values")) } else { Ok(()) }
    }

    fn place(&mut self, value: Value, anchor: usize) -> Result<(), String> {
        if anchor > 0 {
            let nodes = size(&value);
            // What an alias may repeat is kept once more, so it counts once more.
            self.count(nodes)?;
            self.anchors.insert(anchor, (value.clone(), nodes));
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(value);
            return Ok(());
        };
        match &mut open.value {
            Value::Array(items) => items.push(value),
            Value::Object(members) => match open.name.take() {
                Some(name) => {
                    if members.insert(name.clone(), value).is_some() {
                        return Err(format!("the name {name:?} stands twice"));
                    }
                }
                None => match value {
                    Value::String(name) if name == "<<" => return Err("a merge".to_owned()),
                    Value::String(name) => open.name = Some(name),
                    _ => return Err("a name that is no plain value".to_owned()),
                },
            },
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
        Ok(())
    }
}

fn size(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(size).sum::<usize>() + 1,
        Value::Object(members) => members.values().map(size).sum::<usize>() + 1,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 1,
    }
}

#[cfg(test)]
mod tests {
    use crate::value::{Format, Observed};

    fn extract(key: &str, text: &str) -> Observed {
        crate::value::extract(Format::Yaml, key, text.as_bytes())
    }

    const NETPLAN: &str = "network:\n  version: 2\n  ethernets:\n    eth0:\n      addresses: [10.20.3.7/24, \"fd00:20::7/64\"]\n\
        \x20     nameservers: &dns {search: [], addresses: [10.20.0.2]}\n    eth1:\n      dhcp4: no\n      nameservers: *dns\n  vlans:\n    eth0.100:\n\
        \x20     id: 0100\n      link: eth0\n      nothing: ~\n";

    #[test]
    fn netplan_has_addresses() {
        let many = |values: &[&str]| Observed::Values(values.iter().map(|text| (*text).to_owned()).collect());
        let table = [
            ("network.ethernets.eth0.addresses", many(&["10.20.3.7/24", "fd00:20::7/64"])),
            ("network.ethernets.*.addresses", many(&["10.20.3.7/24", "fd00:20::7/64"])),
            ("network.ethernets.eth1.dhcp4", Observed::value("no")),
            ("network.ethernets.eth1.nameservers.addresses", Observed::value("10.20.0.2")),
            ("network.vlans.\"eth0.100\".id", Observed::value("0100")),
            ("network.vlans.\"eth0.100\".nothing", Observed::Absent),
            ("network.wifis", Observed::Absent),
        ];
        for (key, expected) in table {
            assert_eq!(extract(key, NETPLAN), expected, "{key}");
        }
    }

    #[test]
    fn what_is_ambiguous_is_unreadable() {
        let bomb: String = (1..30)
            .map(|n| format!("a{n}: &a{n} [*a{0},*a{0},*a{0},*a{0},*a{0},*a{0},*a{0},*a{0},*a{0}]\n", n - 1))
            .collect();
        let bomb = format!("a0: &a0 [x]\n{bomb}");
        let deep = "[".repeat(100_000);
        let table = [
            ("a: 1\na: 2", "stands twice"),
            ("a: 1\n---\na: 2", "more than one document"),
            ("<<: {a: 1}", "a merge"),
            ("a: !vault x", "a tag of its own"),
            ("[a]: 1", "no plain value"),
            ("a: *b", ""),
            ("a: &a [*a]", ""),
            (bomb.as_str(), "more than 100000 values"),
            (deep.as_str(), ""),
            ("a: [", ""),
            ("\t", ""),
        ];
        for (yaml, reason) in table {
            match extract("a", yaml) {
                Observed::Unreadable(found) => assert!(found.contains(reason), "{found}"),
                other => assert!(yaml == "\t" && other == Observed::Absent, "{yaml:.40} {other:?}"),
            }
        }
    }
}
