//! A client's question whether it may act in somebody's name, and the answer that the browser carries back (RFC 6749,
//! section 4.1).

use axum::http::StatusCode;

use super::Logins;
use crate::api::encoded;
use crate::refusal::Refusal;
use crate::store::{Session, StoreError};

/// What a client asks for, of a client that is known and takes answers there.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) client_id: String,
    pub(crate) redirect_uri: String,
    pub(crate) state: Option<String>,
    /// The hash of what the client will prove itself with; empty without one.
    pub(crate) challenge: String,
}

impl Question {
    /// Reads it from parameters by name. Only codes are given, and only hashes are taken as challenges; nobody is sent
    /// to a place that the client did not register.
    pub(crate) fn read(logins: &Logins, of: impl Fn(&str) -> Option<String>) -> Result<Self, Refusal> {
        let said = |name: &str| of(name).unwrap_or_default();
        let challenge = said("code_challenge");
        let plain = !challenge.is_empty() && said("code_challenge_method") != "S256";
        let (client_id, redirect_uri) = (said("client_id"), said("redirect_uri"));
        let known = logins.takes_codes(&client_id, &redirect_uri);
        if said("response_type") != "code" || plain || !known {
            return Err(Refusal::new(StatusCode::BAD_REQUEST, "Invalid request"));
        }
        Ok(Self { client_id, redirect_uri, state: of("state"), challenge })
    }

    /// Where the browser goes once the user has agreed.
    pub(crate) fn agreed(
        &self,
        logins: &Logins,
        session: &Session<'_>,
        user_name: &str,
    ) -> Result<String, StoreError> {
        let code = logins.code(session, &self.client_id, &self.challenge, user_name)?;
        Ok(self.answer(&format!("code={}", encoded(&code))))
    }

    /// Where the browser goes once the user has refused.
    pub(crate) fn refused(&self) -> String {
        self.answer("error=access_denied")
    }

    fn answer(&self, told: &str) -> String {
        let separator = if self.redirect_uri.contains('?') { '&' } else { '?' };
        let state =
            self.state.as_deref().map(|state| format!("&state={}", encoded(state))).unwrap_or_default();
        format!("{}{separator}{told}{state}", self.redirect_uri)
    }

    /// Scheme and authority of where the answer goes; none if they are not plain.
    pub(crate) fn origin(&self) -> Option<String> {
        let (scheme, rest) = self.redirect_uri.split_once("://")?;
        let authority = rest.split(['/', '?', '#']).next()?;
        let plain = |text: &str| {
            !text.is_empty()
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte))
        };
        (plain(scheme) && plain(authority)).then(|| format!("{scheme}://{authority}"))
    }
}
