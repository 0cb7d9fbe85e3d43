//! A request that is not granted: status, message and detail, as an instance words them.

use axum::http::StatusCode;

use crate::store::StoreError;
use crate::switches::{MethodRefusal, Switches};

#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) message: String,
    pub(crate) detail: Option<String>,
    varies: Option<Varies>,
}

/// Of refusals that differ between instances, which one it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Varies {
    DuplicateKey,
    Method,
    NoResource,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), detail: None, varies: None }
    }

    fn varies(mut self, varies: Varies) -> Self {
        self.varies = Some(varies);
        self
    }

    /// The refusal as an instance with these switches words it.
    pub(crate) fn as_of(&self, switches: &Switches) -> (StatusCode, &str, Option<&str>) {
        let own = (self.status, self.message.as_str(), self.detail.as_deref());
        let with = |status| (StatusCode::from_u16(status).unwrap_or(own.0), own.1, own.2);
        match self.varies {
            Some(Varies::DuplicateKey) => with(switches.duplicate_sys_id_status),
            Some(Varies::NoResource) => with(switches.unknown_path_status),
            Some(Varies::Method) if switches.method_refusal == MethodRefusal::NotAllowed => {
                (self.status, "Method Not Allowed", None)
            }
            _ => own,
        }
    }

    pub(crate) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    pub(crate) fn invalid_table(table: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, format!("Invalid table {table}"))
    }

    /// A parameter, member or part that a call can't do without.
    pub(crate) fn missing(name: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "Missing parameter").detail(name)
    }

    pub(crate) fn no_record() -> Self {
        Self::new(StatusCode::NOT_FOUND, "No Record found")
            .detail("Record doesn't exist or ACL restricts the record retrieval")
    }

    pub(crate) fn unauthenticated() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "User Not Authenticated")
            .detail("Required to provide Auth information")
    }

    pub(crate) fn unreadable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "Exception while reading request").detail(detail)
    }

    fn operation_failed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "Operation Failed").detail(detail)
    }

    /// The access rules forbid `Insert`, `Update` or `Delete`.
    pub(crate) fn acl(operation: &str) -> Self {
        Self::operation_failed(format!("ACL Exception {operation} Failed due to security constraints"))
    }

    /// Mandatory fields are empty; they are named by label.
    pub(crate) fn data_policy(labels: &[&str]) -> Self {
        Self::operation_failed(format!(
            "Data Policy Exception: \n\tThe following fields are mandatory: {}",
            labels.join(", ")
        ))
    }

    /// A business rule aborted the operation.
    pub(crate) fn business_rule(table: &str, rule: &str, rule_id: &str) -> Self {
        Self::operation_failed(format!(
            "Operation against file '{table}' was aborted by Business Rule '{rule}^{rule_id}'. \
             Business Rule Stack:{rule}"
        ))
    }

    pub(crate) fn duplicate_key(sys_id: &str) -> Self {
        Self::operation_failed(format!(
            "Unique Key violation detected by database (Duplicate entry '{sys_id}' for key 'PRIMARY')"
        ))
        .varies(Varies::DuplicateKey)
    }

    pub(crate) fn no_resource(path: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "Requested URI does not represent any resource")
            .detail(path)
            .varies(Varies::NoResource)
    }

    /// The caller may not use this API at all.
    pub(crate) fn api_acl() -> Self {
        Self::new(StatusCode::FORBIDDEN, "Failed API level ACL Validation")
    }

    /// The caller may not ask for these rows at all.
    pub(crate) fn query_rights() -> Self {
        Self::new(StatusCode::FORBIDDEN, "Insufficient rights to query records")
    }

    /// The call took longer than its quota.
    pub(crate) fn cancelled() -> Self {
        let told = "Transaction cancelled: maximum execution time exceeded";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, told).detail(format!(
            "{told} Check logs for error trace or enable glide.rest.debug property to verify REST request processing"
        ))
    }

    pub(crate) fn method(method: &str) -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "Method not supported")
            .detail(format!("{method} method not supported for API"))
            .varies(Varies::Method)
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        if matches!(error, StoreError::TooLong) {
            return Self::cancelled();
        }
        tracing::error!(error = &error as &dyn std::error::Error, "the state could not be used");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Transaction failed").detail(error.to_string())
    }
}
