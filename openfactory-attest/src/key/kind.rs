//! What a key is for, how bad its loss is and what that loss touches.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a key or secret is for.
///
/// The first nine are those of the integration guide, "Severity Classification by Key Type". The last three belong to
/// the integration itself: its services sign what they forward, its operators sign commands to devices, and the audit
/// log has a key of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum KeyKind {
    /// Signs the other keys.
    RootSigning,
    /// Signs build intents and verification documents.
    BuildPlatformSigning,
    /// Signs released images.
    ReleaseSigning,
    /// Signs one device's reports.
    DeviceAttestation,
    /// The secret behind session tokens.
    JwtSession,
    /// Encrypts the ServiceNow credentials at rest.
    Fernet,
    /// One device's SSH host key.
    SshHost,
    /// Opens encrypted disks.
    LuksPassphrase,
    /// Reads (and, where it may, writes) source repositories.
    GitDeploy,
    /// Signs events that an integration service forwards, such as the webhook receiver. Not one of the guide's nine.
    Integration,
    /// Signs an operator's commands to devices, and what an operator reports. Not one of the guide's nine.
    Operator,
    /// Signs an audit log's checkpoints. Not one of the guide's nine.
    AuditLog,
}

/// How bad a compromise is: the guide's words, from least to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// One device, easily mended.
    Low,
    /// One device that has to be provisioned anew.
    Medium,
    /// Many devices or artifacts.
    High,
    /// Everything that hangs from the key.
    Critical,
}

/// What a compromise touches, from which the affected artifacts, devices and services are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scope {
    /// All keys under the root and everything built with them.
    SubordinateKeys,
    /// The verification documents signed within the compromise window.
    DocumentsInWindow,
    /// The images released within the compromise window.
    ImagesInWindow,
    /// The one device that holds the key: provision it anew.
    OneDevice,
    /// All sessions that are open.
    AllSessions,
    /// The ServiceNow credentials at rest.
    ServiceNowCredentials,
    /// The one device's host keys.
    HostKeys,
    /// All devices whose disks open with the same passphrase.
    DevicesSharingPassphrase,
    /// The source repositories that the key can write to.
    SourceRepositories,
    /// The events that the service forwarded within the compromise window.
    EventsInWindow,
    /// The commands that the operator signed within the compromise window.
    CommandsInWindow,
    /// The log's checkpoints signed within the compromise window.
    CheckpointsInWindow,
}

impl KeyKind {
    /// All kinds, the guide's nine first, in the guide's order.
    pub const ALL: [Self; 12] = [
        Self::RootSigning,
        Self::BuildPlatformSigning,
        Self::ReleaseSigning,
        Self::DeviceAttestation,
        Self::JwtSession,
        Self::Fernet,
        Self::SshHost,
        Self::LuksPassphrase,
        Self::GitDeploy,
        Self::Integration,
        Self::Operator,
        Self::AuditLog,
    ];

