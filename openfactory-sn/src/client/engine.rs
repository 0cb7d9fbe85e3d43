//! Makes requests: limits how many at once, keeps the deadline, tries again.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::future::{Either, select};
use http::{Request, Response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::debug;

use super::pace::{Pacer, Place};
use super::retry::RetryPolicy;
use super::stream::Progress;
use crate::auth::{Credential, User};
use crate::clock::{Clock, Jitter};
use crate::error::{Error, ErrorKind};
use crate::transport::{Transport, TransportError, TransportErrorKind};
use crate::wire::call::{Call, Expects, Payload};
use crate::wire::response::{Answer, interpret};
use crate::wire::retry_after::retry_after;
use crate::wire::url::BaseUrl;

/// A point on the monotonic clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline(Duration);

/// Who makes a call, and by what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller<'a> {
    pub(crate) user: User,
    /// None where the connection itself says who it is, or the call is to ask for one.
    pub(crate) credential: Option<&'a Credential>,
}

/// What a client makes its calls with.
pub(crate) struct Engine {
    pub(super) transport: Arc<dyn Transport>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) jitter: Arc<dyn Jitter>,
    pub(super) policy: RetryPolicy,
    pub(super) total: Duration,
    pub(super) permits: Arc<Semaphore>,
    pub(super) pacer: Pacer,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("policy", &self.policy)
            .field("total", &self.total)
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// The deadline of a call that begins now.
    pub(crate) fn deadline(&self) -> Deadline {
        Deadline(self.clock.monotonic().saturating_add(self.total))
    }

    /// The deadline of a call that begins now, and may take so long whatever is set.
    pub(crate) fn deadline_of_at_least(&self, least: Duration) -> Deadline {
        Deadline(self.clock.monotonic().saturating_add(self.total.max(least)))
    }

    pub(crate) fn monotonic(&self) -> Duration {
        self.clock.monotonic()
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.clock.now()
    }

    fn left(&self, deadline: Deadline) -> Duration {
        deadline.0.saturating_sub(self.clock.monotonic())
    }

    /// The deadline of a call whose content last moved at this time of the monotonic clock.
    pub(crate) fn moved_on(&self, deadline: Deadline, moved: Duration) -> Deadline {
        Deadline(deadline.0.max(moved.saturating_add(self.total)))
    }

    /// Whether nothing can be begun any more.
    pub(crate) fn is_over(&self, deadline: Deadline) -> bool {
        self.left(deadline).is_zero()
    }

    /// What the work comes to, or `None` if the deadline comes first.
    pub(crate) async fn within<F: Future>(&self, deadline: Deadline, work: F) -> Option<F::Output> {
        match select(pin!(work), self.clock.sleep(self.left(deadline))).await {
            Either::Left((output, _)) => Some(output),
            Either::Right(((), _)) => None,
        }
    }

    /// Waits before a further try at something that failed, as the policy has it; hands the failure back if there is to
    /// be none.
    pub(crate) async fn pause(
        &self,
        error: Error,
        call: &Call,
        made: u32,
        deadline: Deadline,
    ) -> Result<(), Error> {
        match self.policy.wait(&error, call, made, self.left(deadline), self.jitter.unit()) {
            Some(wait) => {
                debug!(operation = %call.operation, made, ?wait, %error, "trying again");
                self.clock.sleep(wait).await;
                Ok(())
            }
            None => Err(error),
        }
    }

    /// Sleeps, unless the deadline comes before its end; says whether it did.
    pub(crate) async fn sleep_before(&self, deadline: Deadline, duration: Duration) -> bool {
        let enough = duration < self.left(deadline);
        if enough {
            self.clock.sleep(duration).await;
        }
        enough
    }

    /// How often something is tried in all.
    pub(crate) fn attempts(&self) -> u32 {
        self.policy.attempts.max(1)
    }

    /// Waits before the next round of something of which a part failed like this.
    pub(crate) async fn rest(&self, error: &Error, made: u32) {
        let wait = error.retry_after().unwrap_or_else(|| self.policy.backoff(made, self.jitter.unit()));
        self.clock.sleep(wait.min(self.total)).await;
    }

    /// Makes a call, several times if need be.
    pub(crate) async fn run(
        &self,
        call: &Call,
        base: &BaseUrl,
        caller: Caller<'_>,
        deadline: Deadline,
    ) -> Result<Answer, Error> {
        let mut undecided = false;
        for made in 1.. {
            let request = call.request(base, caller.credential.map(Credential::header))?;
            let error = match self.attempt(call, caller.user, request, deadline).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            undecided |= error.may_have_happened();
            if let Err(error) = self.pause(error, call, made, deadline).await {
                return Err(error.with_may_have_happened(undecided));
            }
        }
        Err(call.refused("no attempt allowed"))
    }

    /// Waits for a place under the instance's limits; says so where there is none before the deadline.
    async fn keep_pace(&self, call: &Call, user: User, deadline: Deadline) -> Result<(), Error> {
        let (place, left) = (Place { user, path: call.target.path() }, self.left(deadline));
        let wait = self.pacer.wait(place, left, self.clock.now(), self.clock.monotonic());
        if wait.is_zero() {
            return Ok(());
        }
        if wait >= left {
            let reason = "the instance's rate limit leaves no room before the deadline";
            return Err(
                Error::new(ErrorKind::Throttled, call.operation.clone(), reason).with_retry_after(Some(wait))
            );
        }
        debug!(operation = %call.operation, ?wait, "paced");
        self.clock.sleep(wait).await;
        Ok(())
    }

    /// Makes a request and reads its answer.
    async fn attempt(
        &self,
        call: &Call,
        user: User,
        request: Request<Bytes>,
        deadline: Deadline,
    ) -> Result<Answer, Error> {
        let response = match (call.expects, call.payload()) {
            (Expects::Stream, _) => return self.open(call, user, request, deadline).await,
            (_, Payload::Content(content)) => {
                self.exchange_content(call, user, request, content, deadline).await?
            }
            (_, Payload::Whole(_)) => {
                self.transmit(call, user, deadline, None, self.transport.send(request)).await?.0
            }
        };
        interpret(call, &response, self.clock.now())
    }

    /// Sends when there is a place for it, and keeps the deadline, which moves on with `progress`.
    pub(super) async fn transmit<B>(
        &self,
        call: &Call,
        user: User,
        deadline: Deadline,
        progress: Option<&Progress>,
        send: impl Future<Output = Result<Response<B>, TransportError>>,
    ) -> Result<(Response<B>, OwnedSemaphorePermit), Error> {
        self.keep_pace(call, user, deadline).await?;
        let sent = AtomicBool::new(false);
        let work = async {
            let place = Arc::clone(&self.permits)
                .acquire_owned()
                .await
                .map_err(|closed| TransportError::new(TransportErrorKind::Local).caused_by(closed))?;
            sent.store(true, Ordering::Relaxed);
            Ok((send.await?, place))
        };
        let began = self.clock.monotonic();
        let outcome = self.while_moving(deadline, progress, work).await;
        let elapsed = self.clock.monotonic().saturating_sub(began);
        let status = outcome
            .as_ref()
            .and_then(|outcome| outcome.as_ref().ok())
            .map(|(answer, _)| answer.status().as_u16());
        debug!(method = %call.method, path = call.target.path(), status, ?elapsed, "request");
        match outcome {
            Some(Ok((response, permit))) => {
                let asked = retry_after(response.status(), response.headers(), self.clock.now());
                let (now, monotonic) = (self.clock.now(), self.clock.monotonic());
                let place = Place { user, path: call.target.path() };
                self.pacer.heard(place, response.status(), response.headers(), asked, now, monotonic);
                Ok((response, permit))
            }
            Some(Err(error)) => Err(unanswered(&call.operation, call.writes(), error)),
            None => {
                let sent = sent.load(Ordering::Relaxed);
                let reason =
                    if sent { "no answer before the deadline" } else { "not sent before the deadline" };
                Err(Error::new(ErrorKind::Timeout, call.operation.clone(), reason)
                    .with_may_have_happened(sent && call.writes()))
            }
        }
    }

    /// What the work comes to, or `None` if the deadline comes first, and no progress was made for the time of a call.
    async fn while_moving<F: Future>(
        &self,
        deadline: Deadline,
        progress: Option<&Progress>,
        work: F,
    ) -> Option<F::Output> {
        let mut work = pin!(work);
        let mut until = deadline;
        loop {
            if let Some(output) = self.within(until, work.as_mut()).await {
                return Some(output);
            }
            let moved = Deadline(progress?.last().saturating_add(self.total));
            if moved.0 <= until.0 {
                return None;
            }
            until = moved;
        }
    }
}

/// A transport's error as ours.
pub(super) fn unanswered(operation: &str, writes: bool, error: TransportError) -> Error {
    let (kind, reason, acted_on) = match error.kind() {
        TransportErrorKind::Connect => (ErrorKind::Connect, "instance not reached", false),
        TransportErrorKind::Interrupted => (ErrorKind::Unavailable, "connection broken", true),
        TransportErrorKind::Local => (ErrorKind::Local, "request not sent", false),
        TransportErrorKind::Timeout => (ErrorKind::Timeout, "connection timed out", true),
        TransportErrorKind::TooLarge => (ErrorKind::Decode, "answer larger than allowed", true),
    };
    Error::new(kind, operation, reason).with_may_have_happened(acted_on && writes).with_source(error)
}
