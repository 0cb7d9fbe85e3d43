//! Files attached to records.

mod content;
mod download;
mod ensure;

use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use sha2::{Digest, Sha256};

pub(crate) use self::content::Measured;
pub use self::content::{Content, Source};
pub use self::download::Download;
pub use self::ensure::EnsuredAttachment;
use crate::client::Client;
use crate::client::engine::Deadline;
use crate::error::{Error, ErrorKind};
use crate::id::SysId;
use crate::models::attachment::{Attachment, FILE_NAME, TABLE_NAME, TABLE_SYS_ID};
use crate::query::Query;
use crate::record::FromRow;
use crate::table::{Listing, Pager, is_absent, undecodable};
use crate::wire::call::{Call, Expects};
use crate::wire::url::Target;

const PATH: &str = "/api/now/attachment";
/// Longest file name, in bytes: the size of the `file_name` column.
const NAME_MAX: usize = 100;

/// The Attachment API. The credential needs write access to a record to attach to it.
///
/// ```
/// use bytes::Bytes;
/// use openfactory_sn::SysId;
/// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
/// # use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let file = json!({"sys_id": "a1", "file_name": "recipe.json", "size_bytes": "2", "table_name": "incident",
///     "table_sys_id": "i1"});
/// let instance = ScriptedTransport::new()
///     .on(Expected::get("/api/now/attachment").query("sysparm_query", "table_name=incident^table_sys_id=i1^ORDERBYsys_id"),
///         Reply::result(200, json!([file])))
///     .on(Expected::get("/api/now/attachment/a1/file"), Reply::raw(200, "application/json", "{}"));
/// let attachments = client(&instance).attachments();
/// for attachment in attachments.list("incident", &SysId::new("i1")?).await? {
///     assert_eq!(attachments.download(&attachment).await?, Bytes::from_static(b"{}"));
/// }
/// instance.assert_done();
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Attachments {
    client: Client,
}

impl Attachments {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    /// What is attached to a record. One attachment that cannot be read is an error for all: see [`Attachments::each`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Local`] for a table name that cannot be one; the kinds of network, availability and rights.
    pub async fn list(&self, table: &str, sys_id: &SysId) -> Result<Vec<Attachment>, Error> {
        self.of(table).collect(attached_to(table, sys_id), self.client.engine().deadline()).await
    }

