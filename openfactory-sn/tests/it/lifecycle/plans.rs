//! The guide's tables, row by row, against what is planned.

use openfactory_attest::digest::Sha256Digest;
use openfactory_sn::lifecycle::event::{Event, EventBody};
use openfactory_sn::lifecycle::id::FleetId;
use openfactory_sn::lifecycle::mapping::Mapping;
use openfactory_sn::lifecycle::plan::{Operation, plan};
use serde_json::{Value, json};

use super::samples;
use super::world::World;

pub(super) fn planned(event: &Event) -> Vec<Value> {
    planned_by(event, &Mapping::guide())
}

fn planned_by(event: &Event, mapping: &Mapping) -> Vec<Value> {
    let first = plan(event, mapping);
    assert_eq!(first, plan(event, mapping), "planned twice");
    assert_eq!(first.event, event.identity());
    first.operations.iter().map(|operation| serde_json::to_value(operation).unwrap()).collect()
}

/// The operations in brief: what, and on which record.
pub(super) fn outline(operations: &[Value]) -> Vec<String> {
    let name = |value: &Value| value["correlation"].as_str().unwrap_or_default().to_owned();
    operations
        .iter()
        .map(|operation| {
            let kind = operation["operation"].as_str().unwrap();
            match kind {
                "relate" | "unrelate" => {
                    format!("{kind} {} {}", name(&operation["parent"]), name(&operation["child"]))
                }
                "attach" => format!(
                    "attach {} {}",
                    name(&operation["record"]),
                    operation["file"]["name"].as_str().unwrap()
                ),
                "move_change" | "move_incident" => {
                    format!("{kind} {} {}", name(&operation["record"]), operation["to"].as_str().unwrap())
                }
                _ => format!("{kind} {}", name(&operation["record"])),
            }
        })
        .collect()
}

pub(super) fn group(name: &str) -> Value {
    json!({"lookup": {"table": "sys_user_group", "field": "name", "value": name}})
}

pub(super) fn user(field: &str, value: &str) -> Value {
    json!({"lookup": {"table": "sys_user", "field": field, "value": value}})
}

/// Guide, Stage 1, "Change Request Fields".
#[test]
fn change_request_fields_row_by_row() {
    let operations = planned(&samples::requested());
    assert_eq!(
        outline(&operations),
        [
            "create change/b-1",
            "attach change/b-1 recipe.json",
            "attach change/b-1 build-intent.dsse.json",
            "move_change change/b-1 Assess",
        ]
    );
    assert_eq!(operations[0]["record"]["table"], "change_request");
    let values = &operations[0]["values"];
    let rows = [
        ("short_description", json!("Custom debian-trixie build: ssh, docker, security-hardening")),
        ("category", json!("Operating System")),
        ("risk", json!("4")),
        ("requested_by", user("email", "ada@plant.example")),
        ("justification", json!("A hardened image for the presses of line 7, with ssh and docker.")),
        ("type", json!("normal")),
        ("u_build_id", json!("b-1")),
        ("u_fleet", json!("line-7")),
        ("assignment_group", group("Fleet Operations")),
        ("correlation_id", json!("change/b-1")),
        ("correlation_display", json!("OpenFactory")),
    ];
    for (field, value) in rows {
        assert_eq!(values[field], value, "{field}");
    }
    for text in ["ada@plant.example", "debian-trixie 13.1", "line-7"] {
        assert!(values["description"].as_str().unwrap().contains(text), "{text}");
    }
}

#[test]
fn the_attached_recipe_hashes_to_the_recipe_hash() {
    let event = samples::requested();
    let EventBody::BuildRequested(body) = &event.body else { panic!() };
    let plan = plan(&event, &Mapping::guide());
    let Operation::Attach { file, .. } = &plan.operations[1] else { panic!() };
    assert_eq!(Sha256Digest::of(&file.content), body.recipe.recipe_hash());
    let recipe: Value = serde_json::from_slice(&file.content).unwrap();
    assert_eq!(recipe["x-new"]["kept"], true, "what is not known survives");
}

/// Guide, "Risk: based on security level", as read: absent is the highest.
#[test]
fn risk_follows_the_recipe() {
    for (level, risk) in [(Some("minimal"), "2"), (Some("standard"), "3"), (Some("strict"), "4"), (None, "2")]
    {
        let mut event = samples::requested();
        let EventBody::BuildRequested(body) = &mut event.body else { panic!() };
        let mut recipe = json!({"name": "press", "baseImage": "debian-trixie"});
        if let Some(level) = level {
            recipe["security"] = json!({"hardeningLevel": level});
        }
        body.recipe = samples::recipe(&recipe);
        let values = planned(&event)[0]["values"].clone();
        assert_eq!(values["risk"], risk, "{level:?}");
        assert!(values["risk_impact_analysis"].as_str().unwrap().contains("security level"));
        assert_eq!(values["short_description"], "Custom debian-trixie build: base image only");
    }
}

#[test]
fn completion_and_gate_are_noted_on_the_change_request() {
    let note = &planned(&samples::completed())[0];
    assert_eq!(outline(std::slice::from_ref(note)), ["note change/b-1"]);
    for text in [&samples::digest("image"), &samples::digest("root"), &samples::digest("log")] {
        assert!(note["text"].as_str().unwrap().contains(&text.to_string()));
    }
    let marker = note["marker"].as_str().unwrap();
    assert!(marker.starts_with("[openfactory:") && marker.len() == "[openfactory:0123456789abcdef]".len());
}

