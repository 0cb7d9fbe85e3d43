//! Who we are to the instance.

mod credential;
mod grant;
mod jwt;
mod point;
#[cfg(feature = "http")]
mod rsa;
mod source;
mod token;

pub(crate) use self::credential::{Authenticator, Credential};
pub(crate) use self::grant::{Grant, OAuth};
pub use self::jwt::{AssertionError, AssertionSigner, JwtBearer};
pub use self::point::IntegrationPoint;
#[cfg(feature = "http")]
pub use self::rsa::RsaSigner;
pub(crate) use self::source::TokenSource;

use crate::secret::Secret;

/// A credential. One per [`IntegrationPoint`], scoped to what it does, is the way to use them.
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
    ApiKey(Secret),
    Basic { user: String, password: Secret },
    Certificate,
    OAuth(OAuth),
}

impl Auth {
    /// OAuth 2.0 client credentials (RFC 6749, section 4.4): the client acts as the application user of its registry
    /// record. The instance must have the grant switched on; see the advice of the error if it has not.
    #[must_use]
    pub fn client_credentials(id: impl Into<String>, secret: Secret) -> Self {
        Self::oauth(id, secret, Grant::ClientCredentials)
    }

    /// OAuth 2.0 by a user's name and password (RFC 6749, section 4.3), sent once; what the instance gives for it renews
    /// the token from then on. A user whose logins need a second factor cannot be used.
    ///
    /// ```
    /// use openfactory_sn::testing::{Expected, FixedClock, Reply, ScriptedTransport};
    /// use openfactory_sn::{Auth, Client, Secret};
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let token = json!({"access_token": "t1", "refresh_token": "r1", "expires_in": 1799});
    /// let instance = ScriptedTransport::new()
    ///     .on(Expected::post("/oauth_token.do").body(
    ///             "grant_type=password&client_id=0f1e&username=svc&password=p&client_secret=s"),
    ///         Reply::json(200, &token))
    ///     .on(Expected::get("/api/now/table/incident/a1").header("authorization", "Bearer t1"),
    ///         Reply::result(200, json!({"sys_id": "a1"})));
    /// let sn = Client::builder("https://plant.example.com")
    ///     .auth(Auth::password("0f1e", Secret::new("s"), "svc", Secret::new("p")))
    ///     .transport(instance.clone())
    ///     .build()?;
    /// sn.dynamic_table("incident").get(&openfactory_sn::SysId::new("a1")?).await?;
    /// instance.assert_done();
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn password(
        id: impl Into<String>,
        secret: Secret,
        user: impl Into<String>,
        password: Secret,
    ) -> Self {
        Self::oauth(id, secret, Grant::Password { user: user.into(), password })
    }

    /// OAuth 2.0 by a refresh token (RFC 6749, section 6) that somebody got by logging in. It lives for 100 days by
    /// default; there is nothing to fall back on when the instance takes it no more.
    #[must_use]
    pub fn refresh_token(id: impl Into<String>, secret: Secret, token: Secret) -> Self {
        Self::oauth(id, secret, Grant::Refresh(token))
    }

    /// OAuth 2.0 by a signed assertion (RFC 7523): no secret of a user travels.
    #[must_use]
    pub fn jwt_bearer(id: impl Into<String>, secret: Secret, bearer: JwtBearer) -> Self {
        Self::oauth(id, secret, Grant::Jwt(bearer))
    }

    /// An API key in the header `x-sn-apikey`, from the Washington release on.
    #[must_use]
    pub fn api_key(key: Secret) -> Self {
        Self(Method::ApiKey(key))
    }

    /// The client certificate alone, which the instance maps to a user. Give it to the builder by
    /// `ClientBuilder::client_certificate_pem`.
    #[must_use]
    pub fn client_certificate() -> Self {
        Self(Method::Certificate)
    }

    /// A user's name and password with each call (RFC 7617). For tests, and for instances without OAuth.
    #[must_use]
    pub fn basic(user: impl Into<String>, password: Secret) -> Self {
        Self(Method::Basic { user: user.into(), password })
    }

    /// Asks for this scope only. What is not OAuth has none, and ignores it.
    #[must_use]
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        if let Method::OAuth(oauth) = &mut self.0 {
            oauth.scope = Some(scope.into());
        }
        self
    }

    fn oauth(id: impl Into<String>, secret: Secret, grant: Grant) -> Self {
        Self(Method::OAuth(OAuth { id: id.into(), secret, scope: None, grant }))
    }
}
