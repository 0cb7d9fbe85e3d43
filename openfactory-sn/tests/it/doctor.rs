use openfactory_sn::doctor::{Finding, Needs, Verdict};
use openfactory_sn::testing::{Expected, Reply, ScriptedTransport};
use openfactory_sn::{Auth, CorrelationId, IntegrationPoint, Secret, SysId};
use serde_json::{Value, json};

use crate::support::{builder, client};

fn table(name: &str) -> Expected {
    Expected::get(format!("/api/now/table/{name}"))
}

fn rows(rows: Value) -> Reply {
    Reply::result(200, rows)
}

fn me() -> Reply {
    rows(json!([{"sys_id": "u1", "user_name": "svc", "active": "true", "locked_out": "false"}]))
}

fn word(finding: &Finding) -> &'static str {
    match &finding.verdict {
        Verdict::Good => "good",
        Verdict::Missing => "missing",
        Verdict::Remark => "remark",
        Verdict::Unchecked(_) => "unchecked",
        _ => "other",
    }
}

async fn examine(script: &ScriptedTransport, needs: &Needs) -> Vec<(String, &'static str)> {
    let findings = client(script).examine(needs).await;
    script.assert_done();
    assert!(findings.iter().all(|finding| !finding.advice.is_empty()));
    findings.iter().map(|finding| (finding.need.clone(), word(finding))).collect()
}

