//! What holds for all inputs.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use openfactory_zone2::constraint::{Subnet, SubnetRule, SubnetViolation};
use openfactory_zone2::policy::EntryKind;
use openfactory_zone2::{Constraints, Manifest};
use proptest::prelude::*;

/// The bits of an address, and which of them `prefix` keeps: arithmetic that shares nothing with the crate's.
fn kept(address: IpAddr, prefix: u8) -> (bool, u128) {
    match address {
        IpAddr::V4(v4) => (true, u128::from(u32::from(v4)) >> (32 - u32::from(prefix))),
        IpAddr::V6(v6) => (false, u128::from(v6).checked_shr(128 - u32::from(prefix)).unwrap_or(0)),
    }
}

/// Addresses that often share a prefix.
fn address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<u32>().prop_map(|bits| IpAddr::V4(Ipv4Addr::from(bits))),
        (0..=0x3ff_u32).prop_map(|low| IpAddr::V4(Ipv4Addr::from(0x0a14_0000 | low))),
        (0..=0x3ff_u128).prop_map(|low| IpAddr::V6(Ipv6Addr::from(0xfd00_0020_u128 << 96 | low))),
        (1_u128 << 64..u128::MAX).prop_map(|bits| IpAddr::V6(Ipv6Addr::from(bits))),
    ]
}

fn with_prefix() -> impl Strategy<Value = (IpAddr, u8)> {
    address().prop_flat_map(|ip| (Just(ip), 0..=if ip.is_ipv4() { 32 } else { 128_u8 }))
}

/// The network of an address, as text that has no host bits.
fn network_text(ip: IpAddr, prefix: u8) -> String {
    let (v4, bits) = kept(ip, prefix);
    if v4 {
        let bits = u32::try_from(bits).unwrap().checked_shl(32 - u32::from(prefix)).unwrap_or(0);
        format!("{}/{prefix}", Ipv4Addr::from(bits))
    } else {
        format!("{}/{prefix}", Ipv6Addr::from(bits.checked_shl(128 - u32::from(prefix)).unwrap_or(0)))
    }
}

proptest! {
    #[test]
    fn the_check_agrees_with_bit_arithmetic(
        nets in prop::collection::vec(with_prefix(), 1..6),
        (ip, prefix) in with_prefix(),
    ) {
        let subnets: Vec<Subnet> = nets.iter().map(|(ip, p)| network_text(*ip, *p).parse().unwrap()).collect();
        let rule = SubnetRule::new(subnets).unwrap();
        let inside = |net: &(IpAddr, u8)| ip.is_ipv4() == net.0.is_ipv4() && kept(ip, net.1) == kept(net.0, net.1);
        let holds = nets.iter().any(inside);
        let spans = nets.iter().any(|net| inside(net) && net.1 <= prefix);

        prop_assert_eq!(rule.check(&ip.to_string()).is_none(), holds);
        match rule.check(&format!("{ip}/{prefix}")) {
            None => prop_assert!(spans),
            Some(SubnetViolation::Outside) => prop_assert!(!holds),
            Some(SubnetViolation::Wider { .. }) => prop_assert!(holds && !spans),
            Some(other) => prop_assert!(false, "{}", other),
        }
    }

    #[test]
    fn mapped_addresses_are_judged_as_ipv4(
        nets in prop::collection::vec(with_prefix(), 1..6),
        bits in prop_oneof![any::<u32>(), 0x0a14_0000..0x0a14_0400_u32],
        prefix in 0..=32_u8,
    ) {
        let subnets: Vec<Subnet> = nets.iter().map(|(ip, p)| network_text(*ip, *p).parse().unwrap()).collect();
        let rule = SubnetRule::new(subnets).unwrap();
        let v4 = Ipv4Addr::from(bits);
        let mapped = v4.to_ipv6_mapped();
        prop_assert_eq!(rule.check(&mapped.to_string()), rule.check(&v4.to_string()));
        let prefixes = (format!("{mapped}/{}", 96 + prefix), format!("{v4}/{prefix}"));
        prop_assert_eq!(rule.check(&prefixes.0), rule.check(&prefixes.1));
    }

    #[test]
    fn a_subnet_reads_back_as_written((ip, prefix) in with_prefix()) {
        let text = network_text(ip, prefix);
        prop_assert_eq!(text.parse::<Subnet>().unwrap().to_string(), text);
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Constraints::parse(&bytes).is_err());
        prop_assert!(Manifest::parse(&bytes).is_err());
    }

    #[test]
    fn damaged_policies_are_read_without_a_panic(at in 0..200_usize, byte in any::<u8>(), path in ".{0,20}") {
        let mut text = br#"{"version":1,"constraints":[{"id":"a","type":"subnet",
            "place":{"file":"/etc/a","key":"b"},"permitted":["10.0.0.0/8","fd00::/8"]}]}"#.to_vec();
        let at = at % text.len();
        text[at] = byte;
        if let Ok(policy) = Constraints::parse(&text) {
            prop_assert!(policy.iter().count() == 1);
        }
        if let Err(error) = Constraints::parse(&text) {
            prop_assert!(error.location().path.starts_with('$') && error.location().line <= 3);
        }
        let rule = serde_json::json!({ "version": 1, "paths": [{ "path": path, "kind": "symlink",
            "owner": { "uid": 0, "gid": 0 }, "class": "sealed" }] });
        if let Ok(manifest) = Manifest::parse(rule.to_string().as_bytes()) {
            let literal = !path.contains(['*', '?']);
            prop_assert!(!literal || manifest.rule_for(path.as_bytes(), EntryKind::Symlink).is_some());
        }
    }
}
