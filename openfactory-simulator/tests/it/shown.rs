//! Rows as a caller wants them: dates in its own time zone and format, the fields of a view, XML.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use openfactory_simulator::clock::ManualClock;
use reqwest::Method;
use serde_json::json;

use crate::support::{Instance, builder, column, id, instance, path_of, result, started};

/// An instance whose clock stands at 2001-09-09 01:46:40, UTC, and whose user `ada` lives in California.
async fn abroad() -> Instance {
    let clock = ManualClock::starting_at(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000));
    let it = started(builder().clock(Arc::new(clock))).await;
    let ada = it.get("/api/now/table/sys_user?user_name=ada").await;
    let habits =
        json!({ "time_zone": "US/Pacific", "date_format": "MM/dd/yyyy", "time_format": "hh:mm:ss a" });
    it.patch("admin", "sys_user", &ada[0], habits).await;
    it
}

#[tokio::test]
async fn dates_are_shown_in_the_callers_zone_and_format() {
    let it = abroad().await;
    let made = it.create("incident", json!({ "work_notes": "note" })).await;
    assert_eq!(made["sys_created_on"], "2001-09-09 01:46:40");
    let path = path_of("incident", &made);
    let shown = it.get(&format!("{path}?sysparm_display_value=true")).await;
    assert_eq!(shown["sys_created_on"], "09/08/2001 06:46:40 PM");
    assert_eq!(shown["work_notes"], "09/08/2001 06:46:40 PM - ada (Work notes)\nnote\n\n");
    let both = it.get(&format!("{path}?sysparm_display_value=all&sysparm_fields=sys_created_on")).await;
    let expected = json!({ "display_value": "09/08/2001 06:46:40 PM", "value": "2001-09-09 01:46:40" });
    assert_eq!(both["sys_created_on"], expected);
    // Others see the same instant by their own clock.
    let answer = it.request("admin", Method::GET, &format!("{path}?sysparm_display_value=true"));
    assert_eq!(result(answer.send().await.unwrap()).await["sys_created_on"], "2001-09-09 01:46:40");
    // Where a user says nothing, the instance's properties hold.
    let zone = json!({ "name": "glide.sys.default.tz", "value": "Europe/Berlin" });
    it.send("admin", Method::POST, "/api/now/table/sys_properties", zone).await;
    let answer = it.request("admin", Method::GET, &format!("{path}?sysparm_display_value=true"));
    assert_eq!(result(answer.send().await.unwrap()).await["sys_created_on"], "2001-09-09 03:46:40");
}

#[tokio::test]
async fn dates_are_taken_as_the_caller_writes_them() {
    let it = abroad().await;
    let path = "/api/now/table/incident?sysparm_input_display_value=true";
    let send = async |value: &str| {
        let body = json!({ "due_date": value });
        result(it.send("ada", Method::POST, path, body).await).await["due_date"].as_str().unwrap().to_owned()
    };
    assert_eq!(send("01/31/2002 11:30:00 PM").await, "2002-02-01 07:30:00");
    assert_eq!(send("2002-01-31 23:30:00").await, "2002-02-01 07:30:00");
    assert_eq!(send("when it suits").await, "");
    let raw = it.create("incident", json!({ "due_date": "2002-02-01 07:30:00" })).await;
    assert_eq!(raw["due_date"], "2002-02-01 07:30:00");
}

#[tokio::test]
async fn days_begin_by_the_callers_clock() {
    let it = abroad().await;
    // In California it is still the eighth.
    it.create("incident", json!({ "due_date": "2001-09-08 08:00:00", "correlation_id": "a" })).await;
    let query = "due_dateONToday@javascript:gs.beginningOfToday()@javascript:gs.endOfToday()";
    let count = async |user: &str| {
        let request =
            it.request(user, Method::GET, "/api/now/table/incident").query(&[("sysparm_query", query)]);
        result(request.send().await.unwrap()).await.as_array().unwrap().len()
    };
    assert_eq!((count("ada").await, count("admin").await), (1, 0));
}

