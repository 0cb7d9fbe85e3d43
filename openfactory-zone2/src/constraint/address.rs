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

/// `A.B.C.D` or `A.B.C.D/PREFIX`, the forms that nearly all values have: the address and, without one, a prefix of 32. None
/// for any other, good or bad.
pub(super) fn parse_v4(text: &str) -> Option<(u32, u32)> {
    let (mut address, mut part, mut digits, mut dots) = (0_u32, 0_u32, 0, 0);
    let mut rest = text.as_bytes();
    let prefix = loop {
        match rest {
            [digit @ b'0'..=b'9', more @ ..] => {
                if digits == 3 || (digits > 0 && part == 0) {
                    return None;
                }
                part = part * 10 + u32::from(digit - b'0');
                digits += 1;
                rest = more;
            }
            [b'.', more @ ..] if dots < 3 && digits > 0 && part < 256 => {
                address = address << 8 | part;
                (part, digits, dots, rest) = (0, 0, dots + 1, more);
            }
            [] => break 32,
            [b'/', prefix @ b'0'..=b'9'] => break u32::from(prefix - b'0'),
            [b'/', ten @ b'1'..=b'3', one @ b'0'..=b'9'] => {
                break u32::from(ten - b'0') * 10 + u32::from(one - b'0');
            }
            _ => return None,
        }
    };
    (dots == 3 && digits > 0 && part < 256 && prefix <= 32).then_some((address << 8 | part, prefix))
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
            let short = match ip.parse().unwrap() {
                IpAddr::V4(ip) if !text.contains(':') => Some((ip.into(), prefix.map_or(32, u32::from))),
                _ => None,
            };
            assert_eq!(parse_v4(text), short, "{text}");
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
            "256.0.0.1",
            "10.0.0.1000",
            "10.0.0.0.1",
            "10..0.1",
            "10.0.0.",
            "10.0.0./8",
            "10.0.0.1/40",
            "10.0.0.1/032",
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
            assert_eq!((Address::parse(text), parse_v4(text)), (None, None), "{text}");
        }
    }
}
