//! How bad a difference is: the guide's "Drift Severity Mapping", as far as it is about files.
//!
//! A file of the immutable base is never changed by anything that should be running. So what no row of the table
//! below puts elsewhere is as urgent as a file that is known to be critical.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::manifest::{Difference, DifferenceKind};

/// How urgent it is; the guide's P1 to P4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Priority {
    /// Critical.
    P1,
    /// High.
    P2,
    /// Medium.
    P3,
    /// Low.
    P4,
}

/// The guide's drift types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DriftType {
    /// A security-critical file was modified. P1.
    SecurityCritical,
    /// A service is not in its state. P2; never the class of a file.
    ServiceState,
    /// The configuration drifted. P3.
    Configuration,
    /// Something of no consequence was written. P4.
    NonCritical,
}

impl DriftType {
    /// The priority that the guide gives it.
    #[must_use]
    pub const fn priority(self) -> Priority {
        match self {
            Self::SecurityCritical => Priority::P1,
            Self::ServiceState => Priority::P2,
            Self::Configuration => Priority::P3,
            Self::NonCritical => Priority::P4,
        }
    }
}

/// What a difference means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DriftClass {
    /// How urgent it is.
    pub priority: Priority,
    /// Which row of the guide's table it is.
    pub drift_type: DriftType,
    /// Why, in a few words for a person, such as `PAM configuration`.
    pub why: &'static str,
}

impl DriftClass {
    const fn new(drift_type: DriftType, why: &'static str) -> Self {
        Self { priority: drift_type.priority(), drift_type, why }
    }
}

/// Paths whose change is security-critical. A pattern is that path and all below it; `*` ends a component that
/// may go on, or is one.
const CRITICAL: &[(&str, &str)] = &[
    ("etc/ssh", "SSH configuration or host key"),
    ("etc/pam.d", "PAM configuration"),
    ("etc/pam.conf", "PAM configuration"),
    ("etc/security", "PAM configuration"),
    ("etc/sudoers", "sudo rules"),
    ("etc/sudoers.d", "sudo rules"),
    ("etc/sudo.conf", "sudo rules"),
    ("etc/polkit-1", "privilege rules"),
    ("etc/passwd*", "accounts"),
    ("etc/shadow*", "accounts"),
    ("etc/group*", "accounts"),
    ("etc/gshadow*", "accounts"),
    ("etc/subuid*", "accounts"),
    ("etc/subgid*", "accounts"),
    ("etc/ssl", "certificates and keys"),
    ("etc/pki", "certificates and keys"),
    ("etc/ca-certificates*", "certificates and keys"),
    ("etc/crypttab", "disk encryption"),
    ("etc/fstab", "mounts"),
    ("etc/systemd", "what the system starts"),
    ("etc/init.d", "what the system starts"),
    ("etc/rc*", "what the system starts"),
    ("etc/inittab", "what the system starts"),
    ("etc/cron*", "what the system starts"),
    ("etc/anacrontab", "what the system starts"),
    ("var/spool/cron", "what the system starts"),
    ("etc/udev", "what the system starts"),
    ("etc/ld.so*", "which libraries programs load"),
    ("etc/modprobe*", "kernel modules"),
    ("etc/modules*", "kernel modules"),
    ("etc/apparmor*", "mandatory access control"),
    ("etc/selinux", "mandatory access control"),
    ("etc/audit*", "audit rules"),
    ("etc/nftables*", "firewall"),
    ("etc/iptables*", "firewall"),
    ("etc/firewalld", "firewall"),
    ("etc/ufw", "firewall"),
    ("etc/apt/trusted.gpg*", "whose packages are trusted"),
    ("etc/apt/keyrings", "whose packages are trusted"),
    ("root/.ssh", "who may log in"),
    ("home/*/.ssh", "who may log in"),
    ("boot", "boot files"),
    ("efi", "boot files"),
    ("bin", "program"),
    ("sbin", "program"),
    ("lib*", "library"),
    ("usr/bin", "program"),
    ("usr/sbin", "program"),
    ("usr/lib*", "library"),
    ("usr/local/bin", "program"),
    ("usr/local/sbin", "program"),
    ("usr/local/lib*", "library"),
    ("opt/*/bin", "program"),
    ("opt/*/lib", "library"),
];

