//! The connection, and the few requests that the queue makes of JetStream.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_nats::jetstream::context::Context;
use async_nats::jetstream::message::{PublishMessage, StreamMessage};
use async_nats::jetstream::response::Response;
use async_nats::jetstream::stream::{Info, RawMessageErrorKind};
use async_nats::{Client, ConnectErrorKind};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::body::Place;
use super::config::{Login, NatsConfig};
use super::failure::Failure;
use super::streams::{self, Stream};
use crate::backend::request;
use crate::error::{Error, ErrorKind};
use crate::stamp::Stamp;

/// The header by which a router knows its own messages.
pub(super) const ROUTER: &str = "Openfactory-Router";

#[derive(Debug)]
pub(super) struct Link {
    pub(super) config: NatsConfig,
    pub(super) client: Client,
    pub(super) context: Context,
    /// Tells this handle from every other one.
    pub(super) router: String,
    /// Beyond the highest number that bytes are known to have had.
    pub(super) high: AtomicU64,
    counter: AtomicU64,
    closed: AtomicBool,
}

impl Link {
    pub(super) async fn connect(config: NatsConfig) -> Result<Arc<Self>, Error> {
        let client = connect(&config, &config.login).await?;
        let mut context = async_nats::jetstream::new(client.clone());
        context.set_timeout(config.answer());
        let router = format!("{:016x}", rand::random::<u64>());
        let (high, counter, closed) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
        Ok(Arc::new(Self { config, client, context, router, high, counter, closed }))
    }

    pub(super) fn now(&self) -> Stamp {
        Stamp::from(self.config.clock.now())
    }

    pub(super) fn check_open(&self, operation: &'static str) -> Result<(), Error> {
        if self.closed.load(Ordering::Acquire) { Err(request::closed(operation)) } else { Ok(()) }
    }

    /// Whether it was open until now.
    pub(super) fn close(&self) -> bool {
        !self.closed.swap(true, Ordering::AcqRel)
    }

    /// Makes a request again until it is answered or the patience is over; streams that are gone are made again.
    pub(super) async fn patiently<T, F>(
        &self,
        operation: &'static str,
        mut attempt: impl FnMut() -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let deadline = self.now().plus(self.config.patience);
        loop {
            self.check_open(operation)?;
            let failure = match attempt().await {
                Ok(done) => return Ok(done),
                Err(failure @ Failure::Refused(..)) => return Err(failure.into_error(operation)),
                Err(failure) => failure,
            };
            if self.now() >= deadline {
                return Err(failure.into_error(operation));
            }
            if matches!(failure, Failure::Gone(_))
                && let Err(failure @ Failure::Refused(..)) = streams::ensure(self).await
            {
                return Err(failure.into_error(operation));
            }
            self.pause().await;
        }
    }

    pub(super) async fn pause(&self) {
        self.config.clock.sleep(std::time::Duration::from_millis(50)).await;
    }

    pub(super) async fn api<V: DeserializeOwned>(&self, subject: String, body: &Value) -> Result<V, Failure> {
        match self.context.request::<_, _, Response<V>>(subject, body).await? {
            Response::Ok(value) => Ok(value),
            Response::Err { error } => Err(error.into()),
        }
    }

    pub(super) async fn info(&self, stream: Stream) -> Result<Info, Failure> {
        self.api(format!("STREAM.INFO.{}", stream.name(&self.config.name)), &json!({})).await
    }

    /// Writes one message and waits until the server has acknowledged it; returns its place.
    pub(super) async fn write(&self, subject: String, message: PublishMessage) -> Result<u64, Failure> {
        let message = message.header(ROUTER, self.router.as_str());
        let ack = self.context.send_publish(subject, message).await?.await?;
        Ok(ack.sequence)
    }

    /// The first message at or behind `seq`.
    pub(super) async fn next(&self, stream: Stream, seq: u64) -> Result<Option<StreamMessage>, Failure> {
        let all = format!("{}.>", stream.root(&self.config.name));
        let handle = self.handle(stream).await?;
        found(handle.raw_message_builder().sequence(seq).next_by_subject(all).send().await)
    }

