//! The grants of OAuth: what a client has to show, and the tokens that it gets for it.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::{Logins, active_user, assertion};
use crate::credential::OAuthClient;
use crate::entropy;
use crate::instant;
use crate::store::{Session, StoreError, Token, TokenKind};

/// The property without which no client gets a token by its secret alone.
pub(crate) const CLIENT_CREDENTIALS_PROPERTY: &str =
    "glide.oauth.inbound.client.credential.grant_type.enabled";

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// How long a code lives, in seconds.
const CODE_LIFE: i64 = 60;

/// The fields of a token request.
pub(crate) type Form = BTreeMap<String, String>;

/// Why a request is worth nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Denied {
    /// The client is not known, or its secret is wrong.
    Client,
    /// Whatever else was to prove something does not.
    Grant,
    /// There is no such grant.
    Type,
}

impl Denied {
    /// Its name in RFC 6749, section 5.2.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Client => "invalid_client",
            Self::Grant => "invalid_grant",
            Self::Type => "unsupported_grant_type",
        }
    }
}

/// What a client gets.
pub(crate) struct Granted {
    pub(crate) access: Token,
    pub(crate) refresh: Option<Token>,
    /// Seconds that the access token has left.
    pub(crate) expires_in: i64,
}

impl Logins {
    /// The client that proves itself by its secret.
    pub(crate) fn client(&self, form: &Form) -> Option<&OAuthClient> {
        let client = self.clients.iter().find(|client| client.id == field(form, "client_id"))?;
        client.secret.matches(field(form, "client_secret")).then_some(client)
    }

    /// The tokens that a request is worth, or what is wrong with it.
    pub(crate) fn grant(
        &self,
        session: &Session<'_>,
        form: &Form,
    ) -> Result<Result<Granted, Denied>, StoreError> {
        let Some(client) = self.client(form) else { return Ok(Err(Denied::Client)) };
        let now = instant::unix_seconds(session.now);
        let user_name = match field(form, "grant_type") {
            "client_credentials" => {
                let enabled = session.property(CLIENT_CREDENTIALS_PROPERTY)?;
                enabled.is_some_and(|value| value == "true").then(|| client.user.clone())
            }
            "password" => {
                let (name, password) = (field(form, "username"), field(form, "password"));
                self.knows(name, password).then(|| name.to_owned())
            }
            "refresh_token" => session
                .token(TokenKind::Refresh, field(form, "refresh_token"), now)?
                .filter(|token| token.client == client.id)
                .map(|token| token.user_name),
            "authorization_code" => by_code(session, client, form, now)?,
            JWT_BEARER => client
                .jwt_key
                .as_deref()
                .and_then(|key| assertion::subject(field(form, "assertion"), key, &client.id, now)),
            _ => return Ok(Err(Denied::Type)),
        };
        let Some(user_name) = user_name else { return Ok(Err(Denied::Grant)) };
        if active_user(session, &user_name)?.is_none() {
            return Ok(Err(Denied::Grant));
        }
        let with_refresh = match field(form, "grant_type") {
            "password" | "refresh_token" | "authorization_code" => true,
            "client_credentials" => session.switches.client_credentials_refresh,
            _ => false,
        };
        issue(session, client, &user_name, with_refresh, now).map(Ok)
    }

    /// Whether there is a client of this id that takes codes there.
    pub(crate) fn takes_codes(&self, client_id: &str, redirect_uri: &str) -> bool {
        let client = self.clients.iter().find(|client| client.id == client_id);
        client.is_some_and(|client| client.redirect_uri.as_deref() == Some(redirect_uri))
    }

    /// A code for a client to which a user agreed.
    pub(crate) fn code(
        &self,
        session: &Session<'_>,
        client_id: &str,
        challenge: &str,
        user_name: &str,
    ) -> Result<String, StoreError> {
        let now = instant::unix_seconds(session.now);
        let code = Token {
            token: entropy::token(session.entropy),
            client: client_id.to_owned(),
            user_name: user_name.to_owned(),
            detail: challenge.to_owned(),
            expires: now + CODE_LIFE,
        };
        session.put_token(TokenKind::Code, &code, now)?;
        Ok(code.token)
    }
}

fn field<'a>(form: &'a Form, name: &str) -> &'a str {
    form.get(name).map_or("", String::as_str)
}

/// The user who agreed, by a code that counts once, sent back where it was sent to, with the proof of its receiver.
fn by_code(
    session: &Session<'_>,
    client: &OAuthClient,
    form: &Form,
    now: i64,
) -> Result<Option<String>, StoreError> {
    let code = field(form, "code");
    let Some(token) = session.token(TokenKind::Code, code, now)? else { return Ok(None) };
    session.revoke_token(code)?;
    let proof = URL_SAFE_NO_PAD.encode(Sha256::digest(field(form, "code_verifier")));
    let proved = token.detail.is_empty() || bool::from(proof.as_bytes().ct_eq(token.detail.as_bytes()));
    let same =
        token.client == client.id && client.redirect_uri.as_deref() == Some(field(form, "redirect_uri"));
    Ok((proved && same).then_some(token.user_name))
}

/// The tokens in force, or new ones.
fn issue(
    session: &Session<'_>,
    client: &OAuthClient,
    user_name: &str,
    with_refresh: bool,
    now: i64,
) -> Result<Granted, StoreError> {
    let take = |kind, life: u32| {
        if let Some(token) = session.token_of_client(kind, &client.id, user_name, now)? {
            return Ok::<_, StoreError>(token);
        }
        let token = Token {
            token: entropy::token(session.entropy),
            client: client.id.clone(),
            user_name: user_name.to_owned(),
            detail: String::new(),
            expires: now + i64::from(life),
        };
        session.put_token(kind, &token, now)?;
        Ok(token)
    };
    let access = take(TokenKind::Access, client.access_life)?;
    let refresh = if with_refresh { Some(take(TokenKind::Refresh, client.refresh_life)?) } else { None };
    Ok(Granted { expires_in: access.expires - now, access, refresh })
}
