//! SPDX's list of licences and exceptions.
//!
//! The two text files hold the ids of SPDX License List 3.28 that the `license-expression` package of Python knows too.

use std::collections::HashMap;
use std::sync::LazyLock;

type Ids = HashMap<String, &'static str>;

static LICENSES: LazyLock<Ids> = LazyLock::new(|| by_lower_case(include_str!("spdx.txt")));
static EXCEPTIONS: LazyLock<Ids> = LazyLock::new(|| by_lower_case(include_str!("spdx-exceptions.txt")));

fn by_lower_case(list: &'static str) -> Ids {
    list.lines().map(|id| (id.to_ascii_lowercase(), id)).collect()
}

/// The licence's id as SPDX spells it, also with a `+` for "or later". GNU's licences have ids of their own for that, and
/// for "only": those without are deprecated.
pub(super) fn license(name: &str) -> Option<String> {
    let find = |name: &str| LICENSES.get(&name.to_ascii_lowercase()).copied();
    let (base, later) = match name.strip_suffix('+') {
        Some(base) => (base, true),
        None => (name, false),
    };
    if let Some(id) = find(&format!("{base}-{}", if later { "or-later" } else { "only" })) {
        return Some(id.to_owned());
    }
    find(base).map(|id| if later { format!("{id}+") } else { id.to_owned() })
}

/// The exception's id as SPDX spells it.
pub(super) fn exception(name: &str) -> Option<&'static str> {
    EXCEPTIONS.get(&name.to_ascii_lowercase()).copied()
}
