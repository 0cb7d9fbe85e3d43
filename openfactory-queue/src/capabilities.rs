//! What a backend has declared that it can do, and what a caller can insist on.

use std::time::Duration;

use crate::error::{Error, ErrorKind};
use crate::lease::Settlement;
use crate::message::{DEFAULT_PRIORITY, Message};

/// What an acknowledged publish survives. Each level includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Durability {
    /// Nothing: messages live in this process.
    None,
    /// The death of the process, not of the machine.
    ProcessCrash,
    /// A power cut: every acknowledged message was synced to the disk.
    PowerLoss,
    /// The loss of a machine.
    Replicated,
}

/// The declared abilities of a backend; constant for the life of a handle, never silently less.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// What an acknowledged publish survives.
    pub durability: Durability,
    /// Whether messages of one key are delivered one at a time, in the order of their publishing.
    pub ordering: bool,
    /// How long an id is remembered after its publish; `None`: not at all.
    pub dedup_window: Option<Duration>,
    /// Whether `not_before` and retry times are kept.
    pub delay: bool,
    /// Whether priorities are kept across keys.
    pub priorities: bool,
    /// Whether the settlement of a stale lease changes nothing.
    pub fencing: bool,
    /// Whether dead-lettering and the removal from the queue are one commit.
    pub atomic_dead_letter: bool,
    /// The longest payload, in bytes.
    pub max_payload: usize,
    /// The largest number of messages, tokens or settlements in one call.
    pub max_batch: usize,
}

impl Capabilities {
    /// A backend that can do nothing but carry up to `max_batch` payloads of `max_payload` bytes: the start for a
    /// backend's own declaration.
    #[must_use]
    pub const fn none(max_payload: usize, max_batch: usize) -> Self {
        Self {
            durability: Durability::None,
            ordering: false,
            dedup_window: None,
            delay: false,
            priorities: false,
            fencing: false,
            atomic_dead_letter: false,
            max_payload,
            max_batch,
        }
    }

    /// Checks that a message fits the bounds and asks for nothing that is not declared. Backends refuse by this what
    /// they would otherwise have to drop silently.
    ///
    /// # Errors
    /// As [`Message::check`]; [`ErrorKind::Unsupported`], naming what the message asks for in vain.
    pub fn check(&self, message: &Message) -> Result<(), Error> {
        message.check(self.max_payload)?;
        for (asked, has, name) in [
            (message.key.is_some(), self.ordering, "a key"),
            (message.not_before.is_some(), self.delay, "a delay"),
            (message.priority != DEFAULT_PRIORITY, self.priorities, "a priority"),
        ] {
            if asked && !has {
                let detail = format!("the message asks for {name}, which the backend doesn't keep");
                return Err(Error::new(ErrorKind::Unsupported, "publish", detail));
            }
        }
        Ok(())
    }

    /// Checks that a settlement asks for nothing that is not declared.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] for a retry at a later time on a backend without delay.
    pub fn check_settlement(&self, settlement: &Settlement) -> Result<(), Error> {
        match settlement {
            Settlement::Retry { after, .. } if !after.is_zero() && !self.delay => {
                let detail = "the retry asks for a delay, which the backend doesn't keep";
                Err(Error::new(ErrorKind::Unsupported, "settle", detail))
            }
            _ => Ok(()),
        }
    }

    /// Checks that all that is needed is there.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`], naming everything that is missing.
    pub fn require(&self, needed: &Requirements) -> Result<(), Error> {
        let mut missing = Vec::new();
        if self.durability < needed.durability {
            missing.push(format!("durability {:?} (has {:?})", needed.durability, self.durability));
        }
        if let Some(window) = needed.dedup_window
            && self.dedup_window.is_none_or(|has| has < window)
        {
            missing.push(format!("a deduplication window of {} s", window.as_secs()));
        }
        if self.max_payload < needed.max_payload {
            missing.push(format!("payloads of {} bytes (has {})", needed.max_payload, self.max_payload));
        }
        for (needed, has, name) in [
            (needed.ordering, self.ordering, "ordering"),
            (needed.delay, self.delay, "delay"),
            (needed.priorities, self.priorities, "priorities"),
            (needed.fencing, self.fencing, "fencing"),
            (needed.atomic_dead_letter, self.atomic_dead_letter, "atomic dead-lettering"),
        ] {
            if needed && !has {
                missing.push(name.to_owned());
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Unsupported, "require", format!("backend lacks {}", missing.join(", "))))
    }
}

