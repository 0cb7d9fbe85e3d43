//! What Identification and Reconciliation made of each item. It answers 200 whatever became of them.

use serde_json::Value;

use crate::error::{Error, ErrorKind};
use crate::id::SysId;
use crate::value::choice;

choice! {
    /// What was done with an item or relation.
    ///
    /// ```
    /// use openfactory_sn::cmdb::CiOperation;
    ///
    /// assert_eq!(CiOperation::from_raw("INSERT_AS_PARTIAL"), CiOperation::InsertAsPartial);
    /// assert_eq!(CiOperation::NoChange.as_str(), "NO_CHANGE");
    /// ```
    CiOperation {
        /// Deleted.
        Delete = "DELETE",
        /// Made.
        Insert = "INSERT",
        /// Made, with values missing that its class wants.
        InsertAsIncomplete = "INSERT_AS_INCOMPLETE",
        /// Kept aside until more is known of it.
        InsertAsPartial = "INSERT_AS_PARTIAL",
        /// Left as it was.
        NoChange = "NO_CHANGE",
        /// Changed.
        Update = "UPDATE",
        /// Changed, and moved to a class above its own.
        UpdateWithDowngrade = "UPDATE_WITH_DOWNGRADE",
        /// Changed, and moved to a class beside its own.
        UpdateWithSwitch = "UPDATE_WITH_SWITCH",
        /// Changed, and moved to a class below its own.
        UpdateWithUpgrade = "UPDATE_WITH_UPGRADE",
    }
}

choice! {
    /// Why an item was refused.
    ///
    /// ```
    /// use openfactory_sn::cmdb::IreErrorCode;
    ///
    /// let code = IreErrorCode::from_raw("MISSING_DEPENDENCY");
    /// assert_eq!((code.as_str(), code.is_retryable()), ("MISSING_DEPENDENCY", false));
    /// assert!(code.advice().contains("the item that it depends on"));
    /// assert!(IreErrorCode::LockTimeout.is_retryable());
    /// assert_eq!(IreErrorCode::from_raw("NEW_IN_Z").as_str(), "NEW_IN_Z", "a code of a later release is kept");
    /// ```
    IreErrorCode {
        /// Given up because of another item.
        Abandoned = "ABANDONED",
        /// The same look-up twice.
        DuplicateLookup = "DUPLICATE_LOOKUP_PAYLOAD",
        /// The same item twice in the payload.
        DuplicatePayload = "DUPLICATE_PAYLOAD_RECORDS",
        /// The same related record twice.
        DuplicateRelated = "DUPLICATE_RELATED_PAYLOAD",
        /// Several relation types of one name.
        DuplicateRelationshipTypes = "DUPLICATE_RELATIONSHIP_TYPES",
        /// The class has no identification rule.
        IdentificationRuleMissing = "IDENTIFICATION_RULE_MISSING",
        /// This source may not make items of this class.
        InsertNotAllowed = "INSERT_NOT_ALLOWED_FOR_SOURCE",
        /// A wrong key, relation name, index or data source.
        InvalidInput = "INVALID_INPUT_DATA",
        /// Another call works on the same items.
        LockTimeout = "LOCK_TIMEOUT",
        /// The class has no rule of what it depends on.
        MetadataRuleMissing = "METADATA_RULE_MISSING",
        /// It depends on an item that the payload does not relate it to.
        MissingDependency = "MISSING_DEPENDENCY",
        /// None of the rule's attributes is there.
        MissingMatchingAttributes = "MISSING_MATCHING_ATTRIBUTES",
        /// Several items match.
        MultiMatch = "MULTI_MATCH",
        /// It depends on several items.
        MultipleDependencies = "MULTIPLE_DEPENDENCIES",
        /// Several items that are there already are the same.
        MultipleDuplicates = "MULTIPLE_DUPLICATE_RECORDS",
        /// An item without a class.
        NoClassName = "NO_CLASS_NAME_FOR_INDEPENDENT_CI",
        /// Items qualify each other.
        QualificationLoop = "QUALIFICATION_LOOP",
        /// The item is of a class from which it may not be moved.
        ReclassificationNotAllowed = "RECLASSIFICATION_NOT_ALLOWED",
        /// A value that its class wants is empty.
        RequiredAttributeEmpty = "REQUIRED_ATTRIBUTE_EMPTY",
        /// Qualifications of different classes.
        TypeConflict = "TYPE_CONFLICT_IN_QUALIFICATION",
    }
}

