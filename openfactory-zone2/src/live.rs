//! Facts about a device as it runs, beside what its files say.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use crate::constraint::Position;

/// What the running device knows of itself. `device::SystemFacts` asks the kernel; [`FixedFacts`] says what it was told,
/// for tests and simulated devices.
pub trait LiveFacts {
    /// The addresses that an interface has now, but for IPv6 link-local ones, which the kernel gives to itself.
    ///
    /// # Errors
    /// [`FactError`] where nobody knows.
    fn addresses(&self, interface: &str) -> Result<Vec<InterfaceAddress>, FactError>;

    /// Where a satellite receiver is. Whoever knows of none says [`FactError::NoSuchReceiver`].
    ///
    /// # Errors
    /// [`FactError`] where nobody knows, as without a fix.
    fn position(&self, receiver: &str) -> Result<Fix, FactError> {
        let _ = receiver;
        Err(FactError::NoSuchReceiver)
    }
}

/// Where a receiver is, or was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fix {
    /// Where.
    pub position: Position,
    /// How long ago the receiver said so.
    pub age: Duration,
}

impl Fix {
    /// A position, and how old it is.
    #[must_use]
    pub const fn new(position: Position, age: Duration) -> Self {
        Self { position, age }
    }
}

/// An address of an interface, with the network that it believes to be in. As text `ADDRESS/PREFIX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub struct InterfaceAddress {
    /// The address.
    pub address: IpAddr,
    /// How many bits of it name the network.
    pub prefix: u8,
}

/// Why a fact is not known.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FactError {
    /// The device has no such interface.
    #[error("there is no such interface")]
    NoSuchInterface,
    /// The device has no such receiver.
    #[error("there is no such receiver")]
    NoSuchReceiver,
    /// The receiver has no fix.
    #[error("the receiver has no fix")]
    NoFix,
    /// The receiver can't be asked, or its answer not be read.
    #[error("the receiver cannot be asked: {reason}")]
    Receiver {
        /// Why not.
        reason: String,
    },
    /// The system would not say.
    #[error("the interfaces cannot be listed: {reason}")]
    Unavailable {
        /// Why not.
        reason: String,
    },
}

/// Facts that somebody has told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FixedFacts {
    interfaces: BTreeMap<String, Vec<InterfaceAddress>>,
    receivers: BTreeMap<String, Fix>,
}

impl InterfaceAddress {
    /// An address and its prefix.
    #[must_use]
    pub const fn new(address: IpAddr, prefix: u8) -> Self {
        Self { address, prefix }
    }

    /// Whether it is an IPv6 link-local address (RFC 4291, section 2.5.6).
    #[must_use]
    pub const fn is_ipv6_link_local(&self) -> bool {
        matches!(self.address, IpAddr::V6(address) if address.is_unicast_link_local())
    }
}

impl fmt::Display for InterfaceAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl FixedFacts {
    /// No interface.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With this interface, which has these addresses and no others.
    pub fn set_interface(&mut self, name: impl Into<String>, addresses: Vec<InterfaceAddress>) {
        self.interfaces.insert(name.into(), addresses);
    }

    /// With this receiver, which is there.
    pub fn set_receiver(&mut self, name: impl Into<String>, fix: Fix) {
        self.receivers.insert(name.into(), fix);
    }
}

impl LiveFacts for FixedFacts {
    fn addresses(&self, interface: &str) -> Result<Vec<InterfaceAddress>, FactError> {
        let addresses = self.interfaces.get(interface).ok_or(FactError::NoSuchInterface)?;
        Ok(addresses.iter().filter(|address| !address.is_ipv6_link_local()).copied().collect())
    }

    fn position(&self, receiver: &str) -> Result<Fix, FactError> {
        self.receivers.get(receiver).copied().ok_or(FactError::NoSuchReceiver)
    }
}