#[tokio::test]
async fn parts_of_dates_and_groups_go_by_the_callers_clock() {
    let it = abroad().await;
    // A Sunday in UTC, and still Saturday in California.
    it.create("incident", json!({ "due_date": "2001-09-09 03:00:00", "correlation_id": "a" })).await;
    let query = "due_dateDATEPARTSaturday@javascript:gs.datePart('dayofweek','saturday','EE')";
    for (user, found) in [("ada", 1), ("admin", 0)] {
        let request =
            it.request(user, Method::GET, "/api/now/table/incident").query(&[("sysparm_query", query)]);
        assert_eq!(result(request.send().await.unwrap()).await.as_array().unwrap().len(), found, "{user}");
    }
    let path =
        "/api/now/stats/incident?sysparm_count=true&sysparm_group_by=due_date&sysparm_display_value=all";
    let groups = it.get(path).await;
    let due = &groups[0]["groupby_fields"][0];
    let row = it.get("/api/now/table/incident?sysparm_display_value=true").await;
    assert_eq!(due["value"], "2001-09-09 03:00:00");
    assert_eq!(due["display_value"], row[0]["due_date"]);
    assert_ne!(due["display_value"], due["value"]);
}

#[tokio::test]
async fn a_view_chooses_fields_and_named_fields_go_before_it() {
    let it = instance().await;
    let made = it.create("incident", json!({ "short_description": "x" })).await;
    let names = async |query: &str| {
        let row = it.get(&format!("{}?{query}", path_of("incident", &made))).await;
        let mut names: Vec<String> = row.as_object().unwrap().keys().cloned().collect();
        names.sort();
        names.join(" ")
    };
    let mobile = "assigned_to number priority short_description state sys_id";
    assert_eq!(names("sysparm_view=mobile").await, mobile);
    let desktop = names("sysparm_view=desktop").await;
    assert!(desktop.contains("caller_id"), "{desktop}");
    assert_eq!(desktop.split(' ').count(), 12);
    assert_eq!(names("sysparm_view=both").await, desktop);
    assert_eq!(names("sysparm_view=unheard").await, names("sysparm_view=desktop").await);
    assert_eq!(names("sysparm_view=mobile&sysparm_fields=number").await, "number");
    // A list is a row like any other: an administrator lays it out anew.
    let list = it.get("/api/now/table/sys_ui_list?name=task&view.name=mobile").await;
    let element = json!({ "list_id": id(&list[0]), "element": "opened_at", "position": "9" });
    it.send("admin", Method::POST, "/api/now/table/sys_ui_list_element", element).await;
    assert!(names("sysparm_view=mobile").await.contains("opened_at"));
    // A table for which nothing is laid out is shown whole.
    let groups = it.get("/api/now/table/sys_user_role?sysparm_view=mobile&sysparm_limit=1").await;
    assert!(groups[0].get("sys_created_on").is_some());
}

#[tokio::test]
async fn rows_are_sent_and_told_in_xml() {
    let it = instance().await;
    let post = |body: &'static str| {
        it.request("ada", Method::POST, "/api/now/table/incident")
            .header("content-type", "application/xml")
            .header("accept", "application/xml")
            .body(body)
            .send()
    };
    let body =
        "<request><entry><short_description>a &lt; b</short_description><impact>1</impact></entry></request>";
    let answer = post(body).await.unwrap();
    assert_eq!(answer.status(), 201);
    assert_eq!(answer.headers()["content-type"], "application/xml;charset=UTF-8");
    let text = answer.text().await.unwrap();
    assert!(text.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?><response><result>"), "{text}");
    for part in [
        "<short_description>a &lt; b</short_description>",
        "<number>INC0010001</number>",
        "<impact>1</impact>",
    ] {
        assert!(text.contains(part), "{text}");
    }
    assert!(text.contains("<assigned_to/>") && text.ends_with("</result></response>"), "{text}");
    let list = it.request("ada", Method::GET, "/api/now/table/incident?sysparm_fields=number,opened_by");
    let list = list.header("accept", "text/xml").send().await.unwrap().text().await.unwrap();
    assert!(list.contains("<response><result><number>INC0010001</number>"), "{list}");
    let refused = post("<request><entry>").await.unwrap();
    assert_eq!(refused.status(), 400);
    let text = refused.text().await.unwrap();
    assert!(text.contains("<message>Exception while reading request</message>"), "{text}");
    assert!(text.contains("<status>failure</status>"), "{text}");
    let grows = "<!DOCTYPE r [<!ENTITY a \"aaaa\">]><r><short_description>&a;</short_description></r>";
    assert_eq!(post(grows).await.unwrap().status(), 400);
    // Whoever takes both gets JSON.
    let both = it.request("ada", Method::GET, "/api/now/table/incident");
    let both = both.header("accept", "application/xml,application/json").send().await.unwrap();
    assert_eq!(result(both).await[0]["short_description"], "a < b");
}

