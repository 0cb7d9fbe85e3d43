//! The overlay of the demo's device: its policy, its first values, and what its interface says.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::PathBuf;
use std::time::SystemTime;

use openfactory_sn::lifecycle::id::DeviceId;
use serde_json::json;

use super::build::once;
use super::error::{DemoError, During as _};
use super::site::Site;
use crate::agent::config::{AgentConfig, OverlayConfig};
use crate::agent::{self, Provisioned};
use crate::write_once::write_atomically;

/// The address that the device should have.
pub(crate) const ADDRESS: &str = "10.20.3.7/24";
/// An address outside of the plant's network.
pub(crate) const STRAY_ADDRESS: &str = "192.168.178.23/24";

/// A file beside the overlay.
pub(crate) fn file(site: &Site, name: &str) -> PathBuf {
    site.path("overlay").join(name)
}

/// The root of the overlay.
pub(crate) fn root(site: &Site, device: &DeviceId) -> PathBuf {
    file(site, &format!("{device}.zone2"))
}

fn facts(site: &Site, device: &DeviceId) -> PathBuf {
    file(site, &format!("{device}.facts.json"))
}

/// What the agent is told of the overlay, once the device has one.
pub(crate) fn config(site: &Site, device: &DeviceId) -> Option<OverlayConfig> {
    site.is_done(&provisioned(device)).then(|| section(site, device))
}

fn provisioned(device: &DeviceId) -> String {
    format!("overlay.{device}")
}

fn section(site: &Site, device: &DeviceId) -> OverlayConfig {
    OverlayConfig {
        root: Some(root(site, device)),
        manifest: Some(file(site, "zone2-manifest.json")),
        constraints: Some(file(site, "zone2-constraints.json")),
        facts: Some(facts(site, device)),
        sbom: None,
    }
}

/// Writes the policy and the first values, unless that was done before.
pub(crate) fn provision(site: &Site, device: &DeviceId, config: &AgentConfig) -> Result<(), DemoError> {
    if site.is_done(&provisioned(device)) {
        return Ok(());
    }
    let values = file(site, "values");
    fs::create_dir_all(values.join("etc/plant")).during("write the overlay's values")?;
    let network = values.join("etc/plant/network.json");
    fs::write(&network, format!("{{\"address\": \"{ADDRESS}\"}}\n")).during("write the overlay's values")?;
    for (path, mode) in [("etc", 0o755), ("etc/plant", 0o755), ("etc/plant/network.json", 0o640)] {
        let path = values.join(path);
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).during("write the overlay's values")?;
    }
    policy(site, &values)?;
    set_address(site, device, ADDRESS)?;
    // It was finished, and that only not remembered.
    if config.state.directory.join("lockdown.json").exists() {
        return site.done(&provisioned(device));
    }
    // A provisioning that was cut short is begun anew.
    let root = root(site, device);
    match fs::remove_dir_all(&root) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).during(&format!("remove {}", root.display()));
        }
        _ => {}
    }
    let mut config = config.clone();
    config.overlay = section(site, device);
    let image = site.platform()?.baseline(device).image;
    match agent::provision(&config, &image, &values, SystemTime::now()).during("provision the overlay")? {
        Provisioned::Done(_entries) => site.done(&provisioned(device)),
        other => Err(DemoError::new(format!("the overlay was not provisioned: {other:?}"))),
    }
}

fn policy(site: &Site, values: &std::path::Path) -> Result<(), DemoError> {
    let owner = fs::metadata(values).during("look at the overlay's values")?;
    let owner = json!({"uid": owner.uid(), "gid": owner.gid()});
    let directory = |path: &str| json!({"path": path, "kind": "directory", "class": "sealed", "owner": owner, "mode": "0755"});
    let network = json!({
        "path": "/etc/plant/network.json", "kind": "file", "class": "sealed", "owner": owner, "mode": "0640",
        "max_size": 4096,
    });
    let manifest = json!({"version": 1, "paths": [directory("/etc"), directory("/etc/plant"), network]});
    let permitted = ["10.20.0.0/16"];
    let constraints = json!({"version": 1, "constraints": [
        {"id": "plant-address", "type": "subnet", "permitted": permitted,
         "place": {"file": "/etc/plant/network.json", "key": "address"}},
        {"id": "live-address", "type": "subnet", "permitted": permitted, "place": {"interface": "eth0"}},
    ]});
    for (name, policy) in [("zone2-manifest.json", manifest), ("zone2-constraints.json", constraints)] {
        once(&file(site, name), || Ok(serde_json::to_vec_pretty(&policy)?))?;
    }
    Ok(())
}

/// Gives the simulated device's interface an address.
pub(crate) fn set_address(site: &Site, device: &DeviceId, address: &str) -> Result<(), DemoError> {
    let facts = facts(site, device);
    let text = json!({"eth0": [address]}).to_string();
    write_atomically(&facts, text.as_bytes(), 0o644).during(&format!("write {}", facts.display()))
}
