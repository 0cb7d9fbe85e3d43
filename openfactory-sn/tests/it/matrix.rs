//! Every fault of the simulator against every kind of call: no loss, no double, no wrong success, no "it did not happen"
//! about what did, and each failure told as what it is.

use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use openfactory_simulator::faults::{Fault, FaultKind};
use openfactory_simulator::seed::Seed;
use openfactory_simulator::{ADMIN_USER, CHANGE_MANAGER_USER, OAuthClient, Simulator};
use openfactory_sn::clock::Clock;
use openfactory_sn::models::relationship_type::RelationshipType;
use openfactory_sn::{Auth, Client, ErrorKind, Fields, RetryPolicy, Secret, SysId};
use serde_json::json;

use crate::instance;

mod call;
mod kind;
mod much;
mod place;
mod seen;

use kind::{BEYOND, EVENTS, JOURNAL, Kind, LISTS, MUCH, READS, WRITES};

/// What goes wrong: its name, its kind, the seconds of its `Retry-After`, how long it holds a request back, in
/// milliseconds, and as what kind of failure it is told where it is told.
#[derive(Debug, Clone, Copy)]
struct Bad {
    name: &'static str,
    kind: FaultKind,
    retry_after: u32,
    delay: u64,
    told: ErrorKind,
}

const fn bad(name: &'static str, kind: FaultKind, told: ErrorKind) -> Bad {
    Bad { name, kind, retry_after: 0, delay: 0, told }
}

/// What is listed: more than a page.
const MANY: usize = 510;
/// Longer than the hasty client waits for an answer.
const LATE: u64 = 160;

const FAULTS: &[Bad] = &[
    bad("accepted", FaultKind::Accepted, ErrorKind::Unavailable),
    bad("drop", FaultKind::Drop, ErrorKind::Unavailable),
    bad("drop-after-commit", FaultKind::DropAfterCommit, ErrorKind::Unavailable),
    bad("error", FaultKind::Error, ErrorKind::Timeout),
    bad("error-after-commit", FaultKind::ErrorAfterCommit, ErrorKind::Timeout),
    bad("error-in-success", FaultKind::ErrorInSuccess, ErrorKind::Timeout),
    bad("html", FaultKind::Html, ErrorKind::Unavailable),
    bad("not-found", FaultKind::NotFound, ErrorKind::Unavailable),
    bad("redirect", FaultKind::Redirect, ErrorKind::Unavailable),
    Bad { delay: LATE, ..bad("late", FaultKind::Slow, ErrorKind::Timeout) },
    Bad { delay: 5, ..bad("slow", FaultKind::Slow, ErrorKind::Timeout) },
    bad("throttle", FaultKind::Throttle, ErrorKind::Throttled),
    Bad { retry_after: 1, ..bad("throttle-and-say", FaultKind::Throttle, ErrorKind::Throttled) },
    bad("truncate", FaultKind::Truncate, ErrorKind::Decode),
    bad("twice", FaultKind::Twice, ErrorKind::Conflict),
    bad("unauthorized", FaultKind::Unauthorized, ErrorKind::Unauthenticated),
    bad("unavailable", FaultKind::Unavailable, ErrorKind::Unavailable),
    bad("uri-too-long", FaultKind::UriTooLong, ErrorKind::Invalid),
];

/// The machine's clock, but that waits which the client is told to make are fifty times as short.
#[derive(Debug)]
struct Brisk(Instant);

#[async_trait]
impl Clock for Brisk {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        let wait = duration <= Duration::from_secs(2) && duration > HASTY;
        tokio::time::sleep(if wait { duration / 50 } else { duration }).await;
    }
}

/// An instance, and who calls it.
struct World {
    simulator: Simulator,
    client: Client,
    /// Gives up before what is late has come.
    hasty: Client,
    /// Who may delete incidents, and import users.
    admin: Client,
    /// Who decides on changes.
    manager: Client,
    runs_on: SysId,
    /// What devices run.
    image: SysId,
    roots: String,
}

impl World {
    /// With so many incidents of one category.
    async fn new(many: usize) -> Self {
        let rows: Vec<_> =
            (0..many).map(|n| json!({"short_description": format!("row {n}"), "category": "many"})).collect();
        let seed = Seed::from_json(json!({ "incident": rows }).to_string().as_bytes()).unwrap();
        let simulator = instance::builder()
            .seed(seed)
            .client(OAuthClient::new("matrix", "s3cr3t"))
            .start()
            .await
            .unwrap();
        let roots = simulator.ca_pem().unwrap().to_owned();
        let person = |name: &str| Auth::basic(name, Secret::new(simulator.user(name).unwrap().password()));
        let [admin, manager] = [ADMIN_USER, CHANGE_MANAGER_USER].map(person);
        let built = |auth, total| built(simulator.base_url(), &roots, auth, total);
        let client = built(integration(), PATIENT);
        let runs_on = RelationshipType::named(&client, "Runs on::Runs").await.unwrap();
        let kiosk = Fields::new().with("name", "kiosk").with("serial_number", "kiosk");
        let image =
            client.cmdb().create_instance("cmdb_ci_linux_server", "OpenFactory", &kiosk, &[]).await.unwrap();
        Self {
            client,
            hasty: built(integration(), HASTY),
            admin: built(admin, PATIENT),
            manager: built(manager, PATIENT),
            runs_on,
            image: image.attributes.sys_id().clone(),
            roots,
            simulator,
        }
    }

    /// A client without a token.
    fn fresh(&self, total: Duration) -> Client {
        built(self.simulator.base_url(), &self.roots, integration(), total)
    }
}