/// What a caller insists on; [`Capabilities::require`] checks it.
///
/// ```
/// use openfactory_queue::backend::memory::MemoryQueue;
/// use openfactory_queue::capabilities::{Durability, Requirements};
/// use openfactory_queue::{ErrorKind, SyncQueue};
///
/// let has = MemoryQueue::new().capabilities();
/// assert!(has.require(&Requirements::new().ordering().fencing()).is_ok());
/// let refused = has.require(&Requirements::new().durability(Durability::PowerLoss)).unwrap_err();
/// assert_eq!(refused.kind(), ErrorKind::Unsupported);
/// ```
#[derive(Clone, Debug)]
pub struct Requirements {
    durability: Durability,
    ordering: bool,
    dedup_window: Option<Duration>,
    delay: bool,
    priorities: bool,
    fencing: bool,
    atomic_dead_letter: bool,
    max_payload: usize,
}

impl Default for Requirements {
    fn default() -> Self {
        Self::new()
    }
}

impl Requirements {
    /// No requirement yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            durability: Durability::None,
            ordering: false,
            dedup_window: None,
            delay: false,
            priorities: false,
            fencing: false,
            atomic_dead_letter: false,
            max_payload: 0,
        }
    }

    /// At least this durability.
    #[must_use]
    pub const fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Order per key.
    #[must_use]
    pub const fn ordering(mut self) -> Self {
        self.ordering = true;
        self
    }

    /// Deduplication for at least `window` after the publish.
    #[must_use]
    pub const fn dedup_window(mut self, window: Duration) -> Self {
        self.dedup_window = Some(window);
        self
    }

    /// Delayed delivery and timed retries.
    #[must_use]
    pub const fn delay(mut self) -> Self {
        self.delay = true;
        self
    }

    /// Priorities across keys.
    #[must_use]
    pub const fn priorities(mut self) -> Self {
        self.priorities = true;
        self
    }

    /// Fenced leases.
    #[must_use]
    pub const fn fencing(mut self) -> Self {
        self.fencing = true;
        self
    }

    /// Dead-lettering in one commit with the removal.
    #[must_use]
    pub const fn atomic_dead_letter(mut self) -> Self {
        self.atomic_dead_letter = true;
        self
    }

    /// Payloads of up to `bytes`.
    #[must_use]
    pub const fn max_payload(mut self, bytes: usize) -> Self {
        self.max_payload = bytes;
        self
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn what_a_backend_does_not_keep_is_refused_not_dropped() {
        let none = Capabilities::none(9, 1);
        let kind = |message: Message| none.check(&message).map_err(|error| error.kind());
        let plain = || Message::new("i", "k", "");
        assert_eq!(kind(plain()), Ok(()));
        assert_eq!(kind(plain().with_key("key")), Err(ErrorKind::Unsupported));
        assert_eq!(kind(plain().not_before(UNIX_EPOCH)), Err(ErrorKind::Unsupported));
        assert_eq!(kind(plain().with_priority(1)), Err(ErrorKind::Unsupported));
        assert_eq!(kind(Message::new("i", "k", "0123456789")), Err(ErrorKind::TooLarge));
        let retry = |secs| Settlement::Retry {
            after: Duration::from_secs(secs),
            reason: String::new(),
            counts: true,
        };
        assert!(none.check_settlement(&retry(0)).is_ok());
        assert_eq!(none.check_settlement(&retry(1)).unwrap_err().kind(), ErrorKind::Unsupported);
        let delay = Capabilities { delay: true, ..none.clone() };
        assert!(delay.check_settlement(&retry(1)).is_ok());
    }

    #[test]
    fn everything_missing_is_named() {
        let needed = Requirements::new()
            .durability(Durability::Replicated)
            .ordering()
            .dedup_window(Duration::from_secs(60))
            .delay()
            .priorities()
            .fencing()
            .atomic_dead_letter()
            .max_payload(10);
        let text = Capabilities::none(9, 1).require(&needed).unwrap_err().to_string();
        for word in ["Replicated", "60 s", "10 bytes", "ordering", "delay", "priorities", "fencing", "atomic"]
        {
            assert!(text.contains(word), "{word} in {text}");
        }
    }
}
