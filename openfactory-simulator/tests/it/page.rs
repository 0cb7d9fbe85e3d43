//! The page as a plain HTTP client sees it: who gets in, what is shown, what a form may do.

use openfactory_simulator::OAuthClient;
use openfactory_simulator::faults::{Fault, FaultKind};
use reqwest::redirect::Policy;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::support::{Instance, builder, id, instance, started};

/// A text that would do harm wherever it was shown unescaped.
const HARM: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>";

impl Instance {
    async fn page(&self, user: &str, path: &str) -> Response {
        self.request(user, Method::GET, path).send().await.unwrap()
    }

    async fn text(&self, path: &str) -> String {
        let answer = self.page("ada", path).await;
        assert_eq!(answer.status(), 200, "{path}");
        answer.text().await.unwrap()
    }

    async fn form(&self, user: &str, path: &str, fields: &[(&str, &str)]) -> Response {
        self.without_redirects()
            .post(self.url(path))
            .basic_auth(user, Some("pw"))
            .form(fields)
            .send()
            .await
            .unwrap()
    }

    fn without_redirects(&self) -> reqwest::Client {
        let ca = reqwest::Certificate::from_pem(self.simulator.ca_pem().unwrap().as_bytes()).unwrap();
        reqwest::Client::builder().tls_certs_only([ca]).no_proxy().redirect(Policy::none()).build().unwrap()
    }

    /// A change request that waits for its approver, with the approver row's `sys_id`.
    async fn waiting(&self) -> (Value, String) {
        let change = self.create("change_request", json!({ "short_description": HARM })).await;
        let change = self.patch("ada", "change_request", &change, json!({ "state": "-4" })).await;
        let rows = self.simulator.store().records("sysapproval_approver").unwrap();
        let row = rows.iter().find(|row| row.value("sysapproval") == id(&change)).unwrap();
        (change, row.sys_id().to_owned())
    }
}

fn record_path(change: &Value) -> String {
    format!("/page/record/change_request/{}", id(change))
}

fn form_token(page: &str) -> String {
    let start = page.find("name=\"form_token\" value=\"").unwrap() + "name=\"form_token\" value=\"".len();
    page[start..].split('"').next().unwrap().to_owned()
}

fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    answer.headers()[name].to_str().unwrap()
}

#[tokio::test]
async fn nobody_gets_in_without_a_login_and_a_login_leads_back() {
    let it = instance().await;
    let client = it.without_redirects();
    let asked = client.get(it.url("/page/table/incident?offset=50")).send().await.unwrap();
    assert_eq!(asked.status(), StatusCode::SEE_OTHER);
    assert_eq!(header(&asked, "location"), "/page/login?next=%2Fpage%2Ftable%2Fincident%3Foffset%3D50");
    assert_eq!(it.client.get(it.url("/")).send().await.unwrap().url().path(), "/page/login");

    let log_in = |password: &'static str, next: &'static str| {
        let form = [("user_name", "ada"), ("password", password), ("next", next)];
        client.post(it.url("/page/login")).form(&form).send()
    };
    let wrong = log_in("nope", "/page").await.unwrap();
    assert_eq!(wrong.status(), 401);
    assert!(!wrong.headers().contains_key("set-cookie"));
    assert!(wrong.text().await.unwrap().contains("There is no user with this name and this password."));

    let elsewhere = log_in("pw", "https://example.com/page").await.unwrap();
    assert_eq!(header(&elsewhere, "location"), "/page");
    let inside = log_in("pw", "/page/table/incident?offset=50").await.unwrap();
    assert_eq!(header(&inside, "location"), "/page/table/incident?offset=50");
    let cookie = header(&inside, "set-cookie").to_owned();
    for part in ["; Path=/page;", "; HttpOnly;", "; SameSite=Strict;", "; Secure"] {
        assert!(cookie.contains(part), "{cookie}");
    }

    let cookie = cookie.split(';').next().unwrap().to_owned();
    let page = client.get(it.url("/page")).header("cookie", &cookie).send().await.unwrap();
    assert_eq!(page.status(), 200);
    let token = form_token(&page.text().await.unwrap());
    let log_out = |token: String| {
        client.post(it.url("/page/logout")).header("cookie", &cookie).form(&[("form_token", token)]).send()
    };
    assert_eq!(log_out("00".repeat(32)).await.unwrap().status(), 403);
    assert_eq!(log_out(token).await.unwrap().status(), StatusCode::SEE_OTHER);
    let after = client.get(it.url("/page")).header("cookie", &cookie).send().await.unwrap();
    assert_eq!(header(&after, "location"), "/page/login");
    assert_eq!(it.page("eve", "/page").await.status(), 401);
}

