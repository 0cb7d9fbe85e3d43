//! Looking for what changed: repairs webhooks that never arrived.
//!
//! A cursor over `sys_updated_on` in UTC. Times there have whole seconds and updates become visible late, so each look
//! goes back a little, follows ties by key, and passes over what it has shown already, by key and `sys_mod_count`.
//! Deletions are not seen this way.

mod look;

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::id::SysId;
use crate::query::{Condition, Query};
use crate::record::{Field, Malformed, Row};
use crate::value::{format_date_time, parse_date_time};
use look::{Look, Progress};

const UPDATED_ON: Field<SystemTime> = Field::new("sys_updated_on");
const KEY: Field<SysId> = Field::new("sys_id");
/// How many changes are told at once, but for those of one second.
const MOST: usize = 10_000;
/// How far each look goes back by itself.
const OVERLAP: Duration = Duration::from_secs(120);

/// How far a table was looked through. Kept by the caller, as JSON or otherwise.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use openfactory_sn::poll::Cursor;
///
/// let cursor = Cursor::from(SystemTime::UNIX_EPOCH + Duration::from_secs(1_769_853_600)).ok_or("a time")?;
/// let kept = serde_json::to_string(&cursor)?; // in a file, say
/// assert!(kept.contains("2026-01-31 10:00:00"));
/// assert_eq!(serde_json::from_str::<Cursor>(&kept)?, cursor);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// UTC, in ServiceNow's form.
    since: String,
    /// What was shown and is still within the overlap: the update's time, and how many there were.
    seen: BTreeMap<SysId, (String, i64)>,
}

impl Cursor {
    /// Begins at this time; `None` for one that ServiceNow's form cannot hold.
    ///
    /// What counts is the instance's clock. Where this machine's may be ahead by more than the overlap of two minutes, begin
    /// earlier, or at the `sys_updated_on` of the newest record: what was updated before the cursor is never shown.
    #[must_use]
    pub fn from(time: SystemTime) -> Option<Self> {
        Some(Self { since: format_date_time(time)?, seen: BTreeMap::new() })
    }
}

/// A record that changed.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use openfactory_sn::poll::{Changed, Cursor, Poller};
/// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
/// # use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let state = |count: &str, by: &str| json!([{"sys_id": "c1", "sys_mod_count": count, "sys_updated_by": by,
///     "sys_updated_on": "2025-12-31 23:59:00"}]);
/// let path = "/api/now/table/change_request";
/// let instance = ScriptedTransport::new()
///     .on(Expected::get(path), Reply::result(200, state("3", "eve")))
///     .on(Expected::get(path), Reply::result(200, state("4", "svc")))
///     .on(Expected::get(path), Reply::result(200, state("6", "svc")));
/// let (sn, poller) = (client(&instance), Poller::new("change_request").own_user("svc"));
/// let mut cursor = Cursor::from(SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_200_000)).ok_or("a time")?;
/// let mut echoes = Vec::new();
/// for _ in 0..3 {
///     let changed: Vec<Changed> = poller.poll(&sn, &mut cursor).await?.into_iter().collect::<Result<_, _>>()?;
///     echoes.push((changed[0].is_our_echo(), changed[0].unseen));
/// }
/// assert_eq!(echoes, [(false, None), (true, Some(0)), (false, Some(1))], "the last hides somebody else's");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Changed {
    /// The record as it is now.
    pub row: Row,
    /// Whether the last update was by the integration's own user. Somebody else's may lie before it: see
    /// [`Changed::unseen`].
    pub by_us: bool,
    /// How many updates there were since it was last shown, this one not counted; `None` if it was not shown lately, or its
    /// count has fallen since.
    pub unseen: Option<i64>,
}

impl Changed {
    /// Whether nothing but one update of our own happened.
    #[must_use]
    pub fn is_our_echo(&self) -> bool {
        self.by_us && self.unseen == Some(0)
    }
}

