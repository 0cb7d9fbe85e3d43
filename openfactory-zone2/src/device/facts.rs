//! What the kernel says of the interfaces: getifaddrs(3), which asks by netlink.

use std::net::IpAddr;

use nix::ifaddrs::getifaddrs;
use nix::sys::socket::SockaddrStorage;

use super::receiver;
use crate::live::{FactError, Fix, InterfaceAddress, LiveFacts};

/// The facts of the device that this runs on.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemFacts;

impl LiveFacts for SystemFacts {
    fn addresses(&self, interface: &str) -> Result<Vec<InterfaceAddress>, FactError> {
        let all = getifaddrs().map_err(|errno| FactError::Unavailable { reason: errno.to_string() })?;
        let mut known = false;
        let mut addresses = Vec::new();
        for entry in all.filter(|entry| entry.interface_name == interface) {
            known = true;
            let Some(address) = entry.address.as_ref().and_then(ip) else { continue };
            let prefix = match entry.netmask.as_ref().and_then(ip) {
                Some(IpAddr::V4(mask)) => u32::from(mask).leading_ones(),
                Some(IpAddr::V6(mask)) => u128::from(mask).leading_ones(),
                None if address.is_ipv4() => 32,
                None => 128,
            };
            let prefix = u8::try_from(prefix)
                .map_err(|_| FactError::Unavailable { reason: "a netmask is too long".to_owned() })?;
            let address = InterfaceAddress::new(address, prefix);
            if !address.is_ipv6_link_local() {
                addresses.push(address);
            }
        }
        if known { Ok(addresses) } else { Err(FactError::NoSuchInterface) }
    }

    /// By gpsd (`gpsd:HOST:PORT`), or by the receiver's own device or a file of its sentences (`nmea:/PATH`). Waits up to
    /// four seconds for a fix.
    fn position(&self, receiver: &str) -> Result<Fix, FactError> {
        receiver::position(receiver)
    }
}

fn ip(address: &SockaddrStorage) -> Option<IpAddr> {
    let v4 = address.as_sockaddr_in().map(|address| IpAddr::V4(address.ip()));
    v4.or_else(|| address.as_sockaddr_in6().map(|address| IpAddr::V6(address.ip())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_interface_has_its_address() {
        match SystemFacts.addresses("lo") {
            Ok(addresses) => {
                let loopback = InterfaceAddress::new([127, 0, 0, 1].into(), 8);
                assert!(addresses.contains(&loopback), "{addresses:?}");
            }
            Err(FactError::NoSuchInterface) => {
                eprintln!("SKIPPED: the_loopback_interface_has_its_address: needs the interface lo");
                assert!(std::env::var_os("OPENFACTORY_STRICT").is_none(), "no interface lo");
            }
            Err(error) => panic!("{error}"),
        }
        assert!(matches!(SystemFacts.addresses("nonesuch0"), Err(FactError::NoSuchInterface)));
    }
}
