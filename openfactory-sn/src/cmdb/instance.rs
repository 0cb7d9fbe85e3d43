//! The CMDB Instance API: one item with its attributes and relations.

use http::Method;
use serde_json::{Value, json};

use super::Cmdb;
use crate::error::{Error, ErrorKind};
use crate::id::SysId;
use crate::query::Query;
use crate::record::{Fields, Row};
use crate::table::{is_absent, undecodable};
use crate::value::{FieldType, Raw, Reference};
use crate::wire::call::Call;
use crate::wire::url::Target;

/// Most items that [`Cmdb::instances`] lists.
const LIST_MAX: usize = 10_000;

/// A configuration item with its relations.
///
/// ```
/// use openfactory_sn::cmdb::Instance;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// /// What runs on an image, by name.
/// fn runs(image: &Instance) -> Vec<&str> {
///     let devices = image.inbound.iter().filter(|relation| relation.kind.display() == Some("Runs on::Runs"));
///     devices.filter_map(|relation| relation.target.display()).collect()
/// }
/// # use openfactory_sn::SysId;
/// # use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
/// # use serde_json::json;
///
/// let answer = json!({"attributes": {"sys_id": "i1"}, "outbound_relations": [], "inbound_relations": [
///     {"sys_id": "r1", "type": {"value": "t1", "display_value": "Runs on::Runs"},
///      "target": {"value": "d1", "display_value": "edge-0001"}}]});
/// let instance = ScriptedTransport::new()
///     .on(Expected::get("/api/now/cmdb/instance/u_image/i1"), Reply::result(200, answer));
/// let image = client(&instance).cmdb().instance("u_image", &SysId::new("i1")?).await?;
/// assert_eq!(runs(&image), ["edge-0001"]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Instance {
    /// Its attributes.
    pub attributes: Row,
    /// Relations of which it is the child.
    pub inbound: Vec<InstanceRelation>,
    /// Relations of which it is the parent.
    pub outbound: Vec<InstanceRelation>,
}

/// A relation, seen from one of its two items.
///
/// ```
/// use openfactory_sn::SysId;
/// use openfactory_sn::cmdb::InstanceRelation;
/// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
/// # use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let answer = json!({"attributes": {"sys_id": "d1"}, "inbound_relations": [], "outbound_relations": [
///     {"sys_id": "r1", "type": {"value": "t1", "display_value": "Runs on::Runs"},
///      "target": {"value": "i1", "display_value": "kiosk 1.1"}}]});
/// let path = "/api/now/cmdb/instance/cmdb_ci_server/d1";
/// let instance = ScriptedTransport::new()
///     .on(Expected::get(path), Reply::result(200, answer))
///     .on(Expected::delete(format!("{path}/relation/r1")), Reply::empty(204));
/// let (cmdb, id) = (client(&instance).cmdb(), SysId::new("d1")?);
/// let device = cmdb.instance("cmdb_ci_server", &id).await?;
/// let outdated = |relation: &&InstanceRelation| relation.target.display() == Some("kiosk 1.1");
/// for relation in device.outbound.iter().filter(outdated) {
///     cmdb.remove_relation("cmdb_ci_server", &id, &relation.sys_id).await?;
/// }
/// instance.assert_done();
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct InstanceRelation {
    /// Its own key.
    pub sys_id: SysId,
    /// Its type, with the type's name.
    pub kind: Reference,
    /// The other item, with its name.
    pub target: Reference,
}

