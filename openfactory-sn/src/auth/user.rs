//! Which of a client's credentials are the same user to the instance, which counts calls by user.

use super::{Auth, Grant, JwtBearer, Method, OAuth};

/// One of the users that a client is, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct User(usize);

impl User {
    pub(crate) fn numbered(number: usize) -> Self {
        Self(number)
    }

    /// Who each of these is, the same for those that cannot be told apart.
    pub(crate) fn of_each<'a>(credentials: impl IntoIterator<Item = &'a Auth>) -> Vec<(&'a Auth, Self)> {
        let mut users: Vec<(&Auth, Self)> = Vec::new();
        for auth in credentials {
            let known = users.iter().find(|(other, _)| is_same(&auth.0, &other.0)).map(|(_, user)| *user);
            users.push((auth, known.unwrap_or(Self::numbered(users.len()))));
        }
        users
    }
}

/// Whether both are the same user, as far as it can be told without the instance.
fn is_same(one: &Method, other: &Method) -> bool {
    match (one, other) {
        (Method::ApiKey(one), Method::ApiKey(other)) => one == other,
        (Method::Certificate, Method::Certificate) => true,
        (Method::OAuth(one), Method::OAuth(other)) if name(&one.grant).is_none() => {
            is_same_client(one, other)
        }
        (Method::Basic { .. } | Method::OAuth(_), Method::Basic { .. } | Method::OAuth(_)) => {
            name_of(one).is_some() && name_of(one) == name_of(other)
        }
        _ => false,
    }
}

/// The user's name, where the credential tells it.
fn name_of(method: &Method) -> Option<&str> {
    match method {
        Method::Basic { user, .. } => Some(user),
        Method::OAuth(oauth) => name(&oauth.grant),
        Method::ApiKey(_) | Method::Certificate => None,
    }
}

fn name(grant: &Grant) -> Option<&str> {
    match grant {
        Grant::Password { user, .. } => Some(user),
        Grant::ClientCredentials | Grant::Jwt(_) | Grant::Refresh(_) => None,
    }
}

fn is_same_client(one: &OAuth, other: &OAuth) -> bool {
    match (&one.grant, &other.grant) {
        (Grant::ClientCredentials, Grant::ClientCredentials) => one.id == other.id,
        (Grant::Jwt(one), Grant::Jwt(other)) => JwtBearer::is_for_same_user(one, other),
        (Grant::Refresh(one), Grant::Refresh(other)) => one == other,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    #[test]
    fn same_users_are_told() {
        let secret = || Secret::new("s");
        let credentials = [
            Auth::basic("svc", secret()),
            Auth::password("0f1e", secret(), "svc", Secret::new("p")),
            Auth::client_credentials("0f1e", secret()),
            Auth::client_credentials("0f1e", Secret::new("changed")).scope("cmdb"),
            Auth::client_credentials("aaaa", secret()),
            Auth::api_key(secret()),
            Auth::api_key(Secret::new("other")),
            Auth::refresh_token("0f1e", secret(), Secret::new("r")),
            Auth::refresh_token("aaaa", secret(), Secret::new("r")),
            Auth::basic("eve", secret()),
            Auth::client_certificate(),
            Auth::client_certificate(),
        ];
        let numbers: Vec<_> = User::of_each(&credentials).into_iter().map(|(_, user)| user.0).collect();
        assert_eq!(numbers, [0, 0, 2, 2, 4, 5, 6, 7, 7, 9, 10, 10]);
    }
}
