//! One router's copy of the state, and its place in the log.

use std::sync::Arc;

use async_nats::jetstream::message::{PublishMessage, StreamMessage};
use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tokio::sync::{Notify, oneshot};

use super::body::Place;
use super::command::{Chunks, Command, Content, Entry, FORMAT};
use super::failure::Failure;
use super::keep;
use super::link::{Link, ROUTER};
use super::log::Order;
use super::replica::{Answer, Replica};
use super::streams::{self, Stream};
use crate::error::{Error, ErrorKind};

/// A snapshot is written when the log has grown by as many entries as there are things to keep, and at least by this.
const LEAST_GROWTH: u64 = 1000;

/// What one entry may take of the server's largest message; the rest is for its headers.
const MARGIN: usize = 4096;

type Reply = oneshot::Sender<Result<Answer, Error>>;

#[derive(Debug)]
pub(super) struct Keeper {
    pub(super) link: Arc<Link>,
    pub(super) replica: Replica,
    /// Which log this is.
    log: u64,
    /// The last entry that was carried out.
    at: u64,
    /// What the last commands' entry hashes to: the next one must say the same.
    chain: u64,
    /// The place of the last snapshot's entry, and how many entries came since.
    snapshot: u64,
    since: u64,
    /// The entry whose answer is waited for, by its number.
    pending: Option<(u64, Vec<Reply>)>,
    changed: Arc<Notify>,
}

impl Keeper {
    pub(super) async fn open(link: Arc<Link>, changed: Arc<Notify>) -> Result<Self, Error> {
        let replica = Replica::new(link.config.dedup_window);
        let mut keeper =
            Self { link, replica, log: 0, at: 0, chain: 0, snapshot: 0, since: 0, pending: None, changed };
        let link = Arc::clone(&keeper.link);
        link.patiently("open", || async { streams::ensure(&link).await.map(drop) }).await?;
        keeper.recover("open").await?;
        keeper.catch_up().await?;
        let (window, dead, ids) =
            (link.config.dedup_window, link.config.max_dead_letters, link.config.max_ids);
        if keeper.replica.state.window < window {
            keeper.set(Command::Window { window }).await?;
        }
        if (keeper.replica.state.max_dead, keeper.replica.state.max_ids) != (dead, ids) {
            keeper.set(Command::Limits { dead, ids }).await?;
        }
        Ok(keeper)
    }

    /// Has a command carried out that says how the queue is to be.
    async fn set(&mut self, command: Command) -> Result<(), Error> {
        let (reply, answer) = oneshot::channel();
        let timed = super::command::Timed { at: self.link.now().0, command };
        self.commit(vec![Order { operation: "open", timed, reply }]).await;
        answer.await.map_err(|_| Error::new(ErrorKind::Other, "open", "no answer"))?.map(drop)
    }

