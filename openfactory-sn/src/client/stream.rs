//! Calls of which one body is too large to be held in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use http::{Request, Response};
use tokio::sync::OwnedSemaphorePermit;

use super::engine::{Deadline, Engine, unanswered};
use crate::attachment::Measured;
use crate::auth::User;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind};
use crate::transport::Body;
use crate::wire::call::Call;
use crate::wire::response::{Answer, interpret};

/// Largest answer that is read beside a body in chunks: to an upload, or in place of a file. In bytes.
const ANSWER_MAX: usize = 1024 * 1024;

/// A body that still comes, and the place among the concurrent calls that it takes.
#[derive(Debug)]
pub(crate) struct Opened {
    body: Body,
    _place: OwnedSemaphorePermit,
}

/// How far the sending of a body is.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// When a chunk was last asked for: nanoseconds of the monotonic clock.
    at: AtomicU64,
    sent: AtomicBool,
    /// Whether the content itself could not be read.
    failed: AtomicBool,
}

impl Progress {
    /// The same body, of which this hears.
    fn watch(self: Arc<Self>, body: Body, clock: Arc<dyn Clock>) -> Body {
        let length = body.length();
        Body::new(
            length,
            body.inspect(move |chunk| {
                let now = u64::try_from(clock.monotonic().as_nanos()).unwrap_or(u64::MAX);
                self.at.store(now, Ordering::Relaxed);
                match chunk {
                    Ok(_) => self.sent.store(true, Ordering::Relaxed),
                    Err(_) => self.failed.store(true, Ordering::Relaxed),
                }
            }),
        )
    }

    /// When it last moved.
    pub(super) fn last(&self) -> Duration {
        Duration::from_nanos(self.at.load(Ordering::Relaxed))
    }
}

impl Engine {
    /// Sends a call whose body comes in chunks. The deadline counts from the last chunk that was taken.
    pub(super) async fn exchange_content(
        &self,
        call: &Call,
        user: User,
        request: Request<Bytes>,
        content: &Measured,
        deadline: Deadline,
    ) -> Result<Response<Bytes>, Error> {
        let unreadable = |source: std::io::Error| {
            Error::new(ErrorKind::Local, call.operation.clone(), "content cannot be read").with_source(source)
        };
        let progress = Arc::new(Progress::default());
        let body = content.open().await.map_err(unreadable)?;
        let body = Arc::clone(&progress).watch(body, Arc::clone(&self.clock));
        let send = async {
            let (head, body) = self.transport.stream(request.map(|_| body)).await?.into_parts();
            Ok(Response::from_parts(head, body.collect(ANSWER_MAX).await?))
        };
        let outcome = self.transmit(call, user, deadline, Some(&progress), send).await;
        content.moved_at(progress.last());
        if progress.failed.load(Ordering::Relaxed) {
            let reason = "content could not be read to its end, or is not what it was before";
            let error = Error::new(ErrorKind::Local, call.operation.clone(), reason);
            return Err(error.with_may_have_happened(progress.sent.load(Ordering::Relaxed)));
        }
        outcome.map(|(response, _)| response)
    }

    /// Sends a call whose answer comes in chunks, and reads its head.
    pub(super) async fn open(
        &self,
        call: &Call,
        user: User,
        request: Request<Bytes>,
        deadline: Deadline,
    ) -> Result<Answer, Error> {
        let send = self.transport.stream(request.map(Body::from));
        let (response, place) = self.transmit(call, user, deadline, None, send).await?;
        let (head, body) = response.into_parts();
        let mut response = Response::from_parts(head, Bytes::new());
        let refused = match interpret(call, &response, self.clock.now()) {
            Ok(answer) => return Ok(Answer { opened: Some(Opened { body, _place: place }), ..answer }),
            Err(refused) => refused,
        };
        // What it says instead of a file: as much of it as comes in time.
        if let Some(Ok(words)) = self.within(deadline, body.collect(ANSWER_MAX)).await {
            *response.body_mut() = words;
        }
        Err(interpret(call, &response, self.clock.now()).err().unwrap_or(refused))
    }

    /// The next chunk of an answer, which has the time of a call.
    pub(crate) async fn chunk(&self, operation: &str, opened: &mut Opened) -> Result<Option<Bytes>, Error> {
        match self.within(self.deadline(), opened.body.chunk()).await {
            Some(chunk) => chunk.map_err(|error| unanswered(operation, false, error)),
            None => Err(Error::new(ErrorKind::Timeout, operation, "no more came before the deadline")),
        }
    }
}
