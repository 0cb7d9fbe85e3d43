//! One token for all calls: fetched once however many wait for it, replaced before its end.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;

use super::token::{self, Token};
use super::{Credential, OAuth};
use crate::client::engine::{Deadline, Engine};
use crate::error::{ACCESS_DENIED, Cause, Error, ErrorKind};
use crate::secret::Secret;
use crate::wire::url::BaseUrl;

const OPERATION: &str = "get an access token";

/// Hands out the current token.
pub(crate) struct TokenSource {
    oauth: OAuth,
    /// How many fetches have ended, well or badly.
    fetches: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    current: Option<(Credential, Duration)>,
    failure: Option<Error>,
    /// What renews the token, if the instance gave it.
    refresh: Option<Secret>,
    /// How long the last token was said to live.
    life: Option<Duration>,
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSource").field("oauth", &self.oauth).finish_non_exhaustive()
    }
}

impl TokenSource {
    pub(crate) fn new(oauth: OAuth) -> Self {
        Self { oauth, fetches: AtomicU64::new(0), state: Mutex::default() }
    }

    /// The current token, or a new one. Who waited while a fetch failed gets that failure: many callers must not become
    /// many failed logins, which lock the user.
    pub(crate) async fn credential(
        &self,
        engine: &Engine,
        base: &BaseUrl,
        deadline: Deadline,
    ) -> Result<Credential, Error> {
        let ended_before = self.fetches.load(Ordering::Acquire);
        let mut state = engine
            .within(deadline, self.state.lock())
            .await
            .ok_or_else(|| Error::new(ErrorKind::Timeout, OPERATION, "no token in time"))?;
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
        let fetched = self.fetch(&mut state, engine, base, deadline).await;
        let generation = self.fetches.fetch_add(1, Ordering::AcqRel);
        match fetched {
            Ok(Token { header, usable, life, refresh }) => {
                state.life = Some(life);
                let credential = Credential::bearer(header, generation);
                if refresh.is_some() {
                    state.refresh = refresh;
                }
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

    /// How long the last token was said to live, from when it was handed out; one asked for again lives shorter.
    pub(crate) async fn life(&self) -> Option<Duration> {
        self.state.lock().await.life
    }

    /// Forgets a token that the instance did not accept, unless it was replaced already.
    pub(crate) async fn discard(&self, refused: &Credential) {
        let mut state = self.state.lock().await;
        if state.current.as_ref().is_some_and(|(current, _)| current.generation == refused.generation) {
            state.current = None;
        }
    }

    /// A new token: by what renews it, and by the grant itself if there is none or the instance takes it no more.
    async fn fetch(
        &self,
        state: &mut State,
        engine: &Engine,
        base: &BaseUrl,
        deadline: Deadline,
    ) -> Result<Token, Error> {
        if let Some(refresh) = state.refresh.take() {
            match self.ask(Some(&refresh), engine, base, deadline).await {
                Err(refused) if is_refusal(&refused) => {}
                outcome => {
                    state.refresh = Some(refresh);
                    return outcome;
                }
            }
        }
        self.ask(None, engine, base, deadline).await
    }

    async fn ask(
        &self,
        refresh: Option<&Secret>,
        engine: &Engine,
        base: &BaseUrl,
        deadline: Deadline,
    ) -> Result<Token, Error> {
        let call = token::request(&self.oauth, refresh, engine.now()).map_err(|error| {
            Error::new(ErrorKind::Local, OPERATION, "assertion not signed").with_source(error)
        })?;
        let answer = engine.run(&call, base, None, deadline).await.map_err(explained)?;
        token::read(answer.result).map_err(|reason| Error::new(ErrorKind::Decode, OPERATION, reason))
    }
}

/// Whether the endpoint looked at what it was shown, and did not take it.
fn is_refusal(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unauthenticated | ErrorKind::Invalid | ErrorKind::Forbidden)
}

/// A refusal of the token endpoint, with what it does not say.
fn explained(error: Error) -> Error {
    match (error.kind(), error.cause()) {
        (_, Some(Cause::MultiFactor)) => error,
        (ErrorKind::Unauthenticated | ErrorKind::Invalid | ErrorKind::Forbidden, _)
        | (_, Some(Cause::AccessDenied)) => error.with_advice(ACCESS_DENIED),
        _ => error,
    }
}
