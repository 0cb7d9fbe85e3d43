//! Licences of packages: what the package manager or Debian's copyright files say, as SPDX spells it.
//!
//! What is not on SPDX's list is no guess of ours: it becomes a `LicenseRef-` of its own name.
//!
//! Source: the SPDX specification 2.3, annex D (license expressions).

use std::collections::BTreeMap;
use std::fmt::Write as _;

mod copyright;
mod expression;
mod ids;

pub(super) use copyright::of_copyright;
use expression::Expression;

/// Bytes of a licence's text as others give it; longer ones are not told.
const MAX_TOLD: usize = 1024;

/// A package's licence, as an SPDX license expression.
///
/// ```
/// use openfactory_attest::sbom::License;
///
/// let license = License::parse("mit and (GPL-2.0-or-later or house-rules)").unwrap();
/// assert_eq!(license.expression(), "MIT AND (GPL-2.0-or-later OR LicenseRef-house-rules)");
/// assert_eq!(license.unlisted().collect::<Vec<_>>(), [("LicenseRef-house-rules", "house-rules")]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct License {
    expression: String,
    /// By reference, the names that SPDX does not list.
    unlisted: BTreeMap<String, String>,
    single: bool,
}

impl License {
    /// Reads an SPDX license expression, in any case. What is none, is one licence of that whole name. `None` if it is
    /// empty, has control characters, or more than 1,024 bytes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = told(text)?;
        let parsed = Expression::parse(text, &|name| name.to_owned());
        Some(Self::of(&parsed.unwrap_or_else(|| Expression::Name(text.to_owned()))))
    }

    fn of(expression: &Expression) -> Self {
        let mut license = Self {
            expression: String::new(),
            unlisted: BTreeMap::new(),
            single: matches!(expression, Expression::Name(_)),
        };
        license.push(expression, false);
        license
    }

    /// The expression. Names that SPDX does not list stand as `LicenseRef-...`.
    #[must_use]
    pub fn expression(&self) -> &str {
        &self.expression
    }

    /// The names that SPDX does not list: the reference in the expression, and the name as it was given.
    pub fn unlisted(&self) -> impl Iterator<Item = (&str, &str)> {
        self.unlisted.iter().map(|(reference, name)| (reference.as_str(), name.as_str()))
    }

    /// Whether it is one licence, and no expression of several.
    pub(super) const fn is_single(&self) -> bool {
        self.single
    }

    fn push(&mut self, expression: &Expression, within: bool) {
        match expression {
            Expression::Name(name) => self.push_name(name),
            Expression::Exception(name, exception) => {
                self.push_name(name);
                self.expression.push_str(" WITH ");
                self.expression.push_str(exception);
            }
            Expression::All(parts) => self.join(parts, " AND ", within),
            Expression::Any(parts) => self.join(parts, " OR ", within),
        }
    }

    fn join(&mut self, parts: &[Expression], between: &str, within: bool) {
        self.expression.push_str(if within { "(" } else { "" });
        for (index, part) in parts.iter().enumerate() {
            self.expression.push_str(if index == 0 { "" } else { between });
            self.push(part, true);
        }
        self.expression.push_str(if within { ")" } else { "" });
    }

    fn push_name(&mut self, name: &str) {
        if let Some(listed) = ids::license(name) {
            self.expression.push_str(&listed);
            return;
        }
        let reference =
            if is_reference(name) { name.to_owned() } else { format!("LicenseRef-{}", id_string(name)) };
        self.expression.push_str(&reference);
        self.unlisted.insert(reference, name.to_owned());
    }
}

/// Whether it is a reference already, as Fedora's packages have them.
fn is_reference(name: &str) -> bool {
    let id = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    name.strip_prefix("LicenseRef-").is_some_and(|rest| !rest.is_empty() && rest.bytes().all(id))
}

/// A text of one line that is not too long.
fn told(text: &str) -> Option<&str> {
    let text = text.trim();
    (!text.is_empty() && text.len() <= MAX_TOLD && !text.chars().any(char::is_control)).then_some(text)
}

/// A name of the few characters that SPDX allows in ids: others are written as a dot and two hexadecimal digits, so that
/// ids differ where names do.
pub(super) fn id_string(name: &str) -> String {
    let mut id = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' {
            id.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _infallible = write!(id, ".{byte:02X}");
        }
    }
    id
}

#[cfg(test)]
mod tests;
