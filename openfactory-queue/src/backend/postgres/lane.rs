//! The order per key: a lock for each key, and the seat that one message of a key has.

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};
use tokio_postgres::types::ToSql;

use super::failure::Failure;
use super::link::Tx;

impl Tx<'_> {
    /// Locks these keys until the transaction ends, in one order for all transactions. What is read by later
    /// statements is then as the last holder left it.
    pub(super) async fn lock<'k>(&self, keys: impl IntoIterator<Item = &'k str>) -> Result<(), Failure> {
        let hashes: BTreeSet<i64> = keys.into_iter().map(|key| hash(&self.config.schema, key)).collect();
        if hashes.is_empty() {
            return Ok(());
        }
        let hashes: Vec<i64> = hashes.into_iter().collect();
        let sql = "SELECT pg_advisory_xact_lock(hash) FROM unnest($1::bigint[]) AS locks (hash)";
        self.rows(sql, &[&hashes]).await.map(drop)
    }

    /// Seats the heads of these locked keys, where they may go on; whether there was one.
    pub(super) async fn seat(&self, keys: &BTreeSet<String>) -> Result<bool, Failure> {
        if keys.is_empty() {
            return Ok(false);
        }
        let keys: Vec<&String> = keys.iter().collect();
        let sql = "WITH heads AS (
                SELECT head.seq FROM unnest($1::text[]) AS lanes (key)
                CROSS JOIN LATERAL (SELECT seq FROM messages m WHERE m.key = lanes.key AND m.state <> 'dead'
                    ORDER BY m.seq LIMIT 1) AS head
                WHERE NOT EXISTS (SELECT 1 FROM messages b WHERE b.key = lanes.key AND b.blocking)
                AND NOT EXISTS (SELECT 1 FROM messages s WHERE s.key = lanes.key
                    AND s.state IN ('ready', 'delayed', 'leased')))
            UPDATE messages m SET state = CASE WHEN m.due > $2 THEN 'delayed' ELSE 'ready' END
            FROM heads WHERE m.seq = heads.seq AND m.state = 'held'";
        Ok(self.run(sql, &[&keys, &self.now.0]).await? > 0)
    }

    /// Takes the seat from whoever has it and is not under lease, in each of these locked keys.
    pub(super) async fn unseat(&self, keys: &BTreeSet<String>) -> Result<(), Failure> {
        if keys.is_empty() {
            return Ok(());
        }
        let keys: Vec<&String> = keys.iter().collect();
        let keys: &(dyn ToSql + Sync) = &keys;
        let sql = "UPDATE messages SET state = 'held' WHERE key = ANY($1) AND state IN ('ready', 'delayed')";
        self.run(sql, &[keys]).await.map(drop)
    }
}

/// The number of a key's lock, apart for each schema. Two keys that share a number wait for each other, no more.
fn hash(schema: &str, key: &str) -> i64 {
    let digest = Sha256::new().chain_update(schema).chain_update([0]).chain_update(key).finalize();
    digest.iter().take(8).fold(0, |number, byte| (number << 8) | i64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_schemas_have_locks_apart() {
        assert_eq!(hash("a", "b"), hash("a", "b"));
        assert_ne!(hash("a", "b"), hash("a", "c"));
        assert_ne!(hash("a", "b"), hash("ab", ""));
    }
}
