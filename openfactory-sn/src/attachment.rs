//! Files attached to records.

mod ensure;

use bytes::Bytes;
use http::HeaderValue;
use sha2::{Digest, Sha256};

pub use self::ensure::EnsuredAttachment;
use crate::client::Client;
use crate::client::engine::Deadline;
use crate::error::{Error, ErrorKind};
use crate::id::SysId;
use crate::models::attachment::{Attachment, FILE_NAME, TABLE_NAME, TABLE_SYS_ID};
use crate::query::Query;
use crate::record::FromRow;
use crate::table::{Listing, Pager, undecodable};
use crate::wire::call::Call;
use crate::wire::url::Target;

const PATH: &str = "/api/now/attachment";
/// Longest file name, in bytes: the size of the `file_name` column.
const NAME_MAX: usize = 100;

/// The Attachment API. The credential needs write access to a record to attach to it.
#[derive(Debug, Clone)]
pub struct Attachments {
    client: Client,
}

impl Attachments {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    /// What is attached to a record.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Local`] for a table name that cannot be one; the kinds of network, availability and rights.
    pub async fn list(&self, table: &str, sys_id: &SysId) -> Result<Vec<Attachment>, Error> {
        let query = Query::new().and(TABLE_NAME.is(table)).and(TABLE_SYS_ID.is(sys_id));
        self.of(table).collect(query).await
    }

    /// Attaches a file. An instance keeps several files of one name, so an answer that got lost leaves open whether it is
    /// attached: see [`Attachments::ensure`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there is no such record, [`ErrorKind::Forbidden`], [`ErrorKind::Invalid`] for a size or
    /// type that the instance does not take, [`ErrorKind::Decode`] if what is attached is not what was sent,
    /// [`ErrorKind::Local`] for a name or type that cannot be sent.
    pub async fn upload(
        &self,
        table: &str,
        sys_id: &SysId,
        name: &str,
        content_type: &str,
        content: Bytes,
    ) -> Result<Attachment, Error> {
        let call = upload_call(table, sys_id, name, content_type, content.clone())?;
        self.of(table).send(&call, &content, self.client.engine().deadline()).await
    }

    /// Makes sure that a file of this name and content is attached: looks for it first, and again whenever the outcome of
    /// an upload is not known. Same are name, size and, where the instance shows it, SHA-256.
    ///
    /// Two at the same time can both find none; then two are attached.
    ///
    /// # Errors
    ///
    /// As [`Attachments::upload`] and [`Attachments::list`].
    pub async fn ensure(
        &self,
        table: &str,
        sys_id: &SysId,
        name: &str,
        content_type: &str,
        content: Bytes,
    ) -> Result<EnsuredAttachment, Error> {
        let call = upload_call(table, sys_id, name, content_type, content.clone())?;
        let query =
            Query::new().and(TABLE_NAME.is(table)).and(TABLE_SYS_ID.is(sys_id)).and(FILE_NAME.is(name));
        ensure::ensure(&self.of(table), &call, &query, name, &content).await
    }

    /// The content of an attached file, as large as the client's limit on answers.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`] if size or SHA-256 are not the attachment's; [`ErrorKind::NotFound`] if it is gone.
    pub async fn download(&self, attachment: &Attachment) -> Result<Bytes, Error> {
        let sys_id = attachment.sys_id();
        let target = Target::new(format!("{PATH}/{sys_id}/file"));
        let call = Call::file(format!("download attachment {sys_id}"), target);
        let client = self.client.for_table(&attachment.table_name);
        let content = client.call(&call, client.engine().deadline()).await?.file;
        match is_same(attachment, &content) {
            true => Ok(content),
            false => {
                Err(Error::new(ErrorKind::Decode, call.operation, "content is not what the attachment says"))
            }
        }
    }

    /// With the credential for this table's records.
    fn of(&self, table: &str) -> Self {
        Self { client: self.client.for_table(table) }
    }

    async fn collect(&self, query: Query) -> Result<Vec<Attachment>, Error> {
        let pager = Pager::new(self.client.clone(), "list attachments".to_owned(), PATH.to_owned(), query)?;
        let mut listing = Listing::new(pager);
        let mut found = Vec::new();
        while let Some(attachment) = listing.try_next().await? {
            found.push(attachment);
        }
        Ok(found)
    }

    async fn send(&self, call: &Call, content: &[u8], deadline: Deadline) -> Result<Attachment, Error> {
        let result = self.client.call(call, deadline).await?.result;
        let attachment: Attachment =
            crate::record::Row::try_from(result).and_then(Attachment::from_row).map_err(|malformed| {
                undecodable("read", "sys_attachment", malformed).with_may_have_happened(true)
            })?;
        match is_same(&attachment, content) {
            true => Ok(attachment),
            false => {
                let reason = format!("attachment {} is not what was sent", attachment.sys_id());
                Err(Error::new(ErrorKind::Decode, call.operation.clone(), reason)
                    .with_may_have_happened(true))
            }
        }
    }
}

/// Whether an attachment holds this content, as far as the instance tells: by size, and by SHA-256 where it shows one.
fn is_same(attachment: &Attachment, content: &[u8]) -> bool {
    let same_size = attachment.size_bytes.is_some_and(|size| u64::try_from(size) == Ok(content.len() as u64));
    let same_hash = attachment.hash.is_empty()
        || attachment.hash.eq_ignore_ascii_case(&hex::encode(Sha256::digest(content)));
    same_size && same_hash
}

fn upload_call(
    table: &str,
    sys_id: &SysId,
    name: &str,
    content_type: &str,
    content: Bytes,
) -> Result<Call, Error> {
    let operation = format!("attach {} to {table} {sys_id}", name.chars().take(NAME_MAX).collect::<String>());
    let refused = |reason| Error::new(ErrorKind::Local, operation.clone(), reason);
    if name.is_empty()
        || name.len() > NAME_MAX
        || name.contains(['/', '\\', '^'])
        || name.contains(char::is_control)
    {
        return Err(refused("file name is empty, over 100 bytes, or holds a character of a path or a query"));
    }
    let content_type = HeaderValue::from_str(content_type)
        .map_err(|_| refused("content type cannot be put into a header"))?;
    if content_type.is_empty() {
        return Err(refused("content type is empty"));
    }
    let target = Target::new(format!("{PATH}/file"))
        .with("table_name", table)
        .with("table_sys_id", sys_id.as_str())
        .with("file_name", name);
    Ok(Call::upload(operation, target, content_type, content))
}
