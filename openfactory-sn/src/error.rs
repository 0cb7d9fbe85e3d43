//! What went wrong between us and ServiceNow, told by what can be done about it.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

mod advice;
mod cause;

pub(crate) use self::advice::{ACCESS_DENIED, CORRELATION_LOST, QUERY_WIDENED, SYS_ID_IGNORED};
pub use self::cause::Cause;

/// Longest text of a fault that is kept, in bytes.
const FAULT_TEXT_MAX: usize = 512;

/// What kind of failure it is: each names a remedy.
///
/// ```
/// use openfactory_sn::ErrorKind;
/// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let busy = Reply::fault(429, "Rate limit exceeded", "").header("retry-after", "120");
/// let instance = ScriptedTransport::new().on(Expected::get("/api/now/table/incident/a1"), busy);
/// let incidents = client(&instance).dynamic_table("incident");
/// let error = incidents.get(&openfactory_sn::SysId::new("a1")?).await.unwrap_err();
/// let wait = match error.kind() {
///     ErrorKind::Throttled | ErrorKind::Unavailable => error.retry_after().unwrap_or_default().as_secs(),
///     ErrorKind::NotFound => 0, // nothing to wait for
///     _ => return Err(error.into()),
/// };
/// assert_eq!(wait, 120);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The record's state or a unique key stands against it: re-read, then decide.
    Conflict,
    /// No connection came about: check the address, the network and the certificate; then try again.
    Connect,
    /// The answer cannot be understood, or is not the whole answer.
    Decode,
    /// The credential is good but has no right to do this: grant it.
    Forbidden,
    /// The instance refuses this request as it is: change it.
    Invalid,
    /// This side refused, nothing was sent: change the call or the configuration.
    Local,
    /// There is no such record, or it is hidden from the credential.
    NotFound,
    /// The instance asks for fewer calls: wait for [`Error::retry_after`].
    Throttled,
    /// Time ran out.
    Timeout,
    /// The credential was not accepted.
    Unauthenticated,
    /// The instance cannot serve now: try again later.
    Unavailable,
}

/// What the instance itself said: the `error` object of its answer.
///
/// Texts come in the language of the credential's user, cut at 512 bytes.
///
/// ```
/// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
/// use openfactory_sn::{Fields, ServiceFault};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let refusal = Reply::fault(403, "Operation Failed", "ACL Exception Insert Failed due to security constraints");
/// let instance = ScriptedTransport::new().on(Expected::post("/api/now/table/incident"), refusal);
/// let error = client(&instance).dynamic_table("incident").create(&Fields::new()).await.unwrap_err();
/// let fault: &ServiceFault = error.fault().ok_or("the instance said nothing")?;
/// assert_eq!(fault.message, "Operation Failed");
/// assert!(fault.detail.as_deref().is_some_and(|detail| detail.starts_with("ACL Exception")));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServiceFault {
    /// Its `message`.
    pub message: String,
    /// Its `detail`; absent where it is null or empty.
    pub detail: Option<String>,
}

impl ServiceFault {
    pub(crate) fn new(message: &str, detail: Option<&str>) -> Self {
        Self { message: tidy(message), detail: detail.map(tidy).filter(|detail| !detail.is_empty()) }
    }

    /// Whether message or detail contains this English text.
    pub(crate) fn says(&self, text: &str) -> bool {
        self.message.contains(text) || self.detail.as_deref().is_some_and(|detail| detail.contains(text))
    }
}

impl fmt::Display for ServiceFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.detail {
            Some(detail) => write!(f, "{}: {detail}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

/// One line of at most [`FAULT_TEXT_MAX`] bytes.
fn tidy(text: &str) -> String {
    let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.len() > FAULT_TEXT_MAX {
        let end = (0..=FAULT_TEXT_MAX).rev().find(|end| line.is_char_boundary(*end)).unwrap_or(0);
        line.truncate(end);
        line.push('…');
    }
    line
}

/// The error of everything in this crate that talks to ServiceNow.
///
/// One pointer wide and cheap to clone, so that callers who waited for the same token can all be told why there is
/// none. Never holds a secret or a request's body.
///
/// ```
/// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
/// use openfactory_sn::transport::TransportErrorKind;
/// use openfactory_sn::{ErrorKind, Fields, SysId};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let instance = ScriptedTransport::new()
///     .on(Expected::post("/api/now/table/incident"), Reply::failure(TransportErrorKind::Interrupted))
///     .on(Expected::get("/api/now/table/incident/a1"), Reply::fault(404, "No Record found", "…"));
/// let incidents = client(&instance).dynamic_table("incident");
///
/// let lost = incidents.create(&Fields::new()).await.unwrap_err();
/// assert_eq!((lost.kind(), lost.operation(), lost.status()), (ErrorKind::Unavailable, "create incident", None));
/// assert!(lost.is_retryable(), "later, the network may be there");
/// assert!(lost.may_have_happened(), "but first the record has to be looked for");
///
/// let absent = incidents.get(&SysId::new("a1")?).await.unwrap_err();
/// assert_eq!(absent.status().map(|status| status.as_u16()), Some(404));
/// assert_eq!(absent.fault().map(|fault| fault.message.as_str()), Some("No Record found"));
/// assert!(!absent.is_retryable() && !absent.may_have_happened());
/// assert_eq!(absent.retry_after(), None);
/// assert!(absent.advice().contains("hidden"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    operation: String,
    reason: String,
    status: Option<StatusCode>,
    fault: Option<ServiceFault>,
    cause: Option<Cause>,
    retry_after: Option<Duration>,
    may_have_happened: bool,
    transient: bool,
    advice: Option<&'static str>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, operation: impl Into<String>, reason: impl Into<String>) -> Self {
        Self(Arc::new(Inner {
            kind,
            operation: operation.into(),
            reason: reason.into(),
            status: None,
            fault: None,
            cause: None,
            retry_after: None,
            may_have_happened: false,
            transient: matches!(
                kind,
                ErrorKind::Connect | ErrorKind::Throttled | ErrorKind::Timeout | ErrorKind::Unavailable
            ),
            advice: None,
            source: None,
        }))
    }

