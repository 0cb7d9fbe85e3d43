//! A list held against a TPM's PCR 10 and against manifests.

use std::fmt;

use crate::manifest::TreePath;
use crate::tpm::{Bank, PcrValue, PcrValues};

use super::allowed::{Allowed, Verdict};
use super::error::ImaError;
use super::event::Event;
use super::replay::{PCR, Replay};
use super::template::Field;

/// The most findings that are kept, the first ones; more are counted.
pub const MAX_FINDINGS: usize = 1000;

/// The name of the first entry that a kernel makes.
const BOOT_AGGREGATE: &[u8] = b"boot_aggregate";

/// What a list is to be held against.
#[derive(Clone, Debug)]
pub struct Check<'a> {
    allowed: Option<&'a Allowed>,
    expected: Option<Vec<PcrValue>>,
    from: Option<Replay>,
}

impl Default for Check<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a> Check<'a> {
    /// Nothing but itself: its form and its template digests.
    #[must_use]
    pub const fn new() -> Self {
        Self { allowed: None, expected: None, from: None }
    }

    /// Each file has to be one of these.
    #[must_use]
    pub fn allowing(self, allowed: &'a Allowed) -> Self {
        Self { allowed: Some(allowed), ..self }
    }

    /// Some beginning of it has to lead to these values of PCR 10, in each of these banks at the same entry.
    #[must_use]
    pub fn expecting(self, pcrs: &PcrValues) -> Self {
        Self { expected: Some(pcrs.of_pcr(PCR).copied().collect()), ..self }
    }

    /// It begins after the entries that led to this state.
    #[must_use]
    pub fn from(self, state: Replay) -> Self {
        Self { from: Some(state), ..self }
    }

    /// Reads the list to its end, and holds each entry against what was given.
    ///
    /// # Errors
    /// [`ImaError`] if it can't be read to its end: nothing is then said of it.
    pub fn run(
        &self,
        list: impl IntoIterator<Item = Result<Event, ImaError>>,
    ) -> Result<ImaReport, ImaError> {
        let mut running = Running::new(self);
        for event in list {
            running.take(&event?);
        }
        Ok(running.finish())
    }
}

/// How far a TPM confirms a list.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Attested {
    /// Nobody gave a PCR.
    NotAsked,
    /// So many entries from the machine's start lead to the PCR; so many after them are the tail.
    Prefix {
        /// The entries that are attested, those before a resumption included.
        entries: u64,
        /// The entries after them.
        tail: u64,
    },
    /// No beginning of the list leads to all the values: it is not the list of that machine, or was edited.
    Nowhere {
        /// For each bank the number of entries after which that one has its value.
        banks: Vec<(Bank, Option<u64>)>,
    },
    /// Values were given, but none of PCR 10 in a bank that is replayed.
    NoValue,
}

/// What is wrong with an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FindingKind {
    /// The first entry of all is not `boot_aggregate`.
    NoBootAggregate,
    /// Its template digest is not that of its data: one of the two was edited.
    Digest,
    /// It was extended into another PCR, which nothing here confirms.
    OtherPcr {
        /// The PCR.
        pcr: u8,
    },
    /// The file was read and written at once.
    Violation,
    /// The file has other content than any manifest says.
    Changed,
    /// No manifest has a file of this path.
    Unknown,
    /// Its digest is not one that a manifest could have.
    NotComparable,
}

/// An entry that something is wrong with.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// Which, from 1, those before a resumption included.
    pub entry: u64,
    /// What it is called in the list.
    pub name: Vec<u8>,
    /// What is wrong.
    pub kind: FindingKind,
    /// Whether it is among the entries that the PCR confirms.
    pub attested: bool,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImaReport {
    /// Entries in this list.
    pub entries: u64,
    /// How far they are attested.
    pub attested: Attested,
    /// PCR 10 after the last attested entry, or after the last of all if none was to be attested or none is: what can
    /// be kept for a list that begins there.
    pub replay: Replay,
    /// Files that a manifest has with this content.
    pub known: u64,
    /// Entries that are no files: measured buffers.
    pub buffers: u64,
    /// The first [`MAX_FINDINGS`] findings, in the order of the list.
    pub findings: Vec<Finding>,
    /// Findings beyond those.
    pub more_findings: u64,
}

impl ImaReport {
    /// Whether the PCR confirms a beginning of the list, if one was given, and nothing is wrong with what it
    /// confirms. What is found in the tail does not count.
    #[must_use]
    pub fn good(&self) -> bool {
        match self.attested {
            Attested::NotAsked => self.findings.is_empty(),
            Attested::Prefix { .. } => !self.findings.iter().any(|finding| finding.attested),
            Attested::Nowhere { .. } | Attested::NoValue => false,
        }
    }
}

struct Running<'a> {
    allowed: Option<&'a Allowed>,
    expected: Option<Vec<PcrValue>>,
    /// Where each expected bank has its value.
    reached: Vec<Option<u64>>,
    matched: Option<u64>,
    report: ImaReport,
    before: u64,
}