#[tokio::test]
async fn a_user_without_a_role_reads_nothing() {
    let it = instance().await;
    let (change, approver) = it.waiting().await;
    for path in ["/page", "/page/table/incident", &record_path(&change), "/page/calls"] {
        let answer = it.page("nobody", path).await;
        assert_eq!(answer.status(), 403, "{path}");
        assert!(!answer.text().await.unwrap().contains(id(&change)));
    }
    let token = it.without_redirects().post(it.url(&format!("/page/approval/{approver}")));
    let answer = token.basic_auth("nobody", Some("pw")).send().await.unwrap();
    assert_eq!(answer.status(), 403);
}

#[tokio::test]
async fn tables_are_counted_listed_and_searched() {
    let it = instance().await;
    for number in 0..51 {
        let text = format!("number {number:02}");
        it.create("incident", json!({ "short_description": text, "impact": 1 + number % 2 })).await;
    }
    let front = it.text("/page").await;
    let row = front.lines().find(|line| line.contains("<code>incident</code>")).unwrap();
    assert!(row.contains(">51<"), "{row}");
    let tasks = front.lines().find(|line| line.contains("<code>task</code>")).unwrap();
    assert!(tasks.contains(">51<"), "{tasks}");

    let list = it.text("/page/table/incident").await;
    assert!(list.contains("1 to 50 of 51, newest first"));
    assert!(list.find("number 50").unwrap() < list.find("number 49").unwrap());
    assert!(!list.contains("number 00"));
    let older = it.text("/page/table/incident?offset=50").await;
    assert!(older.contains("51 to 51 of 51") && older.contains("number 00"));
    let beyond = it.text("/page/table/incident?offset=18446744073709551615").await;
    assert!(beyond.contains("No records."));

    let found = it.text("/page/table/incident?query=impact%3D2%5EORDERBYshort_description").await;
    assert!(found.contains("1 to 25 of 25<"));
    assert!(found.find("number 01").unwrap() < found.find("number 03").unwrap());
    let widened = it.text("/page/table/incident?query=no_such%3D1%5Eimpact%3D2").await;
    assert!(widened.contains("Dropped, which widens the query: <code>no_such"), "{widened}");
    assert_eq!(it.page("ada", "/page/table/incident?offset=x").await.status(), 400);
    assert_eq!(it.page("ada", "/page/table/no_such").await.status(), 404);
    assert_eq!(it.page("ada", "/page/record/incident/0").await.status(), 404);
}

