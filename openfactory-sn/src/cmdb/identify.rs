//! The call to Identification and Reconciliation.

use http::Method;

use super::Cmdb;
use super::outcome::Outcome;
use super::payload::Payload;
use crate::error::{Error, ErrorKind};
use crate::wire::call::{Call, Repeat};
use crate::wire::url::Target;

const PATH: &str = "/api/now/identifyreconcile";
const DRY: &str = "/api/now/identifyreconcile/query";
const PARTS: &str = "/api/now/identifyreconcile/enhanced";
const PARTS_DRY: &str = "/api/now/identifyreconcile/queryEnhanced";
/// Takes good items although others are refused. Unless told not to, an instance would also keep incomplete ones aside.
const IN_PARTS: &str = "partial_payloads:false,partial_commits:true,deduplicate_payloads:false";

impl Cmdb {
    /// Hands items and relations to Identification and Reconciliation, which makes or changes each once: the call may be
    /// repeated, and is.
    ///
    /// The instance says yes even where it refused items: look at each of [`Outcome::items`].
    ///
    /// ```
    /// use openfactory_sn::cmdb::{CiOperation, IreErrorCode, Item, Payload};
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// use openfactory_sn::Fields;
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), openfactory_sn::Error> {
    /// let answer = json!({"items": [
    ///     {"className": "cmdb_ci_linux_server", "operation": "INSERT", "sysId": "d1", "errorCount": 0, "errors": []},
    ///     {"className": "u_cmdb_ci_os_image", "sysId": "Unknown", "errorCount": 1, "errors": [
    ///         {"error": "IDENTIFICATION_RULE_MISSING", "message": "No rule for u_cmdb_ci_os_image"}]},
    /// ], "relations": []});
    /// let instance = ScriptedTransport::new().on(
    ///     Expected::post("/api/now/identifyreconcile").query("sysparm_data_source", "OpenFactory"),
    ///     Reply::result(200, answer),
    /// );
    /// let mut payload = Payload::new("OpenFactory");
    /// let device = payload.item(Item::new("cmdb_ci_linux_server", Fields::new().with("serial_number", "SN1")));
    /// let image = payload.item(Item::new("u_cmdb_ci_os_image", Fields::new().with("name", "kiosk 1.2")));
    /// payload.relate(device, "Runs on::Runs", image);
    ///
    /// let outcome = client(&instance).cmdb().reconcile(&payload).await?;
    /// assert_eq!(outcome.items[0].as_ref().map(|made| &made.operation), Ok(&CiOperation::Insert));
    /// let refused = outcome.items[1].as_ref().unwrap_err();
    /// assert_eq!(refused.errors[0].code, IreErrorCode::IdentificationRuleMissing);
    /// assert_eq!(outcome.relations, [None]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Local`] for a payload without items or data source, and for [`Item::seen`](super::Item::seen) without
    /// [`Item::native_key`](super::Item::native_key); [`ErrorKind::Decode`] for an answer that does not tell of every item; the
    /// kinds of network, availability and rights.
    pub async fn reconcile(&self, payload: &Payload) -> Result<Outcome, Error> {
        self.identify(payload, false).await
    }

    /// What [`Cmdb::reconcile`] would do, without doing it.
    ///
    /// ```
    /// use openfactory_sn::Fields;
    /// use openfactory_sn::cmdb::{CiOperation, Item, Payload};
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let answer = json!({"items": [{"className": "cmdb_ci_linux_server", "operation": "INSERT", "sysId": "Unknown"}]});
    /// let instance = ScriptedTransport::new()
    ///     .on(Expected::post("/api/now/identifyreconcile/query"), Reply::result(200, answer));
    /// let mut payload = Payload::new("OpenFactory");
    /// payload.item(Item::new("cmdb_ci_linux_server", Fields::new().with("serial_number", "SN1")));
    /// let outcome = client(&instance).cmdb().would_reconcile(&payload).await?;
    /// let would = outcome.items[0].as_ref().map_err(|refused| refused.to_string())?;
    /// assert_eq!((&would.operation, &would.sys_id), (&CiOperation::Insert, &None));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn would_reconcile(&self, payload: &Payload) -> Result<Outcome, Error> {
        self.identify(payload, true).await
    }

    async fn identify(&self, payload: &Payload, dry: bool) -> Result<Outcome, Error> {
        let verb = if dry { "try to reconcile" } else { "reconcile" };
        let path = match (payload.is_in_parts(), dry) {
            (false, false) => PATH,
            (false, true) => DRY,
            (true, false) => PARTS,
            (true, true) => PARTS_DRY,
        };
        let operation = format!("{verb} {} items", payload.len());
        if payload.is_empty() {
            return Err(Error::new(ErrorKind::Local, operation, "payload has no items"));
        }
        if payload.source().trim().is_empty() {
            let reason = "payload has no data source: the instance would keep it aside";
            return Err(Error::new(ErrorKind::Local, operation, reason));
        }
        if payload.has_time_without_key() {
            let reason =
                "item has a time of its source, and no key there by which the instance could compare it";
            return Err(Error::new(ErrorKind::Local, operation, reason));
        }
        let mut target = Target::new(path).with("sysparm_data_source", payload.source());
        if payload.is_in_parts() {
            target = target.with("options", IN_PARTS);
        }
        let mut call = Call::json(Method::POST, operation, target, &payload.to_json());
        call.repeat = Repeat::Safe;
        let answer = self.client.call(&call, self.client.engine().deadline()).await;
        let result = answer
            .map_err(|error| {
                let undecided = !dry && error.may_have_happened();
                error.with_may_have_happened(undecided)
            })?
            .result;
        let classes: Vec<_> = (0..payload.len()).map(|index| payload.class_of(index)).collect();
        Outcome::read(&result, &classes, payload.relation_count(), dry).ok_or_else(|| {
            let reason = "answer does not tell what became of every item";
            Error::new(ErrorKind::Decode, call.operation, reason).with_may_have_happened(!dry)
        })
    }
}