/// Paths whose change is of no consequence.
const NON_CRITICAL: &[(&str, &str)] = &[
    ("etc/logrotate.conf", "log rotation"),
    ("etc/logrotate.d", "log rotation"),
    ("var/log", "log"),
    ("var/lib/logrotate", "log rotation"),
    ("var/cache", "cache"),
    ("root/.*", "user preference"),
    ("home/*/.*", "user preference"),
];

/// What a difference means.
///
/// ```
/// use openfactory_attest::drift::{self, Priority};
/// use openfactory_attest::manifest::Difference;
///
/// let difference: Difference = serde_json::from_str(
///     r#"{"path": "etc/ntp.conf", "kind": "content", "expected": "a", "found": "b", "executable": false}"#,
/// )?;
/// assert_eq!(drift::classify(&difference).priority, Priority::P3);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[must_use]
pub fn classify(difference: &Difference) -> DriftClass {
    let path = difference.path.as_bytes();
    if difference.kind == DifferenceKind::Mtime {
        return DriftClass::new(DriftType::NonCritical, "only the time of modification");
    }
    if difference.executable {
        return DriftClass::new(DriftType::SecurityCritical, "executable file");
    }
    if is_library(path) {
        return DriftClass::new(DriftType::SecurityCritical, "library or kernel module");
    }
    if let Some(why) = find(CRITICAL, path) {
        return DriftClass::new(DriftType::SecurityCritical, why);
    }
    if let Some(why) = find(NON_CRITICAL, path) {
        return DriftClass::new(DriftType::NonCritical, why);
    }
    if path.starts_with(b"etc/") {
        return DriftClass::new(DriftType::Configuration, "configuration");
    }
    DriftClass::new(DriftType::SecurityCritical, "content of the immutable base")
}

fn find(table: &[(&str, &'static str)], path: &[u8]) -> Option<&'static str> {
    table.iter().find(|(pattern, _)| matches(pattern, path)).map(|(_, why)| *why)
}

/// Whether the path is one of the pattern, or below one.
fn matches(pattern: &str, path: &[u8]) -> bool {
    let mut components = path.split(|byte| *byte == b'/');
    pattern.split('/').all(|expected| {
        let Some(component) = components.next() else { return false };
        match expected.strip_suffix('*') {
            Some(beginning) => {
                component.starts_with(beginning.as_bytes()) && component != b".." && component != b"."
            }
            None => component == expected.as_bytes(),
        }
    })
}

/// `*.so`, `*.so.6` and so on, `*.ko` and its compressed forms.
fn is_library(path: &[u8]) -> bool {
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let mut parts = name.split(|byte| *byte == b'.').skip(1).peekable();
    while let Some(part) = parts.next() {
        let rest_is_version =
            || parts.clone().all(|part| !part.is_empty() && part.iter().all(u8::is_ascii_digit));
        let rest_is_compression = || parts.clone().all(|part| matches!(part, b"xz" | b"zst" | b"gz"));
        if (part == b"so" && rest_is_version()) || (part == b"ko" && rest_is_compression()) {
            return true;
        }
    }
    false
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::P1 => "P1",
            Self::P2 => "P2",
            Self::P3 => "P3",
            Self::P4 => "P4",
        })
    }
}

