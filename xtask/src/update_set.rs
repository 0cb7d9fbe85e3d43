//! `cargo xtask update-set`: ServiceNow's side as an update set, made of `docs/servicenow/business-rule.js`.
//!
//! The layout is that of an update set exported as XML: a remote update set, and for each record a `sys_update_xml`
//! whose payload is a document of its own. It was never loaded into an instance.

use std::fs;

use crate::workspace::Workspace;

/// What it is made of, and where it is kept.
const SCRIPT: &str = "docs/servicenow/business-rule.js";
const FILE: &str = "docs/servicenow/update-set.xml";

const NAME: &str = "OpenFactory webhook";
const REMOTE: &str = "43a4b2cd543dd8cca56f60217ec8616e";
/// When its layout last changed: an instance takes a later record for the newer one.
const STAMP: &str = "2026-11-26 00:00:00";

const RULES: [Rule; 2] = [
    Rule {
        table: "change_request",
        filter: "stateVALCHANGES^ORapprovalVALCHANGES^EQ",
        keys: ["13b02dd5cd61379d634da92d5d69e0bb", "fa2c55b49dc139720e941ec7132d1933"],
    },
    Rule {
        table: "incident",
        filter: "stateVALCHANGES^ORassigned_toVALCHANGES^EQ",
        keys: ["5ab4a070d7ee6c1b4b79bd7ffca5641d", "a38afc69a943c169f9fccf033c7a1212"],
    },
];

/// Without values: importing it again must not take away what an administrator has entered.
const PROPERTIES: [Property; 2] = [
    Property {
        name: "openfactory.webhook.url",
        kind: "string",
        description: "Where the receiver of webhooks listens, such as https://router.example.com/api/webhooks/servicenow",
        keys: ["30def7b1c07281ed05a462bfe4080734", "c64e47b7d26c7379e6b337be5f68858b"],
    },
    Property {
        name: "openfactory.webhook.secret",
        kind: "password2",
        description: "The key in base64: what follows whsec_ in the receiver's secret",
        keys: ["49a52a49f720564312d30156321854f4", "ebecdfefe80d5391fd2f08f7c84a4068"],
    },
];

/// A business rule; the keys are those of the record and of its entry in the update set.
struct Rule {
    table: &'static str,
    filter: &'static str,
    keys: [&'static str; 2],
}

/// A system property; the keys are those of the record and of its entry in the update set.
struct Property {
    name: &'static str,
    kind: &'static str,
    description: &'static str,
    keys: [&'static str; 2],
}

/// Writes the file.
pub(crate) fn write(workspace: &Workspace) -> Result<bool, String> {
    let text = make(&read(workspace, SCRIPT)?);
    fs::write(workspace.root.join(FILE), text).map_err(|error| format!("{FILE}: {error}"))?;
    println!("{FILE} is made of {SCRIPT}");
    Ok(true)
}

fn read(workspace: &Workspace, file: &str) -> Result<String, String> {
    fs::read_to_string(workspace.root.join(file)).map_err(|error| format!("{file}: {error}"))
}

fn make(script: &str) -> String {
    let mut text = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<unload unload_date=\"{STAMP}\">\n");
    text.push_str(
        "<!-- NOT TRIED ON AN INSTANCE. Made by `cargo xtask update-set`; see README.md beside it. -->\n",
    );
    let head = [
        ("application", "global"),
        ("application_name", "Global"),
        ("application_scope", "global"),
        (
            "description",
            "Tells OpenFactory of changed records. Not tried on an instance: use a sub-production one first.",
        ),
        ("name", NAME),
        ("remote_sys_id", REMOTE),
        ("state", "loaded"),
        ("sys_class_name", "sys_remote_update_set"),
        ("sys_created_on", STAMP),
        ("sys_id", REMOTE),
        ("sys_updated_on", STAMP),
    ];
    text.push_str(&record("sys_remote_update_set", &head));
    for rule in &RULES {
        let name = format!("{NAME}: {}", rule.table);
        let fields = [
            ("action_delete", "false"),
            ("action_insert", "true"),
            ("action_query", "false"),
            ("action_update", "true"),
            ("active", "true"),
            ("advanced", "true"),
            ("collection", rule.table),
            ("filter_condition", rule.filter),
            ("name", &name),
            ("order", "100"),
            ("script", script),
            ("sys_class_name", "sys_script"),
            ("sys_id", rule.keys[0]),
            ("sys_scope", "global"),
            ("when", "async"),
        ];
        text.push_str(&entry("sys_script", "Business Rule", &name, rule.keys, &fields));
    }
    for property in &PROPERTIES {
        let fields = [
            ("description", property.description),
            ("is_private", "true"),
            ("name", property.name),
            ("sys_id", property.keys[0]),
            ("sys_scope", "global"),
            ("type", property.kind),
        ];
        text.push_str(&entry("sys_properties", "System Property", property.name, property.keys, &fields));
    }
    text.push_str("</unload>\n");
    text
}

/// One record of the set, its payload a document inside the document.
fn entry(table: &str, kind: &str, target: &str, keys: [&str; 2], fields: &[(&str, &str)]) -> String {
    let payload = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><record_update table=\"{table}\">{}</record_update>",
        record(table, fields)
    );
    let name = format!("{table}_{}", keys[0]);
    record(
        "sys_update_xml",
        &[
            ("action", "INSERT_OR_UPDATE"),
            ("application", "global"),
            ("category", "customer"),
            ("name", &name),
            ("payload", &payload),
            ("remote_update_set", REMOTE),
            ("sys_created_on", STAMP),
            ("sys_id", keys[1]),
            ("sys_recorded_at", STAMP),
            ("sys_updated_on", STAMP),
            ("target_name", target),
            ("type", kind),
            ("update_domain", "global"),
        ],
    )
}

fn record(table: &str, fields: &[(&str, &str)]) -> String {
    let mut text = format!("<{table} action=\"INSERT_OR_UPDATE\">\n");
    for (name, value) in fields {
        text += &format!("<{name}>{}</{name}>\n", escaped(value));
    }
    text + &format!("</{table}>\n")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_made_of_the_script_as_it_is() {
        let workspace = Workspace::find().unwrap();
        let made = make(&read(&workspace, SCRIPT).unwrap());
        assert!(made == read(&workspace, FILE).unwrap(), "`cargo xtask update-set` makes it anew");
    }

    #[test]
    fn a_script_cannot_break_out() {
        let text = make("if (a < b && c) { s = ']]></script></payload>'; }");
        assert_eq!(text.matches("</payload>").count(), RULES.len() + PROPERTIES.len());
        assert!(text.contains("if (a &amp;lt; b &amp;amp;&amp;amp; c)"), "escaped once for each document");
    }

    #[test]
    fn no_key_stands_twice() {
        let keys = RULES.iter().flat_map(|rule| rule.keys).chain(PROPERTIES.iter().flat_map(|p| p.keys));
        let mut keys: Vec<&str> = keys.chain([REMOTE]).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), 2 * (RULES.len() + PROPERTIES.len()) + 1);
    }
}
