//! Messages in: the bytes first, then the decision in the log.

use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use sha2::{Digest as _, Sha256};

use super::Shared;
use super::body::{self, Place};
use super::command::{Command, New};
use super::replica::Answer;
use super::stored::StoredMessage;
use super::streams::Stream;
use super::{full, unexpected};
use crate::error::{Error, ErrorKind};
use crate::message::{Message, Published};

/// So many bytes are on their way to the server at once.
const AT_ONCE: usize = 64;

/// Whoever is so slow that its bytes were cleared away twice is not helped by a third time.
const ATTEMPTS: usize = 3;

impl Shared {
    pub(super) async fn publish(self: &Arc<Self>, messages: Vec<Message>) -> Result<Vec<Published>, Error> {
        if messages.is_empty() {
            self.link.check_open("publish")?;
            return Ok(Vec::new());
        }
        for _ in 0..ATTEMPTS {
            let places = self.write(&messages).await?;
            let new = |(message, place): (&Message, &Place)| New {
                digest: message.content_digest(),
                message: StoredMessage(body::strip(message.clone(), *place)),
            };
            let new = messages.iter().zip(&places).map(new).collect();
            let command = Command::Publish { messages: new, limit: self.link.config.max_messages };
            match self.log.commit("publish", command).await {
                Ok(Answer::Published(answers, unneeded)) => {
                    self.free(unneeded);
                    return Ok(answers);
                }
                Ok(Answer::Full(of, limit)) => {
                    self.free(places);
                    return Err(full("publish", of, limit));
                }
                Ok(Answer::Late) => {}
                Ok(_) => return Err(unexpected("publish")),
                Err(error) => {
                    if error.outcome_known() {
                        self.free(places);
                    }
                    return Err(error);
                }
            }
        }
        Err(Error::new(
            ErrorKind::Unavailable,
            "publish",
            "the bytes were cleared away before they were told of",
        ))
    }

    /// Writes the bytes of messages; returns where they lie.
    async fn write(&self, messages: &[Message]) -> Result<Vec<Place>, Error> {
        let bodies = messages.iter().map(|message| {
            let body = body::encode(message).map_err(|source| {
                Error::new(ErrorKind::Invalid, "publish", "the attributes can't be written")
                    .with_source(source)
            })?;
            Ok((partition(message), body))
        });
        let bodies: Vec<_> = bodies.collect::<Result<_, Error>>()?;
        stream::iter(bodies)
            .map(|(partition, body)| async move {
                self.link.put("publish", Stream::Work, partition, body).await.map(Place::Work)
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await
    }
}

/// All of one key lie in one of 256 partitions; without key, the id decides.
pub(super) fn partition(message: &Message) -> u8 {
    let text = message.key.as_ref().unwrap_or(&message.id);
    let [first, ..] = <[u8; 32]>::from(Sha256::digest(text.as_bytes()));
    first
}