const PATIENT: Duration = Duration::from_secs(30);
const HASTY: Duration = Duration::from_millis(LATE / 2);

fn integration() -> Auth {
    Auth::client_credentials("matrix", Secret::new("s3cr3t"))
}

fn built(address: &str, roots: &str, auth: Auth, total: Duration) -> Client {
    let mut retry = RetryPolicy::default();
    retry.first_wait = Duration::from_millis(2);
    Client::builder(address)
        .root_certificate_pem(roots)
        .auth(auth)
        .retry(retry)
        .clock(Brisk(Instant::now()))
        .total_timeout(total)
        .build()
        .unwrap()
}

/// One kind of call under one fault.
struct Cell<'a> {
    world: &'a World,
    kind: Kind,
    bad: Bad,
    name: String,
    /// Which record it is about, where it is about one that is there already.
    base: SysId,
}

impl Cell<'_> {
    /// Who calls.
    fn caller(&self) -> &Client {
        match (self.kind.by(), self.bad.delay) {
            (kind::By::Admin, _) => &self.world.admin,
            (kind::By::Manager, _) => &self.world.manager,
            // A page of a list takes longer than the hasty one has patience.
            (kind::By::Integration, LATE) if !matches!(self.kind, Kind::Links | Kind::List) => {
                &self.world.hasty
            }
            (kind::By::Integration, _) => &self.world.client,
        }
    }

    /// Makes the next request of this kind go wrong.
    fn hit(&self) {
        let (method, path) = self.kind.door();
        let path = path.replace("BASE", self.base.as_str());
        let mut fault = Fault::new(self.bad.kind).on_path(path).on_method(method).delay_ms(self.bad.delay);
        fault.retry_after = self.bad.retry_after;
        self.world.simulator.inject(fault);
    }

    /// Whether this error of a request that was handled twice is the honest answer to the second time.
    fn is_second(&self, error: ErrorKind) -> bool {
        let second = match self.kind {
            Kind::BatchDelete | Kind::Delete | Kind::Detach | Kind::Unrelate => ErrorKind::NotFound,
            Kind::CreateWithKey => ErrorKind::Conflict,
            Kind::Decide => ErrorKind::Invalid,
            _ => return false,
        };
        matches!(self.bad.kind, FaultKind::Twice) && error == second
    }

    /// Whether the fault passes, so that the second time goes well.
    fn passes(&self) -> bool {
        // A page that asks for a login, or what leads to one, stays until somebody does something about it.
        let page = matches!(self.bad.kind, FaultKind::Html | FaultKind::NotFound | FaultKind::Redirect);
        self.bad.delay != LATE && !page && !matches!(self.bad.kind, FaultKind::UriTooLong)
    }

    async fn run(&self) {
        let (before, after) = self.kind.effect();
        assert_eq!(self.seen(), before, "{}", self.name);
        self.hit();
        let outcome = self.call(self.caller()).await;
        let doubled = matches!(self.bad.kind, FaultKind::Twice) && !self.kind.is_guarded();
        if self.kind.is_one_read() && self.passes() {
            assert!(outcome.is_ok(), "{}: a read that was not made again: {outcome:?}", self.name);
        }
        match outcome {
            // What nothing but a look guards is there as often as it was handled, until that look.
            Ok(()) if doubled => assert_eq!(self.seen(), 2 * after, "{}", self.name),
            Ok(()) => assert_eq!(self.seen(), after, "{}: a success that is none, or a double", self.name),
            Err(error) => {
                let told = error.kind() == self.bad.told || self.is_second(error.kind());
                assert!(told, "{}: {error}; told as {:?}", self.name, error.kind());
                if !error.may_have_happened() && !self.is_second(error.kind()) {
                    assert_eq!(self.seen(), before, "{}: it did happen; {error}", self.name);
                }
            }
        }
        self.world.simulator.clear_faults();
        if self.bad.delay == LATE {
            tokio::time::sleep(Duration::from_millis(LATE)).await;
        }
        // What a queue would do, whether a failure was handed back or it does not remember.
        self.again().await.unwrap_or_else(|error| panic!("{}: {error}", self.name));
        let after = if doubled && self.kind == Kind::Note { 2 * after } else { after };
        assert_eq!(self.seen(), after, "{}: lost or doubled", self.name);
    }
}

async fn every_fault_against(kinds: &[Kind], many: usize) {
    let world = World::new(many).await;
    for kind in kinds {
        for bad in FAULTS {
            let name = format!("{kind:?}-{}", bad.name);
            let base = world.place(*kind, &name).await;
            let cell = Cell { world: &world, kind: *kind, bad: *bad, name, base };
            cell.run().await;
            world.simulator.clear_faults();
        }
    }
    world.simulator.shutdown().await;
}

#[tokio::test]
async fn every_fault_against_events() {
    every_fault_against(EVENTS, 0).await;
}

#[tokio::test]
async fn every_fault_against_what_goes_by_the_journal() {
    every_fault_against(JOURNAL, 0).await;
}

#[tokio::test]
async fn every_fault_against_lists() {
    every_fault_against(LISTS, MANY).await;
}

#[tokio::test]
async fn every_fault_against_what_reads() {
    every_fault_against(READS, 0).await;
}

#[tokio::test]
async fn every_fault_against_what_writes_much_at_once() {
    every_fault_against(MUCH, 0).await;
}

#[tokio::test]
async fn every_fault_against_what_writes_to_tables() {
    every_fault_against(WRITES, 0).await;
}

#[tokio::test]
async fn every_fault_against_what_writes_beyond_tables() {
    every_fault_against(BEYOND, 0).await;
}