fn expected(pairs: &[(&str, &'static str)]) -> Vec<(String, &'static str)> {
    pairs.iter().map(|(need, word)| ((*need).to_owned(), *word)).collect()
}

#[tokio::test]
async fn a_ready_instance() {
    let some = || rows(json!([{"sys_id": "x"}]));
    let with = |fields: Value| {
        let mut row = fields;
        row["sys_id"] = "x".into();
        rows(json!([row]))
    };
    let script = ScriptedTransport::new()
        .on(table("sys_user").query("sysparm_query", "sys_id=javascript:gs.getUserID()^ORDERBYsys_id"), me())
        .on(table("sys_user_has_role"), with(json!({"user": "u1", "role.name": "itil"})))
        .on(table("sys_rate_limit_rules"), rows(json!([])))
        .on(table("incident"), some())
        .on(table("sys_db_object"), with(json!({"name": "u_image", "super_class.name": "cmdb_ci_hardware"})))
        .on(table("sys_db_object"), with(json!({"name": "cmdb_ci_hardware", "super_class.name": ""})))
        .on(
            table("cmdb_identifier").query("sysparm_query", "applies_toINu_image,cmdb_ci_hardware^active=true^ORDERBYsys_id"),
            with(json!({"applies_to": "cmdb_ci_hardware", "active": "true"})),
        )
        .on(table("sys_choice"), with(json!({"name": "cmdb_ci", "element": "discovery_source", "value": "OpenFactory", "inactive": "false"})))
        .on(table("cmdb_rel_type"), with(json!({"name": "Runs on::Runs"})))
        .on(table("sys_script"), with(json!({"collection": "incident", "active": "true", "name": "OpenFactory tells"})))
        .on(Expected::get("/api/sn_chg_rest/v1/change"), rows(json!([])));
    let needs = Needs::new()
        .role("itil")
        .table("incident")
        .identified_class("u_image")
        .choice("cmdb_ci", "discovery_source", "OpenFactory")
        .relation_type("Runs on::Runs")
        .business_rule("incident", "OpenFactory")
        .change_management();
    let found = examine(&script, &needs).await;
    assert_eq!(found.len(), 9);
    let (remarks, good): (Vec<_>, Vec<_>) = found.into_iter().partition(|(_, word)| *word == "remark");
    assert_eq!(
        remarks,
        expected(&[("rate limit rules", "remark")]),
        "there may be some that it is not shown"
    );
    assert!(good.iter().all(|(_, word)| *word == "good"), "{good:?}");
}

#[tokio::test]
async fn what_is_missing_and_what_could_not_be_looked_at() {
    let script = ScriptedTransport::new()
        .on(table("sys_user"), rows(json!([])))
        .on(table("sys_rate_limit_rules"), Reply::fault(403, "Insufficient rights to query records", ""))
        .on(table("u_image"), Reply::fault(400, "Invalid table u_image", ""))
        .on(table("incident"), rows(json!([])))
        .on(table("sys_choice"), rows(json!([])))
        .on(table("sys_choice"), rows(json!([{"sys_id": "c1"}])))
        .on(table("sys_script"), rows(json!([])))
        .on(table("sys_script"), rows(json!([])))
        .on(
            Expected::get("/api/sn_chg_rest/v1/change"),
            Reply::fault(400, "Requested URI does not represent any resource", ""),
        );
    let needs = Needs::new()
        .table("u_image")
        .table("incident")
        .choice("incident", "close_code", "x")
        .business_rule("incident", "OpenFactory")
        .change_management();
    assert_eq!(
        examine(&script, &needs).await,
        expected(&[
            ("credential", "remark"),
            ("rate limit rules", "unchecked"),
            ("table u_image", "missing"),
            ("table incident", "remark"),
            ("choice x of incident.close_code", "missing"),
            // Who is shown no business rule at all must not be told to make one, which may be there.
            ("business rule OpenFactory on incident", "unchecked"),
            ("Change Management API", "missing"),
        ])
    );
}

#[tokio::test]
async fn plugins_classes_and_data_sources() {
    let asks = |name: &str, query: &str| table(name).query("sysparm_query", format!("{query}^ORDERBYsys_id"));
    let source = "name=cmdb_ci^element=discovery_source^value=OpenFactory^inactive=false";
    let script = ScriptedTransport::new()
        .on(table("sys_user"), me())
        .on(table("sys_rate_limit_rules"), rows(json!([])))
        .on(
            asks("v_plugin", "id=com.sn_audit^active=active"),
            rows(json!([{"sys_id": "p", "id": "com.sn_audit", "active": "active"}])),
        )
        .on(asks("v_plugin", "id=com.sn_grc^active=active"), rows(json!([])))
        .on(table("v_plugin"), rows(json!([{"sys_id": "p"}])))
        .on(
            asks("sys_db_object", "name=u_image^super_class.name=cmdb_ci"),
            rows(json!([{"sys_id": "c", "name": "u_image", "super_class.name": "cmdb_ci"}])),
        )
        .on(asks("sys_db_object", "name=u_site^super_class.name=cmdb_ci"), Reply::fault(403, "x", ""))
        // who is no administrator sees the label alone, which is no proof of anything
        .on(asks("sys_choice", source), rows(json!([{"sys_id": "s", "label": "OpenFactory"}])));
    let needs = Needs::new()
        .plugin("com.sn_audit")
        .plugin("com.sn_grc")
        .class("u_image", "cmdb_ci")
        .class("u_site", "cmdb_ci")
        .discovery_source("OpenFactory");
    assert_eq!(
        examine(&script, &needs).await[2..],
        expected(&[
            ("plugin com.sn_audit", "good"),
            ("plugin com.sn_grc", "missing"),
            ("class u_image", "good"),
            ("class u_site", "unchecked"),
            ("choice OpenFactory of cmdb_ci.discovery_source", "unchecked"),
        ])
    );
}

#[tokio::test]
async fn each_points_credential_is_tried() {
    let by = |key: &str| table("sys_user").header("x-sn-apikey", key);
    let script = ScriptedTransport::new()
        .on(by("all"), me())
        .on(by("change"), me())
        .on(by("grc"), Reply::fault(401, "User Not Authenticated", ""))
        .on(table("sys_rate_limit_rules").header("x-sn-apikey", "all"), rows(json!([])));
    let key = |key: &str| Auth::api_key(Secret::new(key));
    let builder = builder(&script).auth(key("all"));
    let builder = builder.auth_for(IntegrationPoint::Grc, key("grc"));
    let sn = builder.auth_for(IntegrationPoint::Change, key("change")).build().unwrap();
    let findings = sn.examine(&Needs::new()).await;
    let found: Vec<_> = findings.iter().map(|finding| (finding.need.clone(), word(finding))).collect();
    assert_eq!(
        found,
        expected(&[
            ("credential", "good"),
            ("credential of Change", "good"),
            ("credential of Grc", "missing"),
            ("rate limit rules", "remark"),
        ])
    );
    script.assert_done();
}

#[tokio::test]
async fn a_refused_credential_is_tried_once() {
    let script = ScriptedTransport::new().on(
        Expected::post("/oauth_token.do"),
        Reply::json(401, &json!({"error": "server_error", "error_description": "access_denied"})),
    );
    let sn = builder(&script).auth(Auth::client_credentials("c", Secret::new("s"))).build().unwrap();
    let findings = sn.examine(&Needs::new().table("incident")).await;
    assert_eq!((findings.len(), word(&findings[0])), (1, "missing"));
    assert!(findings[0].advice.contains("grant_type.enabled"));
    script.assert_done();
}

#[tokio::test]
async fn long_lives_of_tokens_are_remarked() {
    for (life, expected) in [(1_800, "good"), (3_600, "remark")] {
        let script = ScriptedTransport::new()
            .on(Expected::post("/oauth_token.do"), Reply::token("t", life))
            .on(table("sys_user"), me())
            .on(table("sys_rate_limit_rules"), rows(json!([{"sys_id": "r1"}])));
        let sn = builder(&script).auth(Auth::client_credentials("c", Secret::new("s"))).build().unwrap();
        let findings = sn.examine(&Needs::new()).await;
        assert_eq!((findings[1].need.as_str(), word(&findings[1])), ("token life", expected));
        assert_eq!(word(&findings[2]), "remark");
        script.assert_done();
    }
}

#[tokio::test]
async fn the_write_probe_cleans_up_or_says_what_is_left() {
    let key = SysId::derived("incident", &CorrelationId::new("doctor/write-probe").unwrap());
    let record = || Reply::result(200, json!({"sys_id": key}));
    let path = format!("/api/now/table/incident/{key}");
    let begin = || {
        ScriptedTransport::new()
            .on(table("sys_user"), me())
            .on(table("sys_rate_limit_rules"), rows(json!([])))
    };
    let made = || {
        begin().on(
            Expected::post("/api/now/table/incident").field("sys_id", key.as_str()),
            Reply::result(201, json!({"sys_id": key})),
        )
    };
    let needs = Needs::new().write_probe("incident");
    let good = made().on(Expected::patch(&path), record()).on(Expected::delete(&path), Reply::empty(204));
    assert_eq!(examine(&good, &needs).await[2].1, "good");
    let kept = made()
        .on(Expected::patch(&path), record())
        .on(Expected::delete(&path), Reply::fault(403, "Operation Failed", "ACL Exception Delete Failed"));
    let findings = client(&kept).examine(&needs).await;
    assert!(findings[2].advice.contains(key.as_str()), "{}", findings[2].advice);
    // Made or not, nobody knows: it is taken away all the same.
    let lost = || {
        begin()
            .on(Expected::post("/api/now/table/incident"), Reply::fault(500, "x", ""))
            .on(Expected::get(&path), Reply::fault(403, "Insufficient rights", ""))
    };
    let cleaned = lost().on(Expected::delete(&path), Reply::empty(204));
    assert_eq!(examine(&cleaned, &needs).await[2].1, "missing");
    let left = lost().on(Expected::delete(&path), Reply::fault(403, "Operation Failed", "ACL Exception"));
    let findings = client(&left).examine(&needs).await;
    assert!(findings[2].advice.contains("left over"), "{}", findings[2].advice);
    let refused = begin()
        .on(
            Expected::post("/api/now/table/incident"),
            Reply::fault(403, "Operation Failed", "ACL Exception Insert Failed"),
        )
        .on(Expected::get(&path), Reply::fault(404, "No Record found", ""));
    assert_eq!(examine(&refused, &needs).await[2].1, "missing");
    // An instance that gives keys of its own: the record that it made is the one that is taken away.
    let other = |deleted: Reply| {
        begin()
            .on(Expected::post("/api/now/table/incident"), Reply::result(201, json!({"sys_id": "x1"})))
            .on(Expected::delete("/api/now/table/incident/x1"), deleted)
    };
    let told = other(Reply::empty(204));
    let findings = client(&told).examine(&needs).await;
    assert!(findings[2].advice.contains("correlation ids"), "{}", findings[2].advice);
    told.assert_done();
    let findings = client(&other(Reply::fault(403, "x", "ACL Exception"))).examine(&needs).await;
    assert!(findings[2].advice.contains("left over as x1"), "{}", findings[2].advice);
}
