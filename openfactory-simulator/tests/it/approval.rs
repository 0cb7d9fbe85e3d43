//! Who is asked to approve a change, in which order, and how many have to say yes.

use serde_json::{Value, json};

use crate::support::{Instance, builder, column, id, instance, path_of, started};
use crate::switches::both;
use openfactory_simulator::{Profile, User};

/// A group of which `users` are members.
async fn group(it: &Instance, name: &str, users: &[&str]) -> String {
    let made =
        it.send("admin", reqwest::Method::POST, "/api/now/table/sys_user_group", json!({ "name": name }));
    let made: Value = made.await.json().await.unwrap();
    let group = id(&made["result"]).to_owned();
    for user in users {
        join(it, &group, user).await;
    }
    group
}

async fn join(it: &Instance, group: &str, user: &str) {
    let user = it.get(&format!("/api/now/table/sys_user?user_name={user}")).await;
    let row = json!({ "group": group, "user": id(&user[0]) });
    let made = it.send("admin", reqwest::Method::POST, "/api/now/table/sys_user_grmember", row).await;
    assert_eq!(made.status(), 201);
}

async fn assessed(it: &Instance, group: &str) -> Value {
    let change = it.create("change_request", json!({ "type": "normal", "assignment_group": group })).await;
    it.patch("ada", "change_request", &change, json!({ "state": "-4" })).await
}

/// Who was asked, in which state their rows are.
async fn asked(it: &Instance, change: &Value) -> Vec<(String, String)> {
    let path = "/api/now/table/sysapproval_approver?sysparm_fields=approver.user_name,state&sysparm_query=sysapproval=";
    let rows = it.get(&format!("{path}{}^ORDERBYapprover.user_name", id(change))).await;
    column(&rows, "approver.user_name").into_iter().zip(column(&rows, "state")).collect()
}

async fn answer(it: &Instance, user: &str, change: &Value, state: &str) -> u16 {
    let path = "/api/now/table/sysapproval_approver?sysparm_query=sysapproval=";
    let rows = it.get(&format!("{path}{}^approver.user_name={user}", id(change))).await;
    let row = path_of("sysapproval_approver", &rows[0]);
    it.send(user, reqwest::Method::PATCH, &row, json!({ "state": state })).await.status().as_u16()
}

async fn stands(it: &Instance, change: &Value) -> (String, String) {
    let row = it.get(&path_of("change_request", change)).await;
    ["state", "approval"].map(|name| row[name].as_str().unwrap().to_owned()).into()
}

fn at(state: &str, approval: &str) -> (String, String) {
    (state.into(), approval.into())
}

fn rows(told: &[(&str, &str)]) -> Vec<(String, String)> {
    told.iter().map(|(user, state)| ((*user).to_owned(), (*state).to_owned())).collect()
}

async fn with_peers() -> Instance {
    started(
        builder().user(User::new("bow", "pw").roles(["itil"])).user(User::new("eve", "pw").roles(["itil"])),
    )
    .await
}

#[tokio::test]
async fn the_peers_approve_first_and_then_the_board() {
    let it = with_peers().await;
    let peers = group(&it, "Line 4", &["ada", "bow"]).await;
    let change = assessed(&it, &peers).await;
    assert_eq!(stands(&it, &change).await, at("-4", "requested"));
    assert_eq!(asked(&it, &change).await, rows(&[("ada", "requested"), ("bow", "requested")]));

    // What waits for its approval is not moved by hand, and one of two is not enough.
    let (status, ..) = it.refused_patch("ada", "change_request", &change, json!({ "state": "-3" })).await;
    assert_eq!(status, 403);
    assert_eq!(answer(&it, "ada", &change, "approved").await, 200);
    assert_eq!(stands(&it, &change).await, at("-4", "requested"));
    assert_eq!(answer(&it, "bow", &change, "approved").await, 200);

    // The peers' approval is not the board's: the gate is asked for anew.
    assert_eq!(stands(&it, &change).await, at("-3", "requested"));
    let all = [("ada", "approved"), ("bow", "approved"), ("change.manager", "requested")];
    assert_eq!(asked(&it, &change).await, rows(&all));
    assert_eq!(answer(&it, "change.manager", &change, "approved").await, 200);
    assert_eq!(stands(&it, &change).await, at("-2", "approved"));
}

