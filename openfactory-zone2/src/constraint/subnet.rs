//! The subnet constraint: a device's address must be inside a permitted subnet.
//!
//! Integration guide, "Zone 2 Constraint Violations", first row: "Network address outside permitted subnet", a
//! P2 incident for network operations.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use openfactory_attest::drift::Priority;
use serde::{Serialize, Serializer};
use thiserror::Error;

use super::address::{Address, parse_v4};
use crate::finding::{Guidance, Outcome, Role, Violation};

/// The most subnets that one constraint may permit.
pub const MAX_SUBNETS: usize = 256;

/// A network: an address whose bits after the prefix are all zero.
///
/// ```
/// use openfactory_zone2::constraint::Subnet;
///
/// let plant: Subnet = "10.20.0.0/16".parse()?;
/// assert!(plant.contains("10.20.3.7".parse()?));
/// assert!("10.20.3.7/16".parse::<Subnet>().is_err()); // an address, not a network
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Subnet(IpNet);

/// A text is not a subnet.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SubnetError {
    /// It has bits after the prefix: an address where a network belongs, or a slip of the pen.
    #[error("{text:?} has host bits; its network is {network}")]
    HostBits {
        /// What was written.
        text: String,
        /// The network that holds it.
        network: Subnet,
    },
    /// It is an IPv4-mapped IPv6 network. Values are compared as IPv4, so it is to be written so.
    #[error("{text:?} is IPv4 inside IPv6; write it as IPv4")]
    Mapped {
        /// What was written.
        text: String,
    },
    /// It is not `ADDRESS/PREFIX`.
    #[error("{text:?} is not ADDRESS/PREFIX")]
    Syntax {
        /// What was written.
        text: String,
    },
}

impl Subnet {
    /// Whether the address is in the subnet. An IPv4-mapped IPv6 address is taken as IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }

    /// Whether all of `other` is in the subnet.
    #[must_use]
    pub fn contains_subnet(&self, other: &Self) -> bool {
        self.0.contains(&other.0)
    }
}

impl FromStr for Subnet {
    type Err = SubnetError;

    fn from_str(text: &str) -> Result<Self, SubnetError> {
        let syntax = || SubnetError::Syntax { text: text.to_owned() };
        if text.contains('%') {
            return Err(syntax());
        }
        let address = Address::parse(text).ok_or_else(syntax)?;
        let network = address.network().ok_or_else(syntax)?;
        if address.ip.is_ipv4() && text.contains(':') {
            return Err(SubnetError::Mapped { text: text.to_owned() });
        }
        if network.addr() != address.ip {
            return Err(SubnetError::HostBits { text: text.to_owned(), network: Self(network) });
        }
        Ok(Self(network))
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Subnet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// An address, or network, inside one of the permitted subnets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubnetRule {
    permitted: Vec<Subnet>,
    /// Those of IPv4: address, mask and prefix.
    v4: Vec<(u32, u32, u32)>,
}

/// How a value breaks a [`SubnetRule`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Error)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SubnetViolation {
    /// The value is no IP address.
    #[error("is not an IP address")]
    NotAnAddress,
    /// The address is in none of the subnets.
    #[error("is outside every permitted subnet")]
    Outside,
    /// The address is inside, but the value's prefix makes the device take a wider network for its own segment.
    #[error("spans {network}, which is wider than the permitted {permitted}")]
    Wider {
        /// The network that the value spans.
        network: Subnet,
        /// The widest permitted subnet that holds the address.
        permitted: Subnet,
    },
}

impl SubnetRule {
    /// A rule that permits these subnets; none if there are none, since such a rule could not be kept.
    #[must_use]
    pub fn new(permitted: Vec<Subnet>) -> Option<Self> {
        if permitted.is_empty() {
            return None;
        }
        let v4 = permitted.iter().filter_map(|subnet| match subnet.0 {
            IpNet::V4(net) => Some((net.network().into(), net.netmask().into(), net.prefix_len().into())),
            IpNet::V6(_) => None,
        });
        let v4 = v4.collect();
        Some(Self { permitted, v4 })
    }

    /// The permitted subnets.
    #[must_use]
    pub fn permitted(&self) -> &[Subnet] {
        &self.permitted
    }

    /// Checks one value, an address with or without a prefix length: the address must be in a permitted subnet
    /// and, where a prefix is written, so must the whole network that it spans. IPv6 zones are ignored,
    /// IPv4-mapped IPv6 addresses are compared as IPv4.
    ///
    /// ```
    /// use openfactory_zone2::constraint::{SubnetRule, SubnetViolation};
    ///
    /// let rule = SubnetRule::new(vec!["10.20.0.0/16".parse()?]).ok_or("empty")?;
    /// assert_eq!(rule.check("10.20.3.7/24"), None);
    /// assert_eq!(rule.check("::ffff:10.20.3.7"), None);
    /// assert_eq!(rule.check("10.21.3.7/24"), Some(SubnetViolation::Outside));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn check(&self, value: &str) -> Option<SubnetViolation> {
        let Some(address) = Address::parse(value) else {
            return Some(SubnetViolation::NotAnAddress);
        };
        let holding = self.permitted.iter().filter(|subnet| subnet.contains(address.ip));
        let Some(widest) = holding.min_by_key(|subnet| subnet.0.prefix_len()) else {
            return Some(SubnetViolation::Outside);
        };
        let network = Subnet(address.network()?);
        // Subnets that hold one address are nested, so the widest decides for all.
        (!widest.contains_subnet(&network)).then_some(SubnetViolation::Wider { network, permitted: *widest })
    }

    /// Whether a value is known to be good without a closer look.
    #[inline(never)]
    pub(super) fn is_kept(&self, value: &str) -> bool {
        parse_v4(value).is_some_and(|(address, prefix)| {
            self.v4.iter().any(|(net, mask, length)| address & mask == *net && *length <= prefix)
        }) || self.check(value).is_none()
    }

    /// The rule in words.
    pub(crate) fn text(&self) -> String {
        let subnets: Vec<String> = self.permitted.iter().map(Subnet::to_string).collect();
        format!("network address inside {}", subnets.join(" or "))
    }

    pub(crate) fn guidance(&self, outcome: &Outcome) -> Guidance {
        let advice = match outcome {
            Outcome::NotChecked(_) => "make the value readable, then check again",
            Outcome::Violated(Violation::Subnet(SubnetViolation::NotAnAddress)) => {
                "write an IP address, with or without a prefix length"
            }
            Outcome::Violated(Violation::Subnet(SubnetViolation::Wider { .. })) => {
                "lengthen the prefix until the network is inside a permitted subnet"
            }
            Outcome::Violated(_) => {
                "find out whether the device is on a wrong network segment; set an address inside a permitted \
                 subnet, or have a new policy signed if the device belongs where it is"
            }
        };
        Guidance { advice, priority: Priority::P2, assignment: Role::NetworkOps }
    }
}
