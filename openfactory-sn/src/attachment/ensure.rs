//! The upload that can be repeated: looked for before, and again whenever its outcome is not known.

use super::{Attachments, Upload};
use crate::client::engine::Deadline;
use crate::error::Error;
use crate::models::attachment::Attachment;
use crate::query::Query;
use crate::table::{SETTLES, may_be_under_way};

/// A file that is attached.
///
/// ```
/// use bytes::Bytes;
/// use openfactory_sn::SysId;
/// use openfactory_sn::attachment::EnsuredAttachment;
/// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
/// # use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let known = json!([{"sys_id": "a1", "file_name": "log", "size_bytes": "2",
///     "table_name": "incident", "table_sys_id": "i1"}]);
/// let instance = ScriptedTransport::new().on(Expected::get("/api/now/attachment"), Reply::result(200, known));
/// let (incident, content) = (SysId::new("i1")?, Bytes::from_static(b"ok"));
/// let attachments = client(&instance).attachments();
/// let EnsuredAttachment { attachment, created, .. } =
///     attachments.ensure("incident", &incident, "log", "text/plain", content).await?;
/// assert_eq!((attachment.sys_id().as_str(), created), ("a1", false));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EnsuredAttachment {
    /// Its record.
    pub attachment: Attachment,
    /// Whether the instance confirmed that this call attached it; `false` if it was found.
    pub created: bool,
    /// Further files on the record of the same name and content, if it was found: from uploads at the same time. The oldest
    /// counts.
    pub others: Vec<Attachment>,
}

pub(super) async fn ensure(
    attachments: &Attachments,
    upload: &Upload,
    query: &Query,
    name: &str,
) -> Result<EnsuredAttachment, Error> {
    let engine = attachments.client.engine();
    let mut deadline = engine.deadline();
    if let Some(found) = look(attachments, query, name, upload, deadline).await? {
        return Ok(found);
    }
    // Repeated, since each repetition is preceded by a look for the file.
    let repeatable = upload.call.clone().looked_for();
    for made in 1.. {
        let failure = match attachments.send(upload, deadline).await {
            Ok(attachment) => {
                return Ok(EnsuredAttachment { attachment, created: true, others: Vec::new() });
            }
            Err(failure) => failure,
        };
        if !failure.may_have_happened() {
            return Err(failure);
        }
        deadline = engine.moved_on(deadline, upload.moved());
        let mut found = look(attachments, query, name, upload, deadline).await;
        if matches!(found, Ok(None)) && may_be_under_way(&failure) {
            if !engine.sleep_before(deadline, SETTLES).await {
                return Err(failure);
            }
            found = look(attachments, query, name, upload, deadline).await;
        }
        match found {
            Ok(Some(found)) => return Ok(found),
            Ok(None) => engine.pause(failure, &repeatable, made, deadline).await?,
            Err(unanswered) => return Err(unanswered.with_may_have_happened(true)),
        }
    }
    Err(upload.call.refused("no attempt allowed"))
}

async fn look(
    attachments: &Attachments,
    query: &Query,
    name: &str,
    upload: &Upload,
    deadline: Deadline,
) -> Result<Option<EnsuredAttachment>, Error> {
    let mut found = attachments.collect(query.clone(), deadline).await?;
    found.retain(|attachment| attachment.file_name == name && upload.is(attachment));
    found.sort_by_key(|attachment| (attachment.sys_created_on, attachment.sys_id().clone()));
    let mut found = found.into_iter();
    let first = found.next();
    Ok(first.map(|attachment| EnsuredAttachment { attachment, created: false, others: found.collect() }))
}
