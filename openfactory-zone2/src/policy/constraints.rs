//! `zone2-constraints.json`: which values the files of Zone 2 may hold.

use super::{MAX_FILE_BYTES, MAX_RULES, MAX_WORD_BYTES, Problem, check_version, places, rules};
use crate::constraint::{Condition, Constraint, Rule};
use crate::json::Node;
use crate::policy_error::PolicyError;

/// Which values the files of Zone 2 may hold: `zone2-constraints.json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constraints {
    constraints: Vec<Constraint>,
}

impl Constraints {
    /// Reads a policy file of at most [`MAX_FILE_BYTES`].
    ///
    /// # Errors
    ///
    /// Whatever is wrong first, with line and JSON path; a constraint of an unknown type is
    /// [`Problem::UnknownConstraint`]. A file with an error is refused whole.
    pub fn parse(bytes: &[u8]) -> Result<Self, PolicyError> {
        let root = Node::parse(bytes, MAX_FILE_BYTES)?.object(&["version", "constraints"])?;
        check_version(root.required("version")?)?;
        let mut constraints: Vec<Constraint> = Vec::new();
        for node in root.required("constraints")?.array(MAX_RULES)? {
            let constraint = parse_constraint(&node)?;
            if let Some((first, what)) = duplicate(&constraints, &constraint) {
                return Err(node.error(Problem::Duplicate { what, first: format!("$.constraints[{first}]") }));
            }
            constraints.push(constraint);
        }
        Ok(Self { constraints })
    }

    /// The constraints, in the order of the file.
    pub fn iter(&self) -> std::slice::Iter<'_, Constraint> {
        self.constraints.iter()
    }

    /// The constraint of that name.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Constraint> {
        self.iter().find(|constraint| constraint.id() == id)
    }
}

impl<'a> IntoIterator for &'a Constraints {
    type Item = &'a Constraint;
    type IntoIter = std::slice::Iter<'a, Constraint>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

fn parse_constraint(node: &Node<'_>) -> Result<Constraint, PolicyError> {
    // The type comes first: which other keys are known depends on it.
    let kind = node.peek("type")?;
    let (object, rule) = rules::parse(node, &kind)?;
    let id = object.required("id")?.string(MAX_WORD_BYTES)?;
    let place = places::parse(object.required("place")?, places::Live::of(&rule))?;
    let condition = object.optional("when").map(parse_condition).transpose()?;
    Ok(Constraint::new(id, place, rule, condition))
}

fn parse_condition(node: &Node<'_>) -> Result<Condition, PolicyError> {
    let object = node.object(&["place", "in"])?;
    let place = places::parse(object.required("place")?, places::Live::None)?;
    let list = object.required("in")?;
    let words = rules::parse_words(list, MAX_RULES, MAX_WORD_BYTES)?;
    Condition::new(place, words).ok_or_else(|| list.error(Problem::Empty))
}

/// Which earlier constraint says the same as `new`: has its name, or the same type of rule for the same place.
fn duplicate(earlier: &[Constraint], new: &Constraint) -> Option<(usize, String)> {
    earlier.iter().enumerate().find_map(|(index, old)| {
        if old.id() == new.id() {
            return Some((index, format!("the constraint {:?}", new.id())));
        }
        let same = old.place() == new.place()
            && old.rule().type_name() == new.rule().type_name()
            && old.condition() == new.condition()
            && !matches!(old.rule(), Rule::Equal(_));
        same.then(|| (index, format!("a {} constraint for {}", new.rule().type_name(), new.place())))
    })
}
