//! Who we are to the instance.

mod basic;
mod client_credentials;
mod token;

use std::fmt;

use http::HeaderValue;

pub(crate) use self::client_credentials::TokenSource;
use crate::secret::Secret;

/// A credential. One per integration point, scoped to what it does, is the way to use them.
///
/// ```
/// use openfactory_sn::{Auth, Secret};
///
/// let auth = Auth::client_credentials("0f1e…", Secret::new("s3cr3t")).scope("openfactory_events");
/// assert!(!format!("{auth:?}").contains("s3cr3t"));
/// ```
#[derive(Debug, Clone)]
pub struct Auth(pub(crate) Method);

#[derive(Debug, Clone)]
pub(crate) enum Method {
    Basic { user: String, password: Secret },
    ClientCredentials(ClientCredentials),
}

#[derive(Debug, Clone)]
pub(crate) struct ClientCredentials {
    pub(crate) id: String,
    pub(crate) secret: Secret,
    pub(crate) scope: Option<String>,
}

impl Auth {
    /// OAuth 2.0 client credentials (RFC 6749, section 4.4): the client acts as the application user of its registry
    /// record. The instance must have the grant switched on; see the advice of the error if it has not.
    #[must_use]
    pub fn client_credentials(id: impl Into<String>, secret: Secret) -> Self {
        Self(Method::ClientCredentials(ClientCredentials { id: id.into(), secret, scope: None }))
    }

    /// A user's name and password with each call (RFC 7617). For tests, and for instances without OAuth.
    #[must_use]
    pub fn basic(user: impl Into<String>, password: Secret) -> Self {
        Self(Method::Basic { user: user.into(), password })
    }

    /// Asks for this scope only. Basic authentication has none, and ignores it.
    #[must_use]
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        if let Method::ClientCredentials(credentials) = &mut self.0 {
            credentials.scope = Some(scope.into());
        }
        self
    }
}

/// What goes into the `Authorization` header of one call.
#[derive(Clone)]
pub(crate) struct Credential {
    header: HeaderValue,
    /// Which token it is, to tell it from its successor; none for what does not change.
    generation: Option<u64>,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("generation", &self.generation).finish_non_exhaustive()
    }
}

impl Credential {
    pub(crate) fn header(&self) -> &HeaderValue {
        &self.header
    }
}

/// What hands out credentials to a client's calls.
#[derive(Debug)]
pub(crate) enum Authenticator {
    Fixed(Credential),
    Token(Box<TokenSource>),
}

impl Authenticator {
    /// Ready for use; the reason in words if the credential cannot be put into a header.
    pub(crate) fn new(auth: Auth) -> Result<Self, &'static str> {
        match auth.0 {
            Method::Basic { user, password } => basic::credential(&user, &password).map(Self::Fixed),
            Method::ClientCredentials(credentials) => {
                Ok(Self::Token(Box::new(TokenSource::new(credentials))))
            }
        }
    }
}
