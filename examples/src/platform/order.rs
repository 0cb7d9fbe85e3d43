//! Performing an order: each action in turn, then the record, then the answer.

use std::fs;
use std::io;
use std::path::PathBuf;

use openfactory_attest::digest::Sha256Digest;
use openfactory_sn::lifecycle::id::{BuildId, OrderId};
use openfactory_sn::lifecycle::platform::{Action, ActionOutcome, Order, Performed};
use serde::{Deserialize, Serialize};

use super::LocalPlatform;
use super::error::{Io as _, LocalError};
use super::hold::{self, Hold};
use super::image;
use super::services;
use super::slot::Slots;
use crate::told::told;
use crate::write_once::write_atomically;

/// What is kept of an order that was performed.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    order: Order,
    performed: Performed,
}

impl LocalPlatform {
    /// Performs an order, or tells what it came to when it was performed before.
    ///
    /// # Errors
    /// [`LocalError::UnknownDevice`] and [`LocalError::OtherOrder`] for good; anything else may pass, and then
    /// nothing is recorded. What can never succeed is no error but a failed action.
    pub fn perform_blocking(&self, order: &Order) -> Result<Performed, LocalError> {
        let _turn = self.turn()?;
        if let Some(record) = self.record(&order.id)? {
            if record.order != *order {
                return Err(LocalError::OtherOrder { order: order.id.clone() });
            }
            return Ok(record.performed);
        }
        if !self.device(&order.device).is_dir() {
            return Err(LocalError::UnknownDevice { device: order.device.clone() });
        }
        let mut outcomes = Vec::with_capacity(order.actions.len());
        for action in &order.actions {
            outcomes.push(self.act(order, action)?);
        }
        let record = Record { order: order.clone(), performed: Performed::new(outcomes) };
        let path = self.record_path(&order.id);
        let bytes = serde_json::to_vec_pretty(&record)
            .map_err(|source| LocalError::Damaged { path: path.clone(), source: Box::new(source) })?;
        write_atomically(&path, &bytes, 0o600).at(&path)?;
        Ok(record.performed)
    }

    fn act(&self, order: &Order, action: &Action) -> Result<ActionOutcome, LocalError> {
        let device = self.device(&order.device);
        let done = match action {
            Action::Quarantine => {
                let hold = Hold { reason: order.reason.clone(), order: order.id.clone() };
                hold::put(&device, &hold).map(|held| format!("held by order {}", held.order))
            }
            Action::Release => hold::remove(&device).map(|held| match held {
                Some(held) => format!("the hold of order {} has ended", held.order),
                None => "it was not held".to_owned(),
            }),
            Action::RollBack { to_build: build } | Action::Deploy { build } => self.switch_to(order, build),
            Action::PushDocument { build, document_digest } => self.push(order, build, document_digest),
            Action::RestartService { name } => services::restart(&device, name),
            Action::Rebuild { build } => Err(LocalError::NoBuilder { build: build.clone() }),
            _ => {
                return Ok(ActionOutcome::failed(
                    action.clone(),
                    "this platform does not know how to do that",
                ));
            }
        };
        match done {
            Ok(detail) => Ok(ActionOutcome::done(action.clone(), detail)),
            Err(error) if error.is_final() => Ok(ActionOutcome::failed(action.clone(), told(&error))),
            Err(error) => Err(error),
        }
    }

    /// Gives the device the document that was signed anew, if it still runs that build.
    fn push(
        &self,
        order: &Order,
        build: &BuildId,
        document_digest: &Sha256Digest,
    ) -> Result<String, LocalError> {
        let device = self.device(&order.device);
        let slots = Slots::of(&device);
        let Some(active) = slots.active()? else {
            return Err(LocalError::UnknownDevice { device: order.device.clone() });
        };
        let installed = slots.installed(active)?;
        if installed.build_id != *build {
            return Ok(format!("the device runs build {} by now", installed.build_id));
        }
        let slot = device.join(active.name());
        image::push_document(&self.images(), &slot, build, document_digest, &*self.trust.current()?)?;
        Ok(format!("the device has the document {document_digest} and the list of revoked keys"))
    }

    /// The switch to the other slot carries the order's id, so that after a crash between switch and record the
    /// order is not performed a second time.
    fn switch_to(&self, order: &Order, build: &BuildId) -> Result<String, LocalError> {
        let device = self.device(&order.device);
        let slots = Slots::of(&device);
        if let Some(active) = slots.active()? {
            let installed = slots.installed(active)?;
            if installed.by == order.id.as_str() && installed.build_id == *build {
                return Ok(format!("build {build} runs from {}", active.name()));
            }
        }
        let slot = self.install(&slots, build, order.id.as_str())?;
        Ok(format!("build {build} unpacked, compared with its signed manifest, runs from {}", slot.name()))
    }

    fn record(&self, order: &OrderId) -> Result<Option<Record>, LocalError> {
        let path = self.record_path(order);
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map(Some)
                .map_err(|source| LocalError::Damaged { path, source: Box::new(source) }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(LocalError::Io { path, source }),
        }
    }

    fn record_path(&self, order: &OrderId) -> PathBuf {
        self.root.join("orders").join(format!("{order}.json"))
    }
}
