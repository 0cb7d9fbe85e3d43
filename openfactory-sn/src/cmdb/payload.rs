//! What is handed to Identification and Reconciliation: items and how they relate.

use std::time::SystemTime;

use serde_json::{Map, Value, json};

use crate::record::Fields;
use crate::value::format_date_time;

/// Items and relations for one call.
///
/// The data source has to be on the instance's choice list of `discovery_source`, and relation types are named as there:
/// `Runs on::Runs`.
///
/// ```
/// use openfactory_sn::Fields;
/// use openfactory_sn::cmdb::{Item, Payload};
///
/// let mut payload = Payload::new("OpenFactory");
/// assert!(payload.is_empty());
/// let device = payload.item(Item::new("cmdb_ci_linux_server", Fields::new().with("serial_number", "SN1")));
/// let image = payload.item(Item::new("u_cmdb_ci_os_image", Fields::new().with("name", "kiosk 1.2")));
/// payload.relate(device, "Runs on::Runs", image);
/// assert_eq!((payload.source(), payload.len()), ("OpenFactory", 2));
/// assert_eq!((device.index(), image.index()), (0, 1), "where their outcomes will be");
/// ```
#[derive(Debug, Clone)]
pub struct Payload {
    source: String,
    items: Vec<Item>,
    relations: Vec<(usize, usize, String)>,
    in_parts: bool,
}

/// An item's place in a payload.
///
/// ```
/// use openfactory_sn::Fields;
/// use openfactory_sn::cmdb::{Item, ItemRef, Payload};
///
/// let mut payload = Payload::new("OpenFactory");
/// let mut devices: Vec<(&str, ItemRef)> = Vec::new();
/// for serial in ["SN1", "SN2"] {
///     let values = Fields::new().with("serial_number", serial);
///     devices.push((serial, payload.item(Item::new("cmdb_ci_linux_server", values))));
/// }
/// assert_eq!(devices[1].1.index(), 1);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ItemRef(usize);

impl ItemRef {
    /// Its position, from 0.
    #[must_use]
    pub fn index(self) -> usize {
        self.0
    }
}

impl Payload {
    /// Nothing yet, from this data source.
    #[must_use]
    pub fn new(source: impl Into<String>) -> Self {
        Self { source: source.into(), items: Vec::new(), relations: Vec::new(), in_parts: false }
    }

    /// Lets the instance take the items that are good although others are not; otherwise one that is refused may keep all
    /// the others from being taken. Nothing is kept aside to be completed later.
    ///
    /// ```
    /// use openfactory_sn::Fields;
    /// use openfactory_sn::cmdb::{Item, Payload};
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), openfactory_sn::Error> {
    /// let answer = json!({"items": [{"sysId": "d1", "operation": "INSERT"}]});
    /// let instance = ScriptedTransport::new().on(
    ///     Expected::post("/api/now/identifyreconcile/enhanced")
    ///         .query("options", "partial_payloads:false,partial_commits:true,deduplicate_payloads:false"),
    ///     Reply::result(200, answer),
    /// );
    /// let mut payload = Payload::new("OpenFactory").in_parts();
    /// payload.item(Item::new("cmdb_ci_server", Fields::new().with("name", "edge-0001")));
    /// assert!(client(&instance).cmdb().reconcile(&payload).await?.is_complete());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn in_parts(mut self) -> Self {
        self.in_parts = true;
        self
    }

    pub(super) fn is_in_parts(&self) -> bool {
        self.in_parts
    }

    /// The data source.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Adds an item.
    pub fn item(&mut self, item: Item) -> ItemRef {
        self.items.push(item);
        ItemRef(self.items.len() - 1)
    }

    /// Adds a relation: with `Runs on::Runs`, `parent` runs on `child`.
    pub fn relate(&mut self, parent: ItemRef, kind: impl Into<String>, child: ItemRef) {
        self.relations.push((parent.0, child.0, kind.into()));
    }

    /// How many items it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether it has no item.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(super) fn class_of(&self, index: usize) -> &str {
        self.items.get(index).map_or("", |item| &item.class)
    }

    pub(super) fn has_time_without_key(&self) -> bool {
        self.items.iter().any(|item| item.seen.is_some() && item.native_key.is_none())
    }

    pub(super) fn relation_count(&self) -> usize {
        self.relations.len()
    }

    pub(super) fn to_json(&self) -> Value {
        let relations: Vec<_> = self
            .relations
            .iter()
            .map(|(parent, child, kind)| json!({"parent": parent, "child": child, "type": kind}))
            .collect();
        let items: Vec<_> = self.items.iter().map(|item| item.to_json(&self.source)).collect();
        json!({"items": items, "relations": relations})
    }
}

