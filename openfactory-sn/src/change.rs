//! The Change Management API: changes as the instance's own rules move them.
//!
//! The Table API writes a change's state and is refused if it may not be; this API says beforehand which states may
//! follow, decides approvals, and relates configuration items. It is a plugin: where it is missing, calls are
//! [`ErrorKind::Invalid`].

mod next;
mod work;

pub use self::next::{NextStates, Step, StepCondition};
pub use self::work::{Association, Work, WorkState};

use http::Method;
use serde_json::{Value, json};

use crate::auth::IntegrationPoint;
use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::id::SysId;
use crate::models::change_request::{ChangeRequest, Type};
use crate::record::{Fields, FromRow, Row};
use crate::table::undecodable;
use crate::wire::call::{Call, Repeat};
use crate::wire::url::Target;

const PATH: &str = "/api/sn_chg_rest/v1/change";

/// Changes, by the API made for them.
///
/// ```
/// use openfactory_sn::models::change_request::State;
/// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
/// use openfactory_sn::{ErrorKind, Fields, SysId};
/// # use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let path = "/api/sn_chg_rest/v1/change/c1";
/// let moved = json!({"sys_id": {"value": "c1"}, "state": {"value": -4.0}, "__meta": {"ignoredFields": []}});
/// let instance = ScriptedTransport::new()
///     .on(Expected::patch(path).field("state", "-4"), Reply::result(200, moved))
///     .on(Expected::patch(format!("{path}/approvals")).field("state", "approved"), Reply::result(200, json!({})));
/// let (changes, change) = (client(&instance).changes(), SysId::new("c1")?);
/// let written = changes.update(&change, &Fields::new().with("state", State::Assess.as_str())).await?;
/// assert_eq!(written.change.state, Some(State::Assess));
/// changes.approve(&change, "").await?;
/// let without_words = changes.reject(&change, " ").await.unwrap_err();
/// assert_eq!(without_words.kind(), ErrorKind::Local);
/// instance.assert_done();
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Changes {
    client: Client,
}

/// A change that was written, and what of it the instance did not take.
///
/// ```
/// use openfactory_sn::change::Written;
/// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
/// use openfactory_sn::{Fields, SysId};
/// # use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let answer = json!({"sys_id": {"value": "c1"}, "__meta": {"ignoredFields": ["u_bogus"]}});
/// let instance =
///     ScriptedTransport::new().on(Expected::patch("/api/sn_chg_rest/v1/change/c1"), Reply::result(200, answer));
/// let fields = Fields::new().with("u_bogus", "x");
/// let Written { change, ignored, .. } = client(&instance).changes().update(&SysId::new("c1")?, &fields).await?;
/// assert_eq!((change.sys_id().as_str(), ignored), ("c1", vec!["u_bogus".to_owned()]));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Written {
    /// The change as it is now.
    pub change: ChangeRequest,
    /// Fields that were sent and ignored: unknown ones, and those that a template fixes.
    pub ignored: Vec<String>,
}

impl Changes {
    pub(crate) fn new(client: &Client) -> Self {
        Self { client: client.with_point(IntegrationPoint::Change) }
    }

    /// A change.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`]; the kinds of network, availability and rights.
    pub async fn get(&self, sys_id: &SysId) -> Result<ChangeRequest, Error> {
        let call = Call::get(format!("get change {sys_id}"), Target::new(format!("{PATH}/{sys_id}")));
        Ok(self.written(&call).await?.change)
    }

