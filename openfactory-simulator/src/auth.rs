//! From an `Authorization` header to a caller.

mod assertion;
pub(crate) mod consent;
pub(crate) mod grant;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::access::Caller;
use crate::credential::{OAuthClient, Secret};
use crate::instant;
use crate::refusal::Refusal;
use crate::store::{Session, StoreError, TokenKind};

/// Who may log in.
#[derive(Debug, Default)]
pub(crate) struct Logins {
    pub(crate) passwords: BTreeMap<String, Secret>,
    pub(crate) api_keys: Vec<(Secret, String)>,
    pub(crate) clients: Vec<OAuthClient>,
}

impl Logins {
    /// The caller that an `Authorization` header or an API key proves.
    pub(crate) fn caller(
        &self,
        session: &Session<'_>,
        authorization: Option<&str>,
        api_key: Option<&str>,
    ) -> Result<Caller, Refusal> {
        let user_name = match (authorization.and_then(|text| text.split_once(' ')), api_key) {
            (Some((scheme, rest)), _) if scheme.eq_ignore_ascii_case("bearer") => {
                let now = instant::unix_seconds(session.now);
                session.token(TokenKind::Access, rest.trim(), now)?.map(|token| token.user_name)
            }
            (Some((scheme, rest)), _) if scheme.eq_ignore_ascii_case("basic") => {
                self.by_password(rest.trim())
            }
            (None, Some(key)) => {
                self.api_keys.iter().find(|(known, _)| known.matches(key)).map(|(_, user)| user.clone())
            }
            _ => None,
        };
        let user_name = user_name.ok_or_else(Refusal::unauthenticated)?;
        active_user(session, &user_name)?.ok_or_else(Refusal::unauthenticated)
    }

    /// Whether this is a user with this password.
    pub(crate) fn knows(&self, user_name: &str, password: &str) -> bool {
        self.passwords.get(user_name).is_some_and(|known| known.matches(password))
    }

    fn by_password(&self, encoded: &str) -> Option<String> {
        let decoded = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
        let (name, password) = decoded.split_once(':')?;
        self.knows(name, password).then(|| name.to_owned())
    }
}

/// The user of this name, unless there is none or it is inactive or locked out.
pub(crate) fn active_user(session: &Session<'_>, user_name: &str) -> Result<Option<Caller>, StoreError> {
    Ok(session.user(user_name)?.map(|user| Caller::clone(&user)))
}
