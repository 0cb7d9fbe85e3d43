//! Rounds of requests until every call has its outcome.

use std::collections::BTreeMap;
use std::error::Error as _;

use futures_util::stream::{self, StreamExt};

use super::exchange::{Serviced, exchange, size};
use super::item::{Slot, Want};
use super::{BatchLimits, Done};
use crate::auth::IntegrationPoint;
use crate::client::Client;
use crate::error::{Cause, Error, ErrorKind};
use crate::transport::{TransportError, TransportErrorKind};
use crate::wire::call::{Call, Repeat};

/// Requests at once; the client's own limit holds as well.
const AT_ONCE: usize = 4;

pub(super) async fn run(client: &Client, limits: BatchLimits, wants: Vec<Want>) -> Vec<Result<Done, Error>> {
    let attempts = client.engine().attempts();
    let mut slots: Vec<Slot> = wants.into_iter().map(Slot::new).collect();
    let mut most = limits.calls;
    let mut rounds = 0;
    loop {
        // A request has one credential, so calls that go by different ones travel apart.
        let mut open: BTreeMap<Option<IntegrationPoint>, Vec<(usize, Call)>> = BTreeMap::new();
        for (index, slot) in slots.iter_mut().enumerate().filter(|(_, slot)| slot.outcome.is_none()) {
            match slot.call(client) {
                Ok(call) => open.entry(client.point_of(slot.table())).or_default().push((index, call)),
                Err(error) => slot.settle(Err(error)),
            }
        }
        if open.is_empty() {
            break;
        }
        let chunks = open.into_iter().flat_map(|(point, open)| {
            let chunks = cut(open, BatchLimits { calls: most, ..limits });
            chunks.into_iter().map(move |chunk| (point, chunk))
        });
        let sent = stream::iter(chunks).map(|(point, chunk)| async move {
            let calls: Vec<Call> = chunk.iter().map(|(_, call)| call.clone()).collect();
            let client = point.map_or_else(|| client.clone(), |point| client.at(point));
            (chunk, exchange(&client, &calls).await)
        });
        let answers: Vec<_> = sent.buffer_unordered(AT_ONCE).collect().await;
        let mut behind = None;
        let mut failure = None;
        for (chunk, answer) in answers {
            behind = behind.max(take(client, &mut slots, chunk, answer, attempts, &mut failure));
        }
        if let Some(calls) = behind {
            most = (calls / 2).max(1);
        }
        rounds += 1;
        if let Some(failure) = failure {
            client.engine().rest(&failure, rounds).await;
        }
    }
    slots.into_iter().map(|slot| slot.outcome.unwrap_or_else(|| Err(unsettled()))).collect()
}

/// Takes in what a request came to; says how many calls were in it if the instance did not get through it.
fn take(
    client: &Client,
    slots: &mut [Slot],
    chunk: Vec<(usize, Call)>,
    answer: Result<Serviced, Error>,
    attempts: u32,
    failure: &mut Option<Error>,
) -> Option<usize> {
    let calls = chunk.len();
    let mut behind = false;
    match answer {
        Ok(serviced) => {
            for ((index, call), outcome) in chunk.into_iter().zip(serviced) {
                let Some(slot) = slots.get_mut(index) else { continue };
                let again = slot.failures + 1 < attempts;
                match outcome {
                    Some(Ok(answer)) => slot.answered(client, &call, answer),
                    Some(Err(error)) => {
                        slot.failed(&call, error.clone(), again);
                        if slot.outcome.is_none() && error.is_retryable() {
                            *failure = Some(error);
                        }
                    }
                    // Not begun, so nothing is in doubt; only one call alone that never gets its turn is given up.
                    None => {
                        behind = true;
                        if calls == 1 {
                            slot.failures += 1;
                            if !again {
                                slot.settle(Err(unserviced(&call)));
                            }
                        }
                    }
                }
            }
        }
        Err(error) => {
            // The client tried the request again as far as it could be; what can be looked for still is.
            let too_much = error.kind() == ErrorKind::Timeout || is_too_large(&error);
            for (index, call) in chunk {
                let Some(slot) = slots.get_mut(index) else { continue };
                let again = slot.failures + 1 < attempts && error.may_have_happened();
                let doubtful = error.may_have_happened() && call.writes();
                let own = error.clone().with_may_have_happened(doubtful);
                let smaller = too_much
                    && calls > 1
                    && attempts > 1
                    && (call.repeat == Repeat::Safe || is_refused(&error));
                match (smaller, again) {
                    (true, _) => slot.cut_smaller(own),
                    (false, true) => slot.failed(&call, own, true),
                    (false, false) => slot.settle(Err(own)),
                }
                if slot.outcome.is_none() {
                    *failure = Some(error.clone());
                }
            }
            behind = too_much;
        }
    }
    behind.then_some(calls)
}

/// Whether a smaller request, or the answer to one, would have been let through.
fn is_too_large(error: &Error) -> bool {
    let answer = error.source().and_then(|source| source.downcast_ref::<TransportError>());
    is_refused(error) || answer.is_some_and(|answer| answer.kind() == TransportErrorKind::TooLarge)
}

/// Whether the instance did not take the request in, for its size.
fn is_refused(error: &Error) -> bool {
    error.cause() == Some(Cause::TooLarge)
}

fn unserviced(call: &Call) -> Error {
    let reason = "instance does not get to this call within its time for a batch";
    Error::new(ErrorKind::Timeout, call.operation.clone(), reason)
}

fn unsettled() -> Error {
    Error::new(ErrorKind::Local, "run a batch", "call was left without an outcome")
}

/// Cuts calls into requests within the limits; one call alone may be over that of bytes.
fn cut(open: Vec<(usize, Call)>, limits: BatchLimits) -> Vec<Vec<(usize, Call)>> {
    let mut chunks: Vec<Vec<(usize, Call)>> = Vec::new();
    let mut bytes = 0;
    for (index, call) in open {
        let needed = size(&call);
        match chunks.last_mut() {
            Some(chunk) if chunk.len() < limits.calls && bytes + needed <= limits.bytes => {
                bytes += needed;
                chunk.push((index, call));
            }
            _ => {
                bytes = needed;
                chunks.push(vec![(index, call)]);
            }
        }
    }
    chunks
}
