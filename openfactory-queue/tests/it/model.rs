//! Random commands, the same for memory and SQLite: no answer may differ.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use openfactory_queue::backend::memory::{MemoryConfig, MemoryQueue};
use openfactory_queue::backend::sqlite::{SqliteConfig, SqliteQueue};
use openfactory_queue::clock::ManualClock;
use openfactory_queue::dead_letter::{
    DeadCause, DeadLetterFilter, DeadLetterPage, DeadPolicy, Discard, Redrive, Selection,
};
use openfactory_queue::lease::{LeaseToken, Leased};
use openfactory_queue::pause::{Pause, PauseScope, Resume};
use openfactory_queue::stats::Stats;
use openfactory_queue::{LeaseRequest, Message, Settlement, SyncQueue};
use proptest::collection::vec;
use proptest::prelude::*;

const SECOND: Duration = Duration::from_secs(1);
/// Far more than the SQLite queue keeps in memory before it moves them into its indices, where it is built for tests.
const IDS: u8 = 80;

/// So many live at most.
const LIMIT: u64 = 24;

const WINDOW: Duration = Duration::from_secs(500);

#[derive(Clone, Debug)]
enum Command {
    Publish(Vec<Spec>),
    Lease { max: usize, ttl: u64 },
    Settle { pick: usize, how: How },
    Extend { pick: usize, ttl: u64 },
    Advance(u64),
    Redrive { select: Select, limit: usize, rate: Option<u32>, dry_run: bool, keep: bool },
    Discard { select: Select, limit: usize },
    Pause { scope: PauseScope, until: Option<u64> },
    Resume(PauseScope),
    Maintain(usize),
    Reopen { killed: bool },
}

#[derive(Clone, Debug)]
struct Spec {
    id: u8,
    key: Option<u8>,
    body: u8,
    priority: u8,
    delay: Option<u64>,
    expires: Option<u64>,
    on_dead: DeadPolicy,
    destination: Option<u8>,
}

#[derive(Clone, Debug)]
enum How {
    Ack,
    Retry(u64, bool),
    Dead,
    Release,
}

#[derive(Clone, Debug)]
enum Select {
    Ids(Vec<u8>),
    All,
    Key(u8),
    Cause(DeadCause),
}

fn spec() -> impl Strategy<Value = Spec> {
    let policy = prop_oneof![Just(DeadPolicy::Block), Just(DeadPolicy::Skip), Just(DeadPolicy::Park)];
    (
        0..IDS,
        prop::option::weighted(0.8, 0..4u8),
        prop::bool::weighted(0.1),
        1..4u8,
        prop::option::weighted(0.2, 1..60u64),
        prop::option::weighted(0.15, 1..90u64),
        policy,
        prop::option::weighted(0.5, 0..2u8),
    )
        .prop_map(|(id, key, odd, priority, delay, expires, on_dead, destination)| Spec {
            id,
            key: key.map(|key| (key + id) % 4),
            body: u8::from(odd),
            priority,
            delay,
            expires,
            on_dead,
            destination,
        })
}

fn scope() -> impl Strategy<Value = PauseScope> {
    prop_oneof![
        1 => Just(PauseScope::Queue),
        3 => (0..4u8).prop_map(|key| PauseScope::Key(format!("key{key}"))),
        3 => (0..2u8).prop_map(|to| PauseScope::Destination(format!("to{to}"))),
    ]
}

fn select() -> impl Strategy<Value = Select> {
    let cause = prop_oneof![Just(DeadCause::Rejected), Just(DeadCause::Expired), Just(DeadCause::Parked)];
    prop_oneof![
        3 => vec(0..IDS, 1..6).prop_map(Select::Ids),
        3 => Just(Select::All),
        2 => (0..4u8).prop_map(Select::Key),
        1 => cause.prop_map(Select::Cause),
    ]
}

