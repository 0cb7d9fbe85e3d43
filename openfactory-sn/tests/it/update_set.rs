//! The update set of `docs/servicenow`, read by Python's XML parser, which is none of ours.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Each record of the set as JSON; both documents, the outer and the one in the payload, must be well-formed.
const READ: &str = "
import json, sys
import xml.etree.ElementTree as tree
root = tree.parse(sys.argv[1]).getroot()
assert root.tag == 'unload', root.tag
[remote] = root.findall('sys_remote_update_set')
records = []
for entry in root.findall('sys_update_xml'):
    assert entry.findtext('remote_update_set') == remote.findtext('sys_id')
    update = tree.fromstring(entry.findtext('payload').encode())
    [record] = update
    assert update.tag == 'record_update' and update.get('table') == record.tag
    fields = {field.tag: field.text or '' for field in record}
    assert len(fields) == len(record)
    assert entry.findtext('name') == record.tag + '_' + fields['sys_id']
    records.append({'table': record.tag, **fields})
assert len(root) == len(records) + 1, 'an element that was not looked at'
print(json.dumps(records))
";

#[test]
fn the_update_set_is_well_formed_and_holds_the_very_script() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/servicenow");
    let python = std::env::var("OPENFACTORY_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let output = Command::new(python).arg("-c").arg(READ).arg(docs.join("update-set.xml")).output();
    let Ok(output) = output else {
        let strict = std::env::var("OPENFACTORY_STRICT").is_ok_and(|strict| strict == "1");
        assert!(!strict, "needs python3");
        #[allow(clippy::print_stderr, reason = "a skip is said out loud")]
        {
            eprintln!("SKIPPED: the_update_set_is_well_formed_and_holds_the_very_script: needs python3");
        }
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let records: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let of =
        |table: &str| -> Vec<&Value> { records.iter().filter(|record| record["table"] == table).collect() };
    let (rules, properties) = (of("sys_script"), of("sys_properties"));
    assert_eq!(rules.len() + properties.len(), records.len());

    let script = std::fs::read_to_string(docs.join("business-rule.js")).unwrap();
    let tables: Vec<_> = rules.iter().map(|rule| rule["collection"].as_str().unwrap()).collect();
    assert_eq!(tables, ["change_request", "incident"]);
    for rule in rules {
        assert_eq!(rule["script"], script.as_str());
        assert_eq!((&rule["when"], &rule["advanced"]), (&"async".into(), &"true".into()));
    }
    // What the script asks for is what the set brings, and no secret with it.
    for property in &properties {
        let name = property["name"].as_str().unwrap();
        assert!(script.contains(&format!("gs.getProperty('{name}')")), "{name}");
        assert_eq!(property.get("value"), None);
    }
    assert_eq!(script.matches("gs.getProperty(").count(), properties.len());
    assert_eq!(properties.iter().filter(|property| property["type"] == "password2").count(), 1);
}
