//! The upload that can be repeated: looked for before, and again whenever its outcome is not known.

use super::{Attachments, is_same};
use crate::error::Error;
use crate::models::attachment::Attachment;
use crate::query::Query;
use crate::wire::call::Call;

/// A file that is attached.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EnsuredAttachment {
    /// Its record.
    pub attachment: Attachment,
    /// Whether the instance confirmed that this call attached it; `false` if it was found.
    pub created: bool,
}

pub(super) async fn ensure(
    attachments: &Attachments,
    call: &Call,
    query: &Query,
    name: &str,
    content: &[u8],
) -> Result<EnsuredAttachment, Error> {
    let engine = attachments.client.engine();
    let deadline = engine.deadline();
    if let Some(attachment) = look(attachments, query, name, content).await? {
        return Ok(EnsuredAttachment { attachment, created: false });
    }
    // Safe to repeat, since each repetition is preceded by a look for the file.
    let repeatable = call.clone().looked_for();
    for made in 1.. {
        let failure = match attachments.send(call, content, deadline).await {
            Ok(attachment) => return Ok(EnsuredAttachment { attachment, created: true }),
            Err(failure) => failure,
        };
        if !failure.may_have_happened() {
            return Err(failure);
        }
        match look(attachments, query, name, content).await {
            Ok(Some(attachment)) => return Ok(EnsuredAttachment { attachment, created: false }),
            Ok(None) => engine.pause(failure, &repeatable, made, deadline).await?,
            Err(unanswered) => return Err(unanswered.with_may_have_happened(true)),
        }
    }
    Err(call.refused("no attempt allowed"))
}

async fn look(
    attachments: &Attachments,
    query: &Query,
    name: &str,
    content: &[u8],
) -> Result<Option<Attachment>, Error> {
    let found = attachments.collect(query.clone()).await?;
    Ok(found.into_iter().find(|attachment| attachment.file_name == name && is_same(attachment, content)))
}