/// Looks through a table for what changed.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use openfactory_sn::poll::{Cursor, Poller};
/// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
/// # use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let row = json!({"sys_id": "c1", "sys_updated_on": "2025-12-31 23:59:00", "sys_mod_count": "3",
///     "sys_updated_by": "eve"});
/// let path = "/api/now/table/change_request";
/// let instance = ScriptedTransport::new()
///     .on(Expected::get(path), Reply::result(200, json!([row])))
///     .on(Expected::get(path), Reply::result(200, json!([row])));
/// let poller = Poller::new("change_request").own_user("svc_openfactory");
/// let mut cursor = Cursor::from(SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_200_000)).ok_or("a time")?;
/// let sn = client(&instance);
/// assert_eq!(poller.poll(&sn, &mut cursor).await?.len(), 1);
/// assert_eq!(poller.poll(&sn, &mut cursor).await?.len(), 0, "shown already");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Poller {
    table: String,
    filter: Vec<Condition>,
    select: Vec<String>,
    overlap: Duration,
    own_user: Option<String>,
}

impl Poller {
    /// Looks through this table.
    #[must_use]
    pub fn new(table: impl Into<String>) -> Self {
        Self { table: table.into(), filter: Vec::new(), select: Vec::new(), overlap: OVERLAP, own_user: None }
    }

