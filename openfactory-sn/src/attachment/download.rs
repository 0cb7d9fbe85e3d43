//! The content of an attached file, as it comes.

use std::fmt;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::{is_same, size_of};
use crate::client::Client;
use crate::client::stream::Opened;
use crate::error::{Error, ErrorKind};
use crate::models::attachment::Attachment;

/// The content of an attached file in chunks, by [`Attachments::open`](super::Attachments::open). Until
/// [`Download::chunk`] says that it has ended, what came is not known to be the file's.
///
/// It counts as one of the client's concurrent calls until it is dropped.
///
/// ```
/// use openfactory_sn::ErrorKind;
/// use openfactory_sn::attachment::Download;
/// use openfactory_sn::models::attachment::Attachment;
/// use openfactory_sn::record::FromRow as _;
/// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
/// # use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let instance =
///     ScriptedTransport::new().on(Expected::get("/api/now/attachment/a1/file"), Reply::raw(200, "text/plain", "root"));
/// let row = serde_json::from_value(json!({"sys_id": "a1", "size_bytes": "9", "table_name": "incident"}))?;
/// let attachment = Attachment::from_row(row)?;
/// let mut download: Download = client(&instance).attachments().open(&attachment).await?;
/// let error = loop {
///     match download.chunk().await {
///         Ok(Some(_)) => {}
///         Ok(None) => return Err("4 of 9 bytes are not the file".into()),
///         Err(error) => break error,
///     }
/// };
/// assert_eq!((error.kind(), download.received()), (ErrorKind::Decode, 4));
/// # Ok(())
/// # }
/// ```
pub struct Download {
    client: Client,
    opened: Opened,
    operation: String,
    attachment: Attachment,
    received: u64,
    hasher: Sha256,
    /// How it ended.
    end: Option<Result<(), Error>>,
}

impl Download {
    pub(super) fn new(client: Client, opened: Opened, operation: String, attachment: &Attachment) -> Self {
        Self {
            client,
            opened,
            operation,
            attachment: attachment.clone(),
            received: 0,
            hasher: Sha256::new(),
            end: None,
        }
    }

    /// How many bytes came so far.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received
    }

    /// The next chunk, or `None` if the file has ended and its size and, where the instance shows it, its SHA-256 are those
    /// of the attachment. Each chunk has the time of a call.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`] if the content is not the attachment's; [`ErrorKind::Unavailable`] or [`ErrorKind::Timeout`] if
    /// the rest does not come. What came before is then of no use; a further call tells the same error.
    ///
    /// # Cancel safety
    ///
    /// No chunk is lost if the future is dropped.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        if let Some(end) = &self.end {
            return end.clone().map(|()| None);
        }
        match self.next().await {
            Ok(Some(chunk)) => Ok(Some(chunk)),
            Ok(None) => {
                self.end = Some(Ok(()));
                Ok(None)
            }
            Err(error) => {
                self.end = Some(Err(error.clone()));
                Err(error)
            }
        }
    }

    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let chunk = self.client.engine().chunk(&self.operation, &mut self.opened).await?;
        let other = |reason| Error::new(ErrorKind::Decode, self.operation.clone(), reason);
        match chunk {
            Some(chunk) => {
                self.received += chunk.len() as u64;
                if size_of(&self.attachment).is_some_and(|size| self.received > size) {
                    return Err(other("content is longer than the attachment says"));
                }
                self.hasher.update(&chunk);
                Ok(Some(chunk))
            }
            None => match is_same(&self.attachment, self.received, &self.hasher.clone().finalize()) {
                true => Ok(None),
                false => Err(other("content is not what the attachment says")),
            },
        }
    }
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download")
            .field("operation", &self.operation)
            .field("received", &self.received)
            .finish_non_exhaustive()
    }
}
