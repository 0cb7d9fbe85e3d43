//! What machine this is, in the words of the platform: the base that the demo's image is made from.

use std::collections::BTreeMap;
use std::fs;

/// The machine's distribution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Machine {
    /// As recipes name it, such as `debian-bookworm`.
    pub(crate) base_image: String,
    /// Its version, such as `12`.
    pub(crate) version: String,
    /// As ServiceNow's `os` names it, such as `Debian`.
    pub(crate) distribution: String,
}

impl Machine {
    /// From `/etc/os-release` (freedesktop.org os-release); what it does not tell is `unknown`.
    pub(crate) fn look() -> Self {
        Self::of(&fs::read_to_string("/etc/os-release").unwrap_or_default())
    }

    fn of(os_release: &str) -> Self {
        let fields: BTreeMap<&str, &str> = os_release
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(key, value)| (key.trim(), value.trim().trim_matches(['"', '\''])))
            .collect();
        let field = |key: &str| fields.get(key).copied().filter(|value| !value.is_empty());
        let id = field("ID").unwrap_or("unknown");
        let codename = field("VERSION_CODENAME").or(field("VERSION_ID"));
        let base_image = codename.map_or_else(|| id.to_owned(), |codename| format!("{id}-{codename}"));
        let mut distribution: String = id.to_owned();
        if let Some(first) = distribution.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        let version = field("VERSION_ID").unwrap_or("unknown").to_owned();
        Self { base_image, version, distribution }
    }
}

#[cfg(test)]
mod tests {
    use super::Machine;

    #[test]
    fn os_release_becomes_a_base_image() {
        let debian = Machine::of("ID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n");
        assert_eq!(debian.base_image, "debian-bookworm");
        assert_eq!((debian.version.as_str(), debian.distribution.as_str()), ("12", "Debian"));
        let fedora = Machine::of("ID=fedora\nVERSION_ID=40\nVERSION_CODENAME=\"\"\n");
        assert_eq!(fedora.base_image, "fedora-40");
        assert_eq!(Machine::of("").base_image, "unknown");
    }
}