#[tokio::test]
async fn both_verdicts_of_a_gate_are_noted() {
    for (approval, text) in [("approved", "is open"), ("rejected", "will not begin")] {
        let mut world = World::new();
        world.apply(&samples::requested()).await;
        world.recorded(&samples::requested()).await;
        world.observe(&samples::change_request(), approval, "-2");
        let [verdict] = world.apply(&samples::hint("hint-1", 1)).await.try_into().unwrap();
        let operations = planned(&verdict);
        assert_eq!(outline(&operations), ["note change/b-1"]);
        assert!(operations[0]["text"].as_str().unwrap().contains(text));
    }
}

/// Guide, Stage 2: evidence with its results, score, and the signed document; one record per framework.
#[test]
fn evidence_goes_to_the_change_request_and_to_each_framework() {
    let operations = planned(&samples::verified());
    let outline = outline(&operations);
    assert_eq!(
        outline[..3],
        ["attach change/b-1 verification.json", "attach change/b-1 chain.txt", "note change/b-1"]
    );
    assert_eq!(outline.len(), 3 + 2 * 3);
    let note = operations[2]["text"].as_str().unwrap();
    assert!(
        note.contains("2 of 3 links proved") && note.contains("- sbom: not checked (no SBOM was given)"),
        "{note}"
    );
    let frameworks = [("21 CFR Part 11", "§11.10(a)"), ("SOC 2", "CC8.1"), ("ISO 27001", "A.14.2.2")];
    for (index, (framework, clause)) in frameworks.into_iter().enumerate() {
        let create = &operations[3 + 2 * index];
        assert_eq!(create["operation"], "create");
        assert_eq!(create["record"]["table"], "sn_grc_item");
        let values = &create["values"];
        assert_eq!(values["u_framework"], framework);
        assert_eq!((&values["u_kind"], &values["u_build_id"]), (&json!("evidence"), &json!("b-1")));
        assert_eq!((&values["u_result"], &values["u_score"]), (&json!("pass"), &json!("2/3")));
        assert!(values["description"].as_str().unwrap().contains(clause), "{framework}");
        assert_eq!(operations[4 + 2 * index]["file"]["name"], "verification.json");
        assert_eq!(operations[4 + 2 * index]["record"], create["record"]);
    }
}

/// Guide, Stage 4, "CMDB Configuration Item Mapping".
#[test]
fn cmdb_configuration_item_mapping_row_by_row() {
    let operations = planned(&samples::deployed());
    assert_eq!(
        outline(&operations)[..5],
        [
            "create image/debian-trixie/13.1",
            "create build/b-1",
            "put device/edge-1",
            "relate build/b-1 image/debian-trixie/13.1",
            "relate build/b-1 device/edge-1",
        ]
    );
    let device = &operations[2];
    assert_eq!(device["record"]["table"], "cmdb_ci_os_image");
    let values = &device["values"];
    let rows = [
        ("device.id", "asset_tag", json!("edge-1")),
        ("device.id", "serial_number", json!("SN-0001")),
        ("device.os_version", "os_version", json!("13.1-b-1")),
        ("device.fleet", "assignment_group", group("Fleet Operations")),
        (
            "device.build_recipe",
            "short_description",
            json!(format!("Build b-1, recipe {}", samples::digest("recipe"))),
        ),
        ("device.compliance_status", "operational_status", json!("Unknown")),
        ("device.distribution", "os", json!("Debian")),
        ("build.features", "u_features", json!("ssh,docker")),
        ("build.security_level", "u_security_level", json!("strict")),
        ("build id", "u_build_id", json!("b-1")),
        ("fleet", "u_fleet", json!("line-7")),
        (
            "document digest",
            "u_document_digest",
            json!(samples::envelope("document").payload_digest().to_string()),
        ),
        ("root hash", "u_root_hash", json!(samples::digest("root").to_string())),
        ("kind", "u_kind", json!("device")),
    ];
    for (row, field, value) in rows {
        assert_eq!(values[field], value, "{row}");
    }
    // device.last_verified: not before its first report
    assert_eq!(values.get("last_discovered"), None);
    assert_eq!(operations[3]["type_name"], "Depends on::Used by");
    assert_eq!(operations[4]["type_name"], "Runs on::Runs");
    assert_eq!(operations[0]["values"]["u_kind"], "base_image");
    assert_eq!(operations[1]["values"]["u_kind"], "build");
}

#[test]
fn a_fleet_has_its_group() {
    let mut mapping = Mapping::guide();
    mapping.groups.fleets.insert(FleetId::new("line-7").unwrap(), "Press Shop".to_owned());
    assert_eq!(
        planned_by(&samples::deployed(), &mapping)[2]["values"]["assignment_group"],
        group("Press Shop")
    );
}

#[test]
fn columns_that_an_instance_lacks_are_not_written() {
    let mut mapping = Mapping::guide();
    mapping.item.features_column = None;
    mapping.item.operational_status.unknown = None;
    let values = planned_by(&samples::deployed(), &mapping)[2]["values"].clone();
    assert_eq!((values.get("u_features"), values.get("operational_status")), (None, None));
    assert_eq!(values["u_compliance_status"], "Unknown");
}

#[test]
fn what_the_workflow_answers_itself_is_not_told() {
    assert!(planned(&samples::reported(samples::report(1, &["etc/shadow"]))).is_empty());
    assert!(planned(&samples::hint("hint-1", 1)).is_empty());
}
