//! Performing a migration, and taking it up again after a power cut.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use openfactory_attest::Manifest as BaseManifest;
use rustix::fs::{CWD, RenameFlags};

use super::journal::{Journal, Stage};
use super::{Failure, MigrateError, MigrationReport, Phase, Plan, anomalies, copy, phases};
use crate::constraint::CaSet;
use crate::durable;
use crate::policy::Policy;
use crate::violation::Row;

/// The directory in which Zone 2 lies: `zone` is Zone 2 itself, the overlay's upper layer; `zone.next` the other one, while
/// there are two; `migration.json` the journal. All on one file system. One process at a time, and nobody else writes to
/// Zone 2 meanwhile: a device in the state Migration sees to that.
#[derive(Clone, Debug)]
pub struct Store {
    path: PathBuf,
}

/// What a migration leads to.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct NewBase<'b> {
    /// The device's name, for the report.
    pub device: &'b str,
    /// The new base's policy.
    pub policy: &'b Policy,
    /// What the new base wants of the overlay.
    pub plan: &'b Plan,
    /// What the old base holds.
    pub old: &'b BaseManifest,
    /// What the new base holds.
    pub new: &'b BaseManifest,
    /// The issuers that the new base trusts; certificates have to chain to one of them.
    pub anchors: Option<&'b CaSet>,
}

impl<'b> NewBase<'b> {
    /// A base with this policy and plan, beside what both bases hold. Without issuers that certificates have to chain to.
    #[must_use]
    pub const fn new(
        device: &'b str,
        policy: &'b Policy,
        plan: &'b Plan,
        old: &'b BaseManifest,
        new: &'b BaseManifest,
    ) -> Self {
        Self { device, policy, plan, old, new, anchors: None }
    }

    /// And with these issuers.
    #[must_use]
    pub const fn trusting(self, anchors: &'b CaSet) -> Self {
        Self { anchors: Some(anchors), ..self }
    }
}

/// Where a power cut may fall: asked before each step. Tests cut it there.
pub trait Faults {
    /// Before the step of that name.
    ///
    /// # Errors
    /// Where the power is cut: nothing more is done then.
    fn at(&mut self, step: &'static str) -> io::Result<()>;
}

/// The power stays on.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFaults;

impl Faults for NoFaults {
    fn at(&mut self, _step: &'static str) -> io::Result<()> {
        Ok(())
    }
}

/// How a migration ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// All five phases were performed: Zone 2 is the new one, the old one is kept until [`Store::finish`].
    Migrated(MigrationReport),
    /// A phase failed: Zone 2 is as it was.
    Failed(MigrationReport),
}

/// What was found after a restart, and done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Resumed {
    /// Nothing: there was no migration.
    Nothing,
    /// One had begun and not come to its exchange: Zone 2 is as it was, what was made beside it is gone.
    Restored,
    /// Zone 2 is the new one, and waits for [`Store::finish`].
    Migrated(MigrationReport),
    /// Zone 2 is the new one for good.
    Accepted(MigrationReport),
    /// Zone 2 is the old one again.
    RolledBack(MigrationReport),
}

/// A migration of what is in a store.
#[derive(Debug)]
pub struct Migration<'m> {
    store: &'m Store,
    base: NewBase<'m>,
}

impl<'m> Migration<'m> {
    /// To this base.
    #[must_use]
    pub const fn new(store: &'m Store, base: NewBase<'m>) -> Self {
        Self { store, base }
    }

    /// Performs all five phases over a copy, and puts it in the place of Zone 2 if none failed.
    ///
    /// # Errors
    /// [`MigrateError`] where it could not be performed. Zone 2 is as it was then, or, if only the end could not be made
    /// durable, what [`Store::resume`] makes of it.
    pub fn run(&self, now: SystemTime, faults: &mut dyn Faults) -> Result<Outcome, MigrateError> {
        let (report, inodes) = self.perform(now, faults)?;
        if !report.failures.is_empty() {
            self.store.remove_next(faults)?;
            return Ok(Outcome::Failed(report));
        }
        let journal = Journal::prepared(inodes.0, inodes.1, report);
        self.store.step(faults, "journal")?;
        journal.write(&self.store.path)?;
        self.store.exchange(faults)?;
        Ok(Outcome::Migrated(journal.report))
    }

    /// Performs all five phases over a copy that is thrown away: what would be decided, and every change of a value.
    ///
    /// # Errors
    /// [`MigrateError`] where it could not be performed.
    pub fn dry_run(&self, now: SystemTime) -> Result<MigrationReport, MigrateError> {
        let (report, _) = self.perform(now, &mut NoFaults)?;
        self.store.remove_next(&mut NoFaults)?;
        Ok(report)
    }