impl<'a> Running<'a> {
    fn new(check: &Check<'a>) -> Self {
        let banks: Vec<Bank> = match &check.expected {
            Some(expected) => expected.iter().map(PcrValue::bank).collect(),
            None => vec![Bank::Sha1, Bank::Sha256],
        };
        let replay = check.from.clone().unwrap_or_else(|| Replay::new(banks));
        let report = ImaReport {
            entries: 0,
            attested: Attested::NotAsked,
            known: 0,
            buffers: 0,
            findings: Vec::new(),
            more_findings: 0,
            replay,
        };
        let reached = vec![None; check.expected.as_ref().map_or(0, Vec::len)];
        let before = report.replay.entries();
        let mut running = Self {
            allowed: check.allowed,
            expected: check.expected.clone(),
            reached,
            matched: None,
            report,
            before,
        };
        running.compare();
        running
    }

    /// Whether the values that are expected are those after the entries so far.
    fn compare(&mut self) {
        let replay = &self.report.replay;
        let expected = self.expected.as_deref().unwrap_or_default();
        let mut all = !expected.is_empty();
        for (value, reached) in expected.iter().zip(&mut self.reached) {
            let here = replay.value(value.bank()) == Some(value);
            if here && reached.is_none() {
                *reached = Some(replay.entries());
            }
            all &= here;
        }
        if all {
            self.matched = Some(replay.entries());
        }
    }

    fn take(&mut self, event: &Event) {
        self.report.entries += 1;
        let entry = self.before.saturating_add(self.report.entries);
        let attested = self.matched.is_none();
        if attested {
            self.report.replay.extend(event);
            self.compare();
        }
        if event.pcr() != PCR {
            self.find(entry, event, FindingKind::OtherPcr { pcr: event.pcr() }, attested);
            return;
        }
        if !event.digest_holds() {
            self.find(entry, event, FindingKind::Digest, attested);
        }
        let boot = event.name() == BOOT_AGGREGATE;
        if entry == 1 && !boot {
            self.find(entry, event, FindingKind::NoBootAggregate, attested);
        }
        if event.is_violation() {
            self.find(entry, event, FindingKind::Violation, attested);
        } else if event.field(Field::Buf).is_some() {
            self.report.buffers += 1;
        } else if entry != 1 || !boot {
            self.judge(entry, event, attested);
        }
    }

    fn judge(&mut self, entry: u64, event: &Event, attested: bool) {
        let Some(allowed) = self.allowed else { return };
        let digest = event.file_digest();
        let kind = match digest.map_or(Verdict::NotComparable, |it| allowed.judge(event.name(), &it)) {
            Verdict::Known => {
                self.report.known += 1;
                return;
            }
            Verdict::Changed => FindingKind::Changed,
            Verdict::Unknown => FindingKind::Unknown,
            Verdict::NotComparable => FindingKind::NotComparable,
        };
        self.find(entry, event, kind, attested);
    }

    fn find(&mut self, entry: u64, event: &Event, kind: FindingKind, attested: bool) {
        if self.report.findings.len() == MAX_FINDINGS {
            self.report.more_findings += 1;
            return;
        }
        // A name is no longer than a path may be.
        let name = event.name().get(..TreePath::MAX_LEN).unwrap_or(event.name()).to_vec();
        self.report.findings.push(Finding { entry, name, kind, attested });
    }

    fn finish(self) -> ImaReport {
        let mut report = self.report;
        let total = self.before.saturating_add(report.entries);
        report.attested = match (self.expected, self.matched) {
            (None, _) => Attested::NotAsked,
            (Some(expected), _) if expected.is_empty() => Attested::NoValue,
            (Some(_), Some(entries)) => Attested::Prefix { entries, tail: total.saturating_sub(entries) },
            (Some(expected), None) => {
                let banks = expected.iter().map(PcrValue::bank).zip(self.reached).collect();
                Attested::Nowhere { banks }
            }
        };
        let attested =
            |entry| matches!(report.attested, Attested::Prefix { entries, .. } if entry <= entries);
        report.findings.iter_mut().for_each(|finding| finding.attested &= attested(finding.entry));
        report
    }
}

impl fmt::Display for Attested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAsked => f.write_str("not held against a PCR"),
            Self::Prefix { entries, tail: 0 } => write!(f, "PCR {PCR} confirms all {entries} entries"),
            Self::Prefix { entries, tail } => {
                write!(f, "PCR {PCR} confirms the first {entries} entries, and not the {tail} after them")
            }
            Self::Nowhere { banks } => {
                write!(f, "no beginning of the list leads to PCR {PCR}")?;
                banks.iter().filter_map(|(bank, at)| Some((bank, (*at)?))).try_for_each(|(bank, entries)| {
                    write!(f, "; in {bank} alone its first {entries} entries do")
                })
            }
            Self::NoValue => write!(f, "there is no value of PCR {PCR}"),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name.escape_ascii();
        write!(f, "entry {}: ", self.entry)?;
        match self.kind {
            FindingKind::NoBootAggregate => {
                write!(f, "the list begins with {name} instead of boot_aggregate")
            }
            FindingKind::Digest => write!(f, "the template digest of {name} is not that of its data"),
            FindingKind::OtherPcr { pcr } => {
                write!(f, "{name} was extended into PCR {pcr}, which nothing confirms")
            }
            FindingKind::Violation => {
                write!(f, "{name} was read and written at once, what was read is unknown")
            }
            FindingKind::Changed => write!(f, "{name} has other content than the signed manifest says"),
            FindingKind::Unknown => write!(f, "{name} is in no signed manifest"),
            FindingKind::NotComparable => {
                write!(f, "{name} has a digest that is not SHA-256 of its content, as manifests have")
            }
        }
    }
}