#[tokio::test]
async fn durations_are_instants_after_the_epoch_and_domains_have_no_hexadecimal_id() {
    let clock =
        Arc::new(ManualClock::starting_at(SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600)));
    let it = started(builder().clock(clock.clone())).await;
    let made = it.create("incident", json!({ "time_worked": "00:02:17" })).await;
    assert_eq!(
        (&made["time_worked"], &made["calendar_duration"]),
        (&json!("1970-01-01 00:02:17"), &json!(""))
    );
    let domain = it.url("/api/now/table/sys_user_group/global");
    assert_eq!(made["sys_domain"], json!({ "link": domain, "value": "global" }));
    assert_eq!(made["sys_domain_path"], "/");

    clock.advance(Duration::from_secs(28 * 3600 + 20 * 60));
    let resolved = json!({ "state": 6, "close_code": "Solution provided", "close_notes": "rebuilt" });
    let resolved = it.patch("ada", "incident", &made, resolved).await;
    assert_eq!(resolved["calendar_duration"], "1970-01-02 04:20:00");
    assert_eq!(resolved["calendar_stc"], "102000");
    let path = format!("{}?sysparm_display_value=all", path_of("incident", &made));
    let shown = it.get(&path).await;
    assert_eq!(shown["calendar_duration"]["display_value"], "1 Day 4 Hours 20 Minutes");
    assert_eq!(shown["sys_domain"]["display_value"], "global");
    let longer = "/api/now/table/incident?sysparm_query=calendar_duration%3E1970-01-02%2000:00:00";
    assert_eq!(it.get(longer).await.as_array().map(Vec::len), Some(1));

    let reopened = it.patch("ada", "incident", &made, json!({ "state": 2 })).await;
    assert_eq!((&reopened["calendar_duration"], &reopened["calendar_stc"]), (&json!(""), &json!("")));
    let odd = it.patch("ada", "incident", &made, json!({ "time_worked": "an hour" })).await;
    assert_eq!(odd["time_worked"], "");
}

#[tokio::test]
async fn durations_are_added_up_shown_read_back_and_asked_about() {
    let it = instance().await;
    let kept = ["1970-01-02 04:20:00", "1970-01-01 00:40:00"];
    for duration in kept {
        it.create("incident", json!({ "category": "d", "calendar_duration": duration })).await;
    }
    let path = "/api/now/stats/incident?sysparm_query=category=d&sysparm_sum_fields=calendar_duration&sysparm_avg_fields=calendar_duration";
    let told = it.get(path).await;
    assert_eq!(told["stats"]["sum"]["calendar_duration"], "1970-01-02 05:00:00");
    assert_eq!(told["stats"]["avg"]["calendar_duration"], "1970-01-01 14:30:00");

    let path = "/api/now/stats/incident?sysparm_group_by=category&sysparm_query=category=d&sysparm_having=sum^calendar_duration^";
    for (having, kept) in [("%3E^100000", 1), ("%3C^100000", 0), ("%3E^1 00:00:00", 1), ("=^1 05:00:00", 1)] {
        assert_eq!(it.get(&format!("{path}{having}")).await.as_array().unwrap().len(), kept, "{having}");
    }

    let list = "/api/now/table/incident?sysparm_fields=sys_id,calendar_duration&sysparm_query=category=d^";
    let longer = it.get(&format!("{list}calendar_duration>javascript:gs.getDurationDate('1 0:0:0')")).await;
    assert_eq!(column(&longer, "calendar_duration"), [kept[0]]);

    // What is shown of it is taken back as it is.
    let shown = it.get(&format!("{list}ORDERBYDESCcalendar_duration&sysparm_display_value=true")).await;
    assert_eq!(shown[0]["calendar_duration"], "1 Day 4 Hours 20 Minutes");
    let path = format!("{}?sysparm_input_display_value=true", path_of("incident", &shown[1]));
    let sent = json!({ "calendar_duration": shown[0]["calendar_duration"] });
    let answer = it.send("ada", Method::PATCH, &path, sent).await;
    assert_eq!(result(answer).await["calendar_duration"], kept[0]);
}
