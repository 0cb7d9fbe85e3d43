//! `--credentials FILE.json`: users and OAuth clients with more than fits a flag.

use std::io;
use std::path::{Path, PathBuf};

use openfactory_simulator::{Builder, OAuthClient, User};
use serde::Deserialize;

/// The file. All of it is for tests, so it may be kept beside them.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Credentials {
    #[serde(default)]
    users: Vec<UserEntry>,
    #[serde(default)]
    clients: Vec<ClientEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct UserEntry {
    name: String,
    password: String,
    #[serde(default)]
    roles: Vec<String>,
    /// What `x-sn-apikey` may hold instead of the password.
    api_key: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClientEntry {
    id: String,
    secret: String,
    /// Whom it acts as without a person.
    user: Option<String>,
    /// Where the consent page sends a person back to.
    redirect_uri: Option<String>,
    /// The public key of its assertions, PEM; relative to the file.
    jwt_key_file: Option<PathBuf>,
    /// How long its tokens live, in seconds: access, refresh.
    lifetimes: Option<(u32, u32)>,
}

/// Why a file holds no credentials.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// It is not of the form that `--help` shows.
    #[error("it is not {{\"users\": [...], \"clients\": [...]}}")]
    Shape(#[source] serde_json::Error),
    /// A name, password, id or secret is empty.
    #[error("{what} is empty")]
    Empty {
        /// Which.
        what: &'static str,
    },
    /// A key can't be read.
    #[error("can't read the key {}", path.display())]
    Key {
        /// The key's file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl Credentials {
    pub(super) fn parse(text: &[u8]) -> Result<Self, CredentialsError> {
        let parsed: Self = serde_json::from_slice(text).map_err(CredentialsError::Shape)?;
        let users = parsed
            .users
            .iter()
            .flat_map(|user| [("a user's name", user.name.as_str()), ("a user's password", &user.password)]);
        let clients = parsed.clients.iter().flat_map(|client| {
            [("a client's id", client.id.as_str()), ("a client's secret", &client.secret)]
        });
        let empty = users.chain(clients).find(|(_, text)| text.is_empty()).map(|(what, _)| what);
        match empty {
            Some(what) => Err(CredentialsError::Empty { what }),
            None => Ok(parsed),
        }
    }

    /// Adds them to an instance; keys are looked for beside the file.
    pub(super) fn add_to(self, builder: Builder, beside: &Path) -> Result<Builder, CredentialsError> {
        let mut builder = self.users.into_iter().fold(builder, |builder, entry| {
            let user = User::new(entry.name, entry.password).roles(entry.roles);
            builder.user(match entry.api_key {
                Some(key) => user.api_key(key),
                None => user,
            })
        });
        for entry in self.clients {
            let mut client = OAuthClient::new(entry.id, entry.secret);
            if let Some(user) = entry.user {
                client = client.acting_as(user);
            }
            if let Some(uri) = entry.redirect_uri {
                client = client.redirect_uri(uri);
            }
            if let Some(file) = entry.jwt_key_file {
                let path = beside.parent().unwrap_or(Path::new("")).join(file);
                let key = std::fs::read(&path).map_err(|source| CredentialsError::Key { path, source })?;
                client = client.jwt_key(key);
            }
            if let Some((access, refresh)) = entry.lifetimes {
                client = client.lifetimes(access, refresh);
            }
            builder = builder.client(client);
        }
        Ok(builder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_file_of_credentials_is_refused() {
        let refused = |text: &str| Credentials::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(refused("7").contains("users"));
        assert!(refused(r#"{"user": []}"#).contains("users"), "a misspelled member");
        assert_eq!(refused(r#"{"users": [{"name": "ada", "password": ""}]}"#), "a user's password is empty");
        assert_eq!(refused(r#"{"clients": [{"id": "", "secret": "s"}]}"#), "a client's id is empty");
        let absent =
            Credentials::parse(br#"{"clients": [{"id": "c", "secret": "s", "jwt_key_file": "none.pem"}]}"#);
        let added = absent.unwrap().add_to(openfactory_simulator::Simulator::builder(), Path::new("x.json"));
        assert!(added.unwrap_err().to_string().contains("none.pem"));
    }
}