    /// The last message of a subject.
    pub(super) async fn last(
        &self,
        stream: Stream,
        subject: String,
    ) -> Result<Option<StreamMessage>, Failure> {
        let handle = self.handle(stream).await?;
        found(handle.raw_message_builder().last_by_subject(subject).send().await)
    }

    pub(super) async fn get(&self, stream: Stream, seq: u64) -> Result<Option<StreamMessage>, Failure> {
        found(self.handle(stream).await?.get_raw_message(seq).await)
    }

    async fn handle(&self, stream: Stream) -> Result<async_nats::jetstream::stream::Stream<()>, Failure> {
        let handle = self.context.get_stream_no_info(stream.name(&self.config.name)).await;
        handle.map_err(|error| Failure::Refused(ErrorKind::Invalid, "the stream has no name", error.into()))
    }

    /// Deletes what lies before `seq`.
    pub(super) async fn purge(&self, stream: Stream, seq: u64) -> Result<(), Failure> {
        let subject = format!("STREAM.PURGE.{}", stream.name(&self.config.name));
        self.api::<Value>(subject, &json!({ "seq": seq })).await.map(drop)
    }

    /// Writes bytes into a stream; the same bytes twice, after an answer was lost, are written once.
    pub(super) async fn put(
        &self,
        operation: &'static str,
        stream: Stream,
        partition: u8,
        bytes: Bytes,
    ) -> Result<u64, Error> {
        let subject = format!("{}.{partition:02x}", stream.root(&self.config.name));
        let id = format!("{}-{}", self.router, self.counter.fetch_add(1, Ordering::Relaxed));
        let seq = self
            .patiently(operation, || {
                let message = PublishMessage::build().payload(bytes.clone()).message_id(&id);
                self.write(subject.clone(), message)
            })
            .await?;
        self.high.fetch_max(seq, Ordering::AcqRel);
        Ok(seq)
    }

    /// The bytes at a place, if they are there.
    pub(super) async fn fetch(&self, operation: &'static str, place: Place) -> Result<Option<Bytes>, Error> {
        let (stream, seq) = match place {
            Place::Work(seq) => (Stream::Work, seq),
            Place::Dead(seq) => (Stream::Dead, seq),
            Place::Gone => return Ok(None),
        };
        let got = self
            .patiently(operation, || async move {
                match self.get(stream, seq).await {
                    // The stream as a whole is gone, and the bytes with it.
                    Err(Failure::Gone(_)) => Ok(None),
                    other => other,
                }
            })
            .await?;
        Ok(got.map(|message| message.payload))
    }

    /// Deletes bytes that nobody needs; what can't be deleted now is cleared away by maintenance.
    pub(super) async fn free(&self, places: Vec<Place>) {
        for place in places {
            let (stream, seq) = match place {
                Place::Work(seq) => (Stream::Work, seq),
                Place::Dead(seq) => (Stream::Dead, seq),
                Place::Gone => continue,
            };
            let subject = format!("STREAM.MSG.DELETE.{}", stream.name(&self.config.name));
            let body = json!({ "seq": seq, "no_erase": true });
            if let Err(failure) = self.api::<Value>(subject, &body).await {
                tracing::debug!(?failure, seq, "bytes that nobody needs stay for now");
            }
        }
    }
}

/// A connection to one of the servers.
pub(super) async fn connect(config: &NatsConfig, login: &Login) -> Result<Client, Error> {
    config.options(login)?.connect(config.servers.clone()).await.map_err(|error| {
        let (kind, detail) = match error.kind() {
            ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
                (ErrorKind::Invalid, "the server refuses this user")
            }
            ConnectErrorKind::ServerParse => (ErrorKind::Invalid, "the server's address can't be read"),
            _ => (ErrorKind::Unavailable, "the server can't be reached"),
        };
        Error::new(kind, "open", detail).with_source(error)
    })
}

fn found(
    got: Result<StreamMessage, async_nats::jetstream::stream::RawMessageError>,
) -> Result<Option<StreamMessage>, Failure> {
    match got {
        Ok(message) => Ok(Some(message)),
        Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}
