//! One token for all calls: fetched once however many wait for it, replaced before its end.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;

use super::token::{self, Token};
use super::{ClientCredentials, Credential};
use crate::client::engine::{Deadline, Engine};
use crate::error::{ACCESS_DENIED, Error, ErrorKind};
use crate::wire::call::Call;
use crate::wire::url::BaseUrl;

/// Hands out the current token.
pub(crate) struct TokenSource {
    credentials: ClientCredentials,
    /// How many fetches have ended, well or badly.
    fetches: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    current: Option<(Credential, Duration)>,
    failure: Option<Error>,
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSource").field("credentials", &self.credentials).finish_non_exhaustive()
    }
}

impl TokenSource {
    pub(crate) fn new(credentials: ClientCredentials) -> Self {
        Self { credentials, fetches: AtomicU64::new(0), state: Mutex::default() }
    }

    /// The current token, or a new one. Who waited while a fetch failed gets that failure: many callers must not become
    /// many failed logins, which lock the user.
    pub(crate) async fn credential(
        &self,
        engine: &Engine,
        base: &BaseUrl,
        deadline: Deadline,
    ) -> Result<Credential, Error> {
        let call = token::request(&self.credentials);
        let ended_before = self.fetches.load(Ordering::Acquire);
        let mut state = engine
            .within(deadline, self.state.lock())
            .await
            .ok_or_else(|| Error::new(ErrorKind::Timeout, call.operation.clone(), "no token in time"))?;
        if let Some((credential, usable_until)) = &state.current
            && engine.monotonic() < *usable_until
        {
            return Ok(credential.clone());
        }
        if self.fetches.load(Ordering::Acquire) != ended_before
            && let Some(failure) = &state.failure
        {
            return Err(failure.clone());
        }
        let asked_at = engine.monotonic();
        let fetched = fetch(&call, engine, base, deadline).await;
        let generation = self.fetches.fetch_add(1, Ordering::AcqRel);
        match fetched {
            Ok(Token { header, usable }) => {
                let credential = Credential { header, generation: Some(generation) };
                state.current = Some((credential.clone(), asked_at.saturating_add(usable)));
                state.failure = None;
                Ok(credential)
            }
            Err(error) => {
                state.current = None;
                state.failure = Some(error.clone());
                Err(error)
            }
        }
    }

    /// Forgets a token that the instance did not accept, unless it was replaced already.
    pub(crate) async fn discard(&self, refused: &Credential) {
        let mut state = self.state.lock().await;
        if state.current.as_ref().is_some_and(|(current, _)| current.generation == refused.generation) {
            state.current = None;
        }
    }
}

async fn fetch(call: &Call, engine: &Engine, base: &BaseUrl, deadline: Deadline) -> Result<Token, Error> {
    let answer = engine.run(call, base, None, deadline).await.map_err(explained)?;
    token::read(answer.result).map_err(|reason| Error::new(ErrorKind::Decode, call.operation.clone(), reason))
}

/// A refusal of the token endpoint, with what it does not say.
fn explained(error: Error) -> Error {
    let denied =
        error.fault().is_some_and(|fault| fault.says("access_denied") || fault.says("invalid_client"));
    match error.kind() {
        ErrorKind::Unauthenticated | ErrorKind::Invalid | ErrorKind::Forbidden => {
            error.with_advice(ACCESS_DENIED)
        }
        _ if denied => error.with_advice(ACCESS_DENIED),
        _ => error,
    }
}
