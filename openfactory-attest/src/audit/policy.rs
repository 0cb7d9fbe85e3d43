//! Which witnesses a checkpoint must have, and of which logs (c2sp.org/tlog-policy).

use std::collections::HashSet;

use super::checkpoint::{Checkpoint, CheckpointError};
use super::cosignature::{self, Cosignature, WitnessKey};
use super::note::{NoteError, ParseVerifierKeyError, VerifierKey};

mod parse;

/// Which logs count, and which of their witnesses have to have cosigned.
///
/// ```
/// use openfactory_attest::audit::{Policy, WitnessKey};
/// use openfactory_attest::{Ed25519Key, Signer};
///
/// let ours = WitnessKey::new("witness.example.com/w1", Ed25519Key::generate()?.public_key().clone())?;
/// let theirs = WitnessKey::new("w2.example.net", Ed25519Key::generate()?.public_key().clone())?;
/// let text = format!("witness ours {ours}\nwitness theirs {theirs}\ngroup both all ours theirs\nquorum both\n");
/// let policy = Policy::parse(text.as_bytes())?;
/// assert_eq!(policy.witnesses().count(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Policy {
    logs: Vec<VerifierKey>,
    /// Witnesses and groups, each after those that it names.
    members: Vec<Member>,
    /// Which of them has to have witnessed; `None` where nobody has to.
    quorum: Option<usize>,
}

#[derive(Clone, Debug)]
struct Member {
    name: Vec<u8>,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Witness(Box<WitnessKey>),
    Group { threshold: usize, members: Vec<usize> },
}

/// Why a text is not a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the policy: {reason}")]
pub struct ParsePolicyError {
    /// The line, from 1.
    line: usize,
    reason: Reason,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Reason {
    #[error("{0}")]
    Text(&'static str),
    #[error("the key can't be used: {0}")]
    Key(ParseVerifierKeyError),
}

/// Why a checkpoint is not enough.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// None of the policy's logs signed it.
    #[error("the checkpoint is not believed")]
    Checkpoint(#[source] CheckpointError),
    /// The policy names no log.
    #[error("the policy names no log, so no checkpoint counts by it alone")]
    NoLog,
    /// A cosignature of a known witness does not verify.
    #[error("the cosignatures are not believed")]
    Note(#[source] NoteError),
    /// Too few of the policy's witnesses cosigned it.
    #[error("the checkpoint does not have the witnesses that it must have: it has {}", list(.witnesses))]
    Quorum {
        /// The names of those that did.
        witnesses: Vec<String>,
    },
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

impl Policy {
    /// That at least so many of these witnesses have cosigned. None of their keys counts twice.
    #[must_use]
    pub fn at_least(count: usize, witnesses: impl IntoIterator<Item = WitnessKey>) -> Self {
        let mut known: HashSet<[u8; 32]> = HashSet::new();
        let mut members: Vec<Member> = witnesses
            .into_iter()
            .filter(|key| known.insert(key.public_key().to_bytes()))
            .map(|key| Member { name: key.name().as_bytes().to_vec(), kind: Kind::Witness(Box::new(key)) })
            .collect();
        let group = Kind::Group { threshold: count, members: (0..members.len()).collect() };
        members.push(Member { name: Vec::new(), kind: group });
        Self { logs: Vec::new(), quorum: Some(members.len() - 1), members }
    }

    /// Reads a policy's text.
    ///
    /// # Errors
    /// [`ParsePolicyError`] says in which line what is wrong.
    pub fn parse(text: &[u8]) -> Result<Self, ParsePolicyError> {
        parse::policy(text)
    }

    /// The same, for this log alone.
    #[must_use]
    pub fn of_log(self, log: VerifierKey) -> Self {
        Self { logs: vec![log], ..self }
    }

    /// The logs that count.
    pub fn logs(&self) -> impl Iterator<Item = &VerifierKey> {
        self.logs.iter()
    }

    /// The witnesses that are known, whether they are needed or not.
    pub fn witnesses(&self) -> impl Iterator<Item = &WitnessKey> {
        self.members.iter().filter_map(|member| match &member.kind {
            Kind::Witness(key) => Some(&**key),
            Kind::Group { .. } => None,
        })
    }

    /// The cosignatures under a checkpoint by the policy's witnesses, if they are enough. Whether it is the log's checkpoint is
    /// not looked at.
    ///
    /// # Errors
    /// [`PolicyError::Note`], [`PolicyError::Quorum`].
    pub fn cosigned(&self, checkpoint: &[u8]) -> Result<Vec<Cosignature>, PolicyError> {
        // That it is a signed note is asked for even where nobody has to have cosigned.
        cosignature::verify(checkpoint, &[]).map_err(PolicyError::Note)?;
        let mut witnessed: Vec<bool> = Vec::with_capacity(self.members.len());
        let mut found = Vec::new();
        for member in &self.members {
            let counts = match &member.kind {
                Kind::Witness(key) => {
                    let cosignatures = cosignature::verify(checkpoint, &[key]).map_err(PolicyError::Note)?;
                    let cosigned = !cosignatures.is_empty();
                    found.extend(cosignatures);
                    cosigned
                }
                Kind::Group { threshold, members } => {
                    let count =
                        members.iter().filter(|member| witnessed.get(**member) == Some(&true)).count();
                    count >= *threshold
                }
            };
            witnessed.push(counts);
        }
        if self.quorum.is_none_or(|quorum| witnessed.get(quorum) == Some(&true)) {
            Ok(found)
        } else {
            let witnesses = found.into_iter().map(|cosignature| cosignature.witness).collect();
            Err(PolicyError::Quorum { witnesses })
        }
    }

    /// A checkpoint that one of the policy's logs signed, and enough of its witnesses cosigned.
    ///
    /// # Errors
    /// [`PolicyError`].
    pub fn open(&self, checkpoint: &[u8]) -> Result<(Checkpoint, Vec<Cosignature>), PolicyError> {
        let mut refused = PolicyError::NoLog;
        for log in &self.logs {
            match Checkpoint::open(checkpoint, log) {
                Ok(opened) => return Ok((opened, self.cosigned(checkpoint)?)),
                Err(error) => refused = PolicyError::Checkpoint(error),
            }
        }
        Err(refused)
    }
}

#[cfg(test)]
mod tests;
