//! Calls to the webhook that business rules queued.

use rusqlite::{OptionalExtension as _, params};

use super::{Session, StoreError};

/// What became of a call to the webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeliveryState {
    /// It is still to be made.
    Pending,
    /// The receiver answered 2xx.
    Delivered,
    /// Every try failed.
    Lost,
}

impl DeliveryState {
    fn text(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Lost => "lost",
        }
    }

    fn parse(text: &str) -> Self {
        match text {
            "delivered" => Self::Delivered,
            "lost" => Self::Lost,
            _ => Self::Pending,
        }
    }
}

/// A call to the webhook, as a test may look at it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivery {
    /// The `webhook-id`, the same for all tries.
    pub id: String,
    /// The body, JSON text.
    pub body: String,
    /// How often it was tried.
    pub attempts: u32,
    /// What became of it.
    pub state: DeliveryState,
    /// Why the last try failed; empty where none did.
    pub last_error: String,
}

/// A call that is due.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    pub(crate) seq: i64,
    pub(crate) id: String,
    pub(crate) body: String,
    pub(crate) attempts: u32,
    pub(crate) last_error: String,
}

/// Why a call waits that was held back on request.
const HELD: &str = "held back on request";

impl Pending {
    /// Whether nothing was done about it yet.
    pub(crate) fn is_fresh(&self) -> bool {
        self.attempts == 0 && self.last_error.is_empty()
    }
}

impl Session<'_> {
    /// Queues a call that is due at once.
    pub(crate) fn queue_delivery(&self, id: &str, body: &str, now: i64) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "INSERT INTO delivery (id, body, attempts, due, state, last_error)
                 VALUES (?1, ?2, 0, ?3, 'pending', '')",
            )?
            .execute(params![id, body, now])?;
        Ok(())
    }

    /// The oldest call that is due.
    pub(crate) fn due_delivery(&self, now: i64) -> Result<Option<Pending>, StoreError> {
        let pending = self
            .connection
            .prepare_cached(
                "SELECT seq, id, body, attempts, last_error FROM delivery
                 WHERE state = 'pending' AND due <= ?1 ORDER BY due, seq LIMIT 1",
            )?
            .query_row(params![now], |row| {
                Ok(Pending {
                    seq: row.get(0)?,
                    id: row.get(1)?,
                    body: row.get(2)?,
                    attempts: row.get(3)?,
                    last_error: row.get(4)?,
                })
            })
            .optional()?;
        Ok(pending)
    }

    /// Puts a call off, without a try.
    pub(crate) fn hold_delivery(&self, seq: i64, due: i64) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("UPDATE delivery SET due = ?2, last_error = ?3 WHERE seq = ?1")?
            .execute(params![seq, due, HELD])?;
        Ok(())
    }

    /// Gives a call up, without a try.
    pub(crate) fn lose_delivery(&self, seq: i64, reason: &str) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("UPDATE delivery SET state = ?2, last_error = ?3 WHERE seq = ?1")?
            .execute(params![seq, DeliveryState::Lost.text(), reason])?;
        Ok(())
    }

    /// Notes the outcome of a try; a call that stays pending is due again at `due`.
    pub(crate) fn settle_delivery(
        &self,
        seq: i64,
        state: DeliveryState,
        due: i64,
        error: &str,
    ) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "UPDATE delivery SET attempts = attempts + 1, state = ?2, due = ?3, last_error = ?4 WHERE seq = ?1",
            )?
            .execute(params![seq, state.text(), due, error])?;
        Ok(())
    }

    /// All calls, oldest first.
    pub(crate) fn deliveries(&self) -> Result<Vec<Delivery>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT id, body, attempts, state, last_error FROM delivery ORDER BY seq")?;
        let rows = statement.query_map([], |row| {
            Ok(Delivery {
                id: row.get(0)?,
                body: row.get(1)?,
                attempts: row.get(2)?,
                state: DeliveryState::parse(&row.get::<_, String>(3)?),
                last_error: row.get(4)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
