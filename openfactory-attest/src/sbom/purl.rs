//! Package URLs: names of packages that scanners know.
//!
//! Source: the purl specification and its types `deb`, `apk` and `rpm` (github.com/package-url/purl-spec).

use std::fmt::Write as _;

use super::inventory::{Package, PackageFormat};
use super::os_release::Distribution;

/// The package's URL. Without a distribution there is none: whose package it is would be a guess.
pub(super) fn of(package: &Package, distribution: Option<&Distribution>) -> Option<String> {
    let distribution = distribution?;
    let mut purl = format!("pkg:{}/", package.format.name());
    encode(&mut purl, &distribution.id);
    purl.push('/');
    // The types `deb` and `apk` have their names in lower case, and epochs in the version; `rpm` has not.
    let (name, version, epoch) = match (package.format, package.version.split_once(':')) {
        (PackageFormat::Rpm, Some((epoch, version))) => (package.name.clone(), version, Some(epoch)),
        (PackageFormat::Rpm, None) => (package.name.clone(), package.version.as_str(), None),
        _ => (package.name.to_ascii_lowercase(), package.version.as_str(), None),
    };
    encode(&mut purl, &name);
    purl.push('@');
    encode(&mut purl, version);
    // Qualifiers are sorted by their keys.
    purl.push_str("?arch=");
    encode(&mut purl, &package.architecture);
    purl.push_str("&distro=");
    encode(&mut purl, &distribution.name());
    if let Some(epoch) = epoch {
        purl.push_str("&epoch=");
        encode(&mut purl, epoch);
    }
    Some(purl)
}

/// Everything is escaped but letters, digits, `.`, `-`, `_`, `~` and the colon.
fn encode(purl: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'~' | b':') {
            purl.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _infallible = write!(purl, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sbom::PackageState;

    fn package(format: PackageFormat, name: &str, version: &str, architecture: &str) -> Package {
        Package {
            format,
            name: name.to_owned(),
            version: version.to_owned(),
            architecture: architecture.to_owned(),
            source_name: None,
            source_version: None,
            maintainer: None,
            homepage: None,
            summary: None,
            license: None,
            state: PackageState::Installed,
        }
    }

    #[test]
    fn epochs_stay_and_pluses_are_escaped() {
        let package = package(PackageFormat::Deb, "libstdc++6", "1:12.2.0-14+deb12u1~x", "amd64");
        let debian = Distribution::parse(b"ID=debian\nVERSION_ID=12").unwrap();
        assert_eq!(
            of(&package, Some(&debian)).as_deref(),
            Some("pkg:deb/debian/libstdc%2B%2B6@1:12.2.0-14%2Bdeb12u1~x?arch=amd64&distro=debian-12")
        );
        assert_eq!(of(&package, None), None);
    }

    #[test]
    fn alpines_are_of_their_own_type() {
        let package = package(PackageFormat::Apk, "musl", "1.2.5-r0", "x86_64");
        let alpine = Distribution::parse(b"ID=alpine\nVERSION_ID=3.20.3").unwrap();
        assert_eq!(
            of(&package, Some(&alpine)).as_deref(),
            Some("pkg:apk/alpine/musl@1.2.5-r0?arch=x86_64&distro=alpine-3.20.3")
        );
    }

    #[test]
    fn epochs_of_rpms_stand_apart() {
        let package = package(PackageFormat::Rpm, "PackageKit", "1:1.2.8-4.fc40", "x86_64");
        let fedora = Distribution::parse(b"ID=fedora\nVERSION_ID=40").unwrap();
        assert_eq!(
            of(&package, Some(&fedora)).as_deref(),
            Some("pkg:rpm/fedora/PackageKit@1.2.8-4.fc40?arch=x86_64&distro=fedora-40&epoch=1")
        );
    }
}
