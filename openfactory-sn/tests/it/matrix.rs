//! Every fault of the simulator against every kind of call: no loss, no double, no wrong success, and no "it did not
//! happen" about what did.

use std::time::Duration;

use bytes::Bytes;
use openfactory_simulator::faults::{Fault, FaultKind};
use openfactory_simulator::{ADMIN_USER, OAuthClient, Simulator};
use openfactory_sn::batch::Batch;
use openfactory_sn::cmdb::{Item, Payload};
use openfactory_sn::models::relationship_type::RelationshipType;
use openfactory_sn::record::Field;
use openfactory_sn::{Auth, Client, CorrelationId, Error, Fields, Query, RetryPolicy, Secret, SysId};

const FAULTS: &[FaultKind] = &[
    FaultKind::Unavailable,
    FaultKind::Drop,
    FaultKind::DropAfterCommit,
    FaultKind::ErrorAfterCommit,
    FaultKind::Throttle,
    FaultKind::Truncate,
    FaultKind::Error,
    FaultKind::Accepted,
    FaultKind::Unauthorized,
    FaultKind::UriTooLong,
    FaultKind::ErrorInSuccess,
    FaultKind::Slow,
    FaultKind::Html,
];

const NOTE: &str = "seen by the matrix";

/// A kind of call: what is hit, how it is made, and how often its effect is to be seen.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Attach,
    Batch,
    Correlate,
    Count,
    Delete,
    Ensure,
    Get,
    Note,
    Reconcile,
    Relate,
    Update,
}

const KINDS: &[Kind] = &[
    Kind::Attach,
    Kind::Batch,
    Kind::Correlate,
    Kind::Count,
    Kind::Delete,
    Kind::Ensure,
    Kind::Get,
    Kind::Note,
    Kind::Reconcile,
    Kind::Relate,
    Kind::Update,
];

struct Cell<'a> {
    simulator: &'a Simulator,
    client: &'a Client,
    /// Who may delete incidents.
    admin: &'a Client,
    kind: Kind,
    name: String,
    base: SysId,
    runs_on: &'a SysId,
}

impl Cell<'_> {
    fn hit(&self, fault: FaultKind) {
        let (method, path) = match self.kind {
            Kind::Attach => ("POST", "/api/now/attachment/file"),
            Kind::Batch => ("POST", "/api/now/v1/batch"),
            Kind::Correlate | Kind::Ensure => ("POST", "/api/now/table/incident"),
            Kind::Count => ("GET", "/api/now/stats/incident"),
            Kind::Delete => ("DELETE", "/api/now/table/incident"),
            Kind::Get => ("GET", "/api/now/table/incident"),
            Kind::Note | Kind::Update => ("PATCH", "/api/now/table/incident"),
            Kind::Reconcile => ("POST", "/api/now/identifyreconcile"),
            Kind::Relate => ("POST", "/api/now/table/cmdb_rel_ci"),
        };
        let mut fault = Fault::new(fault).on_path(path).on_method(method).delay_ms(5);
        fault.retry_after = 0;
        self.simulator.inject(fault);
    }

    fn correlation(&self) -> CorrelationId {
        CorrelationId::new(&self.name).unwrap()
    }

    fn key(&self) -> SysId {
        SysId::derived("incident", &self.correlation())
    }

    fn named(&self) -> Fields {
        Fields::new().with("short_description", self.name.as_str())
    }

    async fn call(&self) -> Result<(), Error> {
        let incidents = self.client.dynamic_table("incident");
        match self.kind {
            Kind::Attach => {
                let content = Bytes::from(self.name.clone());
                let name = format!("{}.txt", self.name);
                self.client
                    .attachments()
                    .ensure("incident", &self.base, &name, "text/plain", content)
                    .await
                    .map(|_| ())
            }
            Kind::Batch => {
                let mut batch = Batch::new();
                batch.ensure("incident", &self.key(), &self.named());
                self.client.batches().run(batch).await.remove(0).map(|_| ())
            }
            Kind::Correlate => {
                incidents.ensure_correlated(&self.correlation(), &self.named()).await.map(|_| ())
            }
            Kind::Count => {
                let described = Field::<String>::new("short_description").is(self.name.as_str());
                assert_eq!(incidents.count(&Query::new().and(described)).await?, 1);
                Ok(())
            }
            Kind::Delete => match incidents.get_opt(&self.base).await? {
                Some(_) => self.admin.dynamic_table("incident").delete(&self.base).await,
                None => Ok(()),
            },
            Kind::Ensure => incidents.ensure(&self.key(), &self.named()).await.map(|_| ()),
            Kind::Get => {
                assert_eq!(incidents.get(&self.base).await?.sys_id(), &self.base);
                Ok(())
            }
            Kind::Note => match incidents.journal(&self.base, "work_notes").await?.is_empty() {
                true => {
                    incidents.update(&self.base, &Fields::new().with("work_notes", NOTE)).await.map(|_| ())
                }
                false => Ok(()),
            },
            Kind::Reconcile => {
                let mut payload = Payload::new("OpenFactory");
                let fields =
                    Fields::new().with("name", self.name.as_str()).with("serial_number", self.name.as_str());
                payload.item(Item::new("cmdb_ci_linux_server", fields));
                let outcome = self.client.cmdb().reconcile(&payload).await?;
                assert!(outcome.is_complete(), "{outcome:?}");
                Ok(())
            }
            Kind::Relate => {
                self.client.cmdb().relate(&self.base, self.runs_on, &self.key()).await.map(|_| ())
            }
            Kind::Update => incidents
                .update(&self.base, &Fields::new().with("category", self.name.as_str()))
                .await
                .map(|_| ()),
        }
    }

    /// How often the effect is there, by the instance's own store.
    fn seen(&self) -> usize {
        let Self { name, base, .. } = self;
        let (table, query) = match self.kind {
            Kind::Attach => ("sys_attachment", format!("file_name={name}.txt")),
            Kind::Batch | Kind::Correlate | Kind::Ensure => {
                ("incident", format!("short_description={name}^sys_id!={base}"))
            }
            Kind::Count | Kind::Delete | Kind::Get => ("incident", format!("sys_id={base}")),
            Kind::Note => ("sys_journal_field", format!("element_id={base}^value={NOTE}")),
            Kind::Reconcile => ("cmdb_ci_linux_server", format!("serial_number={name}")),
            Kind::Relate => ("cmdb_rel_ci", format!("parent={base}")),
            Kind::Update => ("incident", format!("category={name}")),
        };
        self.simulator.store().query(table, &query).unwrap().len()
    }
}

