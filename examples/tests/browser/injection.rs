//! What a record holds is text, whatever it looks like.

use std::time::Duration;

use reqwest::Certificate;
use serde_json::json;

use crate::browser::Browser;
use crate::world::World;

/// Would run three ways if it were taken for markup.
const HARM: &str =
    "\"'><script>window.harmed=1</script><img src=x onerror=window.harmed=2><svg onload=window.harmed=3>";

#[tokio::test]
async fn a_short_description_that_is_a_script_does_nothing() {
    let Some(browser) = Browser::start("a_short_description_that_is_a_script_does_nothing").await else {
        return;
    };
    let world = World::new().await;
    let admin = world.simulator.user("admin").unwrap();
    let ca = Certificate::from_pem(world.simulator.ca_pem().unwrap().as_bytes()).unwrap();
    let client = reqwest::Client::builder().tls_certs_only([ca]).no_proxy().build().unwrap();
    let made = client
        .post(format!("{}/api/now/table/incident", world.simulator.base_url()))
        .basic_auth(admin.name(), Some(admin.password()))
        .json(&json!({ "short_description": HARM, "work_notes": HARM, "correlation_id": HARM }))
        .timeout(Duration::from_secs(20))
        .send()
        .await
        .unwrap();
    assert_eq!(made.status(), 201);
    let incident = world.simulator.store().records("incident").unwrap().remove(0);

    let url = |path: &str| format!("{}{path}", world.simulator.base_url());
    let record = format!("/page/record/incident/{}", incident.sys_id());
    browser.goto(&url(&record)).await;
    browser.log_in(admin.name(), admin.password()).await;
    assert_eq!(browser.path().await, record);
    let list = "/page/table/incident?query=short_descriptionLIKE%3Cscript%3E";
    for path in [record.as_str(), "/page/table/incident", list, "/page/calls?paused"] {
        browser.goto(&url(path)).await;
        if path != "/page/calls?paused" {
            browser.shows("<script>window.harmed=1</script>").await;
        }
        assert_eq!(browser.script("return window.harmed === undefined").await, true, "{path}");
        assert_eq!(browser.script("return document.querySelectorAll('script, img, svg').length").await, 0);
        assert_eq!(browser.complaints().await, Vec::<String>::new(), "{path}");
    }

    // Were something unescaped after all, the policy would still stop it; and this test would hear of it.
    browser
        .script("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=window.harmed=2>')")
        .await;
    let script = "const it = document.createElement('script'); it.text = 'window.harmed = 1'; document.body.append(it)";
    browser.script(script).await;
    let mut complaints = Vec::new();
    for _ in 0..100 {
        complaints.extend(browser.complaints().await);
        if complaints.len() >= 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let policy = complaints.iter().filter(|text| text.contains("Content Security Policy")).count();
    assert!(policy >= 2, "{complaints:?}");
    assert_eq!(browser.script("return window.harmed === undefined").await, true);
    browser.close().await;
}
