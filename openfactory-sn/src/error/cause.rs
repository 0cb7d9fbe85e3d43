//! What exactly a refusal was about, as far as the instance tells it, and what can be done.

use http::StatusCode;

use super::{ErrorKind, ServiceFault};

/// What exactly it was about: known by the instance's own English words, else by the status where that says enough.
///
/// An instance speaks the language of the credential's user, so a cause can stay unknown where the kind is known.
///
/// ```
/// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
/// use openfactory_sn::{Cause, Fields};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), openfactory_sn::Error> {
/// let words = "Operation against file 'change_request' was aborted by Business Rule 'Change Model: Abort'";
/// let instance =
///     ScriptedTransport::new().on(Expected::post("/api/now/table/change_request"), Reply::fault(403, words, ""));
/// let error = client(&instance).dynamic_table("change_request").create(&Fields::new()).await.unwrap_err();
/// let told = match error.cause() {
///     Some(Cause::BusinessRule) => "the record may not go there from where it stands",
///     Some(Cause::DataPolicy) => "a field is missing",
///     _ => error.advice(),
/// };
/// assert_eq!(told, "the record may not go there from where it stands");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// The token endpoint's answer to nearly every refusal.
    AccessDenied,
    /// An access control stands against this operation on this record.
    Acl,
    /// The REST API itself is closed to this user.
    ApiAcl,
    /// A business rule refused it, often because the record's state does not allow this step.
    BusinessRule,
    /// The answer ends before it is complete.
    CutOff,
    /// A data policy wants more fields for this step.
    DataPolicy,
    /// A record with this unique key, such as its sys_id, is there already.
    Duplicate,
    /// An answer of success holds an error.
    ErrorInSuccess,
    /// The query needs a right on a field that the credential does not have.
    QueryAcl,
    /// The table is not there.
    InvalidTable,
    /// The body could not be read as JSON.
    MalformedBody,
    /// The API does not take this method.
    Method,
    /// Multi-factor authentication is asked of the user.
    MultiFactor,
    /// There is no such record, or it is hidden.
    NoRecord,
    /// There is no such API: wrong address, or its plugin is not active.
    NoSuchApi,
    /// A web page instead of an answer.
    Page,
    /// Put into a waiting line, and answered without having been carried out.
    Queued,
    /// The instance's time for one request ran out.
    QuotaExpired,
    /// More calls in an hour than a rate limit rule lets through.
    RateLimit,
    /// The answer redirects elsewhere.
    Redirect,
    /// More calls at once than the instance's semaphores hold.
    Semaphore,
    /// The body is larger than the instance takes.
    TooLarge,
    /// The form of the request or of the wanted answer is not supported.
    MediaType,
    /// The URL is longer than the instance takes.
    UrlTooLong,
}

/// The instance's words, and what they tell. The first that fit count.
const WORDS: &[(&str, Cause)] = &[
    ("Unique Key violation", Cause::Duplicate),
    ("Duplicate entry", Cause::Duplicate),
    ("aborted by Business Rule", Cause::BusinessRule),
    ("Data Policy Exception", Cause::DataPolicy),
    ("Invalid table", Cause::InvalidTable),
    ("Requested URI does not represent any resource", Cause::NoSuchApi),
    ("No Record found", Cause::NoRecord),
    ("maximum execution time exceeded", Cause::QuotaExpired),
    ("Transaction cancelled", Cause::QuotaExpired),
    ("Insufficient rights to query", Cause::QueryAcl),
    ("in the query do not have permission", Cause::QueryAcl),
    ("Failed API level ACL", Cause::ApiAcl),
    ("ACL Exception", Cause::Acl),
    ("Insufficient rights", Cause::Acl),
    ("large REST payload", Cause::TooLarge),
    ("Exception while reading request", Cause::MalformedBody),
    ("Rate limit", Cause::RateLimit),
    ("access_denied", Cause::AccessDenied),
    ("invalid_client", Cause::AccessDenied),
];

impl Cause {
    /// What an answer that says no was about.
    pub(crate) fn of(status: StatusCode, fault: Option<&ServiceFault>) -> Option<Self> {
        fault.and_then(Self::of_words).or_else(|| Self::of_status(status))
    }

    /// What an error inside an answer of success was about.
    pub(crate) fn in_success(fault: &ServiceFault) -> Self {
        Self::of_words(fault).unwrap_or(Self::ErrorInSuccess)
    }

    fn of_words(fault: &ServiceFault) -> Option<Self> {
        WORDS.iter().find(|(words, _)| fault.says(words)).map(|(_, cause)| *cause)
    }

    fn of_status(status: StatusCode) -> Option<Self> {
        match status {
            StatusCode::METHOD_NOT_ALLOWED => Some(Self::Method),
            StatusCode::NOT_ACCEPTABLE | StatusCode::UNSUPPORTED_MEDIA_TYPE => Some(Self::MediaType),
            StatusCode::PAYLOAD_TOO_LARGE => Some(Self::TooLarge),
            StatusCode::URI_TOO_LONG => Some(Self::UrlTooLong),
            StatusCode::TOO_MANY_REQUESTS => Some(Self::Semaphore),
            status if status.is_redirection() => Some(Self::Redirect),
            _ => None,
        }
    }