/// A relation to be made.
///
/// ```
/// use openfactory_sn::SysId;
/// use openfactory_sn::cmdb::NewRelation;
/// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
/// # use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let sent = json!([{"type": "t1", "target": "i1"}]);
/// let answer = json!({"attributes": {"sys_id": "d1"}, "inbound_relations": [], "outbound_relations": [
///     {"sys_id": "r1", "type": {"value": "t1"}, "target": {"value": "i1"}}]});
/// let instance = ScriptedTransport::new().on(
///     Expected::post("/api/now/cmdb/instance/cmdb_ci_server/d1/relation").field("outbound_relations", sent),
///     Reply::result(200, answer),
/// );
/// let runs_on_image = NewRelation::Outbound { kind: SysId::new("t1")?, target: SysId::new("i1")? };
/// let cmdb = client(&instance).cmdb();
/// let device = cmdb.add_relations("cmdb_ci_server", &SysId::new("d1")?, "OpenFactory", &[runs_on_image]).await?;
/// assert_eq!(device.outbound.len(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NewRelation {
    /// From the other item to this one: this one is the child.
    Inbound {
        /// The type's key.
        kind: SysId,
        /// The other item.
        target: SysId,
    },
    /// From this item to the other one: this one is the parent.
    Outbound {
        /// The type's key.
        kind: SysId,
        /// The other item.
        target: SysId,
    },
}