    /// Only records of which this holds.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use openfactory_sn::models::change_request::{APPROVAL, Approval};
    /// use openfactory_sn::poll::{Cursor, Poller};
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let instance = ScriptedTransport::new().on(
    ///     Expected::get("/api/now/table/change_request").query(
    ///         "sysparm_query",
    ///         "sys_updated_on>=2026-01-31 09:59:00^approval=approved^ORDERBYsys_updated_on^ORDERBYsys_id",
    ///     ),
    ///     Reply::result(200, json!([])),
    /// );
    /// let poller = Poller::new("change_request")
    ///     .and(APPROVAL.is(Approval::Approved))
    ///     .select(["state", "approval"])
    ///     .overlap(Duration::from_secs(60));
    /// let mut cursor = Cursor::from(SystemTime::UNIX_EPOCH + Duration::from_secs(1_769_853_600)).ok_or("a time")?;
    /// assert!(poller.poll(&client(&instance), &mut cursor).await?.is_empty());
    /// instance.assert_done();
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn and(mut self, condition: Condition) -> Self {
        self.filter.push(condition);
        self
    }

    /// Only these fields, beside those that the poller itself needs.
    #[must_use]
    pub fn select<N: Into<String>>(mut self, fields: impl IntoIterator<Item = N>) -> Self {
        self.select.extend(fields.into_iter().map(Into::into));
        self
    }

    /// How far each look goes back; two minutes if not set.
    #[must_use]
    pub fn overlap(mut self, overlap: Duration) -> Self {
        self.overlap = overlap;
        self
    }

    /// The name of the integration's own user.
    #[must_use]
    pub fn own_user(mut self, name: impl Into<String>) -> Self {
        self.own_user = Some(name.into());
        self
    }

    /// What changed since the last look, oldest first. The cursor moves only if all of it could be read.
    ///
    /// After a long while there may be more than is held at once: after some 10,000 changes a look ends, and the next one goes
    /// on from there. An empty one says that there is no more.
    ///
    /// A record that does not show when it was updated or how often, as where an access control hides that, is an error of
    /// its own among the others, by its key if it has one. Since nothing tells whether it was shown before, it is told at
    /// every look that it falls into.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use openfactory_sn::poll::{Cursor, Poller};
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let rows = json!([
    ///     {"sys_id": "c1", "sys_updated_on": "2025-12-31 23:59:00", "sys_mod_count": "3", "approval": "requested"},
    ///     {"sys_id": "c2", "approval": "approved"},
    ///     {"sys_id": "c3", "sys_updated_on": "2025-12-31 23:59:30", "sys_mod_count": "1", "approval": "rejected"},
    /// ]);
    /// let instance =
    ///     ScriptedTransport::new().on(Expected::get("/api/now/table/change_request"), Reply::result(200, rows));
    /// let mut cursor = Cursor::from(SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_200_000)).ok_or("a time")?;
    /// let poller = Poller::new("change_request");
    /// let mut hidden = Vec::new();
    /// for changed in poller.poll(&client(&instance), &mut cursor).await? {
    ///     match changed {
    ///         Ok(changed) => assert_ne!(changed.row.text("approval"), "approved"),
    ///         Err(malformed) => hidden.extend(malformed.sys_id), // to be read by its key
    ///     }
    /// }
    /// assert_eq!(hidden.iter().map(|key| key.as_str()).collect::<Vec<_>>(), ["c2"]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Forbidden`] if the credential may not compare and sort by `sys_updated_on`; [`ErrorKind::Decode`] if no
    /// record of a whole page shows it, so that the table may have no such field; as
    /// [`DynamicTable::find`](crate::table::DynamicTable::find).
    pub async fn poll(
        &self,
        client: &Client,
        cursor: &mut Cursor,
    ) -> Result<Vec<Result<Changed, Malformed>>, Error> {
        let operation = format!("poll {}", self.table);
        let decode = |reason: &str| Error::new(ErrorKind::Decode, operation.clone(), reason);
        let since = parse_date_time(&cursor.since).map_err(|_| decode("cursor holds no time"))?;
        let from = since.checked_sub(self.overlap).unwrap_or(SystemTime::UNIX_EPOCH);
        let table = client.dynamic_table(self.table.clone());
        let mut look = Look::new(cursor.seen.clone(), since, self.own_user.as_deref());
        // A record stamped in the future must not carry the cursor over what is still to come.
        let reached = |look: &Look<'_>| look.newest().min(client.engine().now());
        'by_key: loop {
            let mut pager = table.pager(self.page(from, look.last()))?.knowing(UPDATED_ON.name());
            loop {
                let rows = pager.next_page().await?;
                let progress = look
                    .take(rows)
                    .map_err(|reason| decode(reason).with_advice(crate::error::QUERY_WIDENED))?;
                match progress {
                    _ if pager.is_ended() => break 'by_key,
                    Progress::Advanced if look.told() >= MOST && reached(&look) > since => break 'by_key,
                    Progress::Advanced => continue 'by_key,
                    // No key to go on from: by offset until there is one.
                    Progress::Stayed => {}
                }
            }
        }
        let next = reached(&look).max(since);
        let kept = next.checked_sub(self.overlap).and_then(format_date_time).unwrap_or_default();
        let (told, mut seen) = look.ended();
        seen.retain(|_, (time, _)| *time >= kept);
        if let Some(next) = format_date_time(next) {
            *cursor = Cursor { since: next, seen };
        }
        Ok(told)
    }

    /// Everything from this time on, or what follows the last record seen: later, or in the same second by a later key.
    fn page(&self, from: SystemTime, last: Option<&(SystemTime, SysId)>) -> Query {
        let filtered = |query: Query| self.filter.iter().cloned().fold(query, Query::and);
        let query = match last {
            None => filtered(Query::new().and(UPDATED_ON.at_least(from))),
            Some((time, key)) => {
                let ties = Query::new().and(UPDATED_ON.is(*time)).and(KEY.greater_than(key));
                filtered(filtered(ties).or_else().and(UPDATED_ON.greater_than(*time)))
            }
        };
        let query = query.order_by("sys_updated_on").order_by("sys_id");
        match self.select.is_empty() {
            true => query,
            false => {
                let needed = ["sys_updated_on", "sys_updated_by", "sys_mod_count"].map(str::to_owned);
                query.select(needed.into_iter().chain(self.select.iter().cloned()))
            }
        }
    }
}
