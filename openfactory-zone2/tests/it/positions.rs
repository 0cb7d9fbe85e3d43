//! The position constraint, from the policy file to the finding.

use openfactory_zone2::constraint::{PositionError, RegionError};
use openfactory_zone2::overlay_report::OverlayFinding;
use openfactory_zone2::policy::Problem;
use openfactory_zone2::{Constraints, Finding, Observed, Outcome, Priority, Role, Row};
use serde_json::{Value, json};

use super::support::at;

fn policy(regions: &Value) -> Result<Constraints, Problem> {
    let constraint = json!({ "id": "site", "type": "position", "regions": regions,
                             "place": { "file": "/etc/plant/gps.json", "key": "fix" } });
    let text = json!({ "version": 1, "constraints": [constraint] }).to_string();
    Constraints::parse(text.as_bytes()).map_err(|error| error.problem().clone())
}

fn check(observed: &Observed) -> Vec<Finding> {
    let regions = json!([
        { "centre": "48.1371,11.5754", "metres": 500 },
        { "south_west": "52.5,13.3", "north_east": "52.6,13.5" },
        { "corners": ["0,0", "0,1", "1,1"] }
    ]);
    policy(&regions).unwrap().iter().next().unwrap().check(observed, at(0))
}

/// Integration guide, "Zone 2 Constraint Violations": "GPS coordinates outside installation zone | P1".
#[test]
fn guide_row_gps_coordinates_outside_installation_zone() {
    for inside in ["48.138,11.576", "52.55,13.4", "0.2,0.5"] {
        assert!(check(&Observed::value(inside)).is_empty(), "{inside}");
    }
    let findings = check(&Observed::value("50.11,8.68"));
    assert_eq!((findings.len(), findings[0].priority()), (1, Priority::P1));
    assert_eq!((findings[0].value(), findings[0].assignment()), (Some("50.11,8.68"), Role::Security));
    let told = OverlayFinding::of_constraint(&findings[0]).unwrap();
    assert_eq!((told.row, told.detail.as_str()), (Row::Position, "is outside every permitted region"));
    assert!(told.rule.starts_with("within 500 m of 48.1371000,11.5754000 or between "), "{}", told.rule);
}

#[test]
fn no_fix_is_not_checked_and_never_outside() {
    for observed in
        [Observed::value(""), Observed::value("no fix"), Observed::value("91,0"), Observed::Absent]
    {
        let findings = check(&observed);
        assert!(matches!(findings[0].outcome(), Outcome::NotChecked(_)), "{observed:?}");
        assert!(OverlayFinding::of_constraint(&findings[0]).is_err());
    }
}

#[test]
fn regions_that_cannot_be_are_refused() {
    let table = [
        (json!([]), Problem::Empty),
        (json!([{ "centre": "91,0", "metres": 1 }]), Problem::Position(PositionError::Range)),
        (json!([{ "centre": "x", "metres": 1 }]), Problem::Position(PositionError::Syntax)),
        (json!([{ "centre": "0,0" }]), Problem::MissingKey { key: "metres" }),
        (json!([{ "corners": ["0,0", "1,1"] }]), Problem::Region(RegionError::Corners { corners: 2 })),
        (json!([{ "corners": ["80,0", "80,120", "80,-120"] }]), Problem::Region(RegionError::Pole)),
        (json!([{ "south_west": "1,0", "north_east": "0,1" }]), Problem::Region(RegionError::UpsideDown)),
        (json!([{}]), Problem::MissingKey { key: "south_west" }),
    ];
    for (regions, problem) in table {
        assert_eq!(policy(&regions), Err(problem), "{regions}");
    }
    let both = policy(&json!([{ "centre": "0,0", "metres": 1, "corners": [] }]));
    assert!(matches!(both, Err(Problem::UnknownKey { .. })));
}
