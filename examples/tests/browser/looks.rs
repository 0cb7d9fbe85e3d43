//! How the pages look: wide, narrow and in the dark, with nothing cut off and nothing complained of.

use openfactory_sn::{Auth, Client, Fields, Secret};
use serde_json::Value;

use crate::browser::Browser;
use crate::world::World;

/// Screens to look at: name, width, height, colour scheme.
const SCREENS: [(&str, u32, u32, &str); 4] = [
    ("wide-light", 1200, 900, "light"),
    ("wide-dark", 1200, 900, "dark"),
    ("narrow-light", 360, 740, "light"),
    ("narrow-dark", 360, 740, "dark"),
];

/// Looks at the page that is open on every screen.
async fn look(browser: &Browser, page: &str) {
    for (screen, width, height, scheme) in SCREENS {
        browser.screen(width, height, scheme).await;
        let wider = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
        assert_eq!(browser.script(wider).await, 0, "{page} is wider than the screen {screen}");
        let ground = browser.script("return getComputedStyle(document.body).backgroundColor").await;
        let ground = ground.as_str().unwrap().to_owned();
        let is_light = ground == "rgb(255, 255, 255)";
        assert_eq!(is_light, scheme == "light", "{page} on {screen} has {ground}");
        let faint = browser.script(FAINT).await;
        assert_eq!(faint, Value::Array(Vec::new()), "{page} on {screen} has text that is hard to read");
        let broken = browser.script(BROKEN).await;
        assert_eq!(broken, Value::Array(Vec::new()), "{page} on {screen} breaks words");
        let long = browser.script("return Math.min(document.documentElement.scrollHeight, 4000)").await;
        browser.screen(width, u32::try_from(long.as_u64().unwrap()).unwrap(), scheme).await;
        browser.picture(&format!("{page}-{screen}")).await;
    }
    browser.screen(1200, 900, "light").await;
    assert_eq!(browser.complaints().await, Vec::<String>::new(), "{page}");
}

/// Words of a table that are short enough for a line, and stand on two.
const BROKEN: &str = r"
    const broken = [];
    for (const cell of document.querySelectorAll('th, td')) {
        const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
        while (texts.nextNode()) {
            for (const word of texts.currentNode.data.matchAll(/\S+/gu)) {
                if (word[0].length > 10) continue;
                const range = document.createRange();
                range.setStart(texts.currentNode, word.index);
                range.setEnd(texts.currentNode, word.index + word[0].length);
                const lines = new Set([...range.getClientRects()].map(line => Math.round(line.top)));
                if (lines.size > 1) broken.push(word[0]);
            }
        }
    }
    return broken;
";