impl IreErrorCode {
    /// Whether the same payload may go through later, as it is.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        *self == Self::LockTimeout
    }

    /// What a person can do about it.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            Self::LockTimeout => "try again later, with fewer calls about the same items at once",
            Self::Abandoned => {
                "see why the other item was refused, and send this one without it or with it mended"
            }
            Self::IdentificationRuleMissing => {
                "give the class an identification rule, or extend it from a class that has one"
            }
            Self::MissingMatchingAttributes | Self::RequiredAttributeEmpty => {
                "send the attributes that the class's identification rule names; asset_tag is none of the stock ones"
            }
            Self::MissingDependency | Self::MultipleDependencies | Self::MetadataRuleMissing => {
                "send the item that it depends on, and the one relation to it, in the same payload"
            }
            Self::InsertNotAllowed => {
                "allow the data source to insert this class, by its reconciliation rules"
            }
            Self::InvalidInput => {
                "check keys, relation names and indexes, and that the data source is on the choice list discovery_source"
            }
            Self::MultiMatch | Self::MultipleDuplicates => "let a person merge the duplicates in the CMDB",
            Self::ReclassificationNotAllowed => "send the class that the item has, or allow the move",
            Self::DuplicateLookup
            | Self::DuplicatePayload
            | Self::DuplicateRelated
            | Self::DuplicateRelationshipTypes
            | Self::NoClassName
            | Self::QualificationLoop
            | Self::TypeConflict
            | Self::Other(_) => "change the payload; repeated as it is, it will be refused again",
        }
    }
}

/// One reason for which an item was refused.
///
/// ```
/// use openfactory_sn::cmdb::ItemError;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), openfactory_sn::Error> {
/// /// What goes into a report about a refused item.
/// fn line(error: &ItemError) -> String {
///     format!("{} ({}): {}", error.message, error.code.as_str(), error.code.advice())
/// }
/// # use openfactory_sn::Fields;
/// # use openfactory_sn::cmdb::{Item, Payload};
/// # use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
/// # use serde_json::json;
///
/// let refused = json!({"items": [{"className": "u_image", "errorCount": 1, "errors": [
///     {"error": "MULTI_MATCH", "message": "2 items match"}]}]});
/// let instance =
///     ScriptedTransport::new().on(Expected::post("/api/now/identifyreconcile"), Reply::result(200, refused));
/// let mut payload = Payload::new("OpenFactory");
/// payload.item(Item::new("u_image", Fields::new().with("name", "kiosk")));
/// let outcome = client(&instance).cmdb().reconcile(&payload).await?;
/// let lines: Vec<_> = outcome.items.iter().filter_map(|item| item.as_ref().err()).flat_map(|item| &item.errors).map(line).collect();
/// assert_eq!(lines, ["2 items match (MULTI_MATCH): let a person merge the duplicates in the CMDB"]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ItemError {
    /// Which one.
    pub code: IreErrorCode,
    /// The instance's words.
    pub message: String,
}

/// An item that was taken.
///
/// ```
/// use openfactory_sn::Fields;
/// use openfactory_sn::cmdb::{CiOperation, Item, Payload, Reconciled};
/// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
/// # use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let answer = json!({"items": [{"className": "cmdb_ci_linux_server", "sysId": "d1", "operation": "UPDATE_WITH_UPGRADE",
///     "warnings": [{"message": "moved from cmdb_ci_server"}]}]});
/// let instance =
///     ScriptedTransport::new().on(Expected::post("/api/now/identifyreconcile"), Reply::result(200, answer));
/// let mut payload = Payload::new("OpenFactory");
/// payload.item(Item::new("cmdb_ci_linux_server", Fields::new().with("serial_number", "SN1")));
/// let outcome = client(&instance).cmdb().reconcile(&payload).await?;
/// let device: &Reconciled = outcome.items[0].as_ref().map_err(|refused| refused.to_string())?;
/// assert_eq!(device.sys_id.as_ref().map(|key| key.as_str()), Some("d1"));
/// assert_eq!(device.operation, CiOperation::UpdateWithUpgrade);
/// assert_eq!(device.warnings, ["moved from cmdb_ci_server"]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reconciled {
    /// Its key; `None` only for one that a dry run would make.
    pub sys_id: Option<SysId>,
    /// Its class, as it is now.
    pub class: String,
    /// What was done.
    pub operation: CiOperation,
    /// What the instance remarks all the same.
    pub warnings: Vec<String>,
}

