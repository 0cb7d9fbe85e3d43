//! What is attached: content that can be read from its begin as often as needed, and is not held in memory.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::stream::try_unfold;
use sha2::{Digest, Sha256};
use tokio::io::AsyncReadExt as _;

use crate::transport::{Body, TransportError, TransportErrorKind};

/// How much of a file is read at once, in bytes.
const CHUNK: usize = 64 * 1024;

/// Where an attachment's content comes from. It is read twice for one upload, to know its hash and to send it, and again for
/// each repetition: every time it has to be the same.
///
/// ```
/// use std::io;
/// use async_trait::async_trait;
/// use bytes::Bytes;
/// use openfactory_sn::SysId;
/// use openfactory_sn::attachment::{Content, Source};
/// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
/// use openfactory_sn::transport::Body;
/// # use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// /// The lines of a build's log, kept apart from each other.
/// struct Lines(Vec<&'static str>);
///
/// #[async_trait]
/// impl Source for Lines {
///     async fn open(&self) -> io::Result<Body> {
///         let lines: Vec<_> = self.0.iter().map(|line| Ok(Bytes::from_static(line.as_bytes()))).collect();
///         Ok(Body::new(None, futures_util::stream::iter(lines)))
///     }
/// }
///
/// let attached = json!({"sys_id": "a1", "file_name": "build.log", "size_bytes": "7"});
/// let instance = ScriptedTransport::new()
///     .on(Expected::post("/api/now/attachment/file").body("ok\nend\n"), Reply::result(201, attached));
/// let log = Content::from_source(Lines(vec!["ok\n", "end\n"]));
/// let (attachments, change) = (client(&instance).attachments(), SysId::new("c1")?);
/// attachments.upload("change_request", &change, "build.log", "text/plain", log).await?;
/// instance.assert_done();
/// # Ok(())
/// # }
/// ```
#[async_trait]
pub trait Source: Send + Sync + 'static {
    /// The content from its begin.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    async fn open(&self) -> io::Result<Body>;
}

/// The content of an attachment: bytes at hand, a file, or any [`Source`]. Clones share it.
///
/// ```
/// use bytes::Bytes;
/// use openfactory_sn::attachment::Content;
///
/// let at_hand = Content::from(Bytes::from_static(b"{}"));
/// let large = Content::file("/srv/builds/b-1/image.squashfs");
/// assert_eq!(format!("{at_hand:?}"), format!("{large:?}"), "its bytes are not shown");
/// ```
#[derive(Clone)]
pub struct Content(Arc<dyn Source>);

impl Content {
    /// What this source holds.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use openfactory_sn::attachment::Content;
    ///
    /// // Bytes are a source, too.
    /// let content = Content::from_source(Bytes::from_static(b"root hash"));
    /// assert_eq!(format!("{content:?}"), "Content { .. }", "its bytes are not shown");
    /// ```
    #[must_use]
    pub fn from_source(source: impl Source) -> Self {
        Self(Arc::new(source))
    }

    /// What this file holds, read when it is sent and never as a whole. A file that is written to meanwhile is not sent.
    #[must_use]
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::from_source(File(path.into()))
    }

    /// Reads it once, to know it again.
    pub(super) async fn measured(self) -> io::Result<Measured> {
        let mut body = self.0.open().await?;
        let (mut size, mut hasher) = (0, Sha256::new());
        while let Some(chunk) = body.chunk().await.map_err(io::Error::other)? {
            size += chunk.len() as u64;
            hasher.update(&chunk);
        }
        let moved = Arc::default();
        Ok(Measured { content: self, size, sha256: hasher.finalize().into(), moved })
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Content").finish_non_exhaustive()
    }
}

impl From<Bytes> for Content {
    fn from(bytes: Bytes) -> Self {
        Self::from_source(bytes)
    }
}

#[async_trait]
impl Source for Bytes {
    async fn open(&self) -> io::Result<Body> {
        Ok(Body::from(self.clone()))
    }
}

struct File(PathBuf);

#[async_trait]
impl Source for File {
    async fn open(&self) -> io::Result<Body> {
        let file = tokio::fs::File::open(&self.0).await?;
        let length = file.metadata().await?.len();
        let chunks = try_unfold(file, |mut file| async move {
            let mut chunk = BytesMut::with_capacity(CHUNK);
            let read = file.read_buf(&mut chunk).await.map_err(unreadable)?;
            Ok((read > 0).then(|| (chunk.freeze(), file)))
        });
        Ok(Body::new(Some(length), chunks))
    }
}

/// Content of which size and hash are known.
#[derive(Debug, Clone)]
pub(crate) struct Measured {
    content: Content,
    /// In bytes.
    pub(super) size: u64,
    pub(super) sha256: [u8; 32],
    /// When a chunk of it was last sent: nanoseconds of the client's monotonic clock, 0 if none was.
    moved: Arc<AtomicU64>,
}