#[tokio::test]
async fn a_record_shows_all_that_hangs_on_it() {
    let it = instance().await;
    let server = it.create("cmdb_ci_linux_server", json!({ "name": "edge-1" })).await;
    let image = it.create("cmdb_ci", json!({ "name": "image-1" })).await;
    let runs_on = "60bc4e22c0a8010e01f074cbe6bd73c3";
    let relation = json!({ "parent": id(&image), "child": id(&server), "type": runs_on });
    it.create("cmdb_rel_ci", relation).await;
    let incident = json!({ "short_description": "It drifted", "cmdb_ci": id(&server), "work_notes": "Seen" });
    let incident = it.create("incident", incident).await;
    let upload = format!(
        "/api/now/attachment/file?table_name=incident&table_sys_id={}&file_name=a%22b.html",
        id(&incident)
    );
    let upload = it.request("ada", Method::POST, &upload).header("content-type", "text/html");
    assert_eq!(upload.body("<script>alert(1)</script>").send().await.unwrap().status(), 201);

    let page = it.text(&format!("/page/record/incident/{}", id(&incident))).await;
    assert!(page.contains(&format!("<a href=\"/page/record/cmdb_ci/{}\">edge-1</a>", id(&server))));
    assert!(page.contains("<h3>Work notes <small>ada, "), "{page}");
    assert!(page.contains("<p class=\"text\">Seen</p>"));
    let file = page.split("href=\"").find(|part| part.starts_with("/page/attachment/")).unwrap();
    let file = it.page("ada", file.split('"').next().unwrap()).await;
    assert_eq!(header(&file, "content-disposition"), "attachment; filename*=UTF-8''a%22b.html");
    assert_eq!(header(&file, "content-type"), "application/octet-stream");
    assert_eq!(file.text().await.unwrap(), "<script>alert(1)</script>");

    // By way of the parent table, the record is that of its own class; relations are read from both ends.
    let page = it.text(&format!("/page/record/cmdb_ci/{}", id(&server))).await;
    assert!(page.contains("<h1>Linux Server edge-1</h1>"));
    assert!(page.contains(&format!("<li>Runs <a href=\"/page/record/cmdb_ci/{}\">image-1</a>", id(&image))));
    assert!(page.contains(">Incident · Configuration item</a> <small>1</small>"), "{page}");
    assert!(page.contains(&format!("/page/table/incident?query=cmdb_ci%3D{}", id(&server))));
    let page = it.text(&format!("/page/record/cmdb_ci/{}", id(&image))).await;
    assert!(page.contains("<li>Runs on <a href=\"/page/record/cmdb_ci_linux_server/"));
}

#[tokio::test]
async fn an_approval_goes_by_the_rules_of_the_table_api() {
    let it = instance().await;
    let (change, approver) = it.waiting().await;
    let path = format!("/page/approval/{approver}");
    let state = || {
        let row = it.simulator.store().record("sysapproval_approver", &approver).unwrap().unwrap();
        row.value("state").to_owned()
    };

    // Who may not answer is shown no button, and refused whatever they send.
    let seen = it.text(&record_path(&change)).await;
    assert!(seen.contains("Chandra Manager</a>: Requested") && !seen.contains("/page/approval/"));
    let token = form_token(&seen);
    let yes = [("form_token", token.as_str()), ("decision", "approved")];
    assert_eq!(it.form("ada", &path, &yes).await.status(), 403);

    let page = it.page("change.manager", &record_path(&change)).await.text().await.unwrap();
    assert!(page.contains(&path));
    let token = form_token(&page);
    // A form of another site has no token, or one that was made for somebody else.
    for stolen in ["", "x", &form_token(&seen)] {
        let form = [("form_token", stolen), ("decision", "approved")];
        assert_eq!(it.form("change.manager", &path, &form).await.status(), 403, "{stolen}");
    }
    let odd = [("form_token", token.as_str()), ("decision", "requested")];
    assert_eq!(it.form("change.manager", &path, &odd).await.status(), 400);
    assert_eq!(state(), "requested");

    let yes = [("form_token", token.as_str()), ("decision", "approved"), ("comments", "looked at & agreed")];
    let answer = it.form("change.manager", &path, &yes).await;
    assert_eq!(
        (answer.status(), header(&answer, "location")),
        (StatusCode::SEE_OTHER, &*record_path(&change))
    );
    assert_eq!(state(), "approved");
    let after = it.simulator.store().record("change_request", id(&change)).unwrap().unwrap();
    assert_eq!((after.value("approval"), after.value("state")), ("approved", "-2"));
    assert_eq!(after.value("sys_updated_by"), "change.manager");
    let row = it.page("ada", &format!("/page/record/sysapproval_approver/{approver}")).await;
    assert!(row.text().await.unwrap().contains("looked at &#38; agreed"));
    // The page that was open before still has its buttons; they change nothing any more.
    let no = [("form_token", token.as_str()), ("decision", "rejected")];
    assert_eq!(it.form("change.manager", &path, &no).await.status(), 409);
    assert_eq!(state(), "approved");
}

