//! Conveniences for callers, on top of any queue.

use async_trait::async_trait;
use serde::Serialize;

use crate::capabilities::Requirements;
use crate::delivery::Delivery;
use crate::error::{Error, ErrorKind};
use crate::lease::LeaseRequest;
use crate::message::{Message, Published};
use crate::queue::SyncQueue;

/// Conveniences that every [`SyncQueue`] has.
#[async_trait]
pub trait SyncQueueExt: SyncQueue {
    /// Publishes one message; durable on return.
    ///
    /// # Errors
    /// As [`SyncQueue::publish`].
    async fn send(&self, message: Message) -> Result<Published, Error> {
        let answers = self.publish(vec![message]).await?;
        answers.first().copied().ok_or_else(|| {
            Error::new(ErrorKind::Other, "publish", "backend gave no answer for the message")
                .outcome_unknown()
        })
    }

    /// Publishes one message whose payload is `value` as JSON.
    ///
    /// # Errors
    /// As [`SyncQueue::publish`]; `Invalid` if the value can't be JSON.
    async fn send_json<T>(&self, id: &str, kind: &str, value: &T) -> Result<Published, Error>
    where
        T: Serialize + Sync + ?Sized,
    {
        self.send(Message::json(id, kind, value)?).await
    }

    /// Leases messages as [`Delivery`]s, which know how to settle themselves.
    ///
    /// # Errors
    /// As [`SyncQueue::lease`].
    async fn receive(&self, request: LeaseRequest) -> Result<Vec<Delivery<Self>>, Error>
    where
        Self: Clone + Sized,
    {
        let leased = self.lease(request).await?;
        Ok(leased.into_iter().map(|leased| Delivery::new(self.clone(), leased)).collect())
    }

    /// Checks that the queue can do what is needed.
    ///
    /// # Errors
    /// `Unsupported`, naming all that is missing.
    fn require(&self, needed: &Requirements) -> Result<(), Error> {
        self.capabilities().require(needed)
    }
}

impl<Q: SyncQueue + ?Sized> SyncQueueExt for Q {}