    /// The kind of failure, where the words say more than the status.
    pub(crate) fn kind(self) -> ErrorKind {
        match self {
            Self::AccessDenied | Self::MultiFactor => ErrorKind::Unauthenticated,
            Self::Acl | Self::ApiAcl | Self::QueryAcl => ErrorKind::Forbidden,
            Self::BusinessRule | Self::Duplicate => ErrorKind::Conflict,
            Self::CutOff => ErrorKind::Decode,
            Self::DataPolicy
            | Self::InvalidTable
            | Self::MalformedBody
            | Self::MediaType
            | Self::Method
            | Self::NoSuchApi
            | Self::TooLarge
            | Self::UrlTooLong => ErrorKind::Invalid,
            Self::ErrorInSuccess | Self::Page | Self::Queued | Self::Redirect => ErrorKind::Unavailable,
            Self::NoRecord => ErrorKind::NotFound,
            Self::QuotaExpired => ErrorKind::Timeout,
            Self::RateLimit | Self::Semaphore => ErrorKind::Throttled,
        }
    }

    /// What a person can do about it.
    pub(super) fn advice(self) -> &'static str {
        match self {
            Self::AccessDenied => super::ACCESS_DENIED,
            Self::Acl => {
                "grant the integration user the role or access control for this table, operation and record: write access \
                 to a table does not follow from reading it"
            }
            Self::ApiAcl => {
                "the REST API itself is closed to this user: grant the role its access control names"
            }
            Self::BusinessRule => {
                "a business rule refused it, often because the record's state does not allow this step: re-read the \
                 record, and walk its states one at a time"
            }
            Self::CutOff => {
                "the answer was cut off, mostly because the instance's time for one request ran out while it answered: ask \
                 for less at once"
            }
            Self::DataPolicy => {
                "the instance wants more fields for this step; the message names them by their labels, not their column \
                 names. A value that is not on a choice list can have been stored as empty: check that as well"
            }
            Self::Duplicate => {
                "a record with this key is there already: read it, and decide whether it is the one that was meant"
            }
            Self::ErrorInSuccess => {
                "the instance began to answer and then failed: try again later, and look at its log"
            }
            Self::InvalidTable => {
                "the table is not there: check its name in the mapping, or activate the plugin that brings it"
            }
            Self::MalformedBody => {
                "the instance could not read the body; nothing was written. If a proxy stands in between, check that it \
                 passes bodies on as they are"
            }
            Self::MediaType => {
                "this API does not take or give JSON, or a proxy changed the headers: check the path and the API's version"
            }
            Self::Method => {
                "this API does not take such a call: check the path and the API's version; the Table API creates by a POST \
                 to the table alone, never to a record"
            }
            Self::MultiFactor => {
                "multi-factor authentication is asked of this user: integrations need OAuth, or a user with web service \
                 access only"
            }
            Self::NoRecord => {
                "the record is gone, was never there, or is hidden from this user by an access control"
            }
            Self::NoSuchApi => {
                "this API is not there: check the instance's address, and that the plugin that brings the API is active"
            }
            Self::Page => {
                "the instance hibernates, is in maintenance or asks for a login: open its address in a browser, then try \
                 again"
            }
            Self::QueryAcl => {
                "the query uses a field that the credential may not read or sort by: grant read access on the field, or \
                 its query access controls"
            }
            Self::Queued => {
                "too many calls waited in one session, and this one was put aside without having been carried out: send \
                 no session cookies, and fewer calls at once"
            }
            Self::QuotaExpired => {
                "the instance's time quota for one request ran out: ask for less at once, or add an index for the query"
            }
            Self::RateLimit => {
                "a rate limit rule (table sys_rate_limit_rules) is used up for this hour: wait as long as the instance \
                 asks, or have the rule raised for this user"
            }
            Self::Redirect => {
                "the instance redirects to a login or maintenance page, or the address is not its own: open it in a browser, \
                 and use the one that it redirects to"
            }
            Self::Semaphore => {
                "more calls at once than the instance works at for integrations: lower the client's limit on concurrent \
                 calls, and that of others who use the instance"
            }
            Self::TooLarge => {
                "the body is over the instance's limit (property glide.rest.max_content_length for JSON, \
                 com.glide.attachment.max_size for files): send large content as an attachment"
            }
            Self::UrlTooLong => "the URL is over the instance's limit of 8 KiB: split the query",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_win_over_the_status() {
        let fault = ServiceFault::new("Operation Failed", Some("Data Policy Exception: \n\tClose notes"));
        let of = |status: u16, fault: Option<&ServiceFault>| {
            Cause::of(StatusCode::from_u16(status).unwrap(), fault)
        };
        assert_eq!(of(403, Some(&fault)), Some(Cause::DataPolicy));
        assert_eq!(of(405, Some(&fault)), Some(Cause::DataPolicy));
        let unknown = ServiceFault::new("Etwas ging schief", None);
        assert_eq!((of(403, Some(&unknown)), of(413, Some(&unknown))), (None, Some(Cause::TooLarge)));
        assert_eq!(Cause::in_success(&unknown), Cause::ErrorInSuccess);
    }
}
