//! The story, chapter by chapter. Each can be told again from its beginning: what it makes is made once, what it
//! waits for is looked at where it lives.

use std::path::Path;
use std::time::SystemTime;

use openfactory_attest::manifest::Compare;
use openfactory_attest::{Manifest, Work};
use openfactory_sn::lifecycle::correlation;
use openfactory_sn::lifecycle::event::EventBody;
use openfactory_sn::lifecycle::event::build::{
    BuildCompleted, BuildRequested, BuildVerified, ChainLink, EvidenceFile, Image,
};
use openfactory_sn::lifecycle::event::device::{Deployment, DeviceDeployed};
use openfactory_sn::query::Condition;
use openfactory_sn::query::Operator;
use openfactory_sn::{Query, Row, SysId};

use super::build::{self, Built, Request};
use super::error::{DemoError, During as _};
use super::machine::Machine;
use super::narrator::Narrator;
use super::services::Services;
use super::site::{REQUESTER, Site};
use super::{events, tamper};
use crate::agent;

/// What every chapter needs.
pub(crate) struct Story<'a> {
    pub(crate) site: &'a Site,
    pub(crate) services: &'a Services,
    pub(crate) narrator: &'a Narrator,
    pub(crate) machine: Machine,
}

impl Story<'_> {
    /// The change request: asked for, documented, waited for, approved.
    pub(crate) async fn change_request(&self) -> Result<Request, DemoError> {
        let Self { site, narrator, .. } = self;
        narrator.chapter("A build is requested; nothing is built before its change request is approved")?;
        let now = SystemTime::now();
        let request = build::request(site, &self.machine, now)?;
        narrator.say(format_args!("recipe hash     {}", request.recipe.recipe_hash()))?;
        narrator.say(format_args!("build intent    signed, payload {}", request.intent.payload_digest()))?;
        events::send(site, self.services, "requested", now, || {
            Ok(EventBody::BuildRequested(Box::new(BuildRequested::new(
                site.build.clone(),
                site.fleet.clone(),
                self.machine.version.clone(),
                REQUESTER,
                build::REQUEST,
                request.recipe.clone(),
                request.intent.clone(),
            ))))
        })
        .await?;
        let sys_id = self.change_sys_id();
        let row = narrator
            .wait_for("the change request, its attachments and its request for approval", || async {
                let row = self.row("change_request", &sys_id).await?;
                Ok(row.filter(|row| matches!(row.text("approval"), "requested" | "approved")))
            })
            .await?;
        narrator.say(format_args!(
            "change request  {}: {}",
            row.text("number"),
            row.text("short_description")
        ))?;
        if row.text("approval") == "requested" {
            narrator.say(format_args!("gate            {}", self.gate("0").await?))?;
            self.approve(&sys_id).await?;
            narrator
                .say("approval        given in ServiceNow; its business rule calls the webhook, signed")?;
        }
        let state = narrator
            .wait_for("the gate to open", || async {
                let state = self.gate("5").await?;
                Ok((state != "waiting").then_some(state))
            })
            .await?;
        if state != "open" {
            return Err(DemoError::new(format!("the gate is {state}, not open")));
        }
        narrator.say("gate            open: the record was read again and is approved")?;
        Ok(request)
    }

    /// The image, hashed and signed; the evidence, attached and recorded.
    pub(crate) async fn build(&self, request: Request, given: Option<&Path>) -> Result<Built, DemoError> {
        let Self { site, narrator, .. } = self;
        narrator
            .chapter("The image is built, hashed every way there is, signed and verified link by link")?;
        let begun = SystemTime::now();
        let site_here = (*site).clone();
        let given = given.map(Path::to_owned);
        let built =
            tokio::task::spawn_blocking(move || build::build(&site_here, &request, given.as_deref(), begun));
        let built = built.await.during("build the image")??;
        narrator.say(format_args!(
            "image           {} bytes, SHA-256 {}",
            built.image.size, built.image.sha256
        ))?;
        narrator.say(format_args!("dm-verity root  {}", built.tree.root_hash()))?;
        narrator.say(format_args!("file manifest   {} entries", built.manifest.entries().len()))?;
        for link in &built.chain.links {
            let (status, reason) = build::link_status(&link.status);
            let dash = if reason.is_empty() { "" } else { ": " };
            narrator.say(format_args!("  {:<22}{status}{dash}{reason}", build::link_name(&link.name)))?;
        }
        if built.chain.broken().next().is_some() {
            return Err(DemoError::new("the verification chain is broken"));
        }
        self.send_evidence(&built, begun).await?;
        let row = narrator
            .wait_for("the evidence in ServiceNow", || async {
                let evidence = self.find("sn_grc_item", "u_build_id", site.build.as_str()).await?;
                Ok(evidence.into_iter().next())
            })
            .await?;
        narrator.say(format_args!(
            "GRC evidence    {}: {}",
            row.text("number"),
            row.text("short_description")
        ))?;
        Ok(built)
    }

    async fn send_evidence(&self, built: &Built, begun: SystemTime) -> Result<(), DemoError> {
        let Self { site, services, .. } = self;
        let took = begun.elapsed().map_or(0, |took| took.as_secs());
        let root_hash = *built.tree.root_hash().digest();
        events::send(site, services, "completed", SystemTime::now(), || {
            let image = Image::new(&built.image.name, built.image.size, built.image.sha256);
            let log = built.facts.build_log.sha256;
            let body = BuildCompleted::new(site.build.clone(), image, root_hash, log, took);
            Ok(EventBody::BuildCompleted(Box::new(body)))
        })
        .await?;
        events::send(site, services, "verified", SystemTime::now(), || {
            let links = built.chain.links.iter().map(|link| {
                let (status, reason) = build::link_status(&link.status);
                ChainLink::new(build::link_name(&link.name), status, reason)
            });
            let mut body = BuildVerified::new(
                site.build.clone(),
                built.document.clone(),
                built.document.payload_digest(),
                built.facts.manifest.sha256,
                root_hash,
                links.collect(),
            );
            for (name, media_type) in [("build.log", "text/plain"), ("squashfs-hashes.sha256", "text/plain")]
            {
                let path = site.path("build").join(name);
                let content = std::fs::read(&path).during(&format!("read {}", path.display()))?;
                body.evidence.push(EvidenceFile::new(name, media_type, content));
            }
            Ok(EventBody::BuildVerified(Box::new(body)))
        })
        .await
    }

    /// The device: provisioned from the signed image, known to the CMDB, compliant by its own report.
    pub(crate) async fn deploy(&self, built: &Built) -> Result<(), DemoError> {
        let Self { site, services, narrator, .. } = self;
        narrator.chapter("A device is provisioned and becomes a configuration item")?;
        self.provision(built).await?;
        events::send(site, services, "deployed", SystemTime::now(), || {
            let mut body = DeviceDeployed::new(Deployment {
                device: site.device.clone(),
                serial: format!("SN-{}", site.device),
                fleet: site.fleet.clone(),
                build_id: site.build.clone(),
                base_image: self.machine.base_image.clone(),
                base_version: self.machine.version.clone(),
                os_version: self.machine.version.clone(),
                distribution: self.machine.distribution.clone(),
                recipe_hash: built.facts.recipe_hash,
                root_hash: *built.tree.root_hash().digest(),
                document_digest: built.document.payload_digest(),
            });
            body.features =
                ["ssh", "firewall", "security-hardening", "monitoring"].map(str::to_owned).to_vec();
            "standard".clone_into(&mut body.security_level);
            Ok(EventBody::DeviceDeployed(Box::new(body)))
        })
        .await?;
        // Once only: after the file was changed a report is the next chapter's business.
        if !site.is_done("deployed") {
            if !self.attest().await? {
                return Err(DemoError::new(
                    "the freshly provisioned device does not match its signed manifest",
                ));
            }
            site.done("deployed")?;
        }
        let item = narrator
            .wait_for("the device's configuration item", || async {
                let row = self.row("cmdb_ci_os_image", &self.item_sys_id()).await?;
                Ok(row
                    .filter(|row| site.is_done("tampered") || row.text("operational_status") == "Compliant"))
            })
            .await?;
        narrator.say(format_args!(
            "device          {}: {}",
            item.text("name"),
            item.text("operational_status")
        ))
    }

    async fn provision(&self, built: &Built) -> Result<(), DemoError> {
        let (site, image) = (self.site.clone(), built.image_path.clone());
        let document = built.document.to_json();
        let provisioned = tokio::task::spawn_blocking(move || {
            let platform = site.platform()?;
            platform.store_image(&site.build, &image, &document).during("store the image at the platform")?;
            platform.provision(&site.device, &site.build).during("provision the device")
        });
        let status = provisioned.await.during("provision the device")??;
        self.narrator.say(format_args!(
            "slot            {} holds build {}",
            status.active.name(),
            status.installed.build_id
        ))
    }

    /// A file changes while ServiceNow is away: found, held, rolled back, and told once it is there again.
    pub(crate) async fn drift(&self, built: &Built) -> Result<(), DemoError> {
        let Self { site, services, narrator, .. } = self;
        narrator.chapter("ServiceNow goes away, and a file of the device changes")?;
        services.take_servicenow_away();
        if !site.is_done("tampered") {
            let path = tamper::change(
                &services.agent.device.root,
                &built.manifest,
                &site.path("story/tamper.part"),
            )?;
            site.done("tampered")?;
            narrator.say(format_args!("changed         {path}"))?;
        }
        let compliant = self.attest().await?;
        narrator.say(match compliant {
            false => "agent           found it against the signed manifest and reported it, signed",
            true => "agent           finds nothing: the platform has rolled the device back already",
        })?;
        narrator
            .wait_for("the platform to roll the device back", || async {
                Ok(self.tree_is_as_built(built).await?.then_some(()))
            })
            .await?;
        narrator.say(
            "rollback        done while ServiceNow is away; the tree hashes to the signed manifest again",
        )?;
        let waiting = services.waiting().await?;
        narrator.say(format_args!(
            "ServiceNow      still away; {waiting} events wait for it in the router's queue"
        ))?;
        services.give_servicenow_back();
        let incident = narrator
            .wait_for("the incident", || async {
                Ok(self.find("incident", "u_device", site.device.as_str()).await?.into_iter().next())
            })
            .await?;
        narrator.say(format_args!(
            "back            incident {} (P{}): {}",
            incident.text("number"),
            incident.text("priority"),
            incident.text("short_description")
        ))
    }

    /// The device proves itself; the incident is resolved, the emergency change closed.
    pub(crate) async fn recover(&self) -> Result<(), DemoError> {
        let Self { site, narrator, .. } = self;
        narrator.chapter("The device attests again; what was open is closed")?;
        if !self.attest().await? {
            return Err(DemoError::new("the device was rolled back but still does not match its manifest"));
        }
        let incident = narrator
            .wait_for("the incident to be resolved", || async {
                let rows = self.find("incident", "u_device", site.device.as_str()).await?;
                Ok(rows.into_iter().next().filter(|row| row.text("state") == "6"))
            })
            .await?;
        narrator.say(format_args!(
            "incident        {}: {}",
            incident.text("number"),
            incident.text("close_code")
        ))?;
        let change = narrator
            .wait_for("the emergency change to be closed", || async {
                let rows = self.find("change_request", "type", "emergency").await?;
                Ok(rows.into_iter().next().filter(|row| row.text("state") == "3"))
            })
            .await?;
        narrator.say(format_args!(
            "emergency       {}: {}",
            change.text("number"),
            change.text("close_code")
        ))?;
        Ok(())
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

    /// One pass of the agent: whether the device is what was built.
    async fn attest(&self) -> Result<bool, DemoError> {
        self.site.key("device")?;
        let progress = std::sync::Arc::new(|_done: u64, _total: u64| {});
        let outcome = agent::once(&self.services.agent, SystemTime::now(), progress).await;
        let outcome = outcome.during("run the agent")?;
        if !outcome.is_delivered() {
            return Err(DemoError::new("the agent's report did not reach the router"));
        }
        Ok(outcome.report.compliant())
    }

    async fn tree_is_as_built(&self, built: &Built) -> Result<bool, DemoError> {
        let (root, baseline) = (self.services.agent.device.root.clone(), built.manifest.clone());
        let same = tokio::task::spawn_blocking(move || {
            // The slot may be switched while it is read: then it is read again.
            Manifest::of_directory(&root, &Work::on_all_cores())
                .map(|current| baseline.diff(&current, &Compare::content()).is_empty())
        });
        Ok(same.await.during("hash the device's tree")?.unwrap_or(false))
    }

    async fn gate(&self, wait: &str) -> Result<String, DemoError> {
        let path = format!("/v1/gates/{}?wait={wait}", self.site.build);
        let answer: serde_json::Value = serde_json::from_slice(&self.services.ask_router(&path).await?)
            .during("read the gate's state")?;
        Ok(answer.get("state").and_then(|state| state.as_str()).unwrap_or("unknown").to_owned())
    }

    /// The change manager approves, as a person would: on their own approval record.
    async fn approve(&self, change: &SysId) -> Result<(), DemoError> {
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

    fn change_sys_id(&self) -> SysId {
        SysId::derived("change_request", &correlation::change(&self.site.build))
    }

    fn item_sys_id(&self) -> SysId {
        SysId::derived("cmdb_ci_os_image", &correlation::device_item(&self.site.device))
    }

    async fn row(&self, table: &str, sys_id: &SysId) -> Result<Option<Row>, DemoError> {
        let table_name = format!("read {table}");
        self.services.servicenow.dynamic_table(table).get_opt(sys_id).await.during(&table_name)
    }

    async fn find(&self, table: &str, field: &str, value: &str) -> Result<Vec<Row>, DemoError> {
        let query = Query::new().and(Condition::new(field, Operator::Equal, vec![value.to_owned()]));
        self.services.servicenow.dynamic_table(table).find(&query).await.during(&format!("read {table}"))
    }
}
