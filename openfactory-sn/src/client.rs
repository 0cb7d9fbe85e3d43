//! The client: a cheap handle on one instance with one credential.

mod builder;
pub(crate) mod engine;
mod pace;
pub(crate) mod retry;
pub(crate) mod stream;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

pub use self::builder::ClientBuilder;
pub use self::retry::RetryPolicy;
use crate::attachment::Attachments;
use crate::auth::{Authenticator, IntegrationPoint, Means};
use crate::batch::Batches;
use crate::change::Changes;
use crate::cmdb::Cmdb;
use crate::error::Error;
use crate::event::Events;
use crate::id::SysId;
use crate::import::ImportSet;
use crate::record::Record;
use crate::table::{DynamicTable, Table};
use crate::wire::call::Call;
use crate::wire::response::Answer;
use crate::wire::url::BaseUrl;
use engine::{Caller, Deadline, Engine};

/// A handle on one ServiceNow instance. Clones share the connections, the token and the limit on concurrent calls.
///
/// What every call does: at most four at once by default, each under one total deadline (30 s by default); repeated on
/// 429, 502, 503, 504 and broken connections, honouring `Retry-After`, where repeating cannot do harm, and reads also on
/// whatever else tends to pass: any other failure of the instance, an answer that is cut off or did not come; paced for
/// each user and API by `X-RateLimit-Limit` and `X-RateLimit-Reset` where the instance sends them; no cookies and no
/// redirects. An answer of success is believed only after it was read to its end.
///
/// ```
/// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
/// use openfactory_sn::{IntegrationPoint, SysId};
/// # use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let instance = ScriptedTransport::new()
///     .on(Expected::get("/api/now/table/incident/a1"), Reply::fault(503, "Instance is starting", ""))
///     .on(Expected::get("/api/now/table/incident/a1"), Reply::result(200, json!({"sys_id": "a1"})));
/// let sn = client(&instance); // as Client::builder(..).build() makes it, but for a test
/// let incident = SysId::new("a1")?;
/// sn.dynamic_table("incident").get(&incident).await?;
/// assert_eq!(instance.requests().len(), 2, "tried again");
///
/// assert_eq!(sn.base_url(), "https://instance.example.com");
/// assert_eq!(sn.record_link("incident", &incident), "https://instance.example.com/incident.do?sys_id=a1");
/// let for_incidents = sn.at(IntegrationPoint::Incident);
/// assert_eq!(for_incidents.base_url(), sn.base_url());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    /// The point whose credential every call of this handle uses; else each call the one of its table.
    point: Option<IntegrationPoint>,
}

struct Shared {
    base: BaseUrl,
    auth: Authenticator,
    points: BTreeMap<IntegrationPoint, Authenticator>,
    engine: Engine,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("instance", &self.shared.base.as_str()).finish_non_exhaustive()
    }
}

impl Client {
    /// Begins a client for the instance at `base_url`, such as `https://plant.service-now.com`.
    pub fn builder(base_url: impl Into<String>) -> ClientBuilder {
        ClientBuilder::new(base_url.into())
    }

    fn new(
        base: BaseUrl,
        auth: Authenticator,
        points: BTreeMap<IntegrationPoint, Authenticator>,
        engine: Engine,
    ) -> Self {
        Self { shared: Arc::new(Shared { base, auth, points, engine }), point: None }
    }

    /// The same instance with the credential of this point for every call, whatever table it is about; the general one if
    /// the point has none of its own.
    #[must_use]
    pub fn at(&self, point: IntegrationPoint) -> Self {
        Self { point: Some(point), ..self.clone() }
    }

    /// With the credential of the point that this table belongs to, unless one was chosen.
    pub(crate) fn for_table(&self, table: &str) -> Self {
        Self { point: self.point.or_else(|| IntegrationPoint::of_table(table)), ..self.clone() }
    }

    /// With the credential of this point, unless one was chosen.
    pub(crate) fn with_point(&self, point: IntegrationPoint) -> Self {
        Self { point: self.point.or(Some(point)), ..self.clone() }
    }

