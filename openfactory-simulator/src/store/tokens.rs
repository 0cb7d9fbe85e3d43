//! Tokens that were handed out.

use rusqlite::{OptionalExtension as _, params};

use super::{Session, StoreError};

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Calls, as a user.
    Access,
    /// Further access tokens.
    Refresh,
    /// The first tokens after a person agreed to it.
    Code,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Refresh => "refresh",
            Self::Code => "code",
        }
    }
}

/// A token in force.
#[derive(Clone)]
pub(crate) struct Token {
    pub(crate) token: String,
    pub(crate) client: String,
    pub(crate) user_name: String,
    /// For a code, where it was sent and what proves its receiver.
    pub(crate) detail: String,
    /// Seconds since the epoch.
    pub(crate) expires: i64,
}

impl Session<'_> {
    /// The token of this kind that a client has in force for a user, if it has one.
    pub(crate) fn token_of_client(
        &self,
        kind: Kind,
        client: &str,
        user_name: &str,
        now: i64,
    ) -> Result<Option<Token>, StoreError> {
        let token = self
            .connection
            .prepare_cached(
                "SELECT token, client, user_name, detail, expires FROM token
                 WHERE client = ?1 AND user_name = ?2 AND kind = ?3 AND expires > ?4",
            )?
            .query_row(params![client, user_name, kind.name(), now], row)
            .optional()?;
        Ok(token)
    }

    /// The token, if it was handed out as this kind and is in force.
    pub(crate) fn token(&self, kind: Kind, token: &str, now: i64) -> Result<Option<Token>, StoreError> {
        let token = self
            .connection
            .prepare_cached(
                "SELECT token, client, user_name, detail, expires FROM token
                 WHERE token = ?1 AND kind = ?2 AND expires > ?3",
            )?
            .query_row(params![token, kind.name(), now], row)
            .optional()?;
        Ok(token)
    }

    /// Notes a new token and forgets those that ran out.
    pub(crate) fn put_token(&self, kind: Kind, token: &Token, now: i64) -> Result<(), StoreError> {
        self.connection.prepare_cached("DELETE FROM token WHERE expires <= ?1")?.execute(params![now])?;
        self.connection
            .prepare_cached(
                "INSERT INTO token (token, kind, client, user_name, detail, expires)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                token.token,
                kind.name(),
                token.client,
                token.user_name,
                token.detail,
                token.expires
            ])?;
        Ok(())
    }

    /// Revokes one token, whatever it is for; false if there was none.
    pub(crate) fn revoke_token(&self, token: &str) -> Result<bool, StoreError> {
        Ok(self.connection.prepare_cached("DELETE FROM token WHERE token = ?1")?.execute(params![token])? > 0)
    }

    /// Revokes every access token of every client.
    pub(crate) fn revoke_tokens(&self) -> Result<usize, StoreError> {
        Ok(self.connection.prepare_cached("DELETE FROM token WHERE kind = 'access'")?.execute([])?)
    }
}

fn row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Token> {
    Ok(Token {
        token: row.get(0)?,
        client: row.get(1)?,
        user_name: row.get(2)?,
        detail: row.get(3)?,
        expires: row.get(4)?,
    })
}
