//! What the instance does behind its answer: relating configuration items is handed to a worker.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use super::{Changes, PATH};
use crate::error::{Error, ErrorKind};
use crate::id::SysId;
use crate::wire::call::{Call, Expects};
use crate::wire::url::Target;

/// How a configuration item belongs to a change.
///
/// ```
/// use openfactory_sn::SysId;
/// use openfactory_sn::change::Association;
/// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
/// # use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let work = json!({"worker": {"sysId": "w1"}, "state": {"value": 3}});
/// let instance = ScriptedTransport::new().on(
///     Expected::post("/api/sn_chg_rest/v1/change/c1/ci").field("association_type", "affected"),
///     Reply::result(200, work),
/// );
/// let (change, device) = (SysId::new("c1")?, SysId::new("d1")?);
/// client(&instance).changes().associate(&change, Association::Affected, &[device]).await?;
/// instance.assert_done();
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Association {
    /// It is changed.
    Affected,
    /// It suffers from the change.
    Impacted,
    /// It is a service offering.
    Offering,
}

impl Association {
    fn as_str(self) -> &'static str {
        match self {
            Self::Affected => "affected",
            Self::Impacted => "impacted",
            Self::Offering => "offering",
        }
    }
}

/// Work that goes on behind an answer.
///
/// ```
/// use openfactory_sn::SysId;
/// use openfactory_sn::change::{Association, Work, WorkState};
/// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
/// # use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let path = "/api/sn_chg_rest/v1/change";
/// let failed = json!({"worker": {"sysId": "w1"}, "state": {"value": 4},
///     "messages": {"errorMessages": ["d9 is no configuration item"], "warningMessages": []}});
/// let instance = ScriptedTransport::new()
///     .on(Expected::post(format!("{path}/c1/ci")).field("association_type", "impacted"),
///         Reply::result(202, json!({"worker": {"sysId": "w1"}, "state": {"value": 1}})))
///     .on(Expected::get(format!("{path}/worker/w1")), Reply::result(200, failed));
/// let changes = client(&instance).changes();
/// let begun = changes.associate(&SysId::new("c1")?, Association::Impacted, &[SysId::new("d9")?]).await?;
/// assert_eq!(begun.state, WorkState::Waiting);
/// let work: Work = changes.look_at(&begun).await?;
/// assert_eq!((work.state, work.messages), (WorkState::Failed, vec!["d9 is no configuration item".to_owned()]));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Work {
    /// The worker's key.
    pub sys_id: SysId,
    /// How far it is.
    pub state: WorkState,
    /// What it has to say: errors first, then warnings.
    pub messages: Vec<String>,
}

/// How far work is.
///
/// ```
/// use openfactory_sn::change::WorkState;
///
/// /// Whether it is worth looking again.
/// fn goes_on(state: WorkState) -> bool {
///     matches!(state, WorkState::Waiting | WorkState::InProgress)
/// }
///
/// assert!(goes_on(WorkState::InProgress) && !goes_on(WorkState::Failed));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WorkState {
    /// Done.
    Complete,
    /// Ended badly.
    Failed,
    /// Begun.
    InProgress,
    /// Not begun.
    Waiting,
}

impl Work {
    fn read(result: &Value) -> Option<Self> {
        let worker = result.get("worker")?;
        let number = result.get("state")?.get("value")?;
        let number = number.as_f64().or_else(|| number.as_str()?.parse().ok())?;
        let state = match number {
            1.0 => WorkState::Waiting,
            2.0 => WorkState::InProgress,
            3.0 => WorkState::Complete,
            4.0 => WorkState::Failed,
            _ => return None,
        };
        let list = |name: &str| {
            result.get("messages").and_then(|messages| messages.get(name)).and_then(Value::as_array)
        };
        let messages = ["errorMessages", "warningMessages"].into_iter().filter_map(list).flatten();
        Some(Self {
            sys_id: SysId::new(worker.get("sysId")?.as_str()?).ok()?,
            state,
            messages: messages
                .map(|message| message.as_str().map_or_else(|| message.to_string(), str::to_owned))
                .collect(),
        })
    }
}

