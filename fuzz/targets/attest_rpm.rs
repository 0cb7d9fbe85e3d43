//! Headers of rpm's database that others wrote: a package, or a reason; never more than they hold.
#![no_main]

use libfuzzer_sys::fuzz_target;
use openfactory_attest::sbom::{License, Package};

fuzz_target!(|input: &[u8]| {
    let Ok(Some(package)) = Package::parse_rpm_header(input) else { return };
    assert!(!package.name.is_empty() && !package.version.is_empty());
    if let Some(license) = package.license {
        let again = License::parse(license.expression());
        assert!(again.is_none_or(|again| again.expression() == license.expression()), "two spellings");
    }
});
