//! Commands that wait for their device to ask for them, and reports that are wanted of devices.

use std::time::SystemTime;

use openfactory_attest::envelope::Envelope;
use openfactory_sn::lifecycle::id::{CommandId, DeviceId};
use openfactory_sn::lifecycle::state::StateError;
use rusqlite::Connection;

use super::SqliteStateStore;
use super::error::{corrupt, sqlite};
use super::read::millis;
use super::write::begin;

/// Commands that one device is handed at once.
const AT_ONCE: i64 = 32;

impl SqliteStateStore {
    /// Keeps a command for its device until it is handled or has expired. Kept once, whoever keeps it again.
    ///
    /// # Errors
    /// When the disk refuses.
    pub async fn keep_command(
        &self,
        device: &DeviceId,
        id: &CommandId,
        command: &Envelope,
        expires: SystemTime,
    ) -> Result<(), StateError> {
        let row = Row::of(device, id, command, expires)?;
        self.run(move |connection| {
            let transaction = begin(connection)?;
            row.insert(&transaction).map_err(sqlite)?;
            transaction.commit().map_err(sqlite)
        })
        .await
    }

    /// A device has handled a command: it is handed out no more.
    ///
    /// # Errors
    /// When the disk refuses.
    pub async fn command_handled(&self, device: &DeviceId, id: &CommandId) -> Result<(), StateError> {
        let (device, id) = (device.clone(), id.clone());
        self.run(move |connection| {
            connection
                .execute(
                    "UPDATE command SET handled = 1 WHERE device = ?1 AND id = ?2",
                    (device.as_str(), id.as_str()),
                )
                .map_err(sqlite)?;
            Ok(())
        })
        .await
    }

    /// The commands that a device has not handled and that have not expired, the oldest first.
    ///
    /// # Errors
    /// When the disk does not answer, or holds something else.
    pub async fn commands(&self, device: &DeviceId, now: SystemTime) -> Result<Vec<Envelope>, StateError> {
        let device = device.clone();
        self.run(move |connection| pending(connection, &device, millis(now))).await
    }

    /// From `since` on a fresh report of the device is wanted. One that is wanted already is wanted from now on.
    ///
    /// # Errors
    /// When the disk refuses.
    pub async fn want_report(
        &self,
        device: &DeviceId,
        since: SystemTime,
        reason: &str,
    ) -> Result<(), StateError> {
        let (device, reason) = (device.clone(), reason.to_owned());
        self.run(move |connection| {
            connection
                .execute(
                    "INSERT INTO wanted (device, since, reason) VALUES (?1, ?2, ?3)
                     ON CONFLICT (device) DO UPDATE SET since = ?2, reason = ?3, command = NULL",
                    (device.as_str(), millis(since), &reason),
                )
                .map_err(sqlite)?;
            Ok(())
        })
        .await
    }

    /// Whether a report of the device is wanted and no command that asks for it is in force.
    ///
    /// # Errors
    /// When the disk does not answer.
    pub async fn is_report_unasked(&self, device: &DeviceId, now: SystemTime) -> Result<bool, StateError> {
        let device = device.clone();
        self.run(move |connection| {
            connection
                .prepare_cached(
                    "SELECT 1 FROM wanted WHERE device = ?1 AND NOT EXISTS (
                        SELECT 1 FROM command WHERE command.device = ?1 AND command.id = wanted.command
                        AND handled = 0 AND expires > ?2)",
                )
                .and_then(|mut select| select.exists((device.as_str(), millis(now))))
                .map_err(sqlite)
        })
        .await
    }

    /// Keeps the command that asks for a wanted report.
    ///
    /// # Errors
    /// When the disk refuses.
    pub async fn ask_for_report(
        &self,
        device: &DeviceId,
        id: &CommandId,
        command: &Envelope,
        expires: SystemTime,
    ) -> Result<(), StateError> {
        let row = Row::of(device, id, command, expires)?;
        self.run(move |connection| {
            let transaction = begin(connection)?;
            row.insert(&transaction).map_err(sqlite)?;
            transaction
                .execute("UPDATE wanted SET command = ?2 WHERE device = ?1", (&row.device, &row.id))
                .map_err(sqlite)?;
            transaction.commit().map_err(sqlite)
        })
        .await
    }
}

struct Row {
    device: String,
    id: String,
    envelope: String,
    expires: i64,
}

impl Row {
    fn of(
        device: &DeviceId,
        id: &CommandId,
        command: &Envelope,
        expires: SystemTime,
    ) -> Result<Self, StateError> {
        let envelope = String::from_utf8(command.to_json())
            .map_err(|error| corrupt(format!("command/{id}"))(Box::new(error)))?;
        let (device, id) = (device.to_string(), id.to_string());
        Ok(Self { device, id, envelope, expires: millis(expires) })
    }

    fn insert(&self, connection: &Connection) -> rusqlite::Result<()> {
        connection
            .prepare_cached(
                "INSERT INTO command (device, id, envelope, expires) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (device, id) DO NOTHING",
            )?
            .execute((&self.device, &self.id, &self.envelope, self.expires))?;
        Ok(())
    }
}

fn pending(connection: &Connection, device: &DeviceId, now: i64) -> Result<Vec<Envelope>, StateError> {
    let mut select = connection
        .prepare_cached(
            "SELECT id, envelope FROM command WHERE device = ?1 AND handled = 0 AND expires > ?2
             ORDER BY seq LIMIT ?3",
        )
        .map_err(sqlite)?;
    let rows = select
        .query_map((device.as_str(), now, AT_ONCE), |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
        })
        .map_err(sqlite)?;
    rows.map(|row| {
        let (id, text) = row.map_err(sqlite)?;
        Envelope::parse(text.as_bytes()).map_err(|error| corrupt(format!("command/{id}"))(Box::new(error)))
    })
    .collect()
}
