//! When a constraint is wanted: only where another value is one of a few words.

use crate::finding::NotChecked;
use crate::place::Place;
use crate::value::Observed;

/// Another value that has to be one of a few words for a constraint to be wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    place: Place,
    words: Vec<String>,
}

impl Condition {
    /// Where one of the values at a place is one of these words; none if there are none.
    #[must_use]
    pub fn new(place: Place, words: Vec<String>) -> Option<Self> {
        if words.is_empty() { None } else { Some(Self { place, words }) }
    }

    /// Where the other value stands.
    #[must_use]
    pub const fn place(&self) -> &Place {
        &self.place
    }

    /// The words.
    #[must_use]
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// Whether what was found at the place is one of the words. No value is none of them.
    ///
    /// # Errors
    /// [`NotChecked`] where nobody could look: whoever makes the other value unreadable has not switched off the rule.
    pub fn holds(&self, observed: &Observed) -> Result<bool, NotChecked> {
        match observed {
            Observed::Absent => Ok(false),
            Observed::Values(values) => Ok(values.iter().any(|value| self.words.contains(value))),
            Observed::Unreadable(reason) => {
                Err(NotChecked::Unreadable(format!("the condition at {}: {reason}", self.place)))
            }
            Observed::Content(_) => {
                let reason = format!("the condition at {}: a whole file where a value belongs", self.place);
                Err(NotChecked::Unreadable(reason))
            }
        }
    }
}
