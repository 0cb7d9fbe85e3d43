//! Checks of requests that are the same for all backends.

use crate::capabilities::Capabilities;
use crate::dead_letter::Selection;
use crate::error::{Error, ErrorKind};
use crate::lease::{LeaseRequest, LeaseToken, Settlement};
use crate::message::Message;

pub(crate) fn batch(operation: &'static str, size: usize, has: &Capabilities) -> Result<(), Error> {
    if size > has.max_batch {
        let detail = format!("batch of {size} is over the limit of {}", has.max_batch);
        return Err(Error::new(ErrorKind::TooLarge, operation, detail));
    }
    Ok(())
}

pub(crate) fn publish(messages: &[Message], has: &Capabilities) -> Result<(), Error> {
    batch("publish", messages.len(), has)?;
    messages.iter().try_for_each(|message| has.check(message))
}

pub(crate) fn settle(settlements: &[(LeaseToken, Settlement)], has: &Capabilities) -> Result<(), Error> {
    batch("settle", settlements.len(), has)?;
    settlements.iter().try_for_each(|(_, how)| has.check_settlement(how))
}

pub(crate) fn lease(request: &LeaseRequest, has: &Capabilities) -> Result<(), Error> {
    if request.max == 0 || request.worker.is_empty() || request.ttl.is_zero() {
        let detail = "max and ttl must be above 0 and the worker named";
        return Err(Error::new(ErrorKind::Invalid, "lease", detail));
    }
    if request.worker.len() > 256 {
        return Err(Error::new(ErrorKind::TooLarge, "lease", "worker name is over the limit of 256 bytes"));
    }
    batch("lease", request.max, has)
}

pub(crate) fn selection(
    operation: &'static str,
    selection: &Selection,
    has: &Capabilities,
) -> Result<(), Error> {
    match selection {
        Selection::Ids(ids) => batch(operation, ids.len(), has),
        Selection::Matching(_) => Ok(()),
    }
}

/// An operator's act names its actor and reason.
pub(crate) fn accountable(operation: &'static str, actor: &str, reason: &str) -> Result<(), Error> {
    if actor.trim().is_empty() || reason.trim().is_empty() {
        return Err(Error::new(ErrorKind::Invalid, operation, "actor and reason must be given"));
    }
    Ok(())
}

pub(crate) fn closed(operation: &'static str) -> Error {
    Error::new(ErrorKind::Closed, operation, "the queue is closed")
}
