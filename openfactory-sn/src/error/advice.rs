//! What a person can do about a failure.

use super::{Cause, ErrorKind};

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

/// Advice for a record that does not bear the correlation id it was created with.
pub(crate) const CORRELATION_LOST: &str = "a repeat would not find this record and make another: delete the record named \
    here, and check that the table has the field correlation_id, that the integration user may write and read it, and that no \
    business rule changes it";

/// Advice for a query that returned what it did not ask for.
pub(crate) const QUERY_WIDENED: &str = "an encoded query drops a condition on a field that the table lacks or the \
    credential may not read, and then returns more than was asked for: check the field's name and its read access \
    (or set glide.invalid_query.returns_no_rows on the instance)";

/// Advice by what exactly it was if that is known, else by kind.
pub(super) fn of(kind: ErrorKind, cause: Option<Cause>) -> &'static str {
    match cause {
        Some(cause) => cause.advice(),
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
    fn the_cause_wins_over_the_kind() {
        assert!(of(ErrorKind::Invalid, Some(Cause::DataPolicy)).contains("labels"));
        assert!(of(ErrorKind::Forbidden, None).contains("grant"));
    }
}
