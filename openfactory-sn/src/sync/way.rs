//! How differences travel.

/// How differences travel.
///
/// ```
/// use openfactory_sn::sync::{Payloads, Way};
///
/// /// Where discovery runs, the instance has to say which items are meant; elsewhere our own keys are enough.
/// fn way(discovered: bool) -> Way {
///     match discovered {
///         true => Way::Payloads(Payloads::new("OpenFactory").items(500)),
///         false => Way::Batches,
///     }
/// }
///
/// assert_eq!(way(false), Way::Batches);
/// let Way::Payloads(payloads) = way(true) else { panic!("by identification") };
/// assert_eq!((payloads.source(), payloads.most()), ("OpenFactory", 500));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Way {
    /// As calls of the Table API, many in one batch request: each record is made under the key that follows from its
    /// correlation id, and what others know of the same thing is not asked for.
    Batches,
    /// As payloads for Identification and Reconciliation: the instance finds out by its rules which items are meant.
    Payloads(Payloads),
}

/// Payloads for Identification and Reconciliation, each of a bounded number of items.
///
/// A relation travels in the payload that has both its items; an item that is not there yet travels with one relation of
/// each sort that it has, so that what its class depends on comes with it. Payloads go one after another, since those that
/// are about the same items would wait for each other on the instance.
///
/// ```
/// use openfactory_sn::sync::Payloads;
///
/// let payloads = Payloads::new("OpenFactory").items(500);
/// assert_eq!((payloads.source(), payloads.most()), ("OpenFactory", 500));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payloads {
    source: String,
    items: usize,
}

/// Items of a payload, unless told otherwise: what an instance gets through well within its time for a call.
const ITEMS: usize = 200;
/// Fewest: a relation has two.
const FEWEST: usize = 2;

impl Payloads {
    /// From this data source, which has to be on the instance's choice list of `discovery_source`; 200 items in each.
    #[must_use]
    pub fn new(source: impl Into<String>) -> Self {
        Self { source: source.into(), items: ITEMS }
    }

    /// With at most so many items in each; at least two, since a relation has two.
    ///
    /// ```
    /// use openfactory_sn::sync::Payloads;
    ///
    /// assert_eq!(Payloads::new("OpenFactory").most(), 200);
    /// assert_eq!(Payloads::new("OpenFactory").items(0).most(), 2);
    /// ```
    #[must_use]
    pub fn items(mut self, items: usize) -> Self {
        self.items = items.max(FEWEST);
        self
    }

    /// The data source.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Most items of a payload.
    #[must_use]
    pub fn most(&self) -> usize {
        self.items
    }
}
