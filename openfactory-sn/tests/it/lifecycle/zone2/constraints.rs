//! Guide, "Zone 2 Constraint Violations".

use openfactory_sn::lifecycle::event::EventBody;
use openfactory_zone2::Row;
use serde_json::json;

use super::super::plans::{group, planned};
use super::super::world::types;
use super::{found, incident, overlay, sealed};

/// Row, impact and urgency, group, flag of the configuration item, whether the device is quarantined.
#[tokio::test]
async fn constraint_violations_row_by_row() {
    let rows = [
        (Row::NetworkAddress, ("1", "2"), "Network Operations", "", false),
        (Row::Certificate, ("1", "2"), "Security Operations", "Cert Expired", false),
        (Row::Position, ("1", "1"), "Security Operations", "", true),
        (Row::Hostname, ("2", "2"), "Fleet Operations", "", false),
        (Row::AllowedSet, ("2", "2"), "Fleet Operations", "", false),
        (Row::KeyUsage, ("1", "2"), "Security Operations", "", false),
    ];
    for (row, (impact, urgency), owner, flag, quarantined) in rows {
        let mut world = sealed().await;
        let told = world.tells(400, overlay(vec![found(row, "eth0")], vec![])).await;
        let expected: &[&str] =
            if quarantined { &["device.drifted", "order.given"] } else { &["device.drifted"] };
        assert_eq!(types(&told), expected, "{row}");
        let values = incident(&told[0]);
        assert_eq!((&values["impact"], &values["urgency"]), (&json!(impact), &json!(urgency)), "{row}");
        assert_eq!(values["assignment_group"], group(owner), "{row}");
        assert!(values["short_description"].as_str().unwrap().contains(row.headline()), "{row}");
        let description = values["description"].as_str().unwrap();
        assert!(description.contains("\"bad\": not as it must be; wanted: as it must be; to do: mend it"));
        let operations = planned(&told[0]);
        let item = operations.iter().find(|operation| operation["operation"] == "update").unwrap();
        let flags = item["values"].get("u_compliance_flags").map_or("", |flags| flags.as_str().unwrap());
        assert_eq!(flags, flag, "{row}");
    }
}

#[tokio::test]
async fn the_flag_goes_with_the_finding_though_others_remain() {
    let mut world = sealed().await;
    let hostname = || found(Row::Hostname, "/etc/hostname");
    world.tells(400, overlay(vec![hostname(), found(Row::Certificate, "/etc/tls/crt")], vec![])).await;
    assert_eq!(world.device().await.flags, ["Cert Expired"]);
    let told = world.tells(410, overlay(vec![hostname()], vec![])).await;
    assert_eq!(types(&told), ["device.cleared"]);
    assert_eq!(planned(&told[0])[0]["values"], json!({"u_compliance_flags": ""}));
    let told = world.tells(420, overlay(vec![], vec![])).await;
    let EventBody::DeviceComplied(body) = &told[0].body else { panic!() };
    assert!(body.record_compliance);
    assert_eq!(planned(&told[0])[0]["values"]["u_compliance_flags"], "");
}

/// A certificate that only is about to expire is a warning: P3, without the flag.
#[tokio::test]
async fn a_certificate_that_is_about_to_expire_sets_no_flag() {
    let mut world = sealed().await;
    let mut warning = found(Row::Certificate, "/etc/tls/crt");
    warning.priority = openfactory_zone2::Priority::P3;
    let told = world.tells(400, overlay(vec![warning], vec![])).await;
    assert_eq!(incident(&told[0])["impact"], "2");
    assert!(world.device().await.flags.is_empty());
}