fn command() -> impl Strategy<Value = Command> {
    let how = prop_oneof![
        4 => Just(How::Ack),
        3 => (0..40u64, any::<bool>()).prop_map(|(after, counts)| How::Retry(after, counts)),
        3 => Just(How::Dead),
        1 => Just(How::Release),
    ];
    let redrive = (select(), 0..5usize, prop::option::of(1..4u32), prop::bool::weighted(0.2), any::<bool>());
    prop_oneof![
        8 => vec(spec(), 1..5).prop_map(Command::Publish),
        8 => (1..5usize, 5..60u64).prop_map(|(max, ttl)| Command::Lease { max, ttl }),
        10 => (any::<prop::sample::Index>(), how).prop_map(|(pick, how)| Command::Settle { pick: pick.index(64), how }),
        2 => (any::<prop::sample::Index>(), 5..60u64).prop_map(|(pick, ttl)| Command::Extend { pick: pick.index(64), ttl }),
        5 => (1..40u64).prop_map(Command::Advance),
        1 => (400..700u64).prop_map(Command::Advance),
        3 => redrive.prop_map(|(select, limit, rate, dry_run, keep)| Command::Redrive { select, limit, rate, dry_run, keep }),
        1 => (select(), 0..3usize).prop_map(|(select, limit)| Command::Discard { select, limit }),
        1 => (scope(), prop::option::weighted(0.7, 1..60u64)).prop_map(|(scope, until)| Command::Pause { scope, until }),
        1 => scope().prop_map(Command::Resume),
        1 => (1..5usize).prop_map(Command::Maintain),
        1 => any::<bool>().prop_map(|killed| Command::Reopen { killed }),
    ]
}

struct World {
    clock: ManualClock,
    memory: MemoryQueue,
    dir: tempfile::TempDir,
    /// How often the files were left behind.
    lives: u32,
    sqlite: SqliteQueue,
    /// Every token ever given, so that stale ones are tried too.
    tokens: Vec<LeaseToken>,
}

impl World {
    fn now(&self) -> std::time::SystemTime {
        openfactory_queue::clock::Clock::now(&self.clock)
    }

    fn message(&self, spec: &Spec) -> Message {
        let mut message =
            Message::new(format!("m{}", spec.id), "k", vec![spec.body; 3]).with_priority(spec.priority);
        message.key = spec.key.map(|key| format!("key{key}"));
        message.not_before = spec.delay.map(|delay| self.now() + SECOND * u32::try_from(delay).unwrap());
        message.expires = spec.expires.map(|after| self.now() + SECOND * u32::try_from(after).unwrap());
        message.on_dead = spec.on_dead;
        match spec.destination {
            Some(to) => message.with_attribute("destination", format!("to{to}")),
            None => message,
        }
    }

    async fn run(&mut self, command: &Command) {
        let (a, b) = (self.memory.clone(), self.sqlite.clone());
        let seconds = |n: &u64| Duration::from_secs(*n);
        macro_rules! both {
            ($method:ident($($argument:expr),*)) => {{
                let expected = a.$method($($argument),*).await.unwrap();
                assert_eq!(b.$method($($argument),*).await.unwrap(), expected, "{command:?}");
            }};
        }
        match command {
            Command::Publish(specs) => {
                let messages: Vec<Message> = specs.iter().map(|spec| self.message(spec)).collect();
                let expected = a.publish(messages.clone()).await.map_err(|error| error.kind());
                let published = b.publish(messages).await.map_err(|error| error.kind());
                assert_eq!(published, expected, "{command:?}");
            }
            Command::Lease { max, ttl } => {
                let request = LeaseRequest::new("w").max(*max).ttl(seconds(ttl));
                let expected = a.lease(request.clone()).await.unwrap();
                let leased = b.lease(request).await.unwrap();
                assert_eq!(described(&leased), described(&expected), "{command:?}");
                self.tokens.extend(leased.iter().map(|leased| leased.token));
            }
            Command::Settle { pick, how } => {
                let Some(token) = self.pick(*pick) else { return };
                let how = match how {
                    How::Ack => Settlement::Ack,
                    How::Retry(after, counts) => {
                        Settlement::Retry { after: seconds(after), reason: "r".into(), counts: *counts }
                    }
                    How::Dead => Settlement::Dead { reason: "d".into() },
                    How::Release => Settlement::Release,
                };
                both!(settle(vec![(token, how.clone())]));
            }
            Command::Extend { pick, ttl } => {
                let Some(token) = self.pick(*pick) else { return };
                both!(extend(vec![token], seconds(ttl)));
            }
            Command::Advance(by) => self.clock.advance(seconds(by)),
            Command::Redrive { select, limit, rate, dry_run, keep } => {
                let mut redrive = Redrive::new(selection(select), "op", "why").limit(*limit);
                redrive.rate = *rate;
                redrive.dry_run = *dry_run;
                redrive.keep_failures = *keep;
                both!(redrive(redrive.clone()));
            }
            Command::Discard { select, limit } => {
                both!(discard(Discard::new(selection(select), "op", "why").limit(*limit)));
            }
            Command::Pause { scope, until } => {
                let mut pause = Pause::new(scope.clone(), "op", "why");
                pause.until = until.map(|until| self.now() + Duration::from_secs(until));
                both!(pause(pause.clone()));
            }
            Command::Resume(scope) => both!(resume(Resume::new(scope.clone(), "op", "why"))),
            Command::Maintain(budget) => both!(maintain(*budget)),
            Command::Reopen { killed } => {
                // Opening ends all leases; so that memory does the same, let them lapse first.
                self.clock.advance(SECOND * 100);
                both!(maintain(1000));
                if *killed {
                    self.survive();
                } else {
                    self.sqlite.close().await.unwrap();
                }
                self.sqlite = open(&self.dir, self.lives, &self.clock).await;
                self.tokens.clear();
            }
        }
    }

