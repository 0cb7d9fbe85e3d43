//! Facts about signed commands to devices.
//!
//! ```
//! use openfactory_attest::{Ed25519Key, Envelope, KeyKind};
//! use openfactory_sn::lifecycle::event::EventBody;
//! use openfactory_sn::lifecycle::event::command::{CommandHandled, CommandIssued, CommandOutcome};
//! use openfactory_sn::lifecycle::id::{CommandId, DeviceId};
//!
//! // An operator's signed command is kept until the device asks for it.
//! let device = DeviceId::new("press-7")?;
//! let command = Envelope::sign("application/vnd.openfactory.command.v1+json", b"{}", &Ed25519Key::generate()?)?;
//! let issued = EventBody::CommandIssued(Box::new(CommandIssued::new(device.clone(), command)));
//! assert_eq!((issued.key().as_str(), issued.signers()), ("device:press-7", &[KeyKind::Operator][..]));
//!
//! // The device says what it made of it, in its own name only.
//! let outcome = CommandOutcome::Refused {
//!     code: "expired".to_owned(),
//!     reason: "it expired at 12:00, and it is 12:04".to_owned(),
//! };
//! let handled = CommandHandled::new(device, CommandId::new("unlock-42")?, outcome);
//! let wire = serde_json::to_value(&handled)?;
//! assert_eq!((&wire["outcome"], &wire["code"]), (&"refused".into(), &"expired".into()));
//! assert_eq!(EventBody::CommandHandled(Box::new(handled)).speaker(), Some("press-7"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use openfactory_attest::envelope::Envelope;
use serde::{Deserialize, Serialize};

use crate::lifecycle::id::{CommandId, DeviceId};

/// Type name of [`CommandIssued`].
pub const ISSUED: &str = "tech.openfactory.device.command_issued.v1";
/// Type name of [`CommandHandled`].
pub const HANDLED: &str = "tech.openfactory.device.command_handled.v1";

/// The longest reason or detail, in bytes.
pub const MAX_TEXT: usize = 4096;

/// An operator has signed a command for a device. It is kept until the device asks for it: a device has no inbound
/// port. Whether the command counts is the device's own decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CommandIssued {
    /// The device.
    pub device: DeviceId,
    /// The command, signed by the operator; see `openfactory_zone2::command`.
    pub command: Envelope,
}

impl CommandIssued {
    /// All there is to say.
    #[must_use]
    pub fn new(device: DeviceId, command: Envelope) -> Self {
        Self { device, command }
    }
}

/// What a device did about a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum CommandOutcome {
    /// It did what the command says.
    Done {
        /// What came of it, for a person.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        detail: String,
    },
    /// It refused, and changed nothing.
    Refused {
        /// Which rule the command breaks, in one word of `a-z-`, such as `expired`.
        code: String,
        /// The same for a person.
        reason: String,
    },
    /// It took the command and could not carry it out.
    Failed {
        /// What stood in the way, for a person.
        reason: String,
    },
}

/// A device has handled a command: it need not be told of it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CommandHandled {
    /// The device.
    pub device: DeviceId,
    /// The command.
    pub command_id: CommandId,
    /// What the device did.
    #[serde(flatten)]
    pub outcome: CommandOutcome,
}

impl CommandHandled {
    /// All there is to say.
    #[must_use]
    pub fn new(device: DeviceId, command_id: CommandId, outcome: CommandOutcome) -> Self {
        Self { device, command_id, outcome }
    }
}