    fn perform(
        &self,
        now: SystemTime,
        faults: &mut dyn Faults,
    ) -> Result<(MigrationReport, (u64, u64)), MigrateError> {
        if Journal::read(&self.store.path)?.is_some() {
            return Err(MigrateError::UnderWay);
        }
        let (zone, next) = (self.store.zone(), self.store.next());
        self.store.remove_next(faults)?;
        let before = phases::scan(&zone, self.base.policy)?;
        let mut report = MigrationReport::new(self.base.device, now, self.base.policy.digest);
        report.failures = anomalies::oversized(&before, &self.base.policy.manifest);
        if !report.failures.is_empty() {
            report.last = Phase::Anomalies;
            return Ok((report, (0, 0)));
        }
        self.store.step(faults, "copy")?;
        copy::tree(&zone, &next).map_err(|source| failed("copy", &zone, source))?;
        let mut step = |name| self.store.step(faults, name);
        phases::perform(&next, &self.base, now, &mut report, &mut step)?;
        if phases::scan(&zone, self.base.policy)? != before {
            let reason = "somebody wrote to it during the migration";
            report.failures.push(Failure::new(report.last, "/", reason).with_row(Row::SchemaTransform));
        }
        let inode = |path: &Path| {
            fs::symlink_metadata(path)
                .map(|stat| stat.ino())
                .map_err(|source| failed("look at", path, source))
        };
        let inodes = (inode(&zone)?, inode(&next)?);
        Ok((report, inodes))
    }
}

impl Store {
    /// The store in this directory, which is there already and holds `zone`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where Zone 2 is.
    #[must_use]
    pub fn zone(&self) -> PathBuf {
        self.path.join("zone")
    }

    fn next(&self) -> PathBuf {
        self.path.join("zone.next")
    }

    /// To be called at each start, before Zone 2 is mounted: makes of a migration that was cut short one that is restored
    /// or complete.
    ///
    /// # Errors
    /// [`MigrateError`]; it may be called again.
    pub fn resume(&self, faults: &mut dyn Faults) -> Result<Resumed, MigrateError> {
        let Some(journal) = Journal::read(&self.path)? else {
            let begun = fs::symlink_metadata(self.next()).is_ok();
            self.remove_next(faults)?;
            return Ok(if begun { Resumed::Restored } else { Resumed::Nothing });
        };
        let zone = self.zone();
        let inode = fs::symlink_metadata(&zone).map_err(|source| failed("look at", &zone, source))?.ino();
        let exchanged = inode == journal.new;
        match journal.stage {
            Stage::Prepared if exchanged => Ok(Resumed::Migrated(journal.report)),
            Stage::Prepared => {
                self.end(faults)?;
                Ok(Resumed::Restored)
            }
            Stage::Accepted => {
                self.end(faults)?;
                Ok(Resumed::Accepted(journal.report))
            }
            Stage::Rejected => {
                // Only while Zone 2 is the new one: once it is the old one, what lies beside it may be half removed.
                if exchanged {
                    self.exchange(faults)?;
                }
                self.end(faults)?;
                Ok(Resumed::RolledBack(journal.report))
            }
        }
    }

    /// Ends a migration after the new base has been booted, with what its validation has found: nothing, and the old
    /// Zone 2 goes; anything, and it comes back, byte for byte (integration guide, "Post-boot validation failure").
    ///
    /// # Errors
    /// [`MigrateError`]; [`resume`](Self::resume) goes on from there.
    pub fn finish(
        &self,
        findings: &[crate::overlay_report::OverlayFinding],
        faults: &mut dyn Faults,
    ) -> Result<Resumed, MigrateError> {
        let mut journal = Journal::read(&self.path)?
            .filter(|journal| journal.stage == Stage::Prepared)
            .ok_or(MigrateError::NotMigrated)?;
        journal.stage = if findings.is_empty() { Stage::Accepted } else { Stage::Rejected };
        journal.report.failures.extend(findings.iter().map(|finding| Failure {
            phase: None,
            row: Row::PostBootValidation,
            path: finding.subject.clone(),
            reason: finding.detail.clone(),
        }));
        self.step(faults, "decision")?;
        journal.write(&self.path)?;
        self.resume(faults)
    }

    /// Puts each of the two in the other's place, at once.
    fn exchange(&self, faults: &mut dyn Faults) -> Result<(), MigrateError> {
        self.step(faults, "exchange")?;
        let (zone, next) = (self.zone(), self.next());
        rustix::fs::renameat_with(CWD, &next, CWD, &zone, RenameFlags::EXCHANGE)
            .map_err(|errno| failed("exchange", &zone, errno.into()))?;
        self.step(faults, "exchanged")?;
        Ok(durable::sync(&self.path)?)
    }

    /// Removes what lies beside Zone 2, and then the journal.
    fn end(&self, faults: &mut dyn Faults) -> Result<(), MigrateError> {
        self.remove_next(faults)?;
        self.step(faults, "end")?;
        Journal::remove(&self.path)
    }

    fn remove_next(&self, faults: &mut dyn Faults) -> Result<(), MigrateError> {
        self.step(faults, "remove")?;
        let next = self.next();
        match fs::remove_dir_all(&next) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", &next, error)),
            _ => Ok(durable::sync(&self.path)?),
        }
    }

    fn step(&self, faults: &mut dyn Faults, name: &'static str) -> Result<(), MigrateError> {
        faults.at(name).map_err(|source| failed(name, &self.path, source))
    }
}

pub(super) fn failed(action: &'static str, path: &Path, source: io::Error) -> MigrateError {
    MigrateError::Io { action, path: path.to_owned(), source }
}
