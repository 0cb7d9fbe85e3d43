//! Access tokens that were handed out.

use rusqlite::{OptionalExtension as _, params};

use super::{Session, StoreError};

/// An access token in force.
#[derive(Clone)]
pub(crate) struct Token {
    pub(crate) token: String,
    pub(crate) user_name: String,
    /// Seconds since the epoch.
    pub(crate) expires: i64,
}

impl Session<'_> {
    /// The token that a client has in force for a user, if it has one.
    pub(crate) fn token_of_client(
        &self,
        client: &str,
        user_name: &str,
        now: i64,
    ) -> Result<Option<Token>, StoreError> {
        let token = self
            .connection
            .prepare_cached(
                "SELECT token, user_name, expires FROM token
                 WHERE client = ?1 AND user_name = ?2 AND expires > ?3",
            )?
            .query_row(params![client, user_name, now], row)
            .optional()?;
        Ok(token)
    }

    /// The token, if it was handed out and is in force.
    pub(crate) fn token(&self, token: &str, now: i64) -> Result<Option<Token>, StoreError> {
        let token = self
            .connection
            .prepare_cached("SELECT token, user_name, expires FROM token WHERE token = ?1 AND expires > ?2")?
            .query_row(params![token, now], row)
            .optional()?;
        Ok(token)
    }

    /// Notes a new token and forgets those that ran out.
    pub(crate) fn put_token(&self, client: &str, token: &Token, now: i64) -> Result<(), StoreError> {
        self.connection.prepare_cached("DELETE FROM token WHERE expires <= ?1")?.execute(params![now])?;
        self.connection
            .prepare_cached("INSERT INTO token (token, client, user_name, expires) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![token.token, client, token.user_name, token.expires])?;
        Ok(())
    }

    /// Revokes every token of every client.
    pub(crate) fn revoke_tokens(&self) -> Result<usize, StoreError> {
        Ok(self.connection.prepare_cached("DELETE FROM token")?.execute([])?)
    }
}

fn row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Token> {
    Ok(Token { token: row.get(0)?, user_name: row.get(1)?, expires: row.get(2)? })
}