#[tokio::test]
async fn a_rejection_by_one_sends_the_change_back_at_either_stage() {
    let it = with_peers().await;
    let peers = group(&it, "Line 4", &["ada", "bow"]).await;
    let change = assessed(&it, &peers).await;
    assert_eq!(answer(&it, "ada", &change, "approved").await, 200);
    assert_eq!(answer(&it, "bow", &change, "rejected").await, 200);
    assert_eq!(stands(&it, &change).await, at("-5", "rejected"));

    // Who has answered does not answer again.
    assert_eq!(answer(&it, "bow", &change, "approved").await, 403);
    assert_eq!(stands(&it, &change).await, at("-5", "rejected"));

    let again = assessed(&it, &peers).await;
    it.patch("change.manager", "change_request", &again, json!({ "approval": "approved" })).await;
    assert_eq!(stands(&it, &again).await, at("-3", "requested"), "the manager's word settles one stage");
    assert_eq!(answer(&it, "change.manager", &again, "rejected").await, 200);
    assert_eq!(stands(&it, &again).await, at("-5", "rejected"));
}

#[tokio::test]
async fn peers_that_there_are_none_of_are_not_waited_for() {
    let it = instance().await;
    let empty = group(&it, "Nobody", &[]).await;
    for group in ["", empty.as_str()] {
        let change = assessed(&it, group).await;
        assert_eq!(stands(&it, &change).await, at("-3", "requested"));
        assert_eq!(asked(&it, &change).await, rows(&[("change.manager", "requested")]));
    }
}

#[tokio::test]
async fn who_has_left_is_not_asked() {
    let it = with_peers().await;
    let peers = group(&it, "Line 4", &["bow", "eve"]).await;
    let eve = it.get("/api/now/table/sys_user?user_name=eve").await;
    it.patch("admin", "sys_user", &eve[0], json!({ "active": "false" })).await;
    let change = assessed(&it, &peers).await;
    assert_eq!(asked(&it, &change).await, rows(&[("bow", "requested")]));
    assert_eq!(answer(&it, "bow", &change, "approved").await, 200);
    assert_eq!(stands(&it, &change).await, at("-3", "requested"));
}

#[tokio::test]
async fn the_peers_are_asked_before_the_board_or_not() {
    let mut stood = Vec::new();
    for it in both(|switches| switches.peers_approve_first = false).await {
        let peers = group(&it, "Line 4", &["ada"]).await;
        let change = assessed(&it, &peers).await;
        let who = asked(&it, &change).await[0].0.clone();
        assert_eq!(answer(&it, &who, &change, "approved").await, 200);
        stood.push((who, stands(&it, &change).await));
    }
    let expected = [("ada", at("-3", "requested")), ("change.manager", at("-2", "approved"))];
    assert_eq!(stood, expected.map(|(who, stands)| (who.to_owned(), stands)));
}

#[tokio::test]
async fn everybody_approves_or_one_is_enough() {
    let mut stood = Vec::new();
    for it in both(|switches| switches.one_approval_suffices = true).await {
        let board = it.get("/api/now/table/sys_user_group?name=CAB%20Approval").await;
        join(&it, id(&board[0]), "ada").await;
        let change = assessed(&it, "").await;
        assert_eq!(answer(&it, "ada", &change, "approved").await, 200);
        stood.push((stands(&it, &change).await, asked(&it, &change).await));
    }
    let [all, one] = stood.try_into().unwrap();
    assert_eq!(all, (at("-3", "requested"), rows(&[("ada", "approved"), ("change.manager", "requested")])));
    assert_eq!(one, (at("-2", "approved"), rows(&[("ada", "approved"), ("change.manager", "not_required")])));
}

