//! Who may log in: users with passwords and roles, OAuth clients with secrets.

use std::fmt;

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// A password or secret: never printed, wiped when dropped, compared in constant time.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a secret text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The secret text itself, for whoever has to present it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether `other` is this secret; takes as long for a near miss as for a far one.
    #[must_use]
    pub fn matches(&self, other: &str) -> bool {
        bool::from(self.0.as_bytes().ct_eq(other.as_bytes()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// A user who may log in with basic authentication, and whose roles a token can carry.
#[derive(Clone, Debug)]
pub struct User {
    pub(crate) name: String,
    pub(crate) password: Secret,
    pub(crate) roles: Vec<String>,
    pub(crate) api_key: Option<Secret>,
}

impl User {
    /// A user without roles: such a user reads nothing and writes nothing.
    #[must_use]
    pub fn new(name: impl Into<String>, password: impl Into<String>) -> Self {
        Self { name: name.into(), password: Secret::new(password), roles: Vec::new(), api_key: None }
    }

    /// Gives the user roles, such as `itil`, `change_manager` or `admin`.
    #[must_use]
    pub fn roles<I>(mut self, roles: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.roles.extend(roles.into_iter().map(Into::into));
        self
    }

    /// Lets the user in by the header `x-sn-apikey`, too.
    #[must_use]
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.api_key = Some(Secret::new(key));
        self
    }

    /// The user name, as in `sys_user.user_name`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The password.
    #[must_use]
    pub fn password(&self) -> &str {
        self.password.reveal()
    }

    /// The roles given here; a user of the standard population has further ones in `sys_user.roles`.
    #[must_use]
    pub fn given_roles(&self) -> &[String] {
        &self.roles
    }
}

/// An OAuth client. With the client credentials grant it acts as one user, with the others as whoever lets it.
#[derive(Clone, Debug)]
pub struct OAuthClient {
    pub(crate) id: String,
    pub(crate) secret: Secret,
    pub(crate) user: String,
    pub(crate) redirect_uri: Option<String>,
    pub(crate) jwt_key: Option<Vec<u8>>,
    pub(crate) access_life: u32,
    pub(crate) refresh_life: u32,
}

/// How long an access token lives, in seconds: a fresh one is handed out with a second already gone.
const ACCESS_LIFE: u32 = 1_799;

/// How long a refresh token lives, in seconds: 100 days.
const REFRESH_LIFE: u32 = 8_640_000;

impl OAuthClient {
    /// A client that acts as the standard integration user, `openfactory.integration`.
    #[must_use]
    pub fn new(id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            secret: Secret::new(secret),
            user: crate::population::INTEGRATION_USER.to_owned(),
            redirect_uri: None,
            jwt_key: None,
            access_life: ACCESS_LIFE,
            refresh_life: REFRESH_LIFE,
        }
    }

    /// Names the user that tokens of this client act as ("OAuth Application User").
    #[must_use]
    pub fn acting_as(mut self, user: impl Into<String>) -> Self {
        self.user = user.into();
        self
    }

    /// Lets people agree in a browser to what this client does in their name; their answer is sent there. Only the
    /// grant `authorization_code` needs it.
    #[must_use]
    pub fn redirect_uri(mut self, uri: impl Into<String>) -> Self {
        self.redirect_uri = Some(uri.into());
        self
    }

    /// Takes assertions that this RSA key signed, for the grant `urn:ietf:params:oauth:grant-type:jwt-bearer`. The key
    /// is DER: the `RSAPublicKey` of RFC 8017.
    #[must_use]
    pub fn jwt_key(mut self, public_key: impl Into<Vec<u8>>) -> Self {
        self.jwt_key = Some(public_key.into());
        self
    }

    /// Sets how many seconds access tokens and refresh tokens of this client live; by default 1799 and 8640000.
    #[must_use]
    pub fn lifetimes(mut self, access: u32, refresh: u32) -> Self {
        self.access_life = access;
        self.refresh_life = refresh;
        self
    }

    /// The client id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The client secret.
    #[must_use]
    pub fn secret(&self) -> &str {
        self.secret.reveal()
    }

    /// The name of the user that tokens of this client act as.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_compare_and_stay_unprinted() {
        let secret = Secret::new("hunter2");
        assert!(secret.matches("hunter2"));
        assert!(!secret.matches("hunter"));
        assert!(!format!("{secret:?} {:?}", User::new("a", "hunter2")).contains("hunter2"));
    }
}
