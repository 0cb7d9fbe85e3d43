//! How often the effect of a call is there, by the instance's own store.

use openfactory_sn::SysId;

use super::Cell;
use super::kind::Kind;
use super::place::{DEVICE, NOTE, id};

impl Cell<'_> {
    pub(super) fn seen(&self) -> usize {
        let Self { name, base, .. } = self;
        match self.kind {
            Kind::Associate | Kind::Worker => self.rows("task_ci", &format!("task={base}")),
            Kind::Attach | Kind::Upload => self.rows("sys_attachment", &format!("file_name={name}.txt")),
            Kind::Batch
            | Kind::BatchCreate
            | Kind::Correlate
            | Kind::Create
            | Kind::CreateWithKey
            | Kind::Ensure
            | Kind::TypedCreate => self.rows("incident", &format!("short_description={name}^sys_id!={base}")),
            Kind::ChangeCreate => self.rows("change_request", &format!("short_description={name}")),
            Kind::ChangeMove => self.rows("change_request", &format!("sys_id={base}^state=4")),
            Kind::Decide => self.rows("sysapproval_approver", &format!("sysapproval={base}^state=approved")),
            Kind::NextStates => self.rows("change_request", &format!("sys_id={base}^state=-5")),
            Kind::Detach | Kind::Download | Kind::Open => {
                self.rows("sys_attachment", &format!("sys_id={base}"))
            }
            Kind::Import | Kind::ImportMany => self.rows("sys_user", &format!("user_name={name}")),
            Kind::InstanceCreate | Kind::Reconcile | Kind::WouldReconcile => {
                self.rows(DEVICE, &format!("serial_number={name}"))
            }
            Kind::Event => self.rows("em_alert", &format!("message_key={name}")),
            Kind::InstanceUpdate | Kind::SyncChanged => self.rows(DEVICE, &format!("os_version={name}")),
            Kind::InstanceGet | Kind::LookAgain => self.rows(DEVICE, &format!("sys_id={base}")),
            Kind::Journal | Kind::Note => {
                self.rows("sys_journal_field", &format!("element_id={base}^value={NOTE}"))
            }
            Kind::Links | Kind::List => self.rows("incident", "category=many"),
            Kind::Probe => {
                let key = SysId::derived("incident", &id("doctor/write-probe"));
                self.rows("incident", &format!("sys_id={key}"))
            }
            Kind::Relate | Kind::RelateInstance | Kind::SyncGone | Kind::Unrelate => {
                self.rows("cmdb_rel_ci", &format!("parent={base}"))
            }
            Kind::Sync => {
                let device = SysId::derived(DEVICE, &self.id());
                let relations = self.rows("cmdb_rel_ci", &format!("parent={device}"));
                let devices = self.rows(DEVICE, &format!("serial_number={name}"));
                assert!(relations <= devices, "{name}: a relation without its device");
                devices + relations
            }
            Kind::ReconcileRelated | Kind::SyncPayloads => {
                let relations = self.rows("cmdb_rel_ci", &format!("parent.serial_number={name}"));
                let devices = self.rows(DEVICE, &format!("serial_number={name}"));
                assert!(relations <= devices, "{name}: a relation without its device");
                devices + relations
            }
            Kind::BatchUpdate | Kind::Update => self.rows("incident", &format!("category={name}")),
            Kind::Aggregate
            | Kind::BatchDelete
            | Kind::BatchGet
            | Kind::Count
            | Kind::Delete
            | Kind::Get
            | Kind::Poll
            | Kind::Renew
            | Kind::Token => self.rows("incident", &format!("sys_id={base}")),
        }
    }

    fn rows(&self, table: &str, query: &str) -> usize {
        self.world.simulator.store().query(table, query).unwrap().len()
    }
}
