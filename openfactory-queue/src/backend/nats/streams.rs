//! The streams of a queue: made when they are missing, refused when they could lose something.

use std::sync::atomic::Ordering;

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::stream::{Config, DiscardPolicy, PersistenceMode, RetentionPolicy, StorageType};
use serde_json::Value;

use super::failure::Failure;
use super::link::Link;
use crate::error::ErrorKind;

/// A stream that is made anew begins so far behind the last number known: numbers that are still in use are never
/// given twice.
const LEAP: u64 = 1 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    /// Commands, in the one order that counts.
    Log,
    /// The bytes of what waits, by partition.
    Work,
    /// The bytes of dead letters.
    Dead,
    /// Snapshots of the state, in parts.
    Snapshots,
}

impl Stream {
    pub(super) const ALL: [Self; 4] = [Self::Log, Self::Work, Self::Dead, Self::Snapshots];

    pub(super) fn name(self, queue: &str) -> String {
        let part = match self {
            Self::Log => "LOG",
            Self::Work => "WORK",
            Self::Dead => "DEAD",
            Self::Snapshots => "SNAPSHOTS",
        };
        format!("OPENFACTORY_{queue}_{part}")
    }

    /// What its subjects begin with.
    pub(super) fn root(self, queue: &str) -> String {
        let part = match self {
            Self::Log => "log",
            Self::Work => "work",
            Self::Dead => "dead",
            Self::Snapshots => "snapshots",
        };
        format!("openfactory.{queue}.{part}")
    }
}

/// Makes the streams that are missing; says which.
pub(super) async fn ensure(link: &Link) -> Result<Vec<Stream>, Failure> {
    let mut made = Vec::new();
    for stream in Stream::ALL {
        match link.info(stream).await {
            Ok(info) => check(&info.config, link.config.replicas)?,
            Err(Failure::Gone(_)) => {
                create(link, stream).await?;
                made.push(stream);
            }
            Err(failure) => return Err(failure),
        }
    }
    Ok(made)
}

async fn create(link: &Link, stream: Stream) -> Result<(), Failure> {
    let name = stream.name(&link.config.name);
    let high = link.high.load(Ordering::Acquire);
    let holds_bytes = matches!(stream, Stream::Work | Stream::Dead);
    let config = Config {
        name: name.clone(),
        subjects: vec![format!("{}.>", stream.root(&link.config.name))],
        retention: RetentionPolicy::Limits,
        storage: StorageType::File,
        discard: DiscardPolicy::New,
        max_messages: -1,
        max_bytes: -1,
        max_messages_per_subject: -1,
        num_replicas: link.config.replicas,
        first_sequence: (holds_bytes && high > 0).then(|| high.saturating_add(LEAP)),
        ..Config::default()
    };
    let body = serde_json::to_value(&config)
        .map_err(|error| Failure::Refused(ErrorKind::Other, "a stream can't be described", error.into()))?;
    let answer = link.context.request(format!("STREAM.CREATE.{name}"), &body).await?;
    match answer {
        async_nats::jetstream::response::Response::Ok(Value::Object(_)) => {
            tracing::info!(stream = name, "made the stream");
            Ok(())
        }
        async_nats::jetstream::response::Response::Ok(_) => Ok(()),
        // Another router was faster.
        async_nats::jetstream::response::Response::Err { error }
            if error.error_code() == ErrorCode::STREAM_NAME_EXIST =>
        {
            Ok(())
        }
        async_nats::jetstream::response::Response::Err { error } => Err(error.into()),
    }
}

/// A stream that somebody else has set up must keep what it is given.
fn check(config: &Config, replicas: usize) -> Result<(), Failure> {
    let bounded = config.max_messages > 0 || config.max_bytes > 0 || config.max_messages_per_subject > 0;
    let wrong = if config.retention != RetentionPolicy::Limits {
        "its retention is not by limits"
    } else if config.storage != StorageType::File {
        "it is not on disk"
    } else if bounded && config.discard != DiscardPolicy::New {
        "it drops old messages when it is full"
    } else if !config.max_age.is_zero() {
        "it drops messages by age"
    } else if config.no_ack
        || config.persist_mode.as_ref().is_some_and(|mode| *mode != PersistenceMode::Default)
    {
        "it acknowledges nothing, or before it has written"
    } else if config.num_replicas < replicas {
        "it has fewer replicas than are asked for"
    } else {
        return Ok(());
    };
    let detail = "a stream of the queue was set up otherwise";
    Err(Failure::Refused(ErrorKind::Invalid, detail, format!("{}: {wrong}", config.name).into()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_stream_that_may_lose_something_is_refused() {
        let good = || Config {
            storage: StorageType::File,
            discard: DiscardPolicy::New,
            max_messages: -1,
            max_bytes: -1,
            max_messages_per_subject: -1,
            num_replicas: 3,
            ..Config::default()
        };
        assert!(check(&good(), 3).is_ok());
        assert!(check(&Config { max_bytes: 1 << 30, ..good() }, 1).is_ok());
        for bad in [
            Config { retention: RetentionPolicy::Interest, ..good() },
            Config { storage: StorageType::Memory, ..good() },
            Config { discard: DiscardPolicy::Old, max_bytes: 1 << 30, ..good() },
            Config { max_age: Duration::from_secs(1), ..good() },
            Config { no_ack: true, ..good() },
            Config { num_replicas: 1, ..good() },
        ] {
            assert!(matches!(check(&bad, 3), Err(Failure::Refused(ErrorKind::Invalid, ..))), "{bad:?}");
        }
    }
}
