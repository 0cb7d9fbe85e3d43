//! Dead letters: read with their bytes, which move to a stream of their own.

use std::sync::Arc;

use bytes::Bytes;

use super::Shared;
use super::body::Place;
use super::command::Command;
use super::publish::partition;
use super::replica::{Answer, Replica};
use super::streams::Stream;
use super::unexpected;
use crate::dead_letter::{DeadLetter, DeadLetterPage};
use crate::error::Error;
use crate::message::Message;
use crate::stats::Found;

/// The bytes of a dead letter move once at most while they are looked for, and the message may leave the queue.
const LOOKS: usize = 3;

impl Shared {
    pub(super) async fn dead_letters(&self, page: DeadLetterPage) -> Result<Vec<DeadLetter>, Error> {
        let look = move |replica: &Replica| replica.state.dead_letters(&page);
        let bare = self.log.look("dead_letters", look).await?;
        let mut letters = Vec::with_capacity(bare.len());
        for letter in bare {
            if let Some(message) = self.whole("dead_letters", letter.message.clone(), letter.seq).await? {
                letters.push(DeadLetter { message, ..letter });
            }
        }
        Ok(letters)
    }

    pub(super) async fn find(&self, id: &str) -> Result<Option<Found>, Error> {
        let (wanted, now) = (id.to_owned(), self.link.now());
        let found = self.log.look("find", move |replica| replica.state.find(&wanted, now)).await?;
        let Some(found) = found else { return Ok(None) };
        let message = self.whole("find", found.message.clone(), found.seq).await?;
        Ok(message.map(|message| Found { message, ..found }))
    }

    /// The message with its bytes, without any if the server has lost them; none if it has left the queue meanwhile.
    async fn whole(
        &self,
        operation: &'static str,
        mut message: Message,
        seq: u64,
    ) -> Result<Option<Message>, Error> {
        let look = |id: String| {
            move |replica: &Replica| {
                let dead = replica.state.dead.get(&seq).map(|letter| &letter.message);
                let live = replica.state.live.get(&seq).map(|entry| &entry.message);
                dead.or(live).map(|message| (Place::of(message), replica.digest(&id, seq)))
            }
        };
        for _ in 0..LOOKS {
            let Some((place, digest)) = self.log.look(operation, look(message.id.clone())).await? else {
                return Ok(None);
            };
            message.payload = place.to_bytes();
            if let Some(whole) = self.filled(operation, message.clone(), digest).await? {
                return Ok(Some(whole));
            }
            // They may have moved between the look and the fetch; if they have not, the next look sees the same.
        }
        message.payload = Bytes::new();
        Ok(Some(message))
    }

    /// Moves the bytes of dead letters in the background.
    pub(super) fn move_soon(self: &Arc<Self>, buried: Vec<u64>) {
        if buried.is_empty() {
            return;
        }
        let shared = Arc::clone(self);
        tokio::spawn(async move {
            if let Err(error) = shared.move_letters(buried).await {
                tracing::debug!(%error, "bytes of dead letters are moved by maintenance");
            }
        });
    }

    /// Moves the bytes of dead letters into the stream of dead letters: a copy first, then the decision, then the
    /// old ones go. The copy is for nobody if the letter was redriven meanwhile.
    pub(super) async fn move_letters(&self, letters: Vec<u64>) -> Result<(), Error> {
        for seq in letters {
            let look = move |replica: &Replica| {
                replica
                    .state
                    .dead
                    .get(&seq)
                    .map(|letter| (Place::of(&letter.message), partition(&letter.message)))
            };
            let Some((from @ Place::Work(_), partition)) = self.log.look("maintain", look).await? else {
                continue;
            };
            let to = match self.link.fetch("maintain", from).await? {
                Some(bytes) => Place::Dead(self.link.put("maintain", Stream::Dead, partition, bytes).await?),
                None => Place::Gone,
            };
            let answer = self.log.commit("maintain", Command::Rehouse { seq, from, to }).await?;
            let Answer::Rehoused(moved) = answer else { return Err(unexpected("maintain")) };
            self.link.free(vec![if moved { from } else { to }]).await;
        }
        Ok(())
    }
}
