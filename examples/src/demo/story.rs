//! What the chapters share: the places of the story, and how one looks at them.
//!
//! Each chapter can be told again from its beginning: what it makes is made once, what it waits for is looked at
//! where it lives.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use openfactory_simulator::Profile;
use openfactory_sn::lifecycle::correlation;
use openfactory_sn::lifecycle::event::EventBody;
use openfactory_sn::lifecycle::id::{BuildId, DeviceId};
use openfactory_sn::query::{Condition, Operator};
use openfactory_sn::{Query, Row, SysId};

use super::build::Built;
use super::error::{DemoError, During as _};
use super::events;
use super::machine::Machine;
use super::narrator::Narrator;
use super::services::Services;
use super::site::{OPERATOR, Site};
use crate::agent;

/// What every chapter needs.
pub(crate) struct Story<'a> {
    pub(crate) site: &'a Site,
    pub(crate) services: &'a Services,
    pub(crate) narrator: &'a Narrator,
    pub(crate) machine: Machine,
}

impl Story<'_> {
    /// Sends an event of the build platform about a build; `fact` names it among those of the build.
    pub(crate) async fn send(
        &self,
        build: &BuildId,
        fact: &str,
        body: impl FnOnce() -> Result<EventBody, DemoError>,
    ) -> Result<(), DemoError> {
        let name = format!("{build}.{fact}");
        events::send(self.site, self.services, &name, SystemTime::now(), body).await
    }

    /// Sends an event that an operator signs.
    pub(crate) async fn send_as_operator(
        &self,
        name: &str,
        body: impl FnOnce() -> Result<EventBody, DemoError>,
    ) -> Result<(), DemoError> {
        let sender = events::Sender { source: "/operator", key: Arc::new(self.site.key(OPERATOR)?) };
        events::send_as(self.site, self.services, &sender, name, SystemTime::now(), body).await
    }

    /// Has the platform store a build's image, once: the key that signed its document may be revoked later.
    pub(crate) async fn store_image(&self, built: &Built) -> Result<(), DemoError> {
        let stored = format!("stored.{}", built.id);
        if self.site.is_done(&stored) {
            return Ok(());
        }
        let (site, image) = (self.site.clone(), built.image_path.clone());
        let (id, document) = (built.id.clone(), built.document.to_json());
        let storing = tokio::task::spawn_blocking(move || {
            site.platform()?.store_image(&id, &image, &document).during("store the image at the platform")
        });
        storing.await.during("store the image at the platform")??;
        self.site.done(&stored)
    }

    /// One pass of a device's agent: whether the device is what was built.
    pub(crate) async fn attest(&self, device: &DeviceId) -> Result<bool, DemoError> {
        let progress = Arc::new(|_done: u64, _total: u64| {});
        let outcome = agent::once(&self.services.agent(device)?, SystemTime::now(), progress).await;
        let outcome = outcome.during(&format!("run the agent of {device}"))?;
        if !outcome.is_delivered() {
            return Err(DemoError::new(format!("the report of {device} did not reach the router")));
        }
        Ok(outcome.is_good())
    }

    /// The root of the tree that a device runs.
    pub(crate) fn root(&self, device: &DeviceId) -> Result<PathBuf, DemoError> {
        Ok(self.services.agent(device)?.device.root)
    }

    /// How the gate of a build stands, after waiting up to `wait` seconds for it to change.
    pub(crate) async fn gate(&self, build: &BuildId, wait: &str) -> Result<String, DemoError> {
        let path = format!("/v1/gates/{build}?wait={wait}");
        let answer: serde_json::Value = serde_json::from_slice(&self.services.ask_router(&path).await?)
            .during("read the gate's state")?;
        Ok(answer.get("state").and_then(|state| state.as_str()).unwrap_or("unknown").to_owned())
    }

    /// The change manager approves, as a person would: on their own approval record.
    pub(crate) async fn approve(&self, change: &SysId) -> Result<(), DemoError> {
        let approvals = self.services.approver.dynamic_table("sysapproval_approver");
        let waiting = Query::new()
            .and(Condition::new("sysapproval", Operator::Equal, vec![change.as_str().to_owned()]))
            .and(Condition::new("state", Operator::Equal, vec!["requested".to_owned()]));
        for row in approvals.find(&waiting).await.during("find the approval")? {
            let fields = openfactory_sn::Fields::new().with("state", "approved");
            approvals.update(row.sys_id(), &fields).await.during("approve the change request")?;
        }
        Ok(())
    }

    /// Whether a change request stands where the story wants it. On an instance as it is delivered, an emergency change
    /// waits at Authorize, whatever was done meanwhile, until somebody approves it afterwards.
    pub(crate) fn stands(&self, change: &Row, state: &str) -> bool {
        let waits = self.site.profile == Profile::Stock
            && change.text("type") == "emergency"
            && change.text("state") == "-3";
        waits || change.text("state") == state
    }

    /// The change request of a build.
    pub(crate) fn change_of(build: &BuildId) -> SysId {
        SysId::derived("change_request", &correlation::change(build))
    }

    /// The configuration item of a device.
    pub(crate) fn item_of(device: &DeviceId) -> SysId {
        SysId::derived("cmdb_ci_os_image", &correlation::device_item(device))
    }

    /// The configuration item of a device as ServiceNow holds it, if it is there.
    pub(crate) async fn item(&self, device: &DeviceId) -> Result<Option<Row>, DemoError> {
        self.row("cmdb_ci_os_image", &Self::item_of(device)).await
    }

    /// A record in ServiceNow, if it is there.
    pub(crate) async fn row(&self, table: &str, sys_id: &SysId) -> Result<Option<Row>, DemoError> {
        let what = format!("read {table}");
        self.services.servicenow.dynamic_table(table).get_opt(sys_id).await.during(&what)
    }

    /// The records in ServiceNow whose field has this value.
    pub(crate) async fn find(&self, table: &str, field: &str, value: &str) -> Result<Vec<Row>, DemoError> {
        let query = Query::new().and(Condition::new(field, Operator::Equal, vec![value.to_owned()]));
        self.services.servicenow.dynamic_table(table).find(&query).await.during(&format!("read {table}"))
    }

    /// Waits until ServiceNow has heard of everything, and nothing was given up.
    pub(crate) async fn settle(&self) -> Result<(), DemoError> {
        self.narrator
            .wait_for("the router to have nothing left to do", || async {
                Ok((self.services.waiting().await? == 0).then_some(()))
            })
            .await?;
        match self.services.dead().await? {
            0 => Ok(()),
            dead => Err(DemoError::new(format!("{dead} events became dead letters"))),
        }
    }
}
