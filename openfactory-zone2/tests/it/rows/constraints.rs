//! "Zone 2 Constraint Violations": a process writes what a constraint doesn't permit.

use std::fs;
use std::path::Path;

use openfactory_zone2::device::{SystemFacts, Zone};
use openfactory_zone2::overlay_report::OverlayFinding;
use openfactory_zone2::value::Observer;
use openfactory_zone2::{Constraints, Priority, Role, Row, check};
use rcgen::{CertificateParams, DnType, Issuer, KeyPair, KeyUsagePurpose};
use serde_json::json;

use super::super::disk::Disk;
use super::super::support::at;
use super::super::watched::shell;

/// A disk that keeps the constraints, until a process writes to it.
struct Site {
    disk: Disk,
    constraints: Constraints,
}

impl Site {
    fn new(test: &str) -> Option<Self> {
        let disk = Disk::new(test)?;
        let place = |file: &str, key: &str, format: &str| json!({"file": file, "key": key, "format": format});
        let constraints = json!({ "version": 1, "constraints": [
            { "id": "address", "type": "subnet", "permitted": ["10.20.0.0/16"],
              "place": place("/etc/eth0.network", "Network.Address", "systemd") },
            { "id": "identity", "type": "certificate", "issuers": ["Plant CA"], "key_usage": ["digital-signature"],
              "place": { "file": "/etc/tls.pem", "key": "." } },
            { "id": "site", "type": "position", "regions": [{ "centre": "48.1371,11.5754", "metres": 500 }],
              "place": place("/etc/site.conf", "FIX", "key-value") },
            { "id": "name", "type": "hostname", "pattern": "press-[0-9]{2}", "place": place("/etc/hostname", ".", "line") },
            { "id": "department", "type": "allowed-set", "allowed": ["PRESS", "PAINT"],
              "place": place("/etc/site.conf", "DEPARTMENT", "key-value") },
        ] });
        let constraints = Constraints::parse(constraints.to_string().as_bytes()).unwrap();
        disk.write("etc/eth0.network", "[Network]\nAddress=10.20.3.7/16\n");
        disk.write("etc/site.conf", "DEPARTMENT=PRESS\nFIX=48.138,11.576\n");
        disk.write("etc/hostname", "press-07\n");
        disk.write("etc/tls.pem", &certificate("Plant CA", 2030, KeyUsagePurpose::DigitalSignature));
        let site = Self { disk, constraints };
        assert_eq!(site.found(), []);
        Some(site)
    }

    /// Everything that is wrong now.
    fn found(&self) -> Vec<OverlayFinding> {
        let zone = Zone::open(self.disk.root()).unwrap();
        let mut observer = Observer::new(&zone, &SystemFacts);
        let results = check::constraints(&self.constraints, at(0), |place| observer.observe(place));
        assert_eq!(results.not_checked, []);
        results.findings
    }

    /// What is wrong after a process has done this, which is one thing.
    #[track_caller]
    fn after(&self, line: &str) -> OverlayFinding {
        assert!(shell(line, self.disk.root()).status.success(), "{line}");
        let [found] = <[_; 1]>::try_from(self.found()).unwrap();
        found
    }

    /// A certificate that a process may copy into the zone.
    fn prepared(&self, issuer: &str, until: i32, usage: KeyUsagePurpose) -> String {
        let path = self.disk.beside("prepared").join("tls.pem");
        fs::write(&path, certificate(issuer, until, usage)).unwrap();
        format!("cp {} etc/tls.pem", Path::new(&path).display())
    }
}

fn certificate(issuer: &str, until: i32, usage: KeyUsagePurpose) -> String {
    let mut ca = CertificateParams::default();
    ca.distinguished_name.push(DnType::CommonName, issuer);
    let issuer = Issuer::new(ca, KeyPair::generate().unwrap());
    let mut params = CertificateParams::new(vec!["press-07.example".to_owned()]).unwrap();
    (params.not_before, params.not_after) =
        (rcgen::date_time_ymd(2020, 1, 1), rcgen::date_time_ymd(until, 1, 1));
    params.key_usages = vec![usage];
    params.signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap().pem()
}

#[track_caller]
fn is(found: &OverlayFinding, row: Row, priority: Priority, role: Role, subject: &str) {
    let told = (found.row, found.priority, found.row.role(), found.subject.as_str());
    assert_eq!(told, (row, priority, role, subject), "{found:?}");
}

#[test]
pub(super) fn guide_row_network_address_outside_permitted_subnet() {
    let Some(site) = Site::new("guide_row_network_address_outside_permitted_subnet") else { return };
    let found = site.after("sed -i s/10.20.3.7/10.99.3.7/ etc/eth0.network");
    is(&found, Row::NetworkAddress, Priority::P2, Role::NetworkOps, "/etc/eth0.network [Network.Address]");
}

#[test]
pub(super) fn guide_row_tls_certificate_expired_or_invalid_issuer() {
    let Some(site) = Site::new("guide_row_tls_certificate_expired_or_invalid_issuer") else { return };
    for (issuer, until, detail) in [("Plant CA", 2021, "expired"), ("Other CA", 2030, "issue")] {
        let found = site.after(&site.prepared(issuer, until, KeyUsagePurpose::DigitalSignature));
        is(&found, Row::Certificate, Priority::P2, Role::Security, "/etc/tls.pem [.]");
        assert!(found.detail.contains(detail), "{}", found.detail);
    }
}

#[test]
pub(super) fn guide_row_gps_coordinates_outside_installation_zone() {
    let Some(site) = Site::new("guide_row_gps_coordinates_outside_installation_zone") else { return };
    let found = site.after("sed -i s/FIX=48/FIX=49/ etc/site.conf");
    is(&found, Row::Position, Priority::P1, Role::Security, "/etc/site.conf [FIX]");
}

#[test]
pub(super) fn guide_row_hostname_format_violation() {
    let Some(site) = Site::new("guide_row_hostname_format_violation") else { return };
    let found = site.after("echo press-seven > etc/hostname");
    is(&found, Row::Hostname, Priority::P3, Role::DeviceOps, "/etc/hostname [.]");
}

#[test]
pub(super) fn guide_row_department_code_not_in_allowed_set() {
    let Some(site) = Site::new("guide_row_department_code_not_in_allowed_set") else { return };
    let found = site.after("sed -i s/PRESS/CANTEEN/ etc/site.conf");
    is(&found, Row::AllowedSet, Priority::P3, Role::DeviceOps, "/etc/site.conf [DEPARTMENT]");
}

#[test]
pub(super) fn guide_row_certificate_key_usage_flags_mismatch() {
    let Some(site) = Site::new("guide_row_certificate_key_usage_flags_mismatch") else { return };
    let found = site.after(&site.prepared("Plant CA", 2030, KeyUsagePurpose::KeyEncipherment));
    is(&found, Row::KeyUsage, Priority::P2, Role::Security, "/etc/tls.pem [.]");
}
