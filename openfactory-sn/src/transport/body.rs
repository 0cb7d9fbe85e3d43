//! The content of a request or an answer that is not held in memory as a whole.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};

use super::{TransportError, TransportErrorKind};

/// Bytes that come in chunks, once.
///
/// ```
/// use openfactory_sn::transport::{Body, TransportErrorKind};
/// # use bytes::Bytes;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let chunks = [Bytes::from("root "), Bytes::from("hash")].map(Ok);
/// let mut body = Body::new(Some(9), futures_util::stream::iter(chunks));
/// assert_eq!(body.length(), Some(9));
/// assert_eq!(body.chunk().await?.as_deref(), Some(&b"root "[..]));
/// assert_eq!(body.collect(16).await?, "hash");
///
/// let refused = Body::from(Bytes::from("too long")).collect(4).await.unwrap_err();
/// assert_eq!(refused.kind(), TransportErrorKind::TooLarge);
/// # Ok(())
/// # }
/// ```
pub struct Body {
    length: Option<u64>,
    chunks: Pin<Box<dyn Stream<Item = Result<Bytes, TransportError>> + Send>>,
}

impl Body {
    /// What these chunks hold together, `length` bytes in all if that is known beforehand.
    pub fn new(
        length: Option<u64>,
        chunks: impl Stream<Item = Result<Bytes, TransportError>> + Send + 'static,
    ) -> Self {
        Self { length, chunks: Box::pin(chunks) }
    }

    /// How many bytes it holds in all, if that is known.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use openfactory_sn::transport::Body;
    ///
    /// assert_eq!(Body::from(Bytes::from_static(b"root hash")).length(), Some(9));
    /// let comes_as_it_comes = Body::new(None, futures_util::stream::iter([Ok(Bytes::from_static(b"root hash"))]));
    /// assert_eq!(comes_as_it_comes.length(), None);
    /// ```
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// The next chunk, or `None` at the end.
    ///
    /// # Errors
    ///
    /// [`TransportError`] if what is left cannot be had; then nothing follows.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, TransportError> {
        self.chunks.next().await.transpose()
    }

    /// Everything that is left, if that is no more than `most` bytes.
    ///
    /// # Errors
    ///
    /// [`TransportErrorKind::TooLarge`] if it is more or is said to be, the first error of a chunk otherwise.
    pub async fn collect(mut self, most: usize) -> Result<Bytes, TransportError> {
        let too_large = || TransportError::new(TransportErrorKind::TooLarge);
        if self.length.is_some_and(|length| length > most as u64) {
            return Err(too_large());
        }
        let mut all = BytesMut::new();
        while let Some(chunk) = self.chunk().await? {
            if chunk.len() > most.saturating_sub(all.len()) {
                return Err(too_large());
            }
            if all.is_empty() && self.length == Some(chunk.len() as u64) {
                return Ok(chunk);
            }
            all.extend_from_slice(&chunk);
        }
        Ok(all.freeze())
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        let length = Some(bytes.len() as u64);
        Self::new(length, futures_util::stream::iter((!bytes.is_empty()).then_some(Ok(bytes))))
    }
}

impl Stream for Body {
    type Item = Result<Bytes, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.chunks.as_mut().poll_next(context)
    }
}

impl fmt::Debug for Body {
    /// Without the content, which can be confidential.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").field("length", &self.length).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(chunks: &[&'static str]) -> Body {
        let chunks: Vec<_> = chunks.iter().map(|chunk| Ok(Bytes::from_static(chunk.as_bytes()))).collect();
        Body::new(None, futures_util::stream::iter(chunks))
    }

    #[tokio::test]
    async fn collected_up_to_a_limit() {
        assert_eq!(body(&["ab", "", "c"]).collect(3).await.unwrap(), "abc");
        assert_eq!(body(&[]).collect(0).await.unwrap(), "");
        let error = body(&["ab", "c"]).collect(2).await.unwrap_err();
        assert_eq!(error.kind(), TransportErrorKind::TooLarge);
        assert_eq!(Body::from(Bytes::from("abc")).length(), Some(3));
        assert_eq!(Body::from(Bytes::new()).collect(0).await.unwrap(), "");
    }

    #[tokio::test]
    async fn a_broken_body_is_no_short_one() {
        let chunks = [Ok(Bytes::from("ab")), Err(TransportError::new(TransportErrorKind::Interrupted))];
        let error = Body::new(None, futures_util::stream::iter(chunks)).collect(9).await.unwrap_err();
        assert_eq!(error.kind(), TransportErrorKind::Interrupted);
    }
}
