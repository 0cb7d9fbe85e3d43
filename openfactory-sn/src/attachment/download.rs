//! The content of an attached file, as it comes.

use std::fmt;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::client::Client;
use crate::client::stream::Opened;
use crate::error::{Error, ErrorKind};
use crate::models::attachment::Attachment;

/// The content of an attached file in chunks, by [`Attachments::open`](super::Attachments::open). Until
/// [`Download::chunk`] says that it has ended, what came is not known to be the file's.
///
/// It counts as one of the client's concurrent calls until it is dropped.
pub struct Download {
    client: Client,
    opened: Opened,
    operation: String,
    size: Option<u64>,
    /// SHA-256 in hexadecimal, or empty if the instance shows none.
    hash: String,
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
            size: attachment.size_bytes.and_then(|size| u64::try_from(size).ok()),
            hash: attachment.hash.clone(),
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
                if self.size.is_some_and(|size| self.received > size) {
                    return Err(other("content is longer than the attachment says"));
                }
                self.hasher.update(&chunk);
                Ok(Some(chunk))
            }
            None => {
                let same_hash = || {
                    self.hash.is_empty()
                        || self.hash.eq_ignore_ascii_case(&hex::encode(self.hasher.clone().finalize()))
                };
                match self.size == Some(self.received) && same_hash() {
                    true => Ok(None),
                    false => Err(other("content is not what the attachment says")),
                }
            }
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