/// An item that was refused.
///
/// ```
/// use openfactory_sn::Fields;
/// use openfactory_sn::cmdb::{Item, Payload, Refused};
/// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
/// # use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), openfactory_sn::Error> {
/// let answer = json!({"items": [{"className": "u_image", "sysId": "Unknown", "errorCount": 1, "errors": [
///     {"error": "LOCK_TIMEOUT", "message": "could not get the lock"}]}]});
/// let instance =
///     ScriptedTransport::new().on(Expected::post("/api/now/identifyreconcile"), Reply::result(200, answer));
/// let mut payload = Payload::new("OpenFactory");
/// payload.item(Item::new("u_image", Fields::new().with("name", "kiosk")));
/// let outcome = client(&instance).cmdb().reconcile(&payload).await?;
/// assert!(!outcome.is_complete());
/// let refused: &Refused = outcome.items[0].as_ref().unwrap_err();
/// assert_eq!(refused.to_string(), "u_image refused: could not get the lock");
/// assert!(refused.is_retryable(), "the same item again, later");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{class} refused: {}", errors.first().map_or("without a reason", |error| &error.message))]
#[non_exhaustive]
pub struct Refused {
    /// Its class.
    pub class: String,
    /// Why.
    pub errors: Vec<ItemError>,
}

impl Refused {
    /// Whether the same item may be taken later, as it is.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        !self.errors.is_empty() && self.errors.iter().all(|error| error.code.is_retryable())
    }

    /// Whether it was given up because of others alone.
    pub(crate) fn is_abandoned(&self) -> bool {
        !self.errors.is_empty() && self.errors.iter().all(|error| error.code == IreErrorCode::Abandoned)
    }

    /// As the error of an operation.
    pub(crate) fn to_error(&self, operation: String) -> Error {
        let code = self.errors.first().map(|error| &error.code);
        let kind = match code {
            Some(IreErrorCode::LockTimeout) => ErrorKind::Unavailable,
            Some(IreErrorCode::MultiMatch | IreErrorCode::MultipleDuplicates) => ErrorKind::Conflict,
            Some(IreErrorCode::InsertNotAllowed | IreErrorCode::ReclassificationNotAllowed) => {
                ErrorKind::Forbidden
            }
            _ => ErrorKind::Invalid,
        };
        let error = Error::new(kind, operation, self.to_string())
            .with_transient(self.is_retryable())
            .with_source(self.clone());
        match code {
            Some(code) => error.with_advice(code.advice()),
            None => error,
        }
    }
}

/// What became of a payload.
///
/// ```
/// use openfactory_sn::Fields;
/// use openfactory_sn::cmdb::{Item, Outcome, Payload};
/// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
/// # use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // The status is 200, and one of the two items was not taken.
/// let answer = json!({"items": [
///     {"className": "cmdb_ci_server", "sysId": "d1", "operation": "INSERT"},
///     {"className": "cmdb_ci_server", "sysId": "Unknown", "errorCount": 1, "errors": [
///         {"error": "MISSING_MATCHING_ATTRIBUTES", "message": "no serial number"}]},
/// ]});
/// let instance =
///     ScriptedTransport::new().on(Expected::post("/api/now/identifyreconcile"), Reply::result(200, answer));
/// let mut payload = Payload::new("OpenFactory");
/// payload.item(Item::new("cmdb_ci_server", Fields::new().with("serial_number", "SN1")));
/// payload.item(Item::new("cmdb_ci_server", Fields::new().with("name", "edge-2")));
/// let outcome: Outcome = client(&instance).cmdb().reconcile(&payload).await?;
/// assert!(!outcome.is_complete());
/// assert_eq!(outcome.items.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outcome {
    /// Each item, in the payload's order.
    pub items: Vec<Result<Reconciled, Refused>>,
    /// Each relation's operation, in the payload's order; `None` for one that was not made, or of which the instance does
    /// not tell.
    pub relations: Vec<Option<CiOperation>>,
    /// Each relation's key, where the instance tells it, which it need not.
    pub relation_keys: Vec<Option<SysId>>,
    /// Why each relation was not made, as far as the instance says.
    pub relation_errors: Vec<Vec<ItemError>>,
}

