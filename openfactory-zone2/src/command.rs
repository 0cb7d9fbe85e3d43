//! Signed orders to devices: unlock, lock, migrate, and "report now".
//!
//! A command is DSSE-signed canonical JSON, for one device or one fleet, used once, until it expires. [`verify`]
//! lets a command through or says why not, one [`Refusal`] for each reason.

mod refusal;

use std::time::SystemTime;

use openfactory_attest::canonical::{self, CanonicalError};
use openfactory_attest::key::SignError;
use openfactory_attest::{Envelope, KeyKind, Signer, TrustStore, Verified};
use serde::{Deserialize, Serialize};

pub use refusal::Refusal;

use crate::lockdown::{LockdownRecord, Trigger};

/// The payload type of a command's envelope.
pub const PAYLOAD_TYPE: &str = "application/vnd.openfactory.zone2-command.v1+json";

/// The longest text in a command, in bytes; its id, device, fleet, operator, change request and nonce have at most
/// 128.
pub const MAX_TEXT_BYTES: usize = 2048;

/// The longest name in a command, in bytes.
const MAX_NAME_BYTES: usize = 128;

/// The largest envelope of a command that is read, in bytes.
pub const MAX_ENVELOPE_BYTES: usize = 64 << 10;

/// What a device is to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Action {
    /// Open Zone 2 for people until the command expires.
    Unlock,
    /// Close Zone 2 and seal it as it is.
    Lock,
    /// Open Zone 2 for a migration until the command expires.
    Migrate,
    /// Send a report now, with this nonce in it. Changes nothing.
    Attest {
        /// What the report has to hold; 1 to 128 bytes.
        nonce: String,
    },
}

/// Whom a command is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Target {
    /// One device.
    Device(String),
    /// All devices of a fleet; each uses it once.
    Fleet(String),
}

/// An order to devices, as an operator signs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct Command {
    wire: Wire,
}

/// A command as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    version: u32,
    id: String,
    action: Action,
    target: Target,
    operator: String,
    justification: String,
    change_request: String,
    #[serde(with = "crate::instant::exact")]
    issued: SystemTime,
    #[serde(with = "crate::instant::exact")]
    expires: SystemTime,
}

/// Who orders something, why and under which change request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Authority {
    /// Who orders it; an e-mail address.
    pub operator: String,
    /// Why, in the operator's words. It stands in the emergency change request.
    pub justification: String,
    /// Under which change request; a number such as `CHG0030001`.
    pub change_request: String,
}

/// Why something is no command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// Another version than 1.
    #[error("command version {found} is not supported, only 1 is")]
    Version {
        /// The version it says.
        found: u32,
    },
    /// A text is empty where it must not be, too long or holds a control character.
    #[error("the command's {member} is empty, too long or holds a control character")]
    Text {
        /// Which.
        member: &'static str,
    },
    /// It expires before, or as, it is issued.
    #[error("the command expires before it is issued")]
    Times,
}

/// Why a command was not signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignCommandError {
    /// An instant is beyond RFC 3339.
    #[error("the command has no canonical form")]
    Canonical(#[source] CanonicalError),
    /// The key would not.
    #[error("the command could not be signed")]
    Sign(#[source] SignError),
}

/// What a device holds a command against.
#[derive(Clone, Copy, Debug)]
pub struct Recipient<'a> {
    /// The device's name.
    pub device: &'a str,
    /// The fleet that it belongs to.
    pub fleet: &'a str,
    /// Whose commands count.
    pub trust: &'a TrustStore,
    /// Its lockdown state, with the commands that it used.
    pub lockdown: &'a LockdownRecord,
}

impl Authority {
    /// This operator, for this reason, under this change request.
    pub fn new(
        operator: impl Into<String>,
        justification: impl Into<String>,
        change_request: impl Into<String>,
    ) -> Self {
        Self {
            operator: operator.into(),
            justification: justification.into(),
            change_request: change_request.into(),
        }
    }
}

impl Action {
    /// Whose signature such a command needs. To ask for a report is open to the integration itself, what opens or
    /// seals Zone 2 to operators alone.
    #[must_use]
    pub const fn signer_kinds(&self) -> &'static [KeyKind] {
        match self {
            Self::Unlock | Self::Lock | Self::Migrate => &[KeyKind::Operator],
            Self::Attest { .. } => &[KeyKind::Operator, KeyKind::Integration],
        }
    }

    /// What it triggers, if it changes the state.
    #[must_use]
    pub const fn trigger(&self) -> Option<Trigger> {
        match self {
            Self::Unlock => Some(Trigger::Unlock),
            Self::Lock => Some(Trigger::Lock),
            Self::Migrate => Some(Trigger::Migrate),
            Self::Attest { .. } => None,
        }
    }

    /// The word in the command.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Unlock => "unlock",
            Self::Lock => "lock",
            Self::Migrate => "migrate",
            Self::Attest { .. } => "attest",
        }
    }
}

impl Command {
    const VERSION: u32 = 1;