impl Measured {
    /// Hears when a chunk of it was last sent.
    pub(crate) fn moved_at(&self, moved: Duration) {
        self.moved.fetch_max(u64::try_from(moved.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// When a chunk of it was last sent, by the client's monotonic clock.
    pub(super) fn moved(&self) -> Duration {
        Duration::from_nanos(self.moved.load(Ordering::Relaxed))
    }

    /// The content from its begin. Its last chunk is handed out only when all of it is what was measured, so that other
    /// content is never sent to its end.
    pub(crate) async fn open(&self) -> io::Result<Body> {
        let body = self.content.0.open().await?;
        let reading =
            Reading { body, held: None, left: self.size, hasher: Sha256::new(), sha256: self.sha256 };
        let chunks = try_unfold(reading, |mut reading| async move {
            let chunk = reading.next().await?;
            Ok(chunk.map(|chunk| (chunk, reading)))
        });
        Ok(Body::new(Some(self.size), chunks))
    }
}

struct Reading {
    body: Body,
    /// Read, and not handed out yet.
    held: Option<Bytes>,
    /// How many bytes are still to be read.
    left: u64,
    hasher: Sha256,
    sha256: [u8; 32],
}

impl Reading {
    async fn next(&mut self) -> Result<Option<Bytes>, TransportError> {
        let changed = || unreadable(io::Error::other("content is not what it was when it was measured"));
        loop {
            let Some(chunk) = self.body.chunk().await? else {
                let same = self.left == 0 && self.hasher.clone().finalize()[..] == self.sha256;
                return if same { Ok(self.held.take()) } else { Err(changed()) };
            };
            self.left = self.left.checked_sub(chunk.len() as u64).ok_or_else(changed)?;
            self.hasher.update(&chunk);
            if let Some(ready) = self.held.replace(chunk).filter(|ready| !ready.is_empty()) {
                return Ok(Some(ready));
            }
        }
    }
}

fn unreadable(error: io::Error) -> TransportError {
    TransportError::new(TransportErrorKind::Local).caused_by(error)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    /// Gives one text the first time and another from then on.
    struct Fickle(AtomicUsize, [&'static [&'static str]; 2]);

    #[async_trait]
    impl Source for Fickle {
        async fn open(&self) -> io::Result<Body> {
            let texts = self.1[self.0.fetch_add(1, Ordering::Relaxed).min(1)];
            let chunks: Vec<_> = texts.iter().map(|text| Ok(Bytes::from_static(text.as_bytes()))).collect();
            Ok(Body::new(None, futures_util::stream::iter(chunks)))
        }
    }

    async fn sent(first: &'static [&'static str], then: &'static [&'static str]) -> (String, bool) {
        let source = Fickle(AtomicUsize::new(0), [first, then]);
        let mut body = Content::from_source(source).measured().await.unwrap().open().await.unwrap();
        let mut text = String::new();
        loop {
            match body.chunk().await {
                Ok(Some(chunk)) => text.push_str(std::str::from_utf8(&chunk).unwrap()),
                Ok(None) => return (text, true),
                Err(error) => {
                    assert_eq!(error.kind(), TransportErrorKind::Local);
                    return (text, false);
                }
            }
        }
    }

    #[tokio::test]
    async fn what_changed_is_not_sent_to_its_end() {
        assert_eq!(sent(&["ab", "c"], &["a", "", "bc"]).await, ("abc".to_owned(), true));
        assert_eq!(sent(&[], &[]).await, (String::new(), true));
        assert_eq!(sent(&["abc"], &["ab", "d"]).await, ("ab".to_owned(), false));
        assert_eq!(sent(&["abc"], &["ab"]).await, (String::new(), false));
        assert_eq!(sent(&["abc"], &["abc", "d"]).await, (String::new(), false));
        assert_eq!(sent(&[], &["x"]).await, (String::new(), false));
    }

    #[tokio::test]
    async fn a_file_is_read_in_chunks() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let bytes: Vec<u8> = (0..200_000_u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
        std::fs::write(file.path(), &bytes).unwrap();
        let measured = Content::file(file.path()).measured().await.unwrap();
        assert_eq!(measured.size, 200_000);
        let mut body = measured.open().await.unwrap();
        assert_eq!(body.length(), Some(200_000));
        let first = body.chunk().await.unwrap().unwrap();
        assert!(first.len() <= CHUNK);
        assert_eq!([first, body.collect(200_000).await.unwrap()].concat(), bytes);
        let missing = Content::file(file.path().with_extension("gone")).measured().await;
        assert_eq!(missing.unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
