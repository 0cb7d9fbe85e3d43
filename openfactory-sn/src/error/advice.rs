//! What a person can do about a failure.

use super::{ErrorKind, ServiceFault};

/// The token endpoint answers nearly every refusal with the same `access_denied`, so all likely causes are told.
pub(crate) const ACCESS_DENIED: &str = "the instance gives the same answer for all of these, so check each: \
    the client id and secret; that the system property \
    glide.oauth.inbound.client.credential.grant_type.enabled exists and is true (it is absent by default); that the \
    plugin OAuth 2.0 is active; that the OAuth registry record is active and has an OAuth Application User; that this \
    user is active, not locked out and needs no password reset; that the requested scope is one of the registry \
    record's. Repeated failures can lock the user, so do not retry before something was changed";

/// Advice for a client-chosen sys_id that the instance did not take over.
pub(crate) const SYS_ID_IGNORED: &str = "a record was created, but under a key of the instance's own choice, so that a \
    repeat could not find it: delete the record named here, and let the integration user set sys_id on create (a \
    before-insert business rule or a field-level access control takes it away)";

/// Advice for a query that returned what it did not ask for.
pub(crate) const QUERY_WIDENED: &str = "an encoded query drops a condition on a field that the table lacks or the \
    credential may not read, and then returns more than was asked for: check the field's name and its read access \
    (or set glide.invalid_query.returns_no_rows on the instance)";

/// Phrases of the instance that tell more than the status, and what they mean for the reader.
const BY_FAULT: &[(&str, &str)] = &[
    (
        "Data Policy Exception",
        "the instance wants more fields for this step; the message names them by their labels, not their column names",
    ),
    (
        "aborted by Business Rule",
        "a business rule refused it, often because the record's state does not allow this step: re-read the record, \
         and walk its states one at a time",
    ),
    (
        "Invalid table",
        "the table is not there: check its name in the mapping, or activate the plugin that brings it",
    ),
    (
        "Requested URI does not represent any resource",
        "this API is not there: check the instance's address, and that the plugin that brings the API is active",
    ),
    (
        "Insufficient rights to query",
        "the query uses a field that the credential may not read or sort by: grant read access on the field, or its \
         query access controls",
    ),
    (
        "Failed API level ACL",
        "the REST API itself is closed to this user: grant the role its access control names",
    ),
    (
        "Transaction cancelled",
        "the instance's time quota for one request ran out: ask for less at once, or add an index for the query",
    ),
    (
        "large REST payload",
        "the body is over the instance's limit (property glide.rest.max_content_length): send large content as an \
         attachment",
    ),
];

/// Advice by the instance's own words if they are known, else by kind.
pub(super) fn of(kind: ErrorKind, fault: Option<&ServiceFault>) -> &'static str {
    let known = fault.and_then(|fault| BY_FAULT.iter().find(|(phrase, _)| fault.says(phrase)));
    match known {
        Some((_, advice)) => advice,
        None => by_kind(kind),
    }
}

fn by_kind(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Conflict => "re-read the record and decide anew; it is not what the caller took it for",
        ErrorKind::Connect => {
            "check the instance's address, name resolution, the route or proxy, and that the certificate is signed by a \
             trusted root"
        }
        ErrorKind::Decode => {
            "the answer is not what the API documents: check that the address is an instance's own and that no proxy \
             changes answers; if it was cut off, ask for less at once"
        }
        ErrorKind::Forbidden => {
            "grant the integration user the role or access control for this table, operation and record"
        }
        ErrorKind::Invalid => "change the request; repeated as it is, it will be refused again",
        ErrorKind::Local => "change the call or the configuration; nothing was sent",
        ErrorKind::NotFound => {
            "the record is gone, was never there, or is hidden from this user by an access control"
        }
        ErrorKind::Throttled => "wait as long as the instance asks, and send fewer calls at once",
        ErrorKind::Timeout => "try again later; if it stays, ask for less at once or give the call more time",
        ErrorKind::Unauthenticated => {
            "check the credential; for basic authentication also that the user may use it for APIs (role \
             snc_basic_auth_api_access, or web service access only)"
        }
        ErrorKind::Unavailable => "the instance is down, restarting or in maintenance: try again later",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_instances_words_win_over_the_kind() {
        let fault =
            ServiceFault::new("Operation Failed", Some("Data Policy Exception: mandatory: Close notes"));
        assert!(of(ErrorKind::Invalid, Some(&fault)).contains("labels"));
        assert!(of(ErrorKind::Forbidden, None).contains("grant"));
        let unknown = ServiceFault::new("Etwas ging schief", None);
        assert_eq!(of(ErrorKind::Forbidden, Some(&unknown)), by_kind(ErrorKind::Forbidden));
    }
}
