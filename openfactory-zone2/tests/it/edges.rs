//! Edges of the constraints' rules, in one table.

use openfactory_zone2::{Constraints, Observed, Outcome};
use serde_json::{Value, json};

use super::support::at;

/// Rule, value, and whether it is kept; none where it can't be checked.
#[test]
fn edges_row_by_row() {
    let subnet = |networks: &[&str]| json!({ "type": "subnet", "permitted": networks });
    let table: Vec<(Value, &str, Option<bool>)> = vec![
        // IPv4 inside IPv6 is IPv4; a mapped network of fewer than 96 bits is wider than all of IPv4.
        (subnet(&["10.20.0.0/16"]), "::ffff:10.20.3.7", Some(true)),
        (subnet(&["10.20.0.0/16"]), "::ffff:10.20.3.7/120", Some(true)),
        (subnet(&["10.20.0.0/16"]), "::ffff:10.20.3.7/64", Some(false)),
        (subnet(&["::/0"]), "::ffff:10.20.3.7", Some(false)),
        (subnet(&["10.20.0.0/16"]), "10.20.255.255/16", Some(true)),
        (subnet(&["10.20.0.0/16"]), "10.20.0.0/15", Some(false)),
        (subnet(&["10.20.3.7/32"]), "10.20.3.7/32", Some(true)),
        (subnet(&["0.0.0.0/0"]), "255.255.255.255/0", Some(true)),
        (subnet(&["fd00::/8"]), "FDFF:ffff:0:0:0:0:0:1%eth0/8", Some(true)),
        // Internationalised names are hostnames in their ASCII form alone.
        (json!({ "type": "hostname" }), "xn--prfung-9xa.example", Some(true)),
        (json!({ "type": "hostname" }), "pr\u{fc}fung.example", Some(false)),
        (json!({ "type": "hostname" }), "press\u{2010}7", Some(false)),
        (json!({ "type": "hostname" }), "1.2.3.4", Some(false)),
        (json!({ "type": "hostname" }), "1.2.3.4.5", Some(true)),
        // A leap second in a receiver's sentence; a checksum that is another's; no fix.
        (
            json!({ "type": "position", "regions": [{ "centre": "0,180", "metres": 1 }] }),
            "$GPRMC,235960,A,0000.00,N,18000.00,W,,,311216,,*0B",
            Some(true),
        ),
        (
            json!({ "type": "position", "regions": [{ "centre": "0,180", "metres": 1 }] }),
            "$GPRMC,235960,A,0000.00,N,18000.00,W,,,311216,,*00",
            None,
        ),
        (
            json!({ "type": "position", "regions": [{ "centre": "0,180", "metres": 1 }] }),
            "0,-180",
            Some(true),
        ),
        (
            json!({ "type": "position", "regions": [{ "centre": "0,179.99999", "metres": 3 }] }),
            "0,-179.99999",
            Some(true),
        ),
        (
            json!({ "type": "position", "regions": [{ "south_west": "-1,179", "north_east": "1,-179" }] }),
            "0,180",
            Some(true),
        ),
        (
            json!({ "type": "position", "regions": [{ "south_west": "-1,179", "north_east": "1,-179" }] }),
            "0,0",
            Some(false),
        ),
        (json!({ "type": "range", "min": "0", "max": "0" }), "-0.000", Some(true)),
        (json!({ "type": "range", "max": "0.1" }), "0.100000000000000001", Some(false)),
        (json!({ "type": "pattern", "pattern": "a|b" }), "ab", Some(false)),
        (json!({ "type": "pattern", "pattern": ".*" }), "a\nb", Some(false)),
        (json!({ "type": "allowed-set", "allowed": ["\u{e9}"] }), "e\u{301}", Some(false)),
    ];
    for (mut rule, value, expected) in table {
        let members = rule.as_object_mut().unwrap();
        members.insert("id".to_owned(), json!("a"));
        members.insert("place".to_owned(), json!({ "file": "/a", "key": "b" }));
        let text = json!({ "version": 1, "constraints": [rule] }).to_string();
        let policy = Constraints::parse(text.as_bytes()).unwrap();
        let found = policy.iter().next().unwrap().check(&Observed::value(value), at(0));
        let kept = match found.first().map(|finding| finding.outcome()) {
            None => Some(true),
            Some(Outcome::Violated(_)) => Some(false),
            Some(_) => None,
        };
        assert_eq!(kept, expected, "{rule} {value} {found:?}");
    }
}
