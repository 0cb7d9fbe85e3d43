//! Names of certificates: so plain that every tool reads them alike.

use std::str::FromStr as _;

use x509_cert::name::Name;

/// A name of this common name alone: 1 to 64 letters, digits, spaces, dots, underscores and hyphens, all ASCII.
pub(crate) fn parse(name: &str) -> Option<Name> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '.' | '_' | '-');
    if name.is_empty() || name.len() > 64 || !name.chars().all(fits) {
        return None;
    }
    Name::from_str(&format!("CN={name}")).ok()
}
