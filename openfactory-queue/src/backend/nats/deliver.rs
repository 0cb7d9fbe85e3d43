//! Messages out: the decision in the log first, then the bytes.

use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::Shared;
use super::body::{self, Place};
use super::command::Command;
use super::replica::Answer;
use super::stored::StoredSettlement;
use super::{died, full, unexpected};
use async_trait::async_trait;

use crate::backend::claim::{Claim, GiveBack};
use crate::backend::wait::Try;
use crate::error::{Error, ErrorKind};
use crate::lease::{LeaseRequest, LeaseToken, Leased, Settled, Settlement};
use crate::message::Message;

/// So many bytes are on their way from the server at once.
const AT_ONCE: usize = 64;

/// The reason of a dead letter whose bytes are lost.
const LOST: &str = "its bytes are gone from the server";

#[async_trait]
impl GiveBack for Shared {
    async fn give_back(self: Arc<Self>, leases: Vec<(LeaseToken, Settlement)>) -> Result<(), Error> {
        self.settle(leases).await.map(drop)
    }
}

impl Shared {
    /// A lease in a task of its own, so that one whose caller goes away is given back.
    pub(super) async fn try_lease(self: Arc<Self>, request: LeaseRequest) -> Result<Try, Error> {
        loop {
            let now = self.link.now();
            let look = self
                .log
                .look("lease", move |replica| (replica.would_lease(now), replica.state.next_change(now)));
            let (would, next) = look.await?;
            if would {
                let (shared, request) = (Arc::clone(&self), request.clone());
                let task = tokio::spawn(async move { shared.lease(request).await });
                let claim = task.await.map_err(|source| died("lease", source))??;
                if !claim.leased.is_empty() {
                    return Ok(Try { leased: claim.accept(), next });
                }
                // Another router was faster, or there was only something to sweep.
                continue;
            }
            // What no notification told is found by a look now and then.
            let poll = now.plus(self.link.config.poll);
            let next = next.map_or(poll, |next| next.min(poll));
            if next > self.link.now() {
                return Ok(Try { leased: Vec::new(), next: Some(next) });
            }
            // The answer took so long that it is out of date.
        }
    }

    async fn lease(self: Arc<Self>, request: LeaseRequest) -> Result<Claim<Self>, Error> {
        let LeaseRequest { worker, max, ttl, .. } = request;
        let answer = self.log.commit("lease", Command::Lease { worker, max, ttl }).await?;
        let Answer::Leased(leased) = answer else { return Err(unexpected("lease")) };
        let (leased, digests): (Vec<_>, Vec<_>) = leased.into_iter().unzip();
        let mut claim = Claim::new(leased, Arc::clone(&self));
        let bare: Vec<Message> = claim.leased.iter().map(|leased| leased.message.clone()).collect();
        let filled: Vec<Option<Message>> = stream::iter(bare.into_iter().zip(digests))
            .map(|(message, digest)| self.filled("lease", message, digest))
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        let mut lost = Vec::new();
        let mut whole = Vec::new();
        for (leased, message) in std::mem::take(&mut claim.leased).into_iter().zip(filled) {
            match message {
                Some(message) => whole.push(Leased { message, ..leased }),
                None => lost.push((leased.token, Settlement::Dead { reason: LOST.to_owned() })),
            }
        }
        claim.leased = whole;
        if !lost.is_empty() {
            tracing::error!(
                messages = lost.len(),
                "the server has lost the bytes of messages: they are dead letters"
            );
            match self.settle(lost).await {
                // They stay, and come again when their leases lapse; what is whole is delivered meanwhile.
                Err(error) if error.kind() == ErrorKind::Full => {
                    tracing::error!(%error, "messages without bytes can't become dead letters");
                }
                settled => drop(settled?),
            }
        }
        Ok(claim)
    }

    /// A message with its bytes, or none if the server has them no more.
    pub(super) async fn filled(
        &self,
        operation: &'static str,
        mut message: Message,
        digest: Option<[u8; 32]>,
    ) -> Result<Option<Message>, Error> {
        let fetched = self.link.fetch(operation, Place::of(&message)).await?;
        Ok(fetched.and_then(|body| body::fill(&mut message, &body, digest.as_ref()).then_some(message)))
    }

    pub(super) async fn settle(
        self: &Arc<Self>,
        settlements: Vec<(LeaseToken, Settlement)>,
    ) -> Result<Vec<Settled>, Error> {
        if settlements.is_empty() {
            self.link.check_open("settle")?;
            return Ok(Vec::new());
        }
        let stored =
            |(token, how): (LeaseToken, Settlement)| (token.seq(), token.epoch(), StoredSettlement(cut(how)));
        let settlements = settlements.into_iter().map(stored).collect();
        let answer = self.log.commit("settle", Command::Settle { settlements }).await?;
        let (answers, freed, buried) = match answer {
            Answer::Settled(answers, freed, buried) => (answers, freed, buried),
            Answer::Full(of, limit) => return Err(full("settle", of, limit)),
            _ => return Err(unexpected("settle")),
        };
        self.free(freed);
        self.move_soon(buried);
        Ok(answers)
    }
}

/// No more of a reason than is kept.
fn cut(how: Settlement) -> Settlement {
    use crate::history::cut;
    match how {
        Settlement::Dead { reason } => Settlement::Dead { reason: cut(&reason).to_owned() },
        Settlement::Retry { after, reason, counts } => {
            Settlement::Retry { after, reason: cut(&reason).to_owned(), counts }
        }
        other => other,
    }
}