#[tokio::test]
async fn whatever_a_record_holds_is_shown_and_does_nothing() {
    let it = instance().await;
    let (change, _) = it.waiting().await;
    it.patch("ada", "change_request", &change, json!({ "work_notes": HARM, "description": HARM })).await;
    it.create("cmdb_ci", json!({ "name": HARM })).await;
    let query = "/page/table/change_request?query=%3Cscript%3E%22%27%3D1";
    for path in
        ["/page/table/change_request", &record_path(&change), "/page/table/cmdb_ci", query, "/page/calls"]
    {
        let answer = it.page("ada", path).await;
        let policy = header(&answer, "content-security-policy").to_owned();
        assert!(policy.starts_with("default-src 'none'; style-src 'self'; form-action 'self'"), "{policy}");
        assert_eq!(header(&answer, "x-content-type-options"), "nosniff");
        assert_eq!(header(&answer, "cache-control"), "no-store");
        let text = answer.text().await.unwrap();
        assert!(!text.contains("<script") && !text.contains("<img"), "{path}: {text}");
    }
    assert!(it.text(&record_path(&change)).await.contains("&#60;script&#62;alert(1)"));
    let odd = it.page("ada", "/page/record/incident/%3Cscript%3E%22").await;
    assert_eq!(odd.status(), 404);
    assert!(!odd.text().await.unwrap().contains("<script"));
    let large = it.form("ada", "/page/logout", &[("x", &"y".repeat(70_000))]).await;
    assert_eq!(large.status(), 400);
}

#[tokio::test]
async fn calls_are_logged_as_their_clients_saw_them_and_faults_spare_the_page() {
    let it = started(builder()).await;
    it.get("/api/now/table/incident?sysparm_limit=1").await;
    it.simulator.inject(Fault::new(FaultKind::Drop));
    assert!(it.request("ada", Method::GET, "/api/now/table/incident/0").send().await.is_err());
    it.simulator.inject(Fault::new(FaultKind::Unavailable).until_cleared());
    assert_eq!(
        it.request("ada", Method::DELETE, "/api/now/table/incident/0").send().await.unwrap().status(),
        503
    );

    // It tells what everybody asked, so that it is for administrators.
    assert_eq!(it.page("ada", "/page/calls").await.status(), 403);
    assert!(!it.text("/page").await.contains("/page/calls"));
    let text = async |path: &str| it.page("admin", path).await.text().await.unwrap();
    let log = text("/page/calls").await;
    assert!(log.contains("http-equiv=\"refresh\""));
    let rows: Vec<&str> = log.lines().filter(|line| line.contains("data-label=\"Path\"")).collect();
    let row = |method: &str, path: &str, class: &str, status: &str| {
        rows.iter().any(|row| {
            row.contains(&format!(">{method}<"))
                && row.contains(&format!("<code>{path}</code>"))
                && row.contains(&format!("number {class}\">{status}<"))
        })
    };
    assert!(row("GET", "/api/now/table/incident?sysparm_limit=1", "good", "200"), "{log}");
    assert!(row("GET", "/api/now/table/incident/0", "failed", "closed"), "{log}");
    assert!(row("DELETE", "/api/now/table/incident/0", "failed", "503"), "{log}");
    assert!(!log.contains("<code>/page"), "{log}");
    assert!(!text("/page/calls?paused").await.contains("http-equiv=\"refresh\""));
}

#[tokio::test]
async fn links_to_an_instance_lead_to_the_same_record_here() {
    let it = instance().await;
    let incident = it.create("incident", json!({ "short_description": "It drifted" })).await;
    let record = format!("url=/page/record/incident/{}\"", id(&incident));
    let nav = format!("/nav_to.do?uri=incident.do%3Fsys_id%3D{}", id(&incident));
    for (address, target) in [
        (format!("/incident.do?sys_id={}", id(&incident)), record.as_str()),
        (nav, &record),
        ("/incident_list.do".to_owned(), "url=/page/table/incident\""),
        ("/task_list.do?sysparm_query=state%3D1".to_owned(), "url=/page/table/task?query=state%3D1\""),
        (
            "/incident.do?sys_id=%22%3Ex;url=//evil".to_owned(),
            "url=/page/record/incident/%22%3Ex%3Burl%3D%2F%2Fevil\"",
        ),
    ] {
        let answer = it.client.get(it.url(&address)).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{address}");
        let text = answer.text().await.unwrap();
        assert!(text.contains(target), "{address}: {text}");
    }
    for address in ["/incident.do", "/no_such.do?sys_id=1", "/nav_to.do", "/nav_to.do?uri=https://evil", "/x"]
    {
        assert_eq!(it.client.get(it.url(address)).send().await.unwrap().status(), 404, "{address}");
    }
    let posted = it.client.post(it.url("/incident_list.do")).send().await.unwrap();
    assert_eq!(posted.status(), 404);
}