    /// The points that have a credential of their own; none where one was chosen for every call.
    pub(crate) fn own_points(&self) -> Vec<IntegrationPoint> {
        match self.point {
            Some(_) => Vec::new(),
            None => self.shared.points.keys().copied().collect(),
        }
    }

    /// The point whose own credential a call about this table goes by; `None` where that is the general one.
    pub(crate) fn point_of(&self, table: &str) -> Option<IntegrationPoint> {
        let point = self.point.or_else(|| IntegrationPoint::of_table(table));
        point.filter(|point| self.shared.points.contains_key(point))
    }

    fn authenticator(&self) -> &Authenticator {
        self.point.and_then(|point| self.shared.points.get(&point)).unwrap_or(&self.shared.auth)
    }

    /// The table of a typed record.
    #[must_use]
    pub fn table<R: Record>(&self) -> Table<R> {
        self.table_named(R::TABLE)
    }

    /// A typed record in another table than its usual one: a subclass, or a customer's own class.
    ///
    /// ```
    /// use openfactory_sn::SysId;
    /// use openfactory_sn::models::configuration_item::ConfigurationItem;
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let instance = ScriptedTransport::new()
    ///     .on(Expected::get("/api/now/table/cmdb_ci_linux_server/d1"),
    ///         Reply::result(200, json!({"sys_id": "d1", "name": "edge-0001"})));
    /// let servers = client(&instance).table_named::<ConfigurationItem>("cmdb_ci_linux_server");
    /// assert_eq!(servers.get(&SysId::new("d1")?).await?.name, "edge-0001");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn table_named<R: Record>(&self, name: impl Into<String>) -> Table<R> {
        Table::new(self.dynamic_table(name))
    }

    /// Any table, without types. A name that no table can have is an error of the first call.
    ///
    /// ```
    /// use openfactory_sn::testing::{ScriptedTransport, client};
    /// use openfactory_sn::{ErrorKind, Query};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), openfactory_sn::Error> {
    /// let instance = ScriptedTransport::new();
    /// let error = client(&instance).dynamic_table("incident/../sys_user").find(&Query::new()).await.unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Local);
    /// assert!(instance.requests().is_empty(), "nothing was sent");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn dynamic_table(&self, name: impl Into<String>) -> DynamicTable {
        let name = name.into();
        DynamicTable::new(self.for_table(&name), name)
    }

    /// Many calls in few: the Batch API.
    ///
    /// ```
    /// use openfactory_sn::batch::Batch;
    /// use openfactory_sn::testing::{ScriptedTransport, client};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), openfactory_sn::Error> {
    /// let instance = ScriptedTransport::new();
    /// assert!(client(&instance).batches().run(Batch::new()).await.is_empty());
    /// assert!(instance.requests().is_empty(), "no calls, no request");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn batches(&self) -> Batches {
        Batches::new(self.clone())
    }

    /// The CMDB's own APIs.
    ///
    /// ```
    /// use openfactory_sn::SysId;
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = json!({"attributes": {"sys_id": "d1"}, "inbound_relations": [], "outbound_relations": []});
    /// let instance = ScriptedTransport::new()
    ///     .on(Expected::get("/api/now/cmdb/instance/cmdb_ci_server/d1"), Reply::result(200, server));
    /// let device = client(&instance).cmdb().instance("cmdb_ci_server", &SysId::new("d1")?).await?;
    /// assert!(device.inbound.is_empty() && device.outbound.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn cmdb(&self) -> Cmdb {
        Cmdb::new(self)
    }

    /// Changes, by the Change Management API.
    ///
    /// ```
    /// use openfactory_sn::SysId;
    /// use openfactory_sn::models::change_request::State;
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let answer = json!({"sys_id": {"value": "c1", "display_value": "c1"}, "state": {"value": -1.0, "display_value": "Implement"}});
    /// let instance =
    ///     ScriptedTransport::new().on(Expected::get("/api/sn_chg_rest/v1/change/c1"), Reply::result(200, answer));
    /// let change = client(&instance).changes().get(&SysId::new("c1")?).await?;
    /// assert_eq!(change.state, Some(State::Implement));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn changes(&self) -> Changes {
        Changes::new(self)
    }

    /// A staging table of the Import Set API.
    ///
    /// ```
    /// use openfactory_sn::Fields;
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), openfactory_sn::Error> {
    /// let answer = json!({"result": [{"transform_map": "Device", "table": "cmdb_ci_server", "status": "inserted", "sys_id": "d1"}]});
    /// let instance =
    ///     ScriptedTransport::new().on(Expected::post("/api/now/import/u_device"), Reply::json(201, &answer));
    /// let rows = client(&instance).import_set("u_device").insert(&Fields::new().with("u_name", "edge-0001")).await?;
    /// assert!(rows.iter().all(|row| row.is_good()));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn import_set(&self, staging_table: impl Into<String>) -> ImportSet {
        ImportSet::new(self.clone(), staging_table.into())
    }

    /// Event Management.
    ///
    /// ```
    /// use openfactory_sn::testing::{ScriptedTransport, client};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), openfactory_sn::Error> {
    /// let instance = ScriptedTransport::new();
    /// client(&instance).events().send(&[]).await?;
    /// assert!(instance.requests().is_empty(), "nothing happened, nothing is sent");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn events(&self) -> Events {
        Events::new(self.clone())
    }

    /// Files attached to records.
    ///
    /// ```
    /// use openfactory_sn::SysId;
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let files = json!([{"sys_id": "a1", "file_name": "recipe.json", "table_name": "incident", "table_sys_id": "i1"}]);
    /// let instance = ScriptedTransport::new().on(Expected::get("/api/now/attachment"), Reply::result(200, files));
    /// let files = client(&instance).attachments().list("incident", &SysId::new("i1")?).await?;
    /// assert_eq!(files[0].file_name, "recipe.json");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn attachments(&self) -> Attachments {
        Attachments::new(self.clone())
    }

    /// The instance's address, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> &str {
        self.shared.base.as_str()
    }

    /// Where a person sees the record.
    #[must_use]
    pub fn record_link(&self, table: &str, sys_id: &SysId) -> String {
        format!("{}/{table}.do?sys_id={sys_id}", self.base_url())
    }

    /// How long this credential's last token was said to live; `None` if it is no token, or none was asked for yet.
    pub(crate) async fn token_life(&self) -> Option<Duration> {
        match &self.authenticator().means {
            Means::Token(tokens) => tokens.life().await,
            Means::Fixed(_) | Means::Nothing => None,
        }
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.shared.engine
    }

    /// Makes a call with a credential, a second time with a new one if the first was refused.
    pub(crate) async fn call(&self, call: &Call, deadline: Deadline) -> Result<Answer, Error> {
        let Shared { base, engine, .. } = &*self.shared;
        let Authenticator { user, means } = self.authenticator();
        let by = |credential| Caller { user: *user, credential };
        let tokens = match means {
            Means::Nothing => return engine.run(call, base, by(None), deadline).await,
            Means::Fixed(credential) => return engine.run(call, base, by(Some(credential)), deadline).await,
            Means::Token(tokens) => tokens,
        };
        let credential = tokens.credential(engine, base, deadline).await?;
        match engine.run(call, base, by(Some(&credential)), deadline).await {
            // Only the status says that the instance looked at the token and at nothing else.
            Err(refused) if refused.status() == Some(StatusCode::UNAUTHORIZED) => {
                let undecided = refused.may_have_happened();
                engine.within(deadline, tokens.discard(&credential)).await;
                let outcome = match tokens.credential(engine, base, deadline).await {
                    Ok(renewed) => engine.run(call, base, by(Some(&renewed)), deadline).await,
                    Err(error) => Err(error),
                };
                outcome.map_err(|error| {
                    let undecided = undecided || error.may_have_happened();
                    error.with_may_have_happened(undecided)
                })
            }
            outcome => outcome,
        }
    }
}