    /// Creates a change. A standard one has its texts from the template, by the template's key; other types have none.
    ///
    /// Not repeated once it may have happened: to create exactly once, use the table's
    /// [`ensure`](crate::table::Table::ensure).
    ///
    /// ```
    /// use openfactory_sn::Fields;
    /// use openfactory_sn::models::change_request::{State, Type};
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), openfactory_sn::Error> {
    /// let answer = json!({"sys_id": {"value": "c1", "display_value": "c1"},
    ///     "state": {"value": -5.0, "display_value": "New"}, "__meta": {"ignoredFields": ["u_bogus"]}});
    /// let instance = ScriptedTransport::new()
    ///     .on(Expected::post("/api/sn_chg_rest/v1/change/normal"), Reply::result(200, answer));
    /// let fields = Fields::new().with("short_description", "kiosk 1.2").with("u_bogus", "x");
    /// let made = client(&instance).changes().create(&Type::Normal, None, &fields).await?;
    /// assert_eq!((made.change.state, made.ignored), (Some(State::New), vec!["u_bogus".to_owned()]));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Local`] for a standard change without a template, another with one, and a type that stock instances do
    /// not have; as [`Changes::get`].
    pub async fn create(
        &self,
        kind: &Type,
        template: Option<&SysId>,
        fields: &Fields,
    ) -> Result<Written, Error> {
        let path = match (kind, template) {
            (Type::Standard, Some(template)) => format!("{PATH}/standard/{template}"),
            (Type::Normal | Type::Emergency, None) => format!("{PATH}/{}", kind.as_str()),
            _ => {
                let reason = "a standard change has a template, other types have none";
                return Err(Error::new(ErrorKind::Local, "create change", reason));
            }
        };
        let call =
            Call::json(Method::POST, format!("create {kind} change"), Target::new(path), &json!(fields));
        self.written(&call).await
    }

    /// Sets these fields of a change, leaving the others; repeated unless a journal field is among them.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Conflict`] if a rule does not allow the step; as [`Changes::get`].
    pub async fn update(&self, sys_id: &SysId, fields: &Fields) -> Result<Written, Error> {
        let target = Target::new(format!("{PATH}/{sys_id}"));
        let mut call = Call::json(Method::PATCH, format!("update change {sys_id}"), target, &json!(fields));
        if fields.is_repeatable() {
            call.repeat = Repeat::Safe;
        }
        self.written(&call).await
    }

    /// Approves a change, as far as the credential's own user is asked to. Comments may be empty.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] if this user is not asked; as [`Changes::get`].
    pub async fn approve(&self, sys_id: &SysId, comments: &str) -> Result<(), Error> {
        self.decide(sys_id, "approved", comments).await
    }

    /// Refuses a change, as far as the credential's own user is asked to.
    ///
    /// ```
    /// use openfactory_sn::SysId;
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let instance = ScriptedTransport::new().on(
    ///     Expected::patch("/api/sn_chg_rest/v1/change/c1/approvals")
    ///         .field("state", "rejected")
    ///         .field("comments", "line 4 runs until Sunday"),
    ///     Reply::result(200, json!({})),
    /// );
    /// client(&instance).changes().reject(&SysId::new("c1")?, "line 4 runs until Sunday").await?;
    /// instance.assert_done();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Local`] without comments, which the instance wants; as [`Changes::approve`].
    pub async fn reject(&self, sys_id: &SysId, comments: &str) -> Result<(), Error> {
        if comments.trim().is_empty() {
            let operation = format!("reject change {sys_id}");
            return Err(Error::new(ErrorKind::Local, operation, "a refusal needs comments"));
        }
        self.decide(sys_id, "rejected", comments).await
    }

    async fn decide(&self, sys_id: &SysId, state: &str, comments: &str) -> Result<(), Error> {
        let mut body = json!({"state": state});
        if let (false, Some(members)) = (comments.is_empty(), body.as_object_mut()) {
            members.insert("comments".to_owned(), comments.into());
        }
        let target = Target::new(format!("{PATH}/{sys_id}/approvals"));
        let call = Call::json(Method::PATCH, format!("decide on change {sys_id}"), target, &body);
        self.client.call(&call, self.client.engine().deadline()).await.map(|_| ())
    }

    async fn written(&self, call: &Call) -> Result<Written, Error> {
        let mut result = self.client.call(call, self.client.engine().deadline()).await?.result;
        let meta = result.as_object_mut().and_then(|members| members.remove("__meta")).unwrap_or_default();
        let ignored = meta.get("ignoredFields").and_then(Value::as_array).into_iter().flatten();
        let ignored = ignored.filter_map(|name| name.as_str().map(str::to_owned)).collect();
        let change = Row::try_from(result).and_then(ChangeRequest::from_row).map_err(|malformed| {
            undecodable("read change_request", malformed).with_may_have_happened(call.writes())
        })?;
        Ok(Written { change, ignored })
    }
}