    /// The last entry that was carried out.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    pub(super) fn subjects(&self) -> String {
        format!("{}.>", Stream::Log.root(&self.link.config.name))
    }

    fn subject(&self, part: &str) -> String {
        format!("{}.{part}", Stream::Log.root(&self.link.config.name))
    }

    pub(super) fn is_own(&self, message: &async_nats::Message) -> bool {
        let router = message.headers.as_ref().and_then(|headers| headers.get(ROUTER));
        router.is_some_and(|router| router.as_str() == self.link.router)
    }

    /// Carries out all that stands in the log.
    pub(super) async fn catch_up(&mut self) -> Result<(), Error> {
        let before = self.at;
        let link = Arc::clone(&self.link);
        let result = loop {
            let from = self.at.saturating_add(1);
            match link.patiently("read", || link.next(Stream::Log, from)).await {
                Ok(Some(message)) => {
                    if let Err(error) = self.take(message).await {
                        break Err(error);
                    }
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        if self.at != before {
            self.changed.notify_waiters();
        }
        result
    }

    /// Carries out an entry, or begins again from the last snapshot if it doesn't follow from what is known.
    async fn take(&mut self, message: StreamMessage) -> Result<(), Error> {
        let entry = parse(&message.payload)?;
        let follows = message.sequence == self.at.saturating_add(1) && entry.log == self.log;
        match entry.content {
            Content::Commands { by, chain, commands } if follows && chain == self.chain => {
                self.carry_out(message.sequence, &message.payload, by, commands);
                Ok(())
            }
            Content::Snapshot { .. } if follows => {
                self.at = message.sequence;
                self.snapshot = message.sequence;
                self.since = 0;
                Ok(())
            }
            _ => {
                tracing::warn!(entry = message.sequence, "the log is not what it was: it is read anew");
                self.load("read").await
            }
        }
    }

    fn carry_out(&mut self, seq: u64, payload: &Bytes, by: u64, commands: Vec<super::command::Timed>) {
        let mut answers = Vec::with_capacity(commands.len());
        for timed in commands {
            if let Command::Publish { messages, .. } = &timed.command {
                let places = messages.iter().map(|new| Place::of(&new.message.0));
                self.seen(places.collect::<Vec<_>>());
            }
            answers.push(self.replica.apply(timed));
        }
        self.at = seq;
        self.chain = hash(payload);
        self.since += 1;
        if self.pending.as_ref().is_some_and(|(number, _)| *number == by)
            && let Some((_, replies)) = self.pending.take()
        {
            for (reply, answer) in replies.into_iter().zip(answers) {
                // Whoever asked may have gone.
                drop(reply.send(Ok(answer)));
            }
        }
    }

    fn seen(&self, places: impl IntoIterator<Item = Place>) {
        for place in places {
            if let Place::Work(seq) | Place::Dead(seq) = place {
                self.link.high.fetch_max(seq, std::sync::atomic::Ordering::AcqRel);
            }
        }
    }

    /// Appends commands and answers them.
    pub(super) async fn commit(&mut self, orders: Vec<Order>) {
        let limit = self.link.client.max_payload().saturating_sub(MARGIN);
        let (mut group, mut size) = (Vec::new(), 0);
        for order in orders {
            let bytes = match serde_json::to_vec(&order.timed) {
                Ok(bytes) => bytes.len() + 1,
                Err(source) => {
                    let error =
                        Error::new(ErrorKind::Invalid, order.operation, "the command can't be written");
                    drop(order.reply.send(Err(error.with_source(source))));
                    continue;
                }
            };
            if bytes > limit {
                let detail =
                    format!("ids, keys and destinations of {bytes} bytes are over the server's limit");
                drop(order.reply.send(Err(Error::new(ErrorKind::TooLarge, order.operation, detail))));
                continue;
            }
            if size + bytes > limit {
                self.append(std::mem::take(&mut group)).await;
                size = 0;
            }
            size += bytes;
            group.push(order);
        }
        self.append(group).await;
    }

    async fn append(&mut self, orders: Vec<Order>) {
        let Some(operation) = orders.first().map(|order| order.operation) else { return };
        let (mut commands, mut replies) = (Vec::new(), Vec::new());
        for order in orders {
            commands.push(order.timed);
            replies.push(order.reply);
        }
        let by = rand::random::<u64>();
        self.pending = Some((by, replies));
        let content = Content::Commands { by, chain: self.chain, commands };
        let mut entry = Entry { format: FORMAT, log: self.log, content };
        let deadline = self.link.now().plus(self.link.config.patience);
        let mut sent = false;
        while self.pending.is_some() {
            entry.log = self.log;
            if let Content::Commands { chain, .. } = &mut entry.content {
                *chain = self.chain;
            }
            let error = match self.attempt(operation, &entry, &mut sent).await {
                Ok(()) if self.link.now() < deadline => continue,
                Ok(()) => {
                    Error::new(ErrorKind::Unavailable, operation, "the server or the log gave no way in time")
                }
                Err(error) => error,
            };
            if let Some((_, replies)) = self.pending.take() {
                for reply in replies {
                    let error = Error::new(error.kind(), operation, error.to_string());
                    drop(reply.send(Err(if sent { error.outcome_unknown() } else { error })));
                }
            }
        }
        self.changed.notify_waiters();
    }

    /// One attempt to append; `sent` is whether an earlier one may still come to something. An error is final.
    async fn attempt(
        &mut self,
        operation: &'static str,
        entry: &Entry,
        sent: &mut bool,
    ) -> Result<(), Error> {
        self.link.check_open(operation)?;
        let payload = encode(entry)?;
        let message = PublishMessage::build().payload(payload.clone()).expected_last_sequence(self.at);
        match self.link.write(self.subject("commands"), message).await {
            Ok(seq) if seq == self.at.saturating_add(1) => {
                // As everybody else will read it.
                let read = parse(&payload)?;
                if let Content::Commands { by, commands, .. } = read.content {
                    self.carry_out(seq, &payload, by, commands);
                }
                Ok(())
            }
            Ok(_) | Err(Failure::Raced) => {
                let before = (self.log, self.at);
                self.catch_up().await?;
                if before == (self.log, self.at) { self.recover(operation).await } else { Ok(()) }
            }
            Err(Failure::Gone(_)) => {
                let made = streams::ensure(&self.link).await;
                if let Err(failure @ Failure::Refused(..)) = made {
                    return Err(failure.into_error(operation));
                }
                self.link.pause().await;
                Ok(())
            }
            Err(Failure::Away(source)) => {
                tracing::debug!(%source, "an append was not answered");
                *sent = true;
                self.link.pause().await;
                self.catch_up().await
            }
            Err(failure @ Failure::Refused(..)) => Err(failure.into_error(operation)),
        }
    }

    /// Reads the last snapshot and takes the state from it.
    async fn load(&mut self, operation: &'static str) -> Result<(), Error> {
        let link = Arc::clone(&self.link);
        let mut attempts = 0;
        loop {
            let subject = self.subject("snapshots");
            let last = link.patiently(operation, || link.last(Stream::Log, subject.clone())).await?;
            let Some(message) = last else {
                return Err(Error::new(ErrorKind::Corrupt, operation, "the log has no beginning"));
            };
            let entry = parse(&message.payload)?;
            let Content::Snapshot { at, chain, chunks } = entry.content else {
                return Err(Error::new(ErrorKind::Corrupt, operation, "an entry of the log is out of place"));
            };
            match keep::read(&link, operation, &chunks).await? {
                Some(snapshot) => {
                    self.replica = Replica::restore(snapshot);
                    self.seen(self.replica.places());
                    self.log = entry.log;
                    self.at = at.unwrap_or(message.sequence);
                    self.chain = chain;
                    self.snapshot = message.sequence;
                    self.since = 0;
                    return Ok(());
                }
                // A newer one may have replaced it while it was read.
                None if attempts < 5 => attempts += 1,
                None => {
                    return Err(Error::new(
                        ErrorKind::Corrupt,
                        operation,
                        "the last snapshot is damaged or gone",
                    ));
                }
            }
        }
    }

    /// Finds out what the log has become, if it isn't what is known of it; if the server has lost it, the state in
    /// memory becomes its new beginning.
    async fn recover(&mut self, operation: &'static str) -> Result<(), Error> {
        let link = Arc::clone(&self.link);
        let info = link.patiently(operation, || link.info(Stream::Log)).await?;
        let subject = self.subject("snapshots");
        let last = link.patiently(operation, || link.last(Stream::Log, subject.clone())).await?;
        let last = last.map(|message| parse(&message.payload)).transpose()?;
        match &last {
            Some(entry) if entry.log != self.log => return self.load(operation).await,
            Some(_) if info.state.last_sequence >= self.at => return Ok(()),
            None if info.state.messages > 0 && self.log == 0 => {
                return Err(Error::new(ErrorKind::Corrupt, operation, "the log has no beginning"));
            }
            _ => {}
        }
        if self.log != 0 {
            tracing::error!(
                known = self.at,
                left = info.state.last_sequence,
                "the server has lost entries of the log: it begins anew with what this router knows"
            );
        }
        let log = rand::random::<u64>().max(1);
        let chunks = keep::write(&link, operation, &self.replica.snapshot()).await?;
        match self.write_snapshot(log, None, chunks, info.state.last_sequence).await {
            Ok(seq) => {
                (self.log, self.at, self.snapshot, self.since) = (log, seq, seq, 0);
                Ok(())
            }
            Err(failure @ Failure::Refused(..)) => Err(failure.into_error(operation)),
            // Somebody else was faster, or the server is away: whoever called looks again.
            Err(_) if self.log != 0 => Ok(()),
            Err(Failure::Raced) => self.load(operation).await,
            Err(failure) => Err(failure.into_error(operation)),
        }
    }

    async fn write_snapshot(
        &self,
        log: u64,
        at: Option<u64>,
        chunks: Chunks,
        last: u64,
    ) -> Result<u64, Failure> {
        let entry =
            Entry { format: FORMAT, log, content: Content::Snapshot { at, chain: self.chain, chunks } };
        let payload = encode(&entry)
            .map_err(|error| Failure::Refused(error.kind(), "the snapshot can't be told", error.into()))?;
        let message = PublishMessage::build().payload(payload);
        let message = match at {
            // Nobody has written another snapshot meanwhile.
            Some(_) => message.expected_last_subject_sequence(last),
            None => message.expected_last_sequence(last),
        };
        self.link.write(self.subject("snapshots"), message).await
    }

    /// Writes a snapshot if the log has grown enough, or if somebody asks, and drops what stands before it.
    pub(super) async fn keep_if_due(&mut self, asked: bool) {
        let due = LEAST_GROWTH.max(self.replica.size() as u64);
        if !asked && self.since < due {
            return;
        }
        // If it fails, not at every call again.
        self.since /= 2;
        let at = self.at;
        let kept = async {
            let chunks = keep::write(&self.link, "maintain", &self.replica.snapshot()).await?;
            let first = chunks.parts.first().copied();
            let written = self.write_snapshot(self.log, Some(at), chunks, self.snapshot).await;
            written.map_err(|failure| failure.into_error("maintain"))?;
            let purge = async {
                self.link.purge(Stream::Log, at.saturating_add(1)).await?;
                match first {
                    Some(first) => self.link.purge(Stream::Snapshots, first).await,
                    None => Ok(()),
                }
            };
            purge.await.map_err(|failure: Failure| failure.into_error("maintain"))
        };
        if let Err(error) = kept.await {
            tracing::warn!(%error, "no snapshot was written");
        }
        if let Err(error) = self.catch_up().await {
            tracing::debug!(%error, "the log is read with the next call");
        }
    }
}

fn encode(entry: &Entry) -> Result<Bytes, Error> {
    serde_json::to_vec(entry).map(Bytes::from).map_err(|source| {
        Error::new(ErrorKind::Invalid, "write", "an entry of the log can't be written").with_source(source)
    })
}

fn parse(payload: &Bytes) -> Result<Entry, Error> {
    #[derive(serde::Deserialize)]
    struct Version {
        format: u32,
    }
    let damaged = |source: serde_json::Error| {
        Error::new(ErrorKind::Corrupt, "read", "an entry of the log can't be read").with_source(source)
    };
    let version: Version = serde_json::from_slice(payload).map_err(damaged)?;
    if version.format > FORMAT {
        let detail = format!("the log has format {}, this program knows {FORMAT}", version.format);
        return Err(Error::new(ErrorKind::SchemaVersion, "read", detail));
    }
    serde_json::from_slice(payload).map_err(damaged)
}

fn hash(payload: &Bytes) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = <[u8; 32]>::from(Sha256::digest(payload));
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}
