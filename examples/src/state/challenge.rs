//! Challenges: given once, answered once, kept over a restart.

use std::time::{Duration, SystemTime};

use openfactory_attest::report::Nonce;
use openfactory_sn::lifecycle::id::{DeviceId, EventId};
use openfactory_sn::lifecycle::state::StateError;
use rusqlite::{Connection, OptionalExtension as _, Transaction};

use super::SqliteStateStore;
use super::error::sqlite;
use super::read::millis;
use super::write::begin;

/// Challenges that one device has open at most, of those that it asked for under its own key and of those that
/// anybody asked for; one more takes the place of the oldest of the same sort.
pub const MAX_OPEN: i64 = 16;
/// How long the answer to a challenge is remembered, so that its event, sent again, is known.
const REMEMBERED: Duration = Duration::from_secs(7 * 86_400);

/// Why an answer does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unfit {
    /// Nobody was given this nonce, or too long ago.
    Unknown,
    /// It was given to another device.
    OtherDevice,
    /// It came too late.
    Expired,
    /// Another event answered it before.
    Used,
}

impl SqliteStateStore {
    /// Remembers a challenge for `device`; `signed` if the device itself asked for it.
    ///
    /// # Errors
    /// When the disk refuses; the nonce must not be given away then.
    pub async fn challenge(
        &self,
        device: &DeviceId,
        nonce: Nonce,
        signed: bool,
        now: SystemTime,
        expires: SystemTime,
    ) -> Result<(), StateError> {
        let device = device.clone();
        self.run(move |connection| {
            let transaction = begin(connection)?;
            issue(&transaction, &device, nonce, signed, millis(now), millis(expires)).map_err(sqlite)?;
            transaction.commit().map_err(sqlite)
        })
        .await
    }

    /// Takes `event` for the answer to a challenge, unless another event was. A fresh report of the device that was
    /// wanted before the challenge was given is wanted no longer.
    ///
    /// # Errors
    /// When the disk does not answer: nothing is known then.
    pub async fn answer(
        &self,
        device: &DeviceId,
        nonce: Nonce,
        event: &EventId,
        now: SystemTime,
    ) -> Result<Result<(), Unfit>, StateError> {
        let (device, event) = (device.clone(), event.clone());
        self.run(move |connection| answer(connection, &device, nonce, &event, millis(now))).await
    }
}

fn issue(
    transaction: &Transaction<'_>,
    device: &DeviceId,
    nonce: Nonce,
    signed: bool,
    now: i64,
    expires: i64,
) -> rusqlite::Result<()> {
    let forgotten = now.saturating_sub(i64::try_from(REMEMBERED.as_millis()).unwrap_or(i64::MAX));
    transaction
        .prepare_cached(
            "DELETE FROM challenge WHERE device = ?1
             AND ((used_by IS NULL AND expires <= ?2) OR (used_by IS NOT NULL AND expires <= ?3))",
        )?
        .execute((device.as_str(), now, forgotten))?;
    transaction
        .prepare_cached(
            "DELETE FROM challenge WHERE nonce IN (
                SELECT nonce FROM challenge WHERE device = ?1 AND signed = ?2 AND used_by IS NULL
                ORDER BY issued DESC LIMIT -1 OFFSET ?3)",
        )?
        .execute((device.as_str(), signed, MAX_OPEN - 1))?;
    transaction
        .prepare_cached(
            "INSERT INTO challenge (nonce, device, signed, issued, expires) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute((nonce.to_string(), device.as_str(), signed, now, expires))?;
    Ok(())
}

fn answer(
    connection: &mut Connection,
    device: &DeviceId,
    nonce: Nonce,
    event: &EventId,
    now: i64,
) -> Result<Result<(), Unfit>, StateError> {
    let transaction = begin(connection)?;
    let verdict = judge(&transaction, device, nonce, event, now).map_err(sqlite)?;
    transaction.commit().map_err(sqlite)?;
    Ok(verdict)
}

fn judge(
    transaction: &Transaction<'_>,
    device: &DeviceId,
    nonce: Nonce,
    event: &EventId,
    now: i64,
) -> rusqlite::Result<Result<(), Unfit>> {
    let nonce = nonce.to_string();
    let found: Option<(String, i64, i64, Option<String>)> = transaction
        .prepare_cached("SELECT device, issued, expires, used_by FROM challenge WHERE nonce = ?1")?
        .query_row([&nonce], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
        .optional()?;
    let Some((owner, issued, expires, used_by)) = found else { return Ok(Err(Unfit::Unknown)) };
    if owner != device.as_str() {
        return Ok(Err(Unfit::OtherDevice));
    }
    match used_by {
        // The same event, sent again: whoever looks at its id finds the duplicate.
        Some(known) if known == event.as_str() => return Ok(Ok(())),
        Some(_) => return Ok(Err(Unfit::Used)),
        None if now >= expires => return Ok(Err(Unfit::Expired)),
        None => {}
    }
    transaction
        .prepare_cached("UPDATE challenge SET used_by = ?2 WHERE nonce = ?1")?
        .execute((&nonce, event.as_str()))?;
    transaction
        .prepare_cached("DELETE FROM wanted WHERE device = ?1 AND since <= ?2")?
        .execute((device.as_str(), issued))?;
    Ok(Ok(()))
}