/// One configuration item, as far as its source knows it.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use openfactory_sn::Fields;
/// use openfactory_sn::cmdb::{Item, Payload};
/// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
/// # use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), openfactory_sn::Error> {
/// let item = Item::new("cmdb_ci_linux_server", Fields::new().with("name", "edge-0001"))
///     .lookup("cmdb_serial_number", Fields::new().with("serial_number", "SN1").with("serial_number_type", "chassis"))
///     .native_key("device/1")
///     .seen(SystemTime::UNIX_EPOCH + Duration::from_secs(1_769_853_600));
/// let sent = json!([{
///     "className": "cmdb_ci_linux_server",
///     "values": {"name": "edge-0001"},
///     "lookup": [{"className": "cmdb_serial_number",
///         "values": {"serial_number": "SN1", "serial_number_type": "chassis"}}],
///     "sys_object_source_info": {"source_name": "OpenFactory", "source_native_key": "device/1",
///         "source_recency_timestamp": "2026-01-31 10:00:00"},
/// }]);
/// let answer = json!({"items": [{"className": "cmdb_ci_linux_server", "sysId": "d1", "operation": "NO_CHANGE"}]});
/// let instance = ScriptedTransport::new()
///     .on(Expected::post("/api/now/identifyreconcile").field("items", sent), Reply::result(200, answer));
/// let mut payload = Payload::new("OpenFactory");
/// payload.item(item);
/// assert!(client(&instance).cmdb().reconcile(&payload).await?.is_complete());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    class: String,
    values: Fields,
    lookups: Vec<(String, Fields)>,
    native_key: Option<String>,
    seen: Option<SystemTime>,
    keeps_class: bool,
}

impl Item {
    /// An item of this class with these values. The class's identification rule says which of them have to be there.
    #[must_use]
    pub fn new(class: impl Into<String>, values: Fields) -> Self {
        Self {
            class: class.into(),
            values,
            lookups: Vec::new(),
            native_key: None,
            seen: None,
            keeps_class: false,
        }
    }

    /// With a record beside it by which it is identified, such as one of `cmdb_serial_number`.
    #[must_use]
    pub fn lookup(mut self, table: impl Into<String>, values: Fields) -> Self {
        self.lookups.push((table.into(), values));
        self
    }

    /// With its key at the source: the instance remembers it, and finds the item by it.
    #[must_use]
    pub fn native_key(mut self, key: impl Into<String>) -> Self {
        self.native_key = Some(key.into());
        self
    }

    /// With the time at which the source saw it, so that what is older does not overwrite what is newer. The item's key at the
    /// source has to be told as well.
    #[must_use]
    pub fn seen(mut self, time: SystemTime) -> Self {
        self.seen = Some(time);
        self
    }

    /// Leaves an item that is there in its class, unless the one told here is below it: otherwise what somebody knew better
    /// is moved to the class told here.
    ///
    /// ```
    /// use openfactory_sn::Fields;
    /// use openfactory_sn::cmdb::{Item, Payload};
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), openfactory_sn::Error> {
    /// let sent = json!([{"className": "cmdb_ci_server", "values": {"name": "edge-0001"},
    ///     "settings": {"updateWithoutDowngrade": true, "updateWithoutSwitch": true}}]);
    /// let answer = json!({"items": [{"className": "cmdb_ci_linux_server", "sysId": "d1", "operation": "UPDATE"}]});
    /// let instance = ScriptedTransport::new()
    ///     .on(Expected::post("/api/now/identifyreconcile").field("items", sent), Reply::result(200, answer));
    /// let mut payload = Payload::new("OpenFactory");
    /// payload.item(Item::new("cmdb_ci_server", Fields::new().with("name", "edge-0001")).keep_class());
    /// let outcome = client(&instance).cmdb().reconcile(&payload).await?;
    /// assert_eq!(outcome.items[0].as_ref().map(|item| item.class.as_str()), Ok("cmdb_ci_linux_server"));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn keep_class(mut self) -> Self {
        self.keeps_class = true;
        self
    }

    fn to_json(&self, source: &str) -> Value {
        let mut item = json!({"className": self.class, "values": self.values});
        let mut add = |name: &str, value: Value| {
            if let Some(members) = item.as_object_mut() {
                members.insert(name.to_owned(), value);
            }
        };
        if !self.lookups.is_empty() {
            let lookups =
                self.lookups.iter().map(|(table, values)| json!({"className": table, "values": values}));
            add("lookup", lookups.collect());
        }
        if self.keeps_class {
            add("settings", json!({"updateWithoutDowngrade": true, "updateWithoutSwitch": true}));
        }
        if let Some(key) = &self.native_key {
            let mut info = Map::new();
            info.insert("source_name".to_owned(), source.into());
            info.insert("source_native_key".to_owned(), key.as_str().into());
            if let Some(seen) = self.seen.and_then(format_date_time) {
                info.insert("source_recency_timestamp".to_owned(), seen.into());
            }
            add("sys_object_source_info", Value::Object(info));
        }
        item
    }
}
