//! From an `Authorization` header to a caller.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::access::Caller;
use crate::credential::{OAuthClient, Secret};
use crate::entropy;
use crate::instant;
use crate::refusal::Refusal;
use crate::store::{Session, StoreError, Token};

/// How long an access token lives, in seconds: a fresh one is handed out with a second already gone.
const TOKEN_LIFE: i64 = 1_799;

/// Who may log in.
#[derive(Debug, Default)]
pub(crate) struct Logins {
    pub(crate) passwords: BTreeMap<String, Secret>,
    pub(crate) clients: Vec<OAuthClient>,
}

impl Logins {
    /// The caller that an `Authorization` header proves.
    pub(crate) fn caller(&self, session: &Session<'_>, header: Option<&str>) -> Result<Caller, Refusal> {
        let (scheme, rest) =
            header.and_then(|text| text.split_once(' ')).ok_or_else(Refusal::unauthenticated)?;
        let user_name = if scheme.eq_ignore_ascii_case("bearer") {
            let now = instant::unix_seconds(session.now);
            session.token(rest.trim(), now)?.map(|token| token.user_name)
        } else if scheme.eq_ignore_ascii_case("basic") {
            self.by_password(rest.trim())
        } else {
            None
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

    /// The token for a client that proves itself: the one in force, or a new one; with its remaining seconds.
    pub(crate) fn token(
        &self,
        session: &Session<'_>,
        client_id: &str,
        client_secret: &str,
    ) -> Result<Option<(Token, i64)>, StoreError> {
        let Some(client) = self.clients.iter().find(|client| client.id == client_id) else { return Ok(None) };
        if !client.secret.matches(client_secret) || active_user(session, &client.user)?.is_none() {
            return Ok(None);
        }
        let now = instant::unix_seconds(session.now);
        if let Some(token) = session.token_of_client(client_id, &client.user, now)? {
            let left = token.expires - now;
            return Ok(Some((token, left)));
        }
        let token = Token {
            token: entropy::token(session.entropy),
            user_name: client.user.clone(),
            expires: now + TOKEN_LIFE,
        };
        session.put_token(client_id, &token, now)?;
        Ok(Some((token, TOKEN_LIFE)))
    }
}

/// The user of this name, unless there is none or it is inactive or locked out.
pub(crate) fn active_user(session: &Session<'_>, user_name: &str) -> Result<Option<Caller>, StoreError> {
    let user = session.by("sys_user", "user_name", user_name)?.into_iter().next();
    Ok(user.filter(|user| user.value("active") == "true" && user.value("locked_out") != "true").map(|user| {
        let roles = user.value("roles").split(',').map(str::trim).filter(|role| !role.is_empty());
        Caller {
            roles: roles.map(str::to_owned).collect(),
            user_name: user_name.to_owned(),
            sys_id: user.sys_id,
        }
    }))
}