/// Texts whose contrast against what is behind them is below 4.5 to 1 (WCAG 2.2, success criterion 1.4.3).
const FAINT: &str = r"
    const light = colour => {
        const [r, g, b] = colour.match(/[\d.]+/g).slice(0, 3).map(part => {
            const value = part / 255;
            return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ground = element => {
        for (let at = element; at; at = at.parentElement) {
            const colour = getComputedStyle(at).backgroundColor;
            if (!colour.endsWith(', 0)')) return colour;
        }
        return 'rgb(255, 255, 255)';
    };
    const faint = [];
    for (const element of document.body.querySelectorAll('*')) {
        const own = [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
        if (!own || !element.checkVisibility()) continue;
        const [high, low] =
            [light(getComputedStyle(element).color), light(ground(element))].sort((a, b) => b - a);
        if ((high + 0.05) / (low + 0.05) < 4.5) faint.push(element.outerHTML.slice(0, 120));
    }
    return faint;
";

#[tokio::test]
async fn the_simulators_pages_on_every_screen() {
    let Some(browser) = Browser::start("the_simulators_pages_on_every_screen").await else { return };
    let world = World::new().await;
    let router = world.start().await;
    router.send(&world.request("b-1"), &world.platform).await;
    let change = world.change_request("b-1").await;
    router.until("queue_leased", 0).await;
    relate(&world).await;

    let url = |path: &str| format!("{}{path}", world.simulator.base_url());
    browser.goto(&url("/")).await;
    look(&browser, "simulator-login").await;
    let manager = world.simulator.user("change.manager").unwrap();
    browser.log_in(manager.name(), manager.password()).await;
    look(&browser, "simulator-tables").await;
    browser.goto(&url("/page/table/sys_user")).await;
    look(&browser, "simulator-list").await;
    browser.goto(&url("/page/table/incident")).await;
    browser.shows("INC00").await;
    look(&browser, "simulator-incidents").await;
    let asked = "response_type=code&client_id=app&redirect_uri=http%3A%2F%2F127.0.0.1%3A1%2Fback&state=s";
    browser.goto(&url(&format!("/page/consent?{asked}"))).await;
    browser.shows("Allow access?").await;
    look(&browser, "simulator-consent").await;
    browser.goto(&url(&format!("/page/record/change_request/{change}"))).await;
    look(&browser, "simulator-change").await;
    let server = world.simulator.store().records("cmdb_ci_linux_server").unwrap();
    browser.goto(&url(&format!("/page/record/cmdb_ci/{}", server[0].sys_id()))).await;
    browser.shows("Runs image-1").await;
    look(&browser, "simulator-item").await;
    // What everybody asked is for administrators.
    let admin = world.simulator.user("admin").unwrap();
    browser.goto(&url("/page/login?next=/page/calls?paused")).await;
    browser.log_in(admin.name(), admin.password()).await;
    browser.shows("Calls").await;
    look(&browser, "simulator-calls").await;
    browser.goto(&url("/page/record/incident/0")).await;
    browser.shows("No Record found").await;
    // A page that is not there is itself something to complain of.
    browser.complaints().await;
    look(&browser, "simulator-refused").await;
    browser.close().await;
    router.stop().await;
}

/// Two configuration items with a relation, and an incident about one of them.
async fn relate(world: &World) {
    let admin = world.simulator.user("admin").unwrap();
    let client = Client::builder(world.simulator.base_url())
        .auth(Auth::basic(admin.name(), Secret::new(admin.password())))
        .root_certificate_pem(world.simulator.ca_pem().unwrap())
        .build()
        .unwrap();
    let create = async |table: &str, fields: Fields| {
        client.dynamic_table(table).create(&fields).await.unwrap().sys_id().to_string()
    };
    let server = create("cmdb_ci_linux_server", Fields::new().with("name", "edge-1")).await;
    let image = create("cmdb_ci", Fields::new().with("name", "image-1")).await;
    let runs_on = "60bc4e22c0a8010e01f074cbe6bd73c3";
    let relation = Fields::new().with("parent", &*image).with("child", &*server).with("type", runs_on);
    create("cmdb_rel_ci", relation).await;
    let about = "Configuration drift: a file of the read-only image changed on edge-1";
    create("incident", Fields::new().with("short_description", about).with("cmdb_ci", &*server)).await;
    // As long as a short description may be, with and without blanks.
    for about in [&*"why it is so ".repeat(12), &*"x".repeat(160)] {
        create("incident", Fields::new().with("short_description", about.trim()).with("state", "8")).await;
    }
}

#[tokio::test]
async fn the_operators_page_on_every_screen() {
    let Some(browser) = Browser::start("the_operators_page_on_every_screen").await else { return };
    let world = World::new().await;
    let router = world.start().await;
    browser.goto(&router.url("/?paused")).await;
    browser.shows("none waiting for approval").await;
    look(&browser, "router-quiet").await;
    router.send(&world.request("b-1"), &world.platform).await;
    world.change_request("b-1").await;
    browser.goto(&router.url("/")).await;
    browser.shows("1 waiting for approval").await;
    browser.goto(&router.url("/?paused")).await;
    look(&browser, "router-waiting").await;
    router.stop().await;

    let world = World::new().await;
    world.plant(&World::bad_day()).await;
    let router = world.start().await;
    browser.goto(&router.url("/?paused")).await;
    browser.shows("Compromised keys").await;
    look(&browser, "router-bad-day").await;
    browser.close().await;
    router.stop().await;
}
