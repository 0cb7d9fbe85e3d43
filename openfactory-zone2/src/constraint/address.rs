//! Addresses as devices' configuration writes them: with or without prefix and zone, IPv4 perhaps inside IPv6.

use std::net::IpAddr;

use ipnet::IpNet;

/// An address and, where one was written, its prefix length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// An IPv4-mapped IPv6 address (RFC 4291 section 2.5.5.2) stands here as the IPv4 address that it is.
    pub(crate) ip: IpAddr,
    /// Counted in the family of `ip`.
    pub(crate) prefix: Option<u8>,
}

impl Address {
    /// Reads `ADDRESS[%ZONE][/PREFIX]` (RFC 4007 section 11.7). Nothing is trimmed or guessed: a leading zero,
    /// which some programs read as octal, and white space are refused.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(parse_prefix(prefix)?)),
            None => (text, None),
        };
        let address = match address.split_once('%') {
            Some((address, zone)) if is_zone(zone) && address.contains(':') => address,
            Some(_) => return None,
            None => address,
        };
        let written: IpAddr = address.parse().ok()?;
        let width = if written.is_ipv4() { 32 } else { 128 };
        if prefix.is_some_and(|prefix| prefix > width) {
            return None;
        }
        let ip = written.to_canonical();
        // A mapped network of fewer than 96 bits holds all of IPv4, and more.
        let lost = if ip.is_ipv4() && written.is_ipv6() { 96 } else { 0 };
        Some(Self { ip, prefix: prefix.map(|prefix: u8| prefix.saturating_sub(lost)) })
    }

    /// The network that the prefix spans around the address.
    pub(crate) fn network(self) -> Option<IpNet> {
        IpNet::new(self.ip, self.prefix?).ok().map(|network| network.trunc())
    }
}

/// A prefix length: decimal, no sign, no leading zero.
fn parse_prefix(text: &str) -> Option<u8> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}

/// An interface's name or number; Linux allows 15 bytes.
fn is_zone(text: &str) -> bool {
    (1..=15).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_forms_are_read() {
        let table = [
            ("10.20.0.5", "10.20.0.5", None),
            ("10.20.0.5/24", "10.20.0.5", Some(24)),
            ("::ffff:10.20.0.5", "10.20.0.5", None),
            ("::ffff:0a14:0005/120", "10.20.0.5", Some(24)),
            ("::ffff:10.20.0.5/64", "10.20.0.5", Some(0)),
            ("FD00::1/64", "fd00::1", Some(64)),
            ("fe80::1%eth0", "fe80::1", None),
            ("fe80::1%eth0/64", "fe80::1", Some(64)),
            ("0.0.0.0/0", "0.0.0.0", Some(0)),
        ];
        for (text, ip, prefix) in table {
            assert_eq!(Address::parse(text), Some(Address { ip: ip.parse().unwrap(), prefix }), "{text}");
        }
    }

    #[test]
    fn guesswork_is_refused() {
        let table = [
            "",
            "dhcp",
            " 10.0.0.1",
            "10.0.0.1 ",
            "010.0.0.1",
            "10.0.0",
            "10.0.0.256",
            "10.0.0.1/33",
            "10.0.0.1/",
            "10.0.0.1/+8",
            "10.0.0.1/08",
            "10.0.0.1/8/8",
            "10.0.0.1%eth0",
            "fe80::1%",
            "fe80::1%a b",
            "::1/129",
            "10.0.0.1/255.0.0.0",
            "1::2::3",
            "[::1]",
        ];
        for text in table {
            assert_eq!(Address::parse(text), None, "{text}");
        }
    }
}