/// The approver rows of a change that wait, by user.
async fn waiting(it: &Instance, change: &Value, user: &str) -> String {
    let path = "/api/now/table/sysapproval_approver?sysparm_query=state=requested^sysapproval=";
    let rows = it.get(&format!("{path}{}^approver.user_name={user}", id(change))).await;
    path_of("sysapproval_approver", &rows[0])
}

#[tokio::test]
async fn who_is_asked_about_one_change_answers_for_no_other() {
    let it =
        started(builder().profile(Profile::Stock).user(User::new("otto", "pw").roles(["approver_user"])))
            .await;
    let peers = group(&it, "Line 4", &["otto"]).await;
    let own = assessed(&it, &peers).await;
    let other = it.create("change_request", json!({ "type": "normal" })).await;
    it.patch("ada", "change_request", &other, json!({ "state": "-4" })).await;
    let emergency = it.create("change_request", json!({ "type": "emergency" })).await;
    let ada = it.get("/api/now/table/sys_user?user_name=ada").await;

    let row = waiting(&it, &own, "otto").await;
    let answer = |body: Value| it.send("otto", reqwest::Method::PATCH, &row, body);
    // Neither whom it asks nor what about is the approver's to say; such values are dropped.
    assert_eq!(answer(json!({ "approver": id(&ada[0]), "sysapproval": id(&other) })).await.status(), 200);
    assert_eq!(asked(&it, &own).await, rows(&[("otto", "requested")]));
    let sent = json!({ "sysapproval": id(&emergency), "document_id": id(&emergency), "state": "approved" });
    assert_eq!(answer(sent).await.status(), 200);
    assert_eq!(stands(&it, &own).await, at("-3", "requested"));
    assert_eq!(stands(&it, &other).await, at("-3", "requested"));
    assert_eq!(stands(&it, &emergency).await, at("-5", "not requested"));
    // Nor does an administrator turn a question into one about another change.
    let row = waiting(&it, &own, "change.manager").await;
    it.send("admin", reqwest::Method::PATCH, &row, json!({ "sysapproval": id(&emergency) })).await;
    assert_eq!(waiting(&it, &own, "change.manager").await, row);
}

#[tokio::test]
async fn back_in_new_nothing_is_approved() {
    let it = with_peers().await;
    let peers = group(&it, "Line 4", &["ada"]).await;
    let change = assessed(&it, &peers).await;
    it.patch("ada", "change_request", &change, json!({ "on_hold": true })).await;
    assert_eq!(answer(&it, "ada", &change, "approved").await, 200);
    assert_eq!(stands(&it, &change).await, at("-4", "approved"));
    it.patch("ada", "change_request", &change, json!({ "state": "-5", "on_hold": false })).await;
    assert_eq!(stands(&it, &change).await, at("-5", "not requested"));
    it.patch("ada", "change_request", &change, json!({ "type": "emergency" })).await;
    it.patch("ada", "change_request", &change, json!({ "state": "-3" })).await;
    assert_eq!(stands(&it, &change).await, at("-3", "requested"));
    let board = ("change.manager", "requested");
    assert_eq!(asked(&it, &change).await, rows(&[("ada", "approved"), board]));
    // Approved beforehand by who may decide, it is asked all the same once it is another kind of change.
    let change = it.create("change_request", json!({ "type": "standard" })).await;
    it.patch("change.manager", "change_request", &change, json!({ "approval": "approved" })).await;
    it.patch("ada", "change_request", &change, json!({ "type": "emergency" })).await;
    assert_eq!(stands(&it, &change).await, at("-5", "not requested"));
}

#[tokio::test]
async fn whether_somebody_is_asked_is_the_instances_to_say() {
    let it = with_peers().await;
    let peers = group(&it, "Line 4", &["bow"]).await;
    let change = assessed(&it, &peers).await;
    for text in ["not requested", "bogus", ""] {
        it.patch("change.manager", "change_request", &change, json!({ "approval": text })).await;
        assert_eq!(stands(&it, &change).await, at("-4", "requested"), "{text}");
    }
    // What is answered is not asked again, and nobody comments in another's name.
    let row = waiting(&it, &change, "bow").await;
    let forged = |who: &'static str, body: Value| it.send(who, reqwest::Method::PATCH, &row, body);
    assert_eq!(forged("ada", json!({ "comments": "forged" })).await.status(), 403);
    assert_eq!(forged("bow", json!({ "comments": "fine", "state": "approved" })).await.status(), 200);
    assert_eq!(forged("change.manager", json!({ "state": "requested" })).await.status(), 403);
    assert_eq!(asked(&it, &change).await[0], ("bow".to_owned(), "approved".to_owned()));
}

