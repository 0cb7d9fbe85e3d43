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

pub use self::builder::ClientBuilder;
pub use self::retry::RetryPolicy;
use crate::attachment::Attachments;
use crate::auth::{Authenticator, IntegrationPoint};
use crate::batch::Batches;
use crate::change::Changes;
use crate::cmdb::Cmdb;
use crate::error::{Error, ErrorKind};
use crate::event::Events;
use crate::id::SysId;
use crate::import::ImportSet;
use crate::record::Record;
use crate::table::{DynamicTable, Table};
use crate::wire::call::Call;
use crate::wire::response::Answer;
use crate::wire::url::BaseUrl;
use engine::{Deadline, Engine};

/// A handle on one ServiceNow instance. Clones share the connections, the token and the limit on concurrent calls.
///
/// What every call does: at most four at once by default, each under one total deadline (30 s by default); repeated on
/// 429, 502, 503, 504 and broken connections, honouring `Retry-After`, where repeating cannot do harm; paced by
/// `X-RateLimit-Limit` and `X-RateLimit-Reset` where the instance sends them; no cookies and no redirects. An answer of success is believed only after it was read to its end.
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
    #[must_use]
    pub fn table_named<R: Record>(&self, name: impl Into<String>) -> Table<R> {
        Table::new(self.dynamic_table(name))
    }

    /// Any table, without types. A name that no table can have is an error of the first call.
    #[must_use]
    pub fn dynamic_table(&self, name: impl Into<String>) -> DynamicTable {
        let name = name.into();
        DynamicTable::new(self.for_table(&name), name)
    }

    /// Many calls in few: the Batch API.
    #[must_use]
    pub fn batches(&self) -> Batches {
        Batches::new(self.clone())
    }

    /// The CMDB's own APIs.
    #[must_use]
    pub fn cmdb(&self) -> Cmdb {
        Cmdb::new(self)
    }

    /// Changes, by the Change Management API.
    #[must_use]
    pub fn changes(&self) -> Changes {
        Changes::new(self)
    }

    /// A staging table of the Import Set API.
    #[must_use]
    pub fn import_set(&self, staging_table: impl Into<String>) -> ImportSet {
        ImportSet::new(self.clone(), staging_table.into())
    }

    /// Event Management.
    #[must_use]
    pub fn events(&self) -> Events {
        Events::new(self.clone())
    }

    /// Files attached to records.
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
        match self.authenticator() {
            Authenticator::Token(tokens) => tokens.life().await,
            Authenticator::Fixed(_) | Authenticator::Nothing => None,
        }
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.shared.engine
    }

    /// Makes a call with a credential, a second time with a new one if the first was refused.
    pub(crate) async fn call(&self, call: &Call, deadline: Deadline) -> Result<Answer, Error> {
        let Shared { base, engine, .. } = &*self.shared;
        let tokens = match self.authenticator() {
            Authenticator::Nothing => return engine.run(call, base, None, deadline).await,
            Authenticator::Fixed(credential) => {
                return engine.run(call, base, Some(credential), deadline).await;
            }
            Authenticator::Token(tokens) => tokens,
        };
        let credential = tokens.credential(engine, base, deadline).await?;
        match engine.run(call, base, Some(&credential), deadline).await {
            Err(refused) if refused.kind() == ErrorKind::Unauthenticated => {
                let undecided = refused.may_have_happened();
                engine.within(deadline, tokens.discard(&credential)).await;
                let outcome = match tokens.credential(engine, base, deadline).await {
                    Ok(renewed) => engine.run(call, base, Some(&renewed), deadline).await,
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
