//! Who is logged in to the page, and which forms it sent out itself.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::entropy::{self, Entropy};

/// How long a login lasts, in seconds.
pub(super) const LIFE: i64 = 8 * 60 * 60;

/// How many logins are kept; beyond it the one that ends first goes.
const MOST: usize = 1_000;

/// Logins, in memory: after a restart everybody logs in again.
pub(crate) struct Sessions {
    key: Zeroizing<[u8; 64]>,
    /// By the hash of the token, so that neither the memory nor the time of a look-up tells one.
    open: Mutex<BTreeMap<[u8; 32], Login>>,
}

struct Login {
    user_name: String,
    /// Seconds since the epoch.
    ends: i64,
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").finish_non_exhaustive()
    }
}

impl Sessions {
    pub(crate) fn new(entropy: &dyn Entropy) -> Self {
        let mut key = Zeroizing::new([0; 64]);
        entropy.fill(&mut *key);
        Self { key, open: Mutex::default() }
    }

    /// Logs somebody in; gives the token for the cookie.
    pub(super) fn begin(&self, entropy: &dyn Entropy, user_name: &str, now: i64) -> String {
        let token = entropy::token(entropy);
        let mut open = self.lock();
        open.retain(|_, login| login.ends > now);
        if open.len() >= MOST
            && let Some(first) = open.iter().min_by_key(|(_, login)| login.ends).map(|(hash, _)| *hash)
        {
            open.remove(&first);
        }
        open.insert(hash(&token), Login { user_name: user_name.to_owned(), ends: now + LIFE });
        token
    }

    /// Who holds this token.
    pub(super) fn user(&self, token: &str, now: i64) -> Option<String> {
        self.lock().get(&hash(token)).filter(|login| login.ends > now).map(|login| login.user_name.clone())
    }

    pub(super) fn end(&self, token: &str) {
        self.lock().remove(&hash(token));
    }

    /// What a form has to bring back to show that this page made it for `whom`.
    pub(super) fn form_token(&self, whom: &str) -> String {
        hex::encode(self.mac(whom).finalize().into_bytes())
    }

    pub(super) fn is_form_token(&self, whom: &str, given: &str) -> bool {
        hex::decode(given).is_ok_and(|given| self.mac(whom).verify_slice(&given).is_ok())
    }

    fn mac(&self, whom: &str) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new((&*self.key).into());
        mac.update(whom.as_bytes());
        mac
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<[u8; 32], Login>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;

    #[test]
    fn a_login_ends_by_itself_or_when_it_is_ended() {
        let sessions = Sessions::new(&SystemEntropy);
        let token = sessions.begin(&SystemEntropy, "ada", 100);
        assert_eq!(sessions.user(&token, 100).as_deref(), Some("ada"));
        assert_eq!(sessions.user("other", 100), None);
        assert_eq!(sessions.user(&token, 100 + LIFE), None);
        sessions.end(&token);
        assert_eq!(sessions.user(&token, 100), None);
    }

    #[test]
    fn logins_are_bounded() {
        let sessions = Sessions::new(&SystemEntropy);
        let first = sessions.begin(&SystemEntropy, "ada", 1);
        let second = sessions.begin(&SystemEntropy, "bea", 2);
        for _ in 1..MOST {
            sessions.begin(&SystemEntropy, "eve", 3);
        }
        assert_eq!(sessions.user(&first, 3), None);
        assert_eq!(sessions.user(&second, 3).as_deref(), Some("bea"));
    }

    #[test]
    fn a_form_belongs_to_whom_it_was_made_for() {
        let (one, other) = (Sessions::new(&SystemEntropy), Sessions::new(&SystemEntropy));
        let token = one.form_token("user:ada");
        assert!(one.is_form_token("user:ada", &token));
        assert!(!one.is_form_token("user:eve", &token));
        assert!(!other.is_form_token("user:ada", &token));
        assert!(!one.is_form_token("user:ada", "") && !one.is_form_token("user:ada", "zz"));
    }
}
