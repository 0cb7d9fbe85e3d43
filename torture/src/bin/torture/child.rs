//! One life: publishes and settles until it is ended, or drains the queue.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::Args;
use openfactory_queue::backend::sqlite::{SqliteConfig, SqliteQueue};
use openfactory_queue::dead_letter::{DeadLetterFilter, DeadLetterPage};
use openfactory_queue::lease::{LeaseToken, Settled};
use openfactory_queue::{Settlement, SyncQueue};
use openfactory_torture::journal::{Entry, What};

use crate::resume::Resume;
use crate::work::{self, Room};
use crate::{Backend, Result};

/// How a life is to be.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[arg(long, value_enum)]
    backend: Backend,
    #[arg(long)]
    queue: PathBuf,
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

/// The queue and the journal of this life.
#[derive(Clone)]
pub(crate) struct Life {
    pub(crate) queue: Arc<dyn SyncQueue>,
    journal: Arc<Mutex<File>>,
}

impl Life {
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
    let config = SqliteConfig::new(&options.queue);
    let config = if options.backend == Backend::SqliteUnsynced { config.without_sync() } else { config };
    let queue = SqliteQueue::open(config).await?;
    let life = Life { queue: Arc::new(queue), journal };
    let mut resume = Resume::default();
    resume.read(&options.resume)?;
    old_tokens(&life, &resume).await?;
    publish_again(&life, &resume).await?;
    if options.drain {
        work::drain(&life).await?;
        letters(&life).await?;
        return Ok(life.queue.close().await?);
    }
    let room = Arc::new(Room::new(ROOM));
    let mut tasks = tokio::task::JoinSet::new();
    for publisher in 0..PUBLISHERS {
        let keys = (publisher..work::KEYS).step_by(PUBLISHERS as usize);
        let next = keys.map(|key| (key, resume.next.get(&key).copied().unwrap_or(0))).collect();
        tasks.spawn(work::publish(life.clone(), next, Arc::clone(&room)));
    }
    for worker in 0..WORKERS {
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

/// How long a worker waits for a message.
pub(crate) const WAIT: Duration = Duration::from_secs(5);

/// How long a lease lasts: longer than any life.
pub(crate) const TTL: Duration = Duration::from_secs(3600);