    /// Goes on with what a process leaves that is killed now: the files as they are, without what is in its memory alone.
    fn survive(&mut self) {
        for file in ["", "-wal"] {
            let name = |life| self.dir.path().join(format!("{life}.db{file}"));
            std::fs::copy(name(self.lives), name(self.lives + 1)).unwrap();
        }
        self.lives += 1;
    }

    fn pick(&self, pick: usize) -> Option<LeaseToken> {
        // Mostly the latest ones.
        let back = pick % self.tokens.len().clamp(1, 8);
        self.tokens.iter().rev().nth(back).copied()
    }

    async fn compare(&self) {
        let stats = |stats: Stats| {
            let mut stats = stats;
            stats.disk_bytes = None;
            stats
        };
        let (a, b) = (&self.memory, &self.sqlite);
        assert_eq!(stats(b.stats().await.unwrap()), stats(a.stats().await.unwrap()));
        assert_eq!(b.pauses().await.unwrap(), a.pauses().await.unwrap());
        let page = DeadLetterPage::first(DeadLetterFilter::all()).limit(1000);
        assert_eq!(b.dead_letters(page.clone()).await.unwrap(), a.dead_letters(page).await.unwrap());
        for id in 0..IDS {
            let id = format!("m{id}");
            assert_eq!(b.find(&id).await.unwrap(), a.find(&id).await.unwrap());
        }
    }
}

async fn open(dir: &tempfile::TempDir, life: u32, clock: &ManualClock) -> SqliteQueue {
    // What is compared is behaviour; syncing would only make it slow.
    let config = SqliteConfig::new(dir.path().join(format!("{life}.db")))
        .clock(Arc::new(clock.clone()))
        .dedup_window(WINDOW)
        .max_messages(LIMIT)
        .without_sync();
    SqliteQueue::open(config).await.unwrap()
}

fn selection(select: &Select) -> Selection {
    match select {
        Select::Ids(ids) => Selection::Ids(ids.iter().map(|id| format!("m{id}")).collect()),
        Select::All => Selection::Matching(DeadLetterFilter::all()),
        Select::Key(key) => Selection::Matching(DeadLetterFilter::all().key(format!("key{key}"))),
        Select::Cause(cause) => Selection::Matching(DeadLetterFilter::all().cause(*cause)),
    }
}

fn described(leased: &[Leased]) -> Vec<String> {
    leased.iter().map(|leased| format!("{leased:?} {:?}", leased.message.payload)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, max_shrink_iters: 2000, ..ProptestConfig::default() })]

    #[test]
    fn memory_and_sqlite_give_the_same_answers(commands in vec(command(), 1..120)) {
        openfactory_queue::conformance::run(async move {
            let dir = tempfile::tempdir().unwrap();
            let clock = ManualClock::at(UNIX_EPOCH + SECOND * 1_764_000_000);
            let config = MemoryConfig::new().clock(Arc::new(clock.clone()));
            let memory = MemoryQueue::with(config.dedup_window(WINDOW).max_messages(LIMIT));
            let sqlite = open(&dir, 0, &clock).await;
            let mut world = World { clock, memory, dir, lives: 0, sqlite, tokens: Vec::new() };
            for (n, command) in commands.iter().enumerate() {
                world.run(command).await;
                if n % 8 == 7 {
                    world.compare().await;
                }
            }
            world.compare().await;
        });
    }
}