#[tokio::test]
async fn every_fault_against_every_kind_of_call() {
    let simulator = Simulator::builder().client(OAuthClient::new("matrix", "s3cr3t")).start().await.unwrap();
    let mut retry = RetryPolicy::default();
    retry.first_wait = Duration::from_millis(2);
    let with = |auth: Auth| {
        let builder = Client::builder(simulator.base_url()).root_certificate_pem(simulator.ca_pem().unwrap());
        builder.auth(auth).retry(retry).build().unwrap()
    };
    let client = with(Auth::client_credentials("matrix", Secret::new("s3cr3t")));
    let password = simulator.user(ADMIN_USER).unwrap().password();
    let admin = with(Auth::basic(ADMIN_USER, Secret::new(password)));
    let runs_on = RelationshipType::named(&client, "Runs on::Runs").await.unwrap();
    for kind in KINDS {
        for fault in FAULTS {
            let name = format!("{kind:?}-{fault:?}");
            let base = SysId::derived("incident", &CorrelationId::new(&format!("base/{name}")).unwrap());
            let fields = Fields::new().with("short_description", name.as_str());
            client.dynamic_table("incident").ensure(&base, &fields).await.unwrap();
            let cell = Cell {
                simulator: &simulator,
                client: &client,
                admin: &admin,
                kind: *kind,
                name,
                base,
                runs_on: &runs_on,
            };
            let (before, after) = match kind {
                Kind::Count | Kind::Get => (1, 1),
                Kind::Delete => (1, 0),
                _ => (0, 1),
            };
            assert_eq!(cell.seen(), before, "{}", cell.name);
            cell.hit(*fault);
            match cell.call().await {
                Ok(()) => {
                    assert_eq!(cell.seen(), after, "{}: a success that is none, or a double", cell.name)
                }
                Err(error) => {
                    if !error.may_have_happened() {
                        assert_eq!(cell.seen(), before, "{}: it did happen; {error}", cell.name);
                    }
                    simulator.clear_faults();
                    // What a queue would do with what was handed back.
                    cell.call().await.unwrap_or_else(|error| panic!("{}: {error}", cell.name));
                    assert_eq!(cell.seen(), after, "{}: lost or doubled", cell.name);
                }
            }
            simulator.clear_faults();
        }
    }
    simulator.shutdown().await;
}
