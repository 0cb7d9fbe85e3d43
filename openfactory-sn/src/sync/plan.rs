//! What has to travel: pure.

use std::collections::BTreeMap;

use super::sent::Sent;
use crate::id::{CorrelationId, IdError, SysId};
use crate::models::relationship::{self, Relationship};
use crate::record::{Fields, Record};

/// A record's place: its table and key.
type Place = (String, SysId);

/// What should be there: records under keys that follow from their correlation ids, and relations.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Desired {
    records: BTreeMap<Place, Wanted>,
    relations: BTreeMap<SysId, Fields>,
}

/// A record as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Its key at the source.
    pub(super) key: CorrelationId,
    pub(super) fields: Fields,
}

impl Desired {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A record of this table should have these fields; its key is handed back. A later call for the same counts. A field
    /// `sys_id` is passed over: the key follows from the correlation id, or is the instance's to give.
    pub fn record(&mut self, table: &str, key: &CorrelationId, mut fields: Fields) -> SysId {
        let sys_id = SysId::derived(table, key);
        fields.remove("sys_id");
        self.records.insert((table.to_owned(), sys_id.clone()), Wanted { key: key.clone(), fields });
        sys_id
    }

    /// Two items should be related by this type, by its key: with `Runs on::Runs`, `parent` runs on `child`.
    ///
    /// # Errors
    ///
    /// [`IdError`] if the three keys are too long to make one of.
    pub fn relation(&mut self, parent: &SysId, kind: &SysId, child: &SysId) -> Result<SysId, IdError> {
        let words = CorrelationId::new(&format!("{parent}/{kind}/{child}"))?;
        let sys_id = SysId::derived(Relationship::TABLE, &words);
        let fields = Fields::new()
            .with_field(relationship::PARENT, parent)
            .with_field(relationship::CHILD, child)
            .with_field(relationship::TYPE, kind);
        self.relations.insert(sys_id.clone(), fields);
        Ok(sys_id)
    }

    /// What has to travel so that everything is there: records first, then relations, then relations that are there no
    /// more. A record that is no longer desired is left alone: whether it is retired is not for a comparison to decide.
    #[must_use]
    pub fn differences(&self, sent: &Sent) -> Vec<Difference> {
        let records = self.records.iter().map(|((table, key), wanted)| (table.as_str(), key, &wanted.fields));
        let relations = self.relations.iter().map(|(key, fields)| (Relationship::TABLE, key, fields));
        let mut differences = Vec::new();
        for (table, sys_id, fields) in records.chain(relations) {
            let place = || (table.to_owned(), sys_id.clone());
            match sent.get(table, sys_id) {
                None => {
                    let (table, sys_id) = place();
                    differences.push(Difference::Missing { table, sys_id, fields: fields.clone() });
                }
                Some(known) => {
                    let changed: Fields =
                        fields.iter().filter(|(name, value)| known.get(name) != Some(value)).collect();
                    if !changed.is_empty() {
                        let (table, sys_id) = place();
                        differences.push(Difference::Changed { table, sys_id, fields: changed });
                    }
                }
            }
        }
        let known = sent.keys(Relationship::TABLE);
        differences.extend(
            known
                .filter(|key| !self.relations.contains_key(*key))
                .map(|key| Difference::Gone { table: Relationship::TABLE.to_owned(), sys_id: key.clone() }),
        );
        differences
    }

    /// Every desired record with the names of its fields, by table.
    pub(super) fn places(&self) -> BTreeMap<&str, Vec<(&SysId, &Fields)>> {
        let mut places: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for ((table, key), wanted) in &self.records {
            places.entry(table).or_default().push((key, &wanted.fields));
        }
        for (key, fields) in &self.relations {
            places.entry(Relationship::TABLE).or_default().push((key, fields));
        }
        places
    }

    /// Every desired record, with its table.
    pub(super) fn records(&self) -> impl Iterator<Item = (&str, &SysId, &Wanted)> {
        self.records.iter().map(|((table, key), wanted)| (table.as_str(), key, wanted))
    }
}

/// One thing that has to travel.
///
/// ```
/// use openfactory_sn::sync::{Desired, Difference, Sent};
/// use openfactory_sn::{CorrelationId, Fields};
///
/// let (mut desired, mut sent) = (Desired::new(), Sent::new());
/// let device = CorrelationId::new("device/1")?;
/// let key = desired.record("cmdb_ci_server", &device, Fields::new().with("name", "a").with("os_version", "1"));
/// desired.differences(&sent).iter().for_each(|difference| sent.remember(difference));
///
/// desired.record("cmdb_ci_server", &device, Fields::new().with("name", "a").with("os_version", "2"));
/// let [difference] = &desired.differences(&sent)[..] else { panic!("one record changed") };
/// assert_eq!(difference.sys_id(), &key);
/// let Difference::Changed { fields, .. } = difference else { panic!("it is there") };
/// assert_eq!(fields.iter().collect::<Vec<_>>(), [("os_version", "2")]);
/// # Ok::<(), openfactory_sn::IdError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Difference {
    /// A record has other values; `fields` are those alone.
    Changed {
        /// Its table.
        table: String,
        /// Its key.
        sys_id: SysId,
        /// What changes.
        fields: Fields,
    },
    /// A relation should be there no more.
    Gone {
        /// Its table.
        table: String,
        /// Its key.
        sys_id: SysId,
    },
    /// A record is not there yet.
    Missing {
        /// Its table.
        table: String,
        /// Its key.
        sys_id: SysId,
        /// All its fields.
        fields: Fields,
    },
}

impl Difference {
    pub(super) fn is_relation(&self) -> bool {
        self.table() == Relationship::TABLE
    }

    /// The keys of the two items of a relation that is to be made or changed.
    pub(super) fn ends(&self) -> impl Iterator<Item = &str> {
        let fields = match self {
            Self::Changed { fields, .. } | Self::Missing { fields, .. } => Some(fields),
            Self::Gone { .. } => None,
        };
        let ends = [relationship::PARENT, relationship::CHILD];
        ends.into_iter().filter_map(move |end| fields?.get(end.name()))
    }

    pub(super) fn table(&self) -> &str {
        let (Self::Changed { table, .. } | Self::Gone { table, .. } | Self::Missing { table, .. }) = self;
        table
    }

    /// The key of its record.
    #[must_use]
    pub fn sys_id(&self) -> &SysId {
        let (Self::Changed { sys_id, .. } | Self::Gone { sys_id, .. } | Self::Missing { sys_id, .. }) = self;
        sys_id
    }
}