    /// The name used in files and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RootSigning => "root-signing",
            Self::BuildPlatformSigning => "build-platform-signing",
            Self::ReleaseSigning => "release-signing",
            Self::DeviceAttestation => "device-attestation",
            Self::JwtSession => "jwt-session",
            Self::Fernet => "fernet",
            Self::SshHost => "ssh-host",
            Self::LuksPassphrase => "luks-passphrase",
            Self::GitDeploy => "git-deploy",
            Self::Integration => "integration",
            Self::Operator => "operator",
            Self::AuditLog => "audit-log",
        }
    }

    /// How bad it is when this key is compromised (integration guide, "Severity Classification by Key Type").
    #[must_use]
    pub const fn severity(self) -> Severity {
        match self {
            Self::RootSigning => Severity::Critical,
            Self::DeviceAttestation => Severity::Medium,
            Self::SshHost => Severity::Low,
            Self::BuildPlatformSigning
            | Self::ReleaseSigning
            | Self::JwtSession
            | Self::Fernet
            | Self::LuksPassphrase
            | Self::GitDeploy
            | Self::Integration
            | Self::Operator
            | Self::AuditLog => Severity::High,
        }
    }

    /// What is touched when this key is compromised (integration guide, same table).
    #[must_use]
    pub const fn scope(self) -> Scope {
        match self {
            Self::RootSigning => Scope::SubordinateKeys,
            Self::BuildPlatformSigning => Scope::DocumentsInWindow,
            Self::ReleaseSigning => Scope::ImagesInWindow,
            Self::DeviceAttestation => Scope::OneDevice,
            Self::JwtSession => Scope::AllSessions,
            Self::Fernet => Scope::ServiceNowCredentials,
            Self::SshHost => Scope::HostKeys,
            Self::LuksPassphrase => Scope::DevicesSharingPassphrase,
            Self::GitDeploy => Scope::SourceRepositories,
            Self::Integration => Scope::EventsInWindow,
            Self::Operator => Scope::CommandsInWindow,
            Self::AuditLog => Scope::CheckpointsInWindow,
        }
    }

    /// Whether keys of this kind make signatures. The others are secrets that sign nothing.
    #[must_use]
    pub const fn signs(self) -> bool {
        match self {
            Self::RootSigning
            | Self::BuildPlatformSigning
            | Self::ReleaseSigning
            | Self::DeviceAttestation
            | Self::Integration
            | Self::Operator
            | Self::AuditLog => true,
            Self::JwtSession | Self::Fernet | Self::SshHost | Self::LuksPassphrase | Self::GitDeploy => false,
        }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that names no kind of key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no kind of key is called {name:?}; there are {}", KeyKind::ALL.map(KeyKind::as_str).join(", "))]
pub struct ParseKeyKindError {
    name: String,
}

impl FromStr for KeyKind {
    type Err = ParseKeyKindError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == name)
            .ok_or_else(|| ParseKeyKindError { name: name.chars().take(64).collect() })
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Low => "Low",
            Self::Medium => "Medium",
            Self::High => "High",
            Self::Critical => "Critical",
        })
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SubordinateKeys => "all keys under the root; everything is rebuilt",
            Self::DocumentsInWindow => "verification documents signed within the compromise window",
            Self::ImagesInWindow => "images released within the compromise window",
            Self::OneDevice => "one device, to be provisioned anew",
            Self::AllSessions => "all open sessions; everyone logs in again",
            Self::ServiceNowCredentials => "the stored ServiceNow credentials; all OAuth tokens are rotated",
            Self::HostKeys => "one device's SSH host keys, to be made anew",
            Self::DevicesSharingPassphrase => "all devices that share the passphrase",
            Self::SourceRepositories => "source repositories the key can write to",
            Self::EventsInWindow => "events forwarded within the compromise window",
            Self::CommandsInWindow => "commands signed within the compromise window",
            Self::CheckpointsInWindow => "audit log checkpoints signed within the compromise window",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_are_the_guides_row_by_row() {
        let rows = [
            (KeyKind::RootSigning, "Critical"),
            (KeyKind::BuildPlatformSigning, "High"),
            (KeyKind::ReleaseSigning, "High"),
            (KeyKind::DeviceAttestation, "Medium"),
            (KeyKind::JwtSession, "High"),
            (KeyKind::Fernet, "High"),
            (KeyKind::SshHost, "Low"),
            (KeyKind::LuksPassphrase, "High"),
            (KeyKind::GitDeploy, "High"),
        ];
        for (kind, severity) in rows {
            assert_eq!(kind.severity().to_string(), severity, "{kind}");
        }
        assert_eq!(rows.map(|(kind, _)| kind), KeyKind::ALL[..9]);
    }

    #[test]
    fn names_round_trip_as_text_and_json() {
        for kind in KeyKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
            let json = serde_json::to_string(&kind).unwrap();
            assert_eq!(json, format!("\"{kind}\""));
            assert_eq!(serde_json::from_str::<KeyKind>(&json).unwrap(), kind);
        }
        assert!("Root-signing".parse::<KeyKind>().is_err());
    }

    #[test]
    fn each_kind_has_a_scope_of_its_own() {
        let scopes: std::collections::HashSet<_> = KeyKind::ALL.into_iter().map(KeyKind::scope).collect();
        assert_eq!(scopes.len(), KeyKind::ALL.len());
    }
}
