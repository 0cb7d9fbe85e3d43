//! Who we are to the instance.

mod credential;
mod grant;
mod jwt;
mod point;
#[cfg(feature = "http")]
mod rsa;
mod source;
mod token;
mod user;

pub(crate) use self::credential::{Authenticator, Credential, Means};
pub(crate) use self::grant::{Grant, OAuth};
pub use self::jwt::{AssertionError, AssertionSigner, JwtBearer};
pub use self::point::IntegrationPoint;
#[cfg(feature = "http")]
pub use self::rsa::RsaSigner;
pub(crate) use self::source::TokenSource;
pub(crate) use self::user::User;

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
    ///
    /// ```
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport};
    /// use openfactory_sn::{Auth, Cause, Client, Query, Secret};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), openfactory_sn::Error> {
    /// let instance = ScriptedTransport::new()
    ///     .on(Expected::post("/oauth_token.do").body("grant_type=client_credentials&client_id=0f1e&client_secret=s"),
    ///         Reply::json(401, &serde_json::json!({"error": "access_denied"})));
    /// let sn = Client::builder("https://plant.example.com")
    ///     .auth(Auth::client_credentials("0f1e", Secret::new("s")))
    ///     .transport(instance)
    ///     .build()?;
    /// let error = sn.dynamic_table("incident").find(&Query::new()).await.unwrap_err();
    /// assert_eq!(error.cause(), Some(Cause::AccessDenied));
    /// assert!(error.advice().contains("glide.oauth.inbound.client.credential.grant_type.enabled"));
    /// # Ok(())
    /// # }
    /// ```
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
    ///
    /// ```
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport};
    /// use openfactory_sn::{Auth, Client, Secret, SysId};
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let instance = ScriptedTransport::new()
    ///     .on(Expected::post("/oauth_token.do")
    ///             .body("grant_type=refresh_token&client_id=0f1e&refresh_token=r1&client_secret=s"),
    ///         Reply::token("t1", 1799))
    ///     .on(Expected::get("/api/now/table/incident/a1").header("authorization", "Bearer t1"),
    ///         Reply::result(200, json!({"sys_id": "a1"})));
    /// let sn = Client::builder("https://plant.example.com")
    ///     .auth(Auth::refresh_token("0f1e", Secret::new("s"), Secret::new("r1")))
    ///     .transport(instance.clone())
    ///     .build()?;
    /// sn.dynamic_table("incident").get(&SysId::new("a1")?).await?;
    /// instance.assert_done();
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn refresh_token(id: impl Into<String>, secret: Secret, token: Secret) -> Self {
        Self::oauth(id, secret, Grant::Refresh(token))
    }

    /// OAuth 2.0 by a signed assertion (RFC 7523): no secret of a user travels.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use openfactory_sn::auth::{AssertionError, AssertionSigner, JwtBearer};
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport};
    /// use openfactory_sn::{Auth, Client, Secret, SysId};
    /// # use serde_json::json;
    ///
    /// /// Signs RS256 in a hardware module.
    /// #[derive(Debug)]
    /// struct Module;
    ///
    /// impl AssertionSigner for Module {
    ///     fn sign(&self, message: &[u8]) -> Result<Vec<u8>, AssertionError> {
    ///         # let _ = message;
    ///         Ok(vec![0; 256])
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let instance = ScriptedTransport::new()
    ///     .on(Expected::post("/oauth_token.do"), Reply::token("t1", 1799))
    ///     .on(Expected::get("/api/now/table/incident/a1").header("authorization", "Bearer t1"),
    ///         Reply::result(200, json!({"sys_id": "a1"})));
    /// let bearer = JwtBearer::new("openfactory", "svc_openfactory", Arc::new(Module)).key_id("k1");
    /// let sn = Client::builder("https://plant.example.com")
    ///     .auth(Auth::jwt_bearer("0f1e", Secret::new("s"), bearer))
    ///     .transport(instance.clone())
    ///     .build()?;
    /// sn.dynamic_table("incident").get(&SysId::new("a1")?).await?;
    /// instance.assert_done();
    /// let asked = String::from_utf8_lossy(&instance.requests()[0].body).into_owned();
    /// assert!(asked.contains("jwt-bearer") && asked.contains("assertion="), "{asked}");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn jwt_bearer(id: impl Into<String>, secret: Secret, bearer: JwtBearer) -> Self {
        Self::oauth(id, secret, Grant::Jwt(bearer))
    }

    /// An API key in the header `x-sn-apikey`, from the Washington release on.
    ///
    /// ```
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport};
    /// use openfactory_sn::{Auth, Client, Secret, SysId};
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let instance = ScriptedTransport::new().on(
    ///     Expected::get("/api/now/table/incident/a1").header("x-sn-apikey", "now_k3y"),
    ///     Reply::result(200, json!({"sys_id": "a1"})),
    /// );
    /// let sn = Client::builder("https://plant.example.com")
    ///     .auth(Auth::api_key(Secret::new("now_k3y")))
    ///     .transport(instance.clone())
    ///     .build()?;
    /// sn.dynamic_table("incident").get(&SysId::new("a1")?).await?;
    /// instance.assert_done();
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn api_key(key: Secret) -> Self {
        Self(Method::ApiKey(key))
    }

    /// The client certificate alone, which the instance maps to a user. Give it to the builder by
    /// `ClientBuilder::client_certificate_pem`.
    ///
    /// ```
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport};
    /// use openfactory_sn::{Auth, Client, SysId};
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let instance = ScriptedTransport::new()
    ///     .on(Expected::get("/api/now/table/incident/a1"), Reply::result(200, json!({"sys_id": "a1"})));
    /// let sn = Client::builder("https://plant.example.com")
    ///     .auth(Auth::client_certificate())
    ///     .transport(instance.clone()) // which has the certificate
    ///     .build()?;
    /// sn.dynamic_table("incident").get(&SysId::new("a1")?).await?;
    /// assert!(!instance.requests()[0].headers.contains_key("authorization"), "the connection says it");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn client_certificate() -> Self {
        Self(Method::Certificate)
    }

    /// A user's name and password with each call (RFC 7617). For tests, and for instances without OAuth.
    ///
    /// ```
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport};
    /// use openfactory_sn::{Auth, Client, Secret, SysId};
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let instance = ScriptedTransport::new().on(
    ///     Expected::get("/api/now/table/incident/a1").header("authorization", "Basic c3ZjOnAzc3N3MHJk"),
    ///     Reply::result(200, json!({"sys_id": "a1"})),
    /// );
    /// let sn = Client::builder("https://plant.example.com")
    ///     .auth(Auth::basic("svc", Secret::new("p3ssw0rd")))
    ///     .transport(instance.clone())
    ///     .build()?;
    /// sn.dynamic_table("incident").get(&SysId::new("a1")?).await?;
    /// instance.assert_done();
    /// # Ok(())
    /// # }
    /// ```
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

    /// Whether the connection itself is to say who we are.
    #[cfg(feature = "http")]
    pub(crate) fn is_certificate(&self) -> bool {
        matches!(self.0, Method::Certificate)
    }

    fn oauth(id: impl Into<String>, secret: Secret, grant: Grant) -> Self {
        Self(Method::OAuth(OAuth { id: id.into(), secret, scope: None, grant }))
    }
}
