//! The names of a record's fields, shared by the records of a page.
//!
//! The records of a page have the same fields in the same order. Keeping the names once makes reading a page cheaper than
//! reading it as JSON values, which have each name for each record.

use std::sync::Arc;

/// Names in the order in which they came, none twice.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    names: Vec<Box<str>>,
    /// Places in `names`, in the order of the names themselves.
    sorted: Vec<usize>,
}

impl Layout {
    /// A layout of these names, none twice.
    pub(crate) fn new(names: Vec<Box<str>>) -> Arc<Self> {
        let mut sorted: Vec<usize> = (0..names.len()).collect();
        sorted.sort_unstable_by(|one, other| names.get(*one).cmp(&names.get(*other)));
        Arc::new(Self { names, sorted })
    }

    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    pub(crate) fn name(&self, place: usize) -> Option<&str> {
        self.names.get(place).map(|name| &**name)
    }

    /// The place of a name.
    pub(crate) fn place(&self, name: &str) -> Option<usize> {
        let found = self.sorted.binary_search_by(|place| self.name(*place).cmp(&Some(name)));
        found.ok().and_then(|at| self.sorted.get(at)).copied()
    }

    /// All places, in the order of the names.
    pub(crate) fn by_name(&self) -> impl Iterator<Item = (&str, usize)> {
        self.sorted.iter().filter_map(|place| Some((self.name(*place)?, *place)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_order() {
        let layout = Layout::new(["state", "active", "sys_id"].map(Box::from).into());
        assert_eq!(
            ["active", "state", "sys_id", "none"].map(|name| layout.place(name)),
            [Some(1), Some(0), Some(2), None]
        );
        let names: Vec<_> = layout.by_name().map(|(name, _)| name).collect();
        assert_eq!(names, ["active", "state", "sys_id"]);
        assert_eq!(Layout::default().place("state"), None);
    }
}