#[tokio::test]
async fn a_related_row_is_named_by_what_it_tells_beside_its_record() {
    let it = instance().await;
    let (change, _) = it.waiting().await;
    let page = it.text(&record_path(&change)).await;
    let (_, lists) = page.split_once("Related lists").unwrap();
    assert!(lists.contains(">Chandra Manager</a>"), "{lists}");
}

#[tokio::test]
async fn an_oauth_client_is_allowed_or_denied_by_whoever_is_logged_in() {
    let it = started(
        builder().client(OAuthClient::new("id<b>", "secret").redirect_uri("http://app:8080/back?x=1")),
    )
    .await;
    let query = "response_type=code&client_id=id%3Cb%3E&redirect_uri=http%3A%2F%2Fapp%3A8080%2Fback%3Fx%3D1&state=a%20b";
    let client = it.without_redirects();
    let begun = client.get(it.url(&format!("/oauth_auth.do?{query}"))).send().await.unwrap();
    assert_eq!(
        (begun.status(), header(&begun, "location")),
        (StatusCode::FOUND, format!("/page/consent?{query}").as_str())
    );
    let login = client.get(it.url(header(&begun, "location"))).send().await.unwrap();
    assert!(header(&login, "location").starts_with("/page/login?next=%2Fpage%2Fconsent%3Fresponse_type"));

    let path = format!("/page/consent?{query}");
    let shown = it.page("ada", &path).await;
    // The browser may follow the form's redirect to the client, and nowhere else.
    assert!(header(&shown, "content-security-policy").contains("form-action 'self' http://app:8080;"));
    let page = shown.text().await.unwrap();
    assert!(page.contains("id&#60;b&#62;") && !page.contains("id<b>"), "{page}");
    let answer = async |decision: &str, token: &str| {
        let fields = [
            ("form_token", token),
            ("response_type", "code"),
            ("client_id", "id<b>"),
            ("redirect_uri", "http://app:8080/back?x=1"),
            ("state", "a b"),
            ("decision", decision),
        ];
        it.form("ada", "/page/consent", &fields).await
    };
    assert_eq!(answer("allow", "forged").await.status(), 403);
    let denied = answer("deny", &form_token(&page)).await;
    assert_eq!(header(&denied, "location"), "http://app:8080/back?x=1&error=access_denied&state=a%20b");
    assert_eq!(answer("perhaps", &form_token(&page)).await.status(), 400);
    let allowed = answer("allow", &form_token(&page)).await;
    let to = header(&allowed, "location").to_owned();
    assert!(to.starts_with("http://app:8080/back?x=1&code=") && to.ends_with("&state=a%20b"), "{to}");
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", "id<b>"),
        ("client_secret", "secret"),
        ("code", to.split("code=").nth(1).unwrap().split('&').next().unwrap()),
        ("redirect_uri", "http://app:8080/back?x=1"),
    ];
    let tokens = it.client.post(it.url("/oauth_token.do")).form(&fields).send().await.unwrap();
    let tokens: Value = tokens.json().await.unwrap();
    let own = it
        .client
        .get(it.url("/api/now/table/incident"))
        .bearer_auth(tokens["access_token"].as_str().unwrap());
    assert_eq!(own.send().await.unwrap().status(), 200);
    // Nobody is asked for a client that is not known, or that is to be told elsewhere.
    for other in [query.replace("id%3Cb%3E", "other"), query.replace("app", "evil")] {
        assert_eq!(it.page("ada", &format!("/page/consent?{other}")).await.status(), 400);
        assert_eq!(
            client.get(it.url(&format!("/oauth_auth.do?{other}"))).send().await.unwrap().status(),
            400
        );
    }
}
