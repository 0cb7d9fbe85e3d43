//! Both pages without a mouse.

use serde_json::Value;
use thirtyfour::prelude::*;

use crate::browser::Browser;
use crate::world::World;

impl Browser {
    async fn press(&self, keys: impl Into<TypingData>) {
        self.driver.action_chain().send_keys(keys).perform().await.unwrap();
    }

    /// What has the focus: its text, or its label.
    async fn focused(&self) -> String {
        let script = "
            const at = document.activeElement;
            return at.labels?.[0]?.innerText ?? at.innerText.trim();
        ";
        self.script(script).await.as_str().unwrap().to_owned()
    }

    /// Tabs on until this has the focus, and sees each time that the focus can be seen.
    async fn tab_to(&self, wanted: &str) {
        let mut passed = Vec::new();
        for _ in 0..60 {
            self.press(Key::Tab).await;
            let at = self.focused().await;
            let outline = "
                const at = document.activeElement;
                return at === document.body || getComputedStyle(at).outlineStyle !== 'none';
            ";
            assert_eq!(self.script(outline).await, Value::Bool(true), "the focus on {at:?} can't be seen");
            if at == wanted {
                return;
            }
            passed.push(at);
        }
        panic!("tabbing never came to {wanted:?}: {passed:?}");
    }

    /// Follows the link or button that has the focus, until the page shows this.
    async fn enter(&self, expected: &str) {
        self.press(Key::Enter).await;
        self.shows(expected).await;
    }
}

#[tokio::test]
async fn a_change_request_is_found_and_rejected_by_keys_alone() {
    let Some(browser) = Browser::start("a_change_request_is_found_and_rejected_by_keys_alone").await else {
        return;
    };
    let world = World::new().await;
    let router = world.start().await;
    router.send(&world.request("b-1"), &world.platform).await;
    let change = world.change_request("b-1").await;
    router.until("queue_leased", 0).await;
    let number = {
        let row = world.simulator.store().record("change_request", change.as_str()).unwrap().unwrap();
        row.value("number").to_owned()
    };

    let manager = world.simulator.user("change.manager").unwrap();
    browser.goto(world.simulator.base_url()).await;
    // The form's first field has the focus from the beginning.
    assert_eq!(browser.focused().await, "User name");
    browser.press(manager.name()).await;
    browser.tab_to("Password").await;
    browser.press(manager.password()).await;
    browser.enter("Log out").await;

    browser.press(Key::Tab).await;
    assert_eq!(browser.focused().await, "Skip to the content");
    browser.tab_to("Changes").await;
    browser.enter("newest first").await;
    browser.tab_to("Encoded query").await;
    browser.press("approval=requested").await;
    browser.enter("1 to 1 of 1").await;
    browser.tab_to(&number).await;
    browser.enter("Approvals").await;
    browser.tab_to("Comments").await;
    browser.press("not this week").await;
    browser.tab_to("Reject").await;
    browser.enter("Chandra Manager: Rejected").await;

    let row = world.simulator.store().record("change_request", change.as_str()).unwrap().unwrap();
    assert_eq!((row.value("approval"), row.value("state")), ("rejected", "-5"));
    let refused = router.get("/v1/gates/b-1?wait=30").await;
    assert_eq!(refused.body["state"], "refused", "{}", refused.body);

    browser.goto(&router.url("/")).await;
    browser.tab_to("Pause").await;
    browser.enter("Paused.").await;
    browser.tab_to("Open in ServiceNow").await;
    browser.enter(&number).await;
    browser.close().await;
    router.stop().await;
}