    /// A command. Its id is the caller's, never used before.
    ///
    /// # Errors
    /// [`CommandError`] where a text or the times are not usable. Only [`Action::Attest`] may be without operator,
    /// justification and change request.
    pub fn new(
        id: impl Into<String>,
        action: Action,
        target: Target,
        authority: Authority,
        issued: SystemTime,
        expires: SystemTime,
    ) -> Result<Self, CommandError> {
        let Authority { operator, justification, change_request } = authority;
        let (version, id) = (Self::VERSION, id.into());
        let wire =
            Wire { version, id, action, target, operator, justification, change_request, issued, expires };
        Self::try_from(wire)
    }

    /// Signs the command's canonical JSON.
    ///
    /// # Errors
    /// [`SignCommandError`].
    pub fn sign(&self, signer: &dyn Signer) -> Result<Envelope, SignCommandError> {
        let payload = canonical::to_vec_signed(self).map_err(SignCommandError::Canonical)?;
        Envelope::sign(PAYLOAD_TYPE, &payload, signer).map_err(SignCommandError::Sign)
    }

    /// Opens a signed command, whomever it is for and whenever it expires.
    ///
    /// # Errors
    /// [`Refusal`] where it is unsigned, signed by nobody who may order this, or malformed.
    pub fn open(envelope: &Envelope, trust: &TrustStore) -> Result<Verified<Self>, Refusal> {
        const ANY: &[KeyKind] = &[KeyKind::Operator, KeyKind::Integration];
        let opened = envelope.open(trust, PAYLOAD_TYPE, ANY).map_err(Refusal::Envelope)?;
        let command = opened.parse_json::<Self>().map_err(Refusal::Payload)?;
        let action = command.get().action();
        // Opened again by the kinds that may order this: of several signatures one of the right kind will do.
        let opened = envelope.open(trust, PAYLOAD_TYPE, action.signer_kinds()).map_err(Refusal::Envelope)?;
        opened.parse_json::<Self>().map_err(Refusal::Payload)
    }

    /// The command's id: a device uses it once.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.wire.id
    }

    /// What is to be done.
    #[must_use]
    pub const fn action(&self) -> &Action {
        &self.wire.action
    }

    /// By whom.
    #[must_use]
    pub const fn target(&self) -> &Target {
        &self.wire.target
    }

    /// Who ordered it.
    #[must_use]
    pub fn operator(&self) -> &str {
        &self.wire.operator
    }

    /// Why.
    #[must_use]
    pub fn justification(&self) -> &str {
        &self.wire.justification
    }

    /// Under which change request.
    #[must_use]
    pub fn change_request(&self) -> &str {
        &self.wire.change_request
    }

    /// When it was issued.
    #[must_use]
    pub const fn issued(&self) -> SystemTime {
        self.wire.issued
    }

    /// From when on it is refused, and when the window ends that it opens.
    #[must_use]
    pub const fn expires(&self) -> SystemTime {
        self.wire.expires
    }
}

/// Whether a device has to obey a command: signed by who may order it, for this device, not expired, not used, with
/// a place in the device's state.
///
/// # Errors
/// [`Refusal`], the first reason in this order: malformed, signature, recipient, expired, used, state.
pub fn verify(
    bytes: &[u8],
    recipient: &Recipient<'_>,
    now: SystemTime,
) -> Result<Verified<Command>, Refusal> {
    if bytes.len() > MAX_ENVELOPE_BYTES {
        return Err(Refusal::TooLarge { bytes: bytes.len() });
    }
    let envelope = Envelope::parse(bytes).map_err(Refusal::Malformed)?;
    let command = Command::open(&envelope, recipient.trust)?;
    let ours = match command.get().target() {
        Target::Device(device) => device == recipient.device,
        Target::Fleet(fleet) => fleet == recipient.fleet,
    };
    if !ours {
        return Err(Refusal::OtherDevice { target: command.get().target().clone() });
    }
    recipient.lockdown.admits(command.get(), now)?;
    Ok(command)
}

impl TryFrom<Wire> for Command {
    type Error = CommandError;

    fn try_from(wire: Wire) -> Result<Self, CommandError> {
        if wire.version != Self::VERSION {
            return Err(CommandError::Version { found: wire.version });
        }
        let least = usize::from(wire.action.trigger().is_some());
        let target = match &wire.target {
            Target::Device(name) | Target::Fleet(name) => name,
        };
        check("id", &wire.id, 1, MAX_NAME_BYTES)?;
        check("target", target, 1, MAX_NAME_BYTES)?;
        check("operator", &wire.operator, least, MAX_NAME_BYTES)?;
        check("justification", &wire.justification, least, MAX_TEXT_BYTES)?;
        check("change_request", &wire.change_request, least, MAX_NAME_BYTES)?;
        if let Action::Attest { nonce } = &wire.action {
            check("nonce", nonce, 1, MAX_NAME_BYTES)?;
        }
        if wire.expires <= wire.issued {
            return Err(CommandError::Times);
        }
        Ok(Self { wire })
    }
}

impl From<Command> for Wire {
    fn from(command: Command) -> Self {
        command.wire
    }
}

fn check(member: &'static str, text: &str, least: usize, most: usize) -> Result<(), CommandError> {
    let blank = least > 0 && text.trim().is_empty();
    if blank || text.len() > most || text.chars().any(char::is_control) {
        return Err(CommandError::Text { member });
    }
    Ok(())
}