impl Changes {
    /// Has configuration items related to a change. The answer is a promise: see [`Changes::finish`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Local`] without items; as [`Changes::get`]. Not repeated once it may have happened.
    pub async fn associate(&self, sys_id: &SysId, how: Association, items: &[SysId]) -> Result<Work, Error> {
        let operation = format!("associate {} items with change {sys_id}", items.len());
        if items.is_empty() {
            return Err(Error::new(ErrorKind::Local, operation, "no items given"));
        }
        let keys = items.iter().map(SysId::as_str).collect::<Vec<_>>().join(",");
        let body = json!({"cmdb_ci_sys_ids": keys, "association_type": how.as_str()});
        let target = Target::new(format!("{PATH}/{sys_id}/ci"));
        self.work(&Call::json(Method::POST, operation, target, &body).expecting(Expects::Work)).await
    }

    /// How far work is.
    ///
    /// ```
    /// use openfactory_sn::SysId;
    /// use openfactory_sn::change::{Association, WorkState};
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let worker = |state: u8| json!({"worker": {"sysId": "w1"}, "state": {"value": state}});
    /// let instance = ScriptedTransport::new()
    ///     .on(Expected::post("/api/sn_chg_rest/v1/change/c1/ci"), Reply::result(202, worker(1)))
    ///     .on(Expected::get("/api/sn_chg_rest/v1/change/worker/w1"), Reply::result(200, worker(2)));
    /// let (changes, devices) = (client(&instance).changes(), [SysId::new("d1")?, SysId::new("d2")?]);
    /// let begun = changes.associate(&SysId::new("c1")?, Association::Affected, &devices).await?;
    /// assert_eq!(changes.look_at(&begun).await?.state, WorkState::InProgress);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Changes::get`].
    pub async fn look_at(&self, work: &Work) -> Result<Work, Error> {
        let target = Target::new(format!("{PATH}/worker/{}", work.sys_id));
        self.work(&Call::get(format!("look at worker {}", work.sys_id), target).expecting(Expects::Work))
            .await
    }

    /// Waits until work is done, looking at it every `interval` for as long as a call of this client may take.
    ///
    /// ```
    /// use std::time::Duration;
    /// use openfactory_sn::SysId;
    /// use openfactory_sn::change::{Association, WorkState};
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let worker = |state: u8| json!({"worker": {"sysId": "w1"}, "state": {"value": state}});
    /// let instance = ScriptedTransport::new()
    ///     .on(Expected::post("/api/sn_chg_rest/v1/change/c1/ci").field("cmdb_ci_sys_ids", "d1,d2"),
    ///         Reply::result(202, worker(1)))
    ///     .on(Expected::get("/api/sn_chg_rest/v1/change/worker/w1"), Reply::result(200, worker(3)));
    /// let changes = client(&instance).changes();
    /// let items = [SysId::new("d1")?, SysId::new("d2")?];
    /// let begun = changes.associate(&SysId::new("c1")?, Association::Affected, &items).await?;
    /// assert_eq!(changes.finish(begun, Duration::from_secs(1)).await?.state, WorkState::Complete);
    /// instance.assert_done();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] if the work ended badly, with its messages; [`ErrorKind::Timeout`] if it is not done in time,
    /// which says nothing of what it will come to; as [`Changes::look_at`].
    pub async fn finish(&self, begun: Work, interval: Duration) -> Result<Work, Error> {
        let engine = self.client.engine();
        let deadline = engine.deadline();
        let mut work = begun;
        loop {
            let operation = format!("wait for worker {}", work.sys_id);
            match work.state {
                WorkState::Complete => return Ok(work),
                WorkState::Failed => {
                    let reason = format!("work ended badly: {}", work.messages.join("; "));
                    return Err(
                        Error::new(ErrorKind::Invalid, operation, reason).with_may_have_happened(true)
                    );
                }
                WorkState::InProgress | WorkState::Waiting => {}
            }
            if !engine.sleep_before(deadline, interval.max(Duration::from_millis(100))).await {
                let reason = "work is not done in time";
                return Err(Error::new(ErrorKind::Timeout, operation, reason).with_may_have_happened(true));
            }
            work = self.look_at(&work).await.map_err(|error| error.with_may_have_happened(true))?;
        }
    }

    async fn work(&self, call: &Call) -> Result<Work, Error> {
        let result = self.client.call(call, self.client.engine().deadline()).await?.result;
        Work::read(&result).ok_or_else(|| {
            Error::new(ErrorKind::Decode, call.operation.clone(), "answer does not tell of a worker")
                .with_may_have_happened(call.writes())
        })
    }
}