#[tokio::test]
async fn an_answer_is_yes_or_no() {
    let it = with_peers().await;
    let peers = group(&it, "Line 4", &["bow"]).await;
    let change = assessed(&it, &peers).await;
    for state in ["not_required", "cancelled", "banana", ""] {
        assert_eq!(answer(&it, "bow", &change, state).await, 403, "{state}");
    }
    assert_eq!(asked(&it, &change).await, rows(&[("bow", "requested")]));
    assert_eq!(answer(&it, "bow", &change, "approved").await, 200);
}

#[tokio::test]
async fn a_question_that_is_taken_back_leaves_no_change_waiting_for_nobody() {
    let it = with_peers().await;
    let peers = group(&it, "Line 4", &["bow", "eve"]).await;
    let settled = json!({ "state": "not_required" });

    // The other one's approval stands for both, whether the row is settled or deleted.
    for delete in [false, true] {
        let change = assessed(&it, &peers).await;
        assert_eq!(answer(&it, "bow", &change, "approved").await, 200);
        let row = waiting(&it, &change, "eve").await;
        let sent = if delete {
            it.send("admin", reqwest::Method::DELETE, &row, json!({})).await
        } else {
            it.send("change.manager", reqwest::Method::PATCH, &row, settled.clone()).await
        };
        assert!(sent.status().is_success());
        assert_eq!(stands(&it, &change).await, at("-3", "requested"));
    }

    // Where nobody has approved, it is asked anew: the gate does not open by itself.
    let change = assessed(&it, &peers).await;
    for user in ["bow", "eve"] {
        let row = waiting(&it, &change, user).await;
        it.send("admin", reqwest::Method::PATCH, &row, settled.clone()).await;
    }
    assert_eq!(stands(&it, &change).await, at("-4", "requested"));
    let mut open = asked(&it, &change).await;
    open.retain(|(_, state)| state == "requested");
    assert_eq!(open, rows(&[("bow", "requested"), ("eve", "requested")]));
}

#[tokio::test]
async fn somebody_is_always_asked() {
    let it = instance().await;
    let manager = it.get("/api/now/table/sys_user?user_name=change.manager").await;
    it.patch("admin", "sys_user", &manager[0], json!({ "active": "false" })).await;
    let change = assessed(&it, "").await;
    assert_eq!(asked(&it, &change).await, rows(&[("admin", "requested")]));
    assert_eq!(answer(&it, "admin", &change, "approved").await, 200);
    assert_eq!(stands(&it, &change).await, at("-2", "approved"));
}

#[tokio::test]
async fn who_is_asked_answers_without_any_role() {
    for profile in Profile::ALL {
        let it = started(builder().profile(profile)).await;
        let peers = group(&it, "Line 4", &["nobody"]).await;
        let (change, other) = (assessed(&it, &peers).await, assessed(&it, "").await);
        let row = waiting(&it, &change, "nobody").await;
        let read = it.request("nobody", reqwest::Method::GET, &row).send().await.unwrap();
        assert_eq!(read.status(), 200, "{profile}");
        let theirs = waiting(&it, &other, "change.manager").await;
        let read = it.request("nobody", reqwest::Method::GET, &theirs).send().await.unwrap();
        assert_eq!(read.status(), 404, "{profile}");
        let sent = it.send("nobody", reqwest::Method::PATCH, &row, json!({ "state": "approved" })).await;
        assert_eq!(sent.status(), 200, "{profile}");
        assert_eq!(stands(&it, &change).await, at("-3", "requested"), "{profile}");
    }
}
