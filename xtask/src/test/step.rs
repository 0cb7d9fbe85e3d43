//! The steps by name, and which of them to run.

use clap::ValueEnum;

/// One step of `cargo xtask test`, in the order in which they run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(super) enum Step {
    /// Install what tests and checks need, where that is allowed.
    Tools,
    /// Source is formatted.
    Fmt,
    /// Licences, bans and sources of dependencies.
    Deny,
    /// No source file is too long.
    LintSize,
    /// The list of requirements names code and tests that exist.
    Requirements,
    /// Each bug that the tests must find can still be planted; `cargo xtask planted` plants them.
    Planted,
    /// Lints, with warnings as errors, for each set of features.
    Clippy,
    /// Tests for each set of features, and documentation tests.
    Test,
    /// The client's tests in the simulator's further profiles.
    Profiles,
    /// Some seconds of fuzzing for each target.
    Fuzz,
    /// A short torture of the queue: kills and power cuts.
    Torture,
    /// What must not be among the dependencies is not.
    Absences,
    /// Documentation, with warnings as errors.
    Doc,
    /// The public API of the libraries is as listed.
    Api,
    /// An example shows every public item of the client.
    Examples,
    /// The libraries can be published.
    Package,
}

impl Step {
    /// The name that `--only` takes.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Fmt => "fmt",
            Self::Deny => "deny",
            Self::LintSize => "lint-size",
            Self::Requirements => "requirements",
            Self::Planted => "planted",
            Self::Clippy => "clippy",
            Self::Test => "test",
            Self::Profiles => "profiles",
            Self::Fuzz => "fuzz",
            Self::Torture => "torture",
            Self::Absences => "absences",
            Self::Doc => "doc",
            Self::Api => "api",
            Self::Examples => "examples",
            Self::Package => "package",
        }
    }
}

/// The steps to run: those of `only`, or all, each once and in order.
pub(super) fn selected(only: &[Step]) -> Vec<Step> {
    let all = Step::value_variants().iter().copied();
    all.filter(|step| only.is_empty() || only.contains(step)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_run_once_and_in_order() {
        assert_eq!(selected(&[Step::Doc, Step::Fmt, Step::Doc]), [Step::Fmt, Step::Doc]);
        let all = selected(&[]);
        assert_eq!((all.len(), all.is_sorted()), (16, true));
    }

    #[test]
    fn names_are_those_of_the_command_line() {
        for step in Step::value_variants() {
            assert_eq!(step.to_possible_value().unwrap().get_name(), step.name());
        }
    }
}