    /// What is attached to a record, one by one: after one that cannot be read, the others still come.
    ///
    /// ```
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// use openfactory_sn::{ErrorKind, SysId};
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let file = |sys_id: &str, size: &str| json!({"sys_id": sys_id, "file_name": "build.log", "size_bytes": size,
    ///     "table_name": "incident", "table_sys_id": "i1"});
    /// let files = json!([file("a1", "many"), file("a2", "2")]);
    /// let instance =
    ///     ScriptedTransport::new().on(Expected::get("/api/now/attachment"), Reply::result(200, files));
    /// let mut files = client(&instance).attachments().each("incident", &SysId::new("i1")?)?;
    /// assert_eq!(files.try_next().await.map_err(|error| error.kind()), Err(ErrorKind::Decode));
    /// assert_eq!(files.try_next().await?.and_then(|file| file.size_bytes), Some(2));
    /// assert!(files.try_next().await?.is_none());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Local`] for a table name that cannot be one.
    pub fn each(&self, table: &str, sys_id: &SysId) -> Result<Listing<Attachment>, Error> {
        Ok(Listing::new(self.of(table).pager(attached_to(table, sys_id))?))
    }

    /// Attaches a file. An instance keeps several files of one name, so an answer that got lost leaves open whether it is
    /// attached: see [`Attachments::ensure`].
    ///
    /// The content is read twice, to know its hash and to send it; memory holds a chunk of it. If it changed in between, it
    /// is not sent to its end. The time of a call counts from chunk to chunk.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use openfactory_sn::SysId;
    /// use openfactory_sn::attachment::Content;
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let attached = json!({"sys_id": "a1", "file_name": "build.log", "size_bytes": "3"});
    /// let instance = ScriptedTransport::new().on(
    ///     Expected::post("/api/now/attachment/file").query("file_name", "build.log").body("ok\n"),
    ///     Reply::result(201, attached),
    /// );
    /// let content = Content::from(Bytes::from_static(b"ok\n")); // or Content::file(path), whatever its size
    /// let change = SysId::new("c1")?;
    /// let attachments = client(&instance).attachments();
    /// let attachment = attachments.upload("change_request", &change, "build.log", "text/plain", content).await?;
    /// assert_eq!(attachment.size_bytes, Some(3));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there is no such record, [`ErrorKind::Forbidden`], [`ErrorKind::Invalid`] for a size or
    /// type that the instance does not take, [`ErrorKind::Decode`] if what is attached is not what was sent,
    /// [`ErrorKind::Local`] for a name or type that cannot be sent, or content that cannot be read.
    pub async fn upload(
        &self,
        table: &str,
        sys_id: &SysId,
        name: &str,
        content_type: &str,
        content: impl Into<Content>,
    ) -> Result<Attachment, Error> {
        let upload = Upload::new(table, sys_id, name, content_type, content.into()).await?;
        self.of(table).send(&upload, self.client.engine().deadline()).await
    }

    /// Makes sure that a file of this name and content is attached: looks for it first, and again whenever the outcome of
    /// an upload is not known. Same are name, size and, where the instance shows it, SHA-256.
    ///
    /// Two at the same time can both find none; then two are attached, and [`EnsuredAttachment::others`] tells the next call
    /// of the second.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use openfactory_sn::SysId;
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// use openfactory_sn::transport::TransportErrorKind;
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let attached = json!([{"sys_id": "a1", "table_name": "change_request", "table_sys_id": "c1",
    ///     "file_name": "recipe.json", "size_bytes": "2"}]);
    /// let instance = ScriptedTransport::new()
    ///     .on(Expected::get("/api/now/attachment"), Reply::result(200, json!([])))
    ///     .on(Expected::post("/api/now/attachment/file"), Reply::failure(TransportErrorKind::Interrupted))
    ///     .on(Expected::get("/api/now/attachment"), Reply::result(200, attached));
    /// let (change, content) = (SysId::new("c1")?, Bytes::from_static(b"{}"));
    /// let attachments = client(&instance).attachments();
    /// let ensured = attachments.ensure("change_request", &change, "recipe.json", "application/json", content).await?;
    /// assert!(!ensured.created, "the answer was lost, the file was not");
    /// # Ok(())
    /// # }
    /// ```
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
        content: impl Into<Content>,
    ) -> Result<EnsuredAttachment, Error> {
        let upload = Upload::new(table, sys_id, name, content_type, content.into()).await?;
        let query =
            Query::new().and(TABLE_NAME.is(table)).and(TABLE_SYS_ID.is(sys_id)).and(FILE_NAME.is(name));
        ensure::ensure(&self.of(table), &upload, &query, name).await
    }

    /// The content of an attached file, in memory as a whole: as large as the client's limit on answers.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`] if it is larger, or size or SHA-256 are not the attachment's; [`ErrorKind::NotFound`] if it is
    /// gone.
    pub async fn download(&self, attachment: &Attachment) -> Result<Bytes, Error> {
        let call = download_call(attachment, Expects::File);
        let client = self.client.for_table(&attachment.table_name);
        let content = client.call(&call, client.engine().deadline()).await?.file;
        match is_same(attachment, content.len() as u64, &Sha256::digest(&content)) {
            true => Ok(content),
            false => {
                Err(Error::new(ErrorKind::Decode, call.operation, "content is not what the attachment says"))
            }
        }
    }

    /// The content of an attached file in chunks, whatever its size.
    ///
    /// ```
    /// use openfactory_sn::models::attachment::Attachment;
    /// use openfactory_sn::record::FromRow as _;
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let instance = ScriptedTransport::new()
    ///     .on(Expected::get("/api/now/attachment/a1/file"), Reply::raw(200, "text/plain", "root hash"));
    /// # let row = serde_json::from_value(json!({"sys_id": "a1", "size_bytes": "9", "table_name": "incident"}))?;
    /// # let attachment = Attachment::from_row(row)?;
    /// let mut download = client(&instance).attachments().open(&attachment).await?;
    /// let mut file = Vec::new(); // or a temporary file, renamed when the download has ended well
    /// while let Some(chunk) = download.chunk().await? {
    ///     file.extend_from_slice(&chunk);
    /// }
    /// assert_eq!(file, b"root hash");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if it is gone; the kinds of network, availability and rights. Those of the content come with
    /// [`Download::chunk`].
    pub async fn open(&self, attachment: &Attachment) -> Result<Download, Error> {
        let call = download_call(attachment, Expects::Stream);
        let client = self.client.for_table(&attachment.table_name);
        let answer = client.call(&call, client.engine().deadline()).await?;
        match answer.opened {
            Some(opened) => Ok(Download::new(client, opened, call.operation, attachment)),
            None => Err(Error::new(ErrorKind::Decode, call.operation, "answer has no file")),
        }
    }

    /// Takes an attached file away. That it is gone counts as done if an earlier request may have done it.
    ///
    /// ```
    /// use openfactory_sn::models::attachment::Attachment;
    /// use openfactory_sn::record::FromRow as _;
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// use openfactory_sn::transport::TransportErrorKind;
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let path = "/api/now/attachment/a1";
    /// let instance = ScriptedTransport::new()
    ///     .on(Expected::delete(path), Reply::failure(TransportErrorKind::Interrupted))
    ///     .on(Expected::delete(path), Reply::fault(404, "No Record found", ""));
    /// # let attachment = Attachment::from_row(serde_json::from_value(json!({"sys_id": "a1"}))?)?;
    /// client(&instance).attachments().delete(&attachment).await?;
    /// instance.assert_done();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there was none; the kinds of network, availability and rights.
    pub async fn delete(&self, attachment: &Attachment) -> Result<(), Error> {
        let sys_id = attachment.sys_id();
        let call =
            Call::delete(format!("delete attachment {sys_id}"), Target::new(format!("{PATH}/{sys_id}")));
        let client = self.client.for_table(&attachment.table_name);
        match client.call(&call, client.engine().deadline()).await {
            Ok(_) => Ok(()),
            Err(error) if is_absent(&error) && error.may_have_happened() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// With the credential for this table's records.
    fn of(&self, table: &str) -> Self {
        Self { client: self.client.for_table(table) }
    }

    fn pager(&self, query: Query) -> Result<Pager, Error> {
        Pager::new(self.client.clone(), "list attachments".to_owned(), PATH.to_owned(), query)
    }

    async fn collect(&self, query: Query, deadline: Deadline) -> Result<Vec<Attachment>, Error> {
        let mut listing = Listing::new(self.pager(query)?.within(deadline));
        let mut found = Vec::new();
        while let Some(attachment) = listing.try_next().await? {
            found.push(attachment);
        }
        Ok(found)
    }

    async fn send(&self, upload: &Upload, deadline: Deadline) -> Result<Attachment, Error> {
        let result = self.client.call(&upload.call, deadline).await?.result;
        let attachment: Attachment =
            crate::record::Row::try_from(result).and_then(Attachment::from_row).map_err(|malformed| {
                undecodable("read sys_attachment", malformed).with_may_have_happened(true)
            })?;
        match upload.is(&attachment) {
            true => Ok(attachment),
            false => {
                let reason = format!("attachment {} is not what was sent", attachment.sys_id());
                Err(Error::new(ErrorKind::Decode, upload.call.operation.clone(), reason)
                    .with_may_have_happened(true))
            }
        }
    }
}

fn attached_to(table: &str, sys_id: &SysId) -> Query {
    Query::new().and(TABLE_NAME.is(table)).and(TABLE_SYS_ID.is(sys_id))
}

/// Whether an attachment holds this content, as far as the instance tells: by size, and by SHA-256 where it shows one.
fn is_same(attachment: &Attachment, size: u64, sha256: &[u8]) -> bool {
    let same_size = size_of(attachment) == Some(size);
    let same_hash = attachment.hash.is_empty() || attachment.hash.eq_ignore_ascii_case(&hex::encode(sha256));
    same_size && same_hash
}

/// How large the instance says an attachment is, in bytes.
fn size_of(attachment: &Attachment) -> Option<u64> {
    attachment.size_bytes.and_then(|size| u64::try_from(size).ok())
}

fn download_call(attachment: &Attachment, expects: Expects) -> Call {
    let sys_id = attachment.sys_id();
    let target = Target::new(format!("{PATH}/{sys_id}/file"));
    Call::get(format!("download attachment {sys_id}"), target).expecting(expects)
}

/// A call that attaches content, and what is known of that content.
struct Upload {
    call: Call,
    content: Measured,
}

impl Upload {
    async fn new(
        table: &str,
        sys_id: &SysId,
        name: &str,
        content_type: &str,
        content: Content,
    ) -> Result<Self, Error> {
        let operation =
            format!("attach {} to {table} {sys_id}", name.chars().take(NAME_MAX).collect::<String>());
        let refused = |reason| Error::new(ErrorKind::Local, operation.clone(), reason);
        if name.is_empty()
            || name.len() > NAME_MAX
            || name.contains(['/', '\\', '^'])
            || name.contains(char::is_control)
        {
            return Err(refused(
                "file name is empty, over 100 bytes, or holds a character of a path or a query",
            ));
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
        let content =
            content.measured().await.map_err(|error| refused("content cannot be read").with_source(error))?;
        Ok(Self { call: Call::upload(operation, target, content_type, content.clone()), content })
    }

    /// When a chunk of it was last sent, by the client's monotonic clock.
    fn moved(&self) -> Duration {
        self.content.moved()
    }

    fn is(&self, attachment: &Attachment) -> bool {
        is_same(attachment, self.content.size, &self.content.sha256)
    }
}