impl Outcome {
    /// Whether every item was taken.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.items.iter().all(Result::is_ok) && self.relations.iter().all(Option::is_some)
    }

    /// Reads `result`; `None` if it is no such answer. `classes` are those of the payload, `relations` how many it has; in a
    /// `dry` run an item that would be made has no key.
    pub(super) fn read(result: &Value, classes: &[&str], relations: usize, dry: bool) -> Option<Self> {
        let answered = result.get("items")?.as_array()?;
        let mut items: Vec<Option<Result<Reconciled, Refused>>> = vec![None; classes.len()];
        for (place, item) in answered.iter().enumerate() {
            for index in places(item, place)? {
                *items.get_mut(index)? = Some(read_item(item, classes.get(index)?, dry)?);
            }
        }
        let items = items.into_iter().collect::<Option<Vec<_>>>()?;
        let listed = result.get("relations").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let mut told: Vec<Option<&Value>> = vec![None; relations];
        for (place, relation) in listed.iter().enumerate() {
            // Without indices only as many answers as relations can be told apart.
            if relation.get("inputIndices").is_none() && listed.len() != relations {
                continue;
            }
            for index in places(relation, place)? {
                if let Some(told) = told.get_mut(index) {
                    *told = Some(relation);
                }
            }
        }
        let mut outcome =
            Self { items, relations: Vec::new(), relation_keys: Vec::new(), relation_errors: Vec::new() };
        for relation in told {
            let errors = relation.map(errors).unwrap_or_default();
            let made = relation.filter(|relation| errors.is_empty() && count(relation) == 0);
            let named = |name: &str| made?.get(name)?.as_str().filter(|text| !text.is_empty());
            outcome.relations.push(named("operation").map(CiOperation::from_raw));
            outcome
                .relation_keys
                .push(named("sysId").filter(|key| *key != UNKNOWN).and_then(|key| SysId::new(key).ok()));
            outcome.relation_errors.push(errors);
        }
        Some(outcome)
    }
}

/// What stands in the place of a key that there is none of.
const UNKNOWN: &str = "Unknown";

/// Which of what was sent an answer is about: the instance merges what is the same, so one answer can be for several.
fn places(answer: &Value, place: usize) -> Option<Vec<usize>> {
    let indices = answer.get("inputIndices").and_then(Value::as_array).filter(|indices| !indices.is_empty());
    match indices {
        Some(indices) => indices.iter().map(|index| usize::try_from(index.as_u64()?).ok()).collect(),
        None => Some(vec![place]),
    }
}

fn count(answer: &Value) -> u64 {
    answer.get("errorCount").and_then(Value::as_u64).unwrap_or(0)
}

fn text(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn errors(answer: &Value) -> Vec<ItemError> {
    let listed = answer.get("errors").and_then(Value::as_array);
    let each = listed.into_iter().flatten().map(|error| ItemError {
        code: IreErrorCode::from_raw(&text(error, "error")),
        message: text(error, "message"),
    });
    each.collect()
}

fn read_item(item: &Value, class: &str, dry: bool) -> Option<Result<Reconciled, Refused>> {
    let class = match text(item, "className") {
        named if named.is_empty() => class.to_owned(),
        named => named,
    };
    let errors = errors(item);
    let failed = !errors.is_empty() || count(item) > 0;
    let key = text(item, "sysId");
    let operation = CiOperation::from_raw(&text(item, "operation"));
    let unknown = key.is_empty() || key == UNKNOWN;
    let would_be_made = dry && operation.as_str().starts_with("INSERT");
    if failed || (unknown && !would_be_made) {
        return Some(Err(Refused { class, errors }));
    }
    let warnings = item.get("warnings").and_then(Value::as_array);
    let warnings = warnings.into_iter().flatten().map(|warning| text(warning, "message")).collect();
    let sys_id = if unknown { None } else { Some(SysId::new(&key).ok()?) };
    Some(Ok(Reconciled { sys_id, class, operation, warnings }))
}
