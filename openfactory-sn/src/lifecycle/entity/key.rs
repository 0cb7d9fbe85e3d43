//! Under which keys things are remembered.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use openfactory_attest::key::KeyId;

use super::super::id::{BuildId, DeviceId, FleetId, OrderId};
use crate::id::SysId;

/// Which sort of thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum EntityKind {
    /// A [`Build`](super::Build).
    Build,
    /// A [`Device`](super::Device).
    Device,
    /// A [`Fleet`](super::Fleet).
    Fleet,
    /// A [`Gate`](super::Gate).
    Gate,
    /// An [`OrderRecord`](super::OrderRecord).
    Order,
    /// A [`Rollout`](super::Rollout).
    Rollout,
    /// A [`Compromise`](super::compromise::Compromise).
    Compromise,
    /// A [`Remediation`](super::Remediation).
    Remediation,
}

impl EntityKind {
    /// The word in keys and documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Device => "device",
            Self::Fleet => "fleet",
            Self::Gate => "gate",
            Self::Order => "order",
            Self::Rollout => "rollout",
            Self::Compromise => "compromise",
            Self::Remediation => "remediation",
        }
    }
}

/// The key of something remembered; its text form is `kind/id`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum EntityKey {
    /// A build by its id.
    Build(BuildId),
    /// A device by its id.
    Device(DeviceId),
    /// A fleet by its id.
    Fleet(FleetId),
    /// A gate by the sys_id of its change request, which is what a hint names.
    Gate(SysId),
    /// An order by its id.
    Order(OrderId),
    /// A rollout by the build that is rolled out.
    Rollout(BuildId),
    /// A compromised key by its id.
    Compromise(KeyId),
    /// A person's instruction by the sys_id that its order's change request has, or would have.
    Remediation(SysId),
}

impl EntityKey {
    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> EntityKind {
        match self {
            Self::Build(_) => EntityKind::Build,
            Self::Device(_) => EntityKind::Device,
            Self::Fleet(_) => EntityKind::Fleet,
            Self::Gate(_) => EntityKind::Gate,
            Self::Order(_) => EntityKind::Order,
            Self::Rollout(_) => EntityKind::Rollout,
            Self::Compromise(_) => EntityKind::Compromise,
            Self::Remediation(_) => EntityKind::Remediation,
        }
    }

    /// The part after the kind.
    #[must_use]
    pub fn id(&self) -> Cow<'_, str> {
        match self {
            Self::Build(id) | Self::Rollout(id) => id.as_str().into(),
            Self::Device(id) => id.as_str().into(),
            Self::Fleet(id) => id.as_str().into(),
            Self::Gate(id) | Self::Remediation(id) => id.as_str().into(),
            Self::Order(id) => id.as_str().into(),
            Self::Compromise(id) => id.to_string().into(),
        }
    }
}

impl fmt::Display for EntityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind().as_str(), self.id())
    }
}

/// A text that is not the key of anything.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not the key of anything that is remembered")]
pub struct EntityKeyError {
    text: String,
}

impl FromStr for EntityKey {
    type Err = EntityKeyError;

    fn from_str(text: &str) -> Result<Self, EntityKeyError> {
        let fault = || EntityKeyError { text: text.chars().take(80).collect() };
        let (kind, id) = text.split_once('/').ok_or_else(fault)?;
        match kind {
            "build" => BuildId::new(id).map(Self::Build).map_err(|_| fault()),
            "device" => DeviceId::new(id).map(Self::Device).map_err(|_| fault()),
            "fleet" => FleetId::new(id).map(Self::Fleet).map_err(|_| fault()),
            "gate" => SysId::new(id).map(Self::Gate).map_err(|_| fault()),
            "remediation" => SysId::new(id).map(Self::Remediation).map_err(|_| fault()),
            "order" => OrderId::new(id).map(Self::Order).map_err(|_| fault()),
            "rollout" => BuildId::new(id).map(Self::Rollout).map_err(|_| fault()),
            "compromise" => id.parse().map(Self::Compromise).map_err(|_| fault()),
            _ => Err(fault()),
        }
    }
}
