//! One life: publishes and settles until it is ended, or drains the queue.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::Args;
use openfactory_queue::dead_letter::{DeadLetterFilter, DeadLetterPage};
use openfactory_queue::lease::{LeaseToken, Settled};
use openfactory_queue::{Error, ErrorKind, Settlement, SyncQueue};
use openfactory_torture::journal::{Entry, What};

use crate::Result;
use crate::backend::Backend;
use crate::resume::Resume;
use crate::work::{self, Room};

/// How a life is to be.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[arg(long, value_enum)]
    backend: Backend,
    #[arg(long)]
    address: String,
    #[arg(long)]
    life: u32,
    #[arg(long)]
    journal: PathBuf,
    #[arg(long)]
    resume: PathBuf,
    #[arg(long)]
    drain: bool,
}

const PUBLISHERS: u32 = 3;
const WORKERS: usize = 3;

/// So many messages may be published and not yet settled.
const ROOM: usize = 400;

/// A handle of the queue, and the journal of this life.
#[derive(Clone)]
pub(crate) struct Life {
    pub(crate) queue: Arc<dyn SyncQueue>,
    journal: Arc<Mutex<File>>,
    /// Tokens of the last life by the place of their message, not yet tried.
    old: Arc<Mutex<BTreeMap<u64, LeaseToken>>>,
}

impl Life {
    /// Does a call, again and again while the server is away; whether it was more than once.
    ///
    /// A queue without a server is never away: there it is an error like any other.
    pub(crate) async fn call<T, F>(&self, mut call: impl FnMut() -> F) -> Result<(T, bool)>
    where
        F: Future<Output = std::result::Result<T, Error>>,
    {
        let mut again = false;
        loop {
            match call().await {
                Ok(answer) => return Ok((answer, again)),
                Err(error) if is_away(&error) => again = true,
                Err(error) => return Err(error.into()),
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// The token under which the last life held the message at a place.
    pub(crate) fn old_token(&self, seq: u64) -> Option<LeaseToken> {
        self.old.lock().unwrap_or_else(PoisonError::into_inner).remove(&seq)
    }

    /// Writes lines, all or none of them as far as a kill is concerned.
    pub(crate) fn say(&self, entries: impl IntoIterator<Item = Entry>) -> Result<()> {
        let text: String = entries.into_iter().map(|entry| format!("{entry}\n")).collect();
        self.journal.lock().unwrap_or_else(PoisonError::into_inner).write_all(text.as_bytes())?;
        Ok(())
    }
}

/// Lives.
pub(crate) fn run(options: &Options) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(live(options))
}

async fn live(options: &Options) -> Result<()> {
    let journal = Arc::new(Mutex::new(File::create_new(&options.journal)?));
    let queues = options.backend.open(&options.address, options.life).await?;
    let mut resume = Resume::default();
    resume.read(&options.resume)?;
    let old = resume.old.iter().map(|&(_, _, seq, epoch)| (seq, LeaseToken::new(seq, epoch))).collect();
    let old = Arc::new(Mutex::new(old));
    let lives =
        queues.into_iter().map(|queue| Life { queue, journal: Arc::clone(&journal), old: Arc::clone(&old) });
    let lives: Vec<Life> = lives.collect();
    let life = lives.first().ok_or("a backend without a handle")?;
    if options.backend.leases_end_with_the_process() {
        old_tokens(life, &resume).await?;
    }
    publish_again(life, &resume).await?;
    if options.drain {
        work::drain(life).await?;
        letters(life).await?;
        return Ok(life.queue.close().await?);
    }
    let room = Arc::new(Room::new(ROOM));
    let mut tasks = tokio::task::JoinSet::new();
    for publisher in 0..PUBLISHERS {
        let keys = (publisher..work::KEYS).step_by(PUBLISHERS as usize);
        let next = keys.map(|key| (key, resume.next.get(&key).copied().unwrap_or(0))).collect();
        let life = &lives[publisher as usize % lives.len()];
        tasks.spawn(work::publish(life.clone(), next, Arc::clone(&room)));
    }
    for worker in 0..WORKERS {
        let life = &lives[worker % lives.len()];
        tasks.spawn(work::settle(life.clone(), worker, Arc::clone(&room)));
    }
    // None of them ends but by an error.
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(())
}

/// What the last life had leased is not its to settle any more.
async fn old_tokens(life: &Life, resume: &Resume) -> Result<()> {
    for &(key, n, seq, epoch) in &resume.old {
        let settled = life.queue.settle(vec![(LeaseToken::new(seq, epoch), Settlement::Ack)]).await?;
        if settled != [Settled::Stale] {
            life.say([Entry::new(key, n, What::Stale)])?;
        }
    }
    Ok(())
}

/// What was not answered is published again, and so is what was stored last: that must be a duplicate.
async fn publish_again(life: &Life, resume: &Resume) -> Result<()> {
    let stored = resume.stored.iter().map(|(&key, &n)| (key, n));
    let again: Vec<(u32, u32)> = stored.chain(resume.open.iter().copied()).collect();
    for chunk in again.chunks(32) {
        work::publish_all(life, chunk).await?;
    }
    Ok(())
}

/// Lists the dead letters.
async fn letters(life: &Life) -> Result<()> {
    let mut page = DeadLetterPage::first(DeadLetterFilter::all()).limit(1000);
    loop {
        let letters = life.queue.dead_letters(page.clone()).await?;
        let Some(last) = letters.last() else { return Ok(()) };
        page.after = Some(last.seq);
        for letter in &letters {
            let (key, n) = work::numbers(&letter.message)?;
            life.say([Entry::new(key, n, What::Dead)])?;
        }
    }
}

fn is_away(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Timeout)
}

/// The pause before a server that is away is asked again.
const AGAIN: Duration = Duration::from_millis(10);

/// How long a worker waits for a message.
pub(crate) const WAIT: Duration = Duration::from_secs(5);

/// How long a lease lasts: longer than any life.
pub(crate) const TTL: Duration = Duration::from_secs(3600);
