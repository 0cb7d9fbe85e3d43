//! Which services run: asked of systemd, or read from a file on a simulated device.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use openfactory_attest::report::{Expected, ServiceState, Services};

use super::config::{ServicesConfig, ServicesProbe};
use super::read::read;
use crate::told::told;

/// The most that is read of a file of services, in bytes.
const MAX_FILE: u64 = 1 << 20;

/// Looks at the services; nothing if the agent is not to look.
///
/// # Errors
/// Why nobody could look, for a person.
pub(super) fn look(config: &ServicesConfig) -> Result<Option<Services>, String> {
    let found = match config.probe {
        ServicesProbe::Off => return Ok(None),
        ServicesProbe::Systemd => systemd("systemctl")?,
        ServicesProbe::File => {
            let path = config.file.as_deref().ok_or("[services] file is not set")?;
            file(path)?
        }
    };
    judge(&found, &config.required, &config.allowed).map(Some).map_err(|error| error.to_string())
}

/// What stands in the report: what is required, whether it runs or not, and everything that runs.
fn judge(
    found: &BTreeMap<String, String>,
    required: &[String],
    allowed: &[String],
) -> Result<Services, openfactory_attest::report::ServicesError> {
    let running = |state: &str| matches!(state, "active" | "activating" | "reloading" | "refreshing");
    let is_allowed = |name: &str| {
        allowed.iter().any(|rule| match rule.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning),
            None => rule == name,
        })
    };
    let needed = required.iter().map(|name| {
        let state = found.get(name).map_or("not-found", String::as_str);
        ServiceState::new(name, state, running(state), Expected::Required)
    });
    let others = found.iter().filter(|(name, state)| running(state) && !required.contains(name));
    let others = others.map(|(name, state)| {
        let expected = if is_allowed(name) { Expected::Allowed } else { Expected::Unlisted };
        ServiceState::new(name, state, true, expected)
    });
    Services::new(needed.chain(others))
}

/// `systemctl list-units`: name, load state, active state, sub-state, description.
fn systemd(program: &str) -> Result<BTreeMap<String, String>, String> {
    let asked = Command::new(program)
        .args(["list-units", "--type=service", "--all", "--full", "--plain", "--no-legend", "--no-pager"])
        .env("LC_ALL", "C")
        .output();
    let output = asked.map_err(|error| format!("{program} can't be run: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let said: String = said.trim().chars().filter(|c| !c.is_control()).take(200).collect();
        return Err(format!("{program} list-units ended with {}: {said}", output.status));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let services = text.lines().filter_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let (name, _loaded, active) = (words.next()?, words.next()?, words.next()?);
        Some((name.to_owned(), active.to_owned()))
    });
    Ok(services.collect())
}

/// `{"ssh.service": "active", ...}`
fn file(path: &Path) -> Result<BTreeMap<String, String>, String> {
    let bytes = read(path, MAX_FILE).map_err(|error| told(&error))?;
    serde_json::from_slice(&bytes).map_err(|error| format!("{} lists no services: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use openfactory_attest::report::ServiceFault;

    use super::*;

    fn faults(found: &[(&str, &str)], required: &[&str], allowed: &[&str]) -> Vec<(String, ServiceFault)> {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let found = found.iter().map(|(name, state)| ((*name).to_owned(), (*state).to_owned())).collect();
        let services = judge(&found, &owned(required), &owned(allowed)).unwrap();
        services.faults().map(|(service, fault)| (service.name.clone(), fault)).collect()
    }

    #[test]
    fn a_required_service_must_run_and_one_on_no_list_must_not() {
        let found = [("a.service", "active"), ("b.service", "failed"), ("getty@tty1.service", "active")];
        assert_eq!(faults(&found, &["a.service"], &["getty@*"]), []);
        assert_eq!(
            faults(&found, &["a.service", "b.service", "c.service"], &["getty@*"]),
            [
                ("b.service".to_owned(), ServiceFault::RequiredStopped),
                ("c.service".to_owned(), ServiceFault::RequiredStopped),
            ]
        );
        assert_eq!(
            faults(&found, &[], &["a.service"]),
            [("getty@tty1.service".to_owned(), ServiceFault::UnauthorizedStarted)]
        );
    }

    #[test]
    fn systemd_is_asked_and_what_it_refuses_is_no_finding() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let script = |text: &str| {
            let path = folder.path().join("systemctl");
            std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let listed = systemd(&script(
            "echo 'ssh.service loaded active running OpenBSD Secure Shell server'\n\
             echo 'cron.service loaded inactive dead Regular background program'",
        ));
        let expected = [("cron.service", "inactive"), ("ssh.service", "active")];
        assert_eq!(
            listed.unwrap().into_iter().collect::<Vec<_>>(),
            expected.map(|(name, state)| (name.to_owned(), state.to_owned()))
        );
        let refused = systemd(&script("echo 'no bus' >&2; exit 1")).unwrap_err();
        assert!(refused.contains("no bus"), "{refused}");
        assert!(systemd("/nonexistent/systemctl").unwrap_err().contains("can't be run"));
    }
}