impl Cmdb {
    /// An item with its relations.
    ///
    /// ```
    /// use openfactory_sn::SysId;
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let answer = json!({"attributes": {"sys_id": "d1", "name": "edge-0001"}, "inbound_relations": [],
    ///     "outbound_relations": [{"sys_id": "r1", "type": {"value": "t1", "display_value": "Runs on::Runs"},
    ///         "target": {"value": "i1", "display_value": "kiosk 1.2"}}]});
    /// let instance = ScriptedTransport::new()
    ///     .on(Expected::get("/api/now/cmdb/instance/cmdb_ci_server/d1"), Reply::result(200, answer));
    /// let device = client(&instance).cmdb().instance("cmdb_ci_server", &SysId::new("d1")?).await?;
    /// assert_eq!(device.attributes.text("name"), "edge-0001");
    /// assert_eq!(device.outbound[0].target.display(), Some("kiosk 1.2"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`]; [`ErrorKind::Invalid`] for a class that is none; [`ErrorKind::Decode`]; the kinds of network,
    /// availability and rights.
    pub async fn instance(&self, class: &str, sys_id: &SysId) -> Result<Instance, Error> {
        let call = Call::get(format!("get {class} {sys_id}"), Target::new(path(class, Some(sys_id))?));
        self.one(&call, class).await
    }

    /// Keys and names of the items that a query means, 10,000 at most.
    ///
    /// ```
    /// use openfactory_sn::Query;
    /// use openfactory_sn::models::configuration_item::NAME;
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), openfactory_sn::Error> {
    /// let items = json!([{"sys_id": "d1", "name": "edge-0001"}, {"sys_id": "d2", "name": "edge-0002"}]);
    /// let instance = ScriptedTransport::new().on(
    ///     Expected::get("/api/now/cmdb/instance/cmdb_ci_server").query("sysparm_query", "nameSTARTSWITHedge-"),
    ///     Reply::result(200, items),
    /// );
    /// let edge = Query::new().and(NAME.starts_with("edge-"));
    /// let devices = client(&instance).cmdb().instances("cmdb_ci_server", &edge).await?;
    /// assert_eq!(devices[1].1, "edge-0002");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Local`] if the query cannot be encoded; [`ErrorKind::Invalid`] if there are more; as
    /// [`Cmdb::instance`]. This API sends no fields that a dropped condition could be seen by: list the class's table where
    /// that matters.
    pub async fn instances(&self, class: &str, query: &Query) -> Result<Vec<(SysId, String)>, Error> {
        let operation = format!("list {class}");
        let encoded = query.encoded().map_err(|error| {
            Error::new(ErrorKind::Local, operation.clone(), "query cannot be encoded").with_source(error)
        })?;
        let most = query.maximum().unwrap_or(LIST_MAX + 1).min(LIST_MAX + 1);
        let target = Target::new(path(class, None)?)
            .with("sysparm_query", &encoded)
            .with("sysparm_limit", &most.to_string());
        let call = Call::get(operation, target);
        let result = self.client.call(&call, self.client.engine().deadline()).await?.result;
        let items = result.as_array().map(|items| items.iter().map(key_and_name).collect::<Option<Vec<_>>>());
        let items = items.flatten().ok_or_else(|| {
            Error::new(ErrorKind::Decode, call.operation.clone(), "answer is no list of items")
        })?;
        match items.len() > LIST_MAX {
            true => {
                Err(Error::new(ErrorKind::Invalid, call.operation, "more than 10000 items; narrow the query"))
            }
            false => Ok(items),
        }
    }

    /// Makes an item, by way of identification, with relations to items that are there already.
    ///
    /// ```
    /// use openfactory_sn::Fields;
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), openfactory_sn::Error> {
    /// let path = "/api/now/cmdb/instance/cmdb_ci_server";
    /// let answer = |version: &str| json!({"attributes": {"sys_id": "d1", "os_version": version},
    ///     "inbound_relations": [], "outbound_relations": []});
    /// let instance = ScriptedTransport::new()
    ///     .on(Expected::post(path).field("source", "OpenFactory"), Reply::result(201, answer("1")))
    ///     .on(Expected::patch(format!("{path}/d1")).field("attributes", json!({"os_version": "2"})),
    ///         Reply::result(200, answer("2")));
    /// let cmdb = client(&instance).cmdb();
    /// let named = Fields::new().with("name", "edge-0001").with("os_version", "1");
    /// let device = cmdb.create_instance("cmdb_ci_server", "OpenFactory", &named, &[]).await?;
    /// let newer = Fields::new().with("os_version", "2");
    /// let id = device.attributes.sys_id();
    /// let device = cmdb.update_instance("cmdb_ci_server", id, "OpenFactory", &newer).await?;
    /// assert_eq!(device.attributes.text("os_version"), "2");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Cmdb::instance`]; not repeated once it may have happened.
    pub async fn create_instance(
        &self,
        class: &str,
        source: &str,
        attributes: &Fields,
        relations: &[NewRelation],
    ) -> Result<Instance, Error> {
        let mut body = related(source, relations);
        insert(&mut body, "attributes", json!(attributes));
        let call =
            Call::json(Method::POST, format!("create {class}"), Target::new(path(class, None)?), &body);
        self.one(&call, class).await
    }

    /// Sets attributes of an item, leaving the others; repeated where need be.
    ///
    /// # Errors
    ///
    /// As [`Cmdb::instance`].
    pub async fn update_instance(
        &self,
        class: &str,
        sys_id: &SysId,
        source: &str,
        attributes: &Fields,
    ) -> Result<Instance, Error> {
        let body = json!({"attributes": attributes, "source": source});
        let target = Target::new(path(class, Some(sys_id))?);
        let mut call = Call::json(Method::PATCH, format!("update {class} {sys_id}"), target, &body);
        if attributes.is_repeatable() {
            call.repeat = crate::wire::call::Repeat::Safe;
        }
        self.one(&call, class).await
    }

    /// Adds relations to an item; not repeated once it may have happened. [`Cmdb::relate`] makes one once.
    ///
    /// ```
    /// use openfactory_sn::SysId;
    /// use openfactory_sn::cmdb::NewRelation;
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let answer = json!({"attributes": {"sys_id": "d1"}, "outbound_relations": [], "inbound_relations": [
    ///     {"sys_id": "r1", "type": {"value": "t1"}, "target": {"value": "rack7"}}]});
    /// let instance = ScriptedTransport::new()
    ///     .on(Expected::post("/api/now/cmdb/instance/cmdb_ci_server/d1/relation"), Reply::result(200, answer));
    /// let in_rack = NewRelation::Inbound { kind: SysId::new("t1")?, target: SysId::new("rack7")? };
    /// let cmdb = client(&instance).cmdb();
    /// let device = cmdb.add_relations("cmdb_ci_server", &SysId::new("d1")?, "OpenFactory", &[in_rack]).await?;
    /// assert_eq!(device.inbound[0].sys_id.as_str(), "r1");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Cmdb::instance`].
    pub async fn add_relations(
        &self,
        class: &str,
        sys_id: &SysId,
        source: &str,
        relations: &[NewRelation],
    ) -> Result<Instance, Error> {
        let target = Target::new(format!("{}/relation", path(class, Some(sys_id))?));
        let body = related(source, relations);
        let call = Call::json(Method::POST, format!("relate {class} {sys_id}"), target, &body);
        self.one(&call, class).await
    }

    /// Takes a relation away from an item. That it is gone counts as done if an earlier request may have done it.
    ///
    /// ```
    /// use openfactory_sn::SysId;
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let instance = ScriptedTransport::new()
    ///     .on(Expected::delete("/api/now/cmdb/instance/cmdb_ci_server/d1/relation/r1"), Reply::empty(204));
    /// let (device, relation) = (SysId::new("d1")?, SysId::new("r1")?);
    /// client(&instance).cmdb().remove_relation("cmdb_ci_server", &device, &relation).await?;
    /// instance.assert_done();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there was none; as [`Cmdb::instance`].
    pub async fn remove_relation(&self, class: &str, sys_id: &SysId, relation: &SysId) -> Result<(), Error> {
        let target = Target::new(format!("{}/relation/{relation}", path(class, Some(sys_id))?));
        let call = Call::delete(format!("remove relation {relation} of {class} {sys_id}"), target);
        match self.client.call(&call, self.client.engine().deadline()).await {
            Ok(_) => Ok(()),
            Err(error) if is_absent(&error) && error.may_have_happened() => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn one(&self, call: &Call, class: &str) -> Result<Instance, Error> {
        let mut result = self.client.call(call, self.client.engine().deadline()).await?.result;
        let attributes = result.get_mut("attributes").map(Value::take).unwrap_or_default();
        let attributes = Row::try_from(attributes).map_err(|malformed| {
            undecodable(format!("read {class}"), malformed).with_may_have_happened(call.writes())
        })?;
        let relations = |name: &str| {
            let listed = result.get(name).and_then(Value::as_array);
            listed.into_iter().flatten().map(relation).collect::<Option<Vec<_>>>().ok_or_else(|| {
                Error::new(ErrorKind::Decode, call.operation.clone(), "relation has not its form")
                    .with_may_have_happened(call.writes())
            })
        };
        Ok(Instance {
            attributes,
            inbound: relations("inbound_relations")?,
            outbound: relations("outbound_relations")?,
        })
    }
}

fn path(class: &str, sys_id: Option<&SysId>) -> Result<String, Error> {
    let good = (1..=80).contains(&class.len())
        && class.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    if !good {
        return Err(Error::new(
            ErrorKind::Local,
            "call the CMDB Instance API",
            "class name is not of [a-z0-9_]",
        ));
    }
    let record = sys_id.map(|sys_id| format!("/{sys_id}")).unwrap_or_default();
    Ok(format!("/api/now/cmdb/instance/{class}{record}"))
}

fn relation(value: &Value) -> Option<InstanceRelation> {
    let reference = |name: &str| Reference::read(Raw::of(value.get(name)?).ok()?).ok();
    Some(InstanceRelation {
        sys_id: SysId::new(value.get("sys_id")?.as_str()?).ok()?,
        kind: reference("type")?,
        target: reference("target")?,
    })
}

fn related(source: &str, relations: &[NewRelation]) -> Value {
    let mut body = json!({"source": source});
    let of = |inbound: bool| -> Vec<Value> {
        let each = relations.iter().filter_map(|relation| match relation {
            NewRelation::Inbound { kind, target } if inbound => Some((kind, target)),
            NewRelation::Outbound { kind, target } if !inbound => Some((kind, target)),
            NewRelation::Inbound { .. } | NewRelation::Outbound { .. } => None,
        });
        each.map(|(kind, target)| json!({"type": kind, "target": target})).collect()
    };
    for (name, inbound) in [("inbound_relations", true), ("outbound_relations", false)] {
        let listed = of(inbound);
        if !listed.is_empty() {
            insert(&mut body, name, listed.into());
        }
    }
    body
}

fn insert(body: &mut Value, name: &str, value: Value) {
    if let Some(members) = body.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}

fn key_and_name(item: &Value) -> Option<(SysId, String)> {
    let text = |name: &str| item.get(name).and_then(Value::as_str);
    Some((SysId::new(text("sys_id")?).ok()?, text("name").unwrap_or_default().to_owned()))
}