    fn with(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    pub(crate) fn with_status(self, status: StatusCode) -> Self {
        self.with(|inner| inner.status = Some(status))
    }

    pub(crate) fn with_fault(self, fault: Option<ServiceFault>) -> Self {
        self.with(|inner| inner.fault = fault)
    }

    pub(crate) fn with_cause(self, cause: Option<Cause>) -> Self {
        self.with(|inner| inner.cause = cause)
    }

    pub(crate) fn with_retry_after(self, retry_after: Option<Duration>) -> Self {
        self.with(|inner| inner.retry_after = retry_after)
    }

    pub(crate) fn with_may_have_happened(self, may_have_happened: bool) -> Self {
        self.with(|inner| inner.may_have_happened = may_have_happened)
    }

    pub(crate) fn with_transient(self, transient: bool) -> Self {
        self.with(|inner| inner.transient = transient)
    }

    pub(crate) fn with_advice(self, advice: &'static str) -> Self {
        self.with(|inner| inner.advice = Some(advice))
    }

    pub(crate) fn with_source(self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.with(|inner| inner.source = Some(Arc::new(source)))
    }

    /// What kind of failure it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What was tried: `create change_request`, `get incident 46ef…`.
    #[must_use]
    pub fn operation(&self) -> &str {
        &self.0.operation
    }

    /// The status of the answer, if there was one.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        self.0.status
    }

    /// What the instance said, if it said something in its own form.
    #[must_use]
    pub fn fault(&self) -> Option<&ServiceFault> {
        self.0.fault.as_ref()
    }

    /// What exactly it was about, if that is known.
    ///
    /// ```
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// use openfactory_sn::{Cause, ErrorKind, Fields, SysId};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let policy = "Data Policy Exception: The following fields are mandatory: Close notes";
    /// let instance = ScriptedTransport::new()
    ///     .on(Expected::patch("/api/now/table/incident/a1"), Reply::fault(403, "Operation Failed", policy));
    /// let resolved = Fields::new().with("state", "6");
    /// let incidents = client(&instance).dynamic_table("incident");
    /// let error = incidents.update(&SysId::new("a1")?, &resolved).await.unwrap_err();
    /// assert_eq!((error.kind(), error.cause()), (ErrorKind::Invalid, Some(Cause::DataPolicy)));
    /// assert!(error.advice().contains("labels, not their column names"));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        self.0.cause
    }

    /// How long the instance asked us to wait, from when the answer came.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Whether a write may have been carried out all the same, so that it must be looked for before it is repeated.
    ///
    /// Always `false` for what only reads.
    #[must_use]
    pub fn may_have_happened(&self) -> bool {
        self.0.may_have_happened
    }

    /// Whether the same call, unchanged, may succeed later. Says nothing about whether repeating it is safe: that is
    /// [`Error::may_have_happened`].
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.0.transient
    }

    /// What a person can do about it, in a sentence or a few.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        self.0.advice.unwrap_or_else(|| advice::of(self.0.kind, self.0.cause))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.operation, self.0.reason)?;
        if let Some(status) = self.0.status {
            write!(f, " (status {})", status.as_u16())?;
        }
        match &self.0.fault {
            Some(fault) => write!(f, ": {fault}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("operation", &self.0.operation)
            .field("reason", &self.0.reason)
            .field("status", &self.0.status)
            .field("fault", &self.0.fault)
            .field("cause", &self.0.cause)
            .field("retry_after", &self.0.retry_after)
            .field("may_have_happened", &self.0.may_have_happened)
            .field("source", &self.0.source)
            .finish_non_exhaustive()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_a_thing_to_send<T: Send + Sync + Clone + 'static>() {}

    #[test]
    fn one_pointer_wide_and_sendable() {
        is_a_thing_to_send::<Error>();
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }

    #[test]
    fn display_is_one_line_and_does_not_repeat_the_source() {
        let source = crate::transport::TransportError::new(crate::transport::TransportErrorKind::Connect);
        let text = source.to_string();
        let error =
            Error::new(ErrorKind::Connect, "get incident 1", "instance not reached").with_source(source);
        assert_eq!(error.to_string(), "get incident 1: instance not reached");
        assert!(!error.to_string().contains(&text));
        assert_eq!(error.source().unwrap().to_string(), text);
    }

    #[test]
    fn faults_are_cut_and_flattened() {
        let fault = ServiceFault::new("Data Policy Exception: \n\tfields", Some(&"ä".repeat(600)));
        assert_eq!(fault.message, "Data Policy Exception: fields");
        assert!(fault.detail.unwrap().len() <= FAULT_TEXT_MAX + '…'.len_utf8());
        assert_eq!(ServiceFault::new("x", Some("")).detail, None);
    }
}
