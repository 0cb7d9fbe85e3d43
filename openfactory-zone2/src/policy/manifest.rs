//! `zone2-manifest.json`: which paths Zone 2 may hold.

use super::path_rule::{EntryKind, PathRule};
use super::{MAX_FILE_BYTES, MAX_RULES, Problem, check_version};
use crate::json::Node;
use crate::policy_error::PolicyError;

/// Which paths Zone 2 may hold, and how: `zone2-manifest.json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    rules: Vec<PathRule>,
}

impl Manifest {
    /// Reads a policy file of at most [`MAX_FILE_BYTES`].
    ///
    /// # Errors
    ///
    /// Whatever is wrong first, with line and JSON path. A manifest with an error is refused whole.
    pub fn parse(bytes: &[u8]) -> Result<Self, PolicyError> {
        let root = Node::parse(bytes, MAX_FILE_BYTES)?.object(&["version", "paths"])?;
        check_version(root.required("version")?)?;
        let mut rules: Vec<PathRule> = Vec::new();
        for node in root.required("paths")?.array(MAX_RULES)? {
            let rule = PathRule::parse(&node)?;
            let same = |other: &PathRule| other.path() == rule.path() && other.kind() == rule.kind();
            if let Some(first) = rules.iter().position(same) {
                let what = format!("the rule for {} {}", rule.kind().as_str(), rule.path());
                return Err(node.error(Problem::Duplicate { what, first: format!("$.paths[{first}]") }));
            }
            rules.push(rule);
        }
        Ok(Self { rules })
    }

    /// The rules, in the order of the file.
    #[must_use]
    pub fn rules(&self) -> &[PathRule] {
        &self.rules
    }

    /// The rule for an entry: the first of the file whose kind is the entry's and whose pattern matches its
    /// absolute path. None means that Zone 2 may not hold it.
    #[must_use]
    pub fn rule_for(&self, path: &[u8], kind: EntryKind) -> Option<&PathRule> {
        self.rules.iter().find(|rule| rule.kind() == kind && rule.path().matches(path))
    }
}
