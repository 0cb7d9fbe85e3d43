//! What is shown for a token.

use crate::secret::Secret;

use super::JwtBearer;

/// A client of the instance's OAuth, and what it shows.
#[derive(Debug, Clone)]
pub(crate) struct OAuth {
    pub(crate) id: String,
    pub(crate) secret: Secret,
    pub(crate) scope: Option<String>,
    pub(crate) grant: Grant,
}

#[derive(Debug, Clone)]
pub(crate) enum Grant {
    ClientCredentials,
    Jwt(JwtBearer),
    Password { user: String, password: Secret },
    Refresh(Secret),
}
