//! Why a device doesn't obey.

use std::time::SystemTime;

use openfactory_attest::envelope::{OpenError, ParseEnvelopeError, PayloadError};

use super::Target;
use crate::lockdown::NotAllowed;

/// Why a command is refused. Nothing has changed then. All of these mean: checked, and it is bad.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Larger than any command.
    #[error("{bytes} bytes are more than a command has")]
    TooLarge {
        /// What it has.
        bytes: usize,
    },
    /// No envelope.
    #[error("the command is no signed envelope")]
    Malformed(#[source] ParseEnvelopeError),
    /// Unsigned, by nobody trusted, or by a key that may not order this.
    #[error("nobody who may order it has signed the command")]
    Envelope(#[source] OpenError),
    /// Signed, but no command inside.
    #[error("what is signed is no command")]
    Payload(#[source] PayloadError),
    /// For somebody else.
    #[error("the command is for {}", name(target))]
    OtherDevice {
        /// For whom.
        target: Target,
    },
    /// Too late.
    #[error("the command expired at {}", crate::instant::text(*expired))]
    Expired {
        /// When.
        expired: SystemTime,
    },
    /// Used before.
    #[error("the command {id:?} was used before")]
    Used {
        /// Its id.
        id: String,
    },
    /// So old that the device doesn't know any more whether it was used.
    #[error(
        "the command was issued at {}; what was used until {} is forgotten",
        crate::instant::text(*issued),
        crate::instant::text(*until)
    )]
    Forgotten {
        /// When it was issued.
        issued: SystemTime,
        /// Until when the device has forgotten.
        until: SystemTime,
    },
    /// The device remembers as many commands as it can, and none has expired.
    #[error("too many commands are in force")]
    TooMany,
    /// The state has no place for it.
    #[error("the device's state does not admit the command")]
    NotAllowed(#[source] NotAllowed),
}

impl Refusal {
    /// The reason in one word, for records and metrics: `malformed`, `unsigned`, `wrong-key`, `other-device`,
    /// `expired`, `used`, `state`, `too-many`.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } | Self::Malformed(_) | Self::Payload(_) => "malformed",
            Self::Envelope(OpenError::PayloadType { .. }) => "malformed",
            Self::Envelope(OpenError::KindNotAllowed { .. }) => "wrong-key",
            Self::Envelope(_) => "unsigned",
            Self::OtherDevice { .. } => "other-device",
            Self::Expired { .. } => "expired",
            Self::Used { .. } | Self::Forgotten { .. } => "used",
            Self::TooMany => "too-many",
            Self::NotAllowed(_) => "state",
        }
    }
}

fn name(target: &Target) -> String {
    match target {
        Target::Device(device) => format!("the device {device:?}"),
        Target::Fleet(fleet) => format!("the fleet {fleet:?}"),
    }
}
