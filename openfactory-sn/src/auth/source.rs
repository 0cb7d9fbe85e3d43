//! One token for all calls: fetched once however many wait for it, replaced before its end.

use std::fmt;
use std::time::Duration;

use tokio::sync::Mutex;

use super::token::{self, Token};
use super::{Credential, OAuth, User};
use crate::client::engine::{Caller, Deadline, Engine};
use crate::error::{ACCESS_DENIED, Cause, Error, ErrorKind};
use crate::secret::Secret;
use crate::wire::url::BaseUrl;

const OPERATION: &str = "get an access token";
/// How long a refusal stands before the endpoint is asked again: each asking counts as a failed login, and some lock the
/// user. Short enough for who has just mended it.
const REFUSED_FOR: Duration = Duration::from_secs(30);

/// Hands out the current token.
pub(crate) struct TokenSource {
    oauth: OAuth,
    /// Whose calls for tokens they are.
    user: User,
    state: Mutex<State>,
}

/// A token, until when it is used without asking for another, and when it ends. Monotonic.
struct Current {
    credential: Credential,
    usable_until: Duration,
    ends: Duration,
}

#[derive(Default)]
struct State {
    current: Option<Current>,
    /// The endpoint's last word, if that was no, and until when it stands. Monotonic.
    refused: Option<(Error, Duration)>,
    /// What renews the token, if the instance gave it.
    refresh: Option<Secret>,
    /// How long the last token was said to live.
    life: Option<Duration>,
    /// How many tokens there were.
    generation: u64,
}

impl State {
    /// The token, if it has not ended.
    fn current_at(&self, monotonic: Duration) -> Option<Credential> {
        let current = self.current.as_ref().filter(|current| monotonic < current.ends);
        current.map(|current| current.credential.clone())
    }
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSource").field("oauth", &self.oauth).finish_non_exhaustive()
    }
}

impl TokenSource {
    pub(crate) fn new(oauth: OAuth, user: User) -> Self {
        Self { oauth, user, state: Mutex::default() }
    }

    /// The current token, or a new one. A refusal is told to all who come within [`REFUSED_FOR`]: many callers must not
    /// become many failed logins, which lock the user. Any other failure is its caller's alone, whose time may have been
    /// shorter.
    pub(crate) async fn credential(
        &self,
        engine: &Engine,
        base: &BaseUrl,
        deadline: Deadline,
    ) -> Result<Credential, Error> {
        let mut state = engine
            .within(deadline, self.state.lock())
            .await
            .ok_or_else(|| Error::new(ErrorKind::Timeout, OPERATION, "no token in time"))?;
        if let Some(current) = &state.current
            && engine.monotonic() < current.usable_until
        {
            return Ok(current.credential.clone());
        }
        let asked_at = engine.monotonic();
        if let Some((refused, until)) = &state.refused
            && asked_at < *until
        {
            return Err(refused.clone());
        }
        match self.fetch(&mut state, engine, base, deadline).await {
            Ok(Token { header, usable, life, refresh }) => {
                state.life = Some(life);
                state.generation += 1;
                let credential = Credential::bearer(header, state.generation);
                if refresh.is_some() {
                    state.refresh = refresh;
                }
                state.current = Some(Current {
                    credential: credential.clone(),
                    usable_until: asked_at.saturating_add(usable),
                    ends: asked_at.saturating_add(life),
                });
                state.refused = None;
                Ok(credential)
            }
            Err(error) => {
                // The endpoint is down, and the token that it was asked to replace has not ended.
                if let (false, Some(credential)) = (is_refusal(&error), state.current_at(engine.monotonic()))
                {
                    return Ok(credential);
                }
                state.current = None;
                let until = engine.monotonic().saturating_add(REFUSED_FOR);
                let no = error.kind() == ErrorKind::Unauthenticated;
                state.refused = no.then(|| (error.clone(), until));
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
        if state.current.as_ref().is_some_and(|current| current.credential.generation == refused.generation) {
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
        // Taken out only once the instance has said no: a caller that goes away in between must not take along what may be
        // the only thing that renews the token.
        if let Some(refresh) = state.refresh.clone() {
            match self.ask(Some(&refresh), engine, base, deadline).await {
                Err(refused) if is_refusal(&refused) => state.refresh = None,
                outcome => return outcome,
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
        let caller = Caller { user: self.user, credential: None };
        let answer = engine.run(&call, base, caller, deadline).await.map_err(explained)?;
        token::read(answer.result).map_err(|reason| Error::new(ErrorKind::Decode, OPERATION, reason))
    }
}

/// Whether the endpoint looked at what it was shown, and did not take it: it says so in its own form, which what stands in
/// front of it does not.
fn is_refusal(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Unauthenticated => true,
        ErrorKind::Invalid | ErrorKind::Forbidden => error.fault().is_some(),
        _ => false,
    }
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