impl fmt::Display for DriftType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::SecurityCritical => "Security-critical file modified",
            Self::ServiceState => "Service state deviation",
            Self::Configuration => "Configuration drift",
            Self::NonCritical => "Non-critical overlay write",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(path: &str, kind: &str, executable: bool) -> Difference {
        let (expected, found) = match kind {
            "added" => (None, Some("a file")),
            "removed" => (Some("a file"), None),
            _ => (Some("a"), Some("b")),
        };
        let json = serde_json::json!({
            "path": path, "kind": kind, "expected": expected, "found": found, "executable": executable,
        });
        serde_json::from_value(json).unwrap()
    }

    /// The guide's rows and examples, and what stands beside them.
    #[test]
    fn row_by_row() {
        for (path, priority) in [
            // P1: security-critical file modified.
            ("etc/ssh/sshd_config", Priority::P1),
            ("etc/ssh/sshd_config.d/50.conf", Priority::P1),
            ("lib/x86_64-linux-gnu/security/pam_unix.so", Priority::P1),
            ("etc/pam.d/common-auth", Priority::P1),
            ("etc/sudoers", Priority::P1),
            ("etc/sudoers.d/admins", Priority::P1),
            ("etc/passwd", Priority::P1),
            ("etc/shadow-", Priority::P1),
            ("etc/ssl/certs/ca.pem", Priority::P1),
            ("etc/pki/tls/cert.pem", Priority::P1),
            ("etc/systemd/system/x.service", Priority::P1),
            ("usr/lib/systemd/system/ssh.service", Priority::P1),
            ("etc/cron.d/job", Priority::P1),
            ("etc/crontab", Priority::P1),
            ("usr/bin/ls", Priority::P1),
            ("sbin/init", Priority::P1),
            ("lib64/ld-linux-x86-64.so.2", Priority::P1),
            ("opt/press/lib/data", Priority::P1),
            ("srv/plugin.so.1.2", Priority::P1),
            ("srv/driver.ko.zst", Priority::P1),
            ("root/.ssh/authorized_keys", Priority::P1),
            ("home/op/.ssh/authorized_keys", Priority::P1),
            // P1 for want of a better row: the base never changes.
            ("usr/share/doc/x", Priority::P1),
            ("var/lib/dpkg/status", Priority::P1),
            (".", Priority::P1),
            ("etc", Priority::P1),
            ("srv/so", Priority::P1),
            // P3: configuration drift.
            ("etc/ntp.conf", Priority::P3),
            ("etc/chrony/chrony.conf", Priority::P3),
            ("etc/resolv.conf", Priority::P3),
            ("etc/hosts", Priority::P3),
            ("etc/sshd", Priority::P3),
            ("etc/sudoers-not", Priority::P3),
            // P4: non-critical overlay write.
            ("etc/logrotate.d/nginx", Priority::P4),
            ("etc/logrotate.conf", Priority::P4),
            ("home/op/.bashrc", Priority::P4),
            ("home/op/.config/app/settings.ini", Priority::P4),
            ("var/log/syslog", Priority::P4),
        ] {
            assert_eq!(classify(&difference(path, "content", false)).priority, priority, "{path}");
        }
    }

    #[test]
    fn an_executable_is_critical_wherever_it_is() {
        for path in ["etc/logrotate.d/x", "home/op/.x", "etc/ntp.conf", "var/log/x"] {
            assert_eq!(classify(&difference(path, "added", true)).priority, Priority::P1, "{path}");
            assert_ne!(classify(&difference(path, "added", false)).priority, Priority::P1, "{path}");
        }
    }

    #[test]
    fn every_kind_of_difference_counts_but_a_time_alone() {
        for kind in ["added", "removed", "kind", "content", "link_target", "mode", "owner"] {
            assert_eq!(classify(&difference("etc/shadow", kind, false)).priority, Priority::P1, "{kind}");
        }
        assert_eq!(classify(&difference("etc/shadow", "mtime", false)).priority, Priority::P4);
    }

    #[test]
    fn priorities_are_the_guides() {
        let of = |drift_type: DriftType| drift_type.priority().to_string();
        let rows = [
            DriftType::SecurityCritical,
            DriftType::ServiceState,
            DriftType::Configuration,
            DriftType::NonCritical,
        ];
        assert_eq!(rows.map(of), ["P1", "P2", "P3", "P4"]);
    }
}
