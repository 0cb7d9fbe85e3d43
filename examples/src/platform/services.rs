//! A simulated device's services: a file in the place of a service manager.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::error::{Io as _, LocalError};
use crate::write_once::write_atomically;

/// The file's name in the device's directory.
const FILE: &str = "services.json";
/// The state of a service that runs, in systemd's words.
const ACTIVE: &str = "active";

pub(super) fn path(device: &Path) -> PathBuf {
    device.join(FILE)
}

/// Starts a service that the file lists.
pub(super) fn restart(device: &Path, name: &str) -> Result<String, LocalError> {
    let path = path(device);
    let no_service = |path: &Path| LocalError::NoService { path: path.to_owned(), name: name.to_owned() };
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(no_service(&path)),
        Err(source) => return Err(LocalError::Io { path, source }),
    };
    let mut services: BTreeMap<String, String> = serde_json::from_slice(&bytes)
        .map_err(|source| LocalError::Damaged { path: path.clone(), source: Box::new(source) })?;
    let Some(state) = services.get_mut(name) else { return Err(no_service(&path)) };
    let before = std::mem::replace(state, ACTIVE.to_owned());
    let bytes = serde_json::to_vec_pretty(&services)
        .map_err(|source| LocalError::Damaged { path: path.clone(), source: Box::new(source) })?;
    write_atomically(&path, &bytes, 0o600).at(&path)?;
    Ok(format!("it was {before} and is {ACTIVE}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listed_service_is_started_and_another_is_not_invented() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(restart(folder.path(), "ssh.service"), Err(LocalError::NoService { .. })));
        let file = path(folder.path());
        fs::write(&file, br#"{"ssh.service": "failed", "cron.service": "inactive"}"#).unwrap();
        assert_eq!(restart(folder.path(), "ssh.service").unwrap(), "it was failed and is active");
        let services: BTreeMap<String, String> = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        assert_eq!(
            (services["ssh.service"].as_str(), services["cron.service"].as_str()),
            ("active", "inactive")
        );
        assert!(matches!(restart(folder.path(), "sshd.service"), Err(LocalError::NoService { .. })));
        fs::write(&file, b"[]").unwrap();
        assert!(matches!(restart(folder.path(), "ssh.service"), Err(LocalError::Damaged { .. })));
    }
}
