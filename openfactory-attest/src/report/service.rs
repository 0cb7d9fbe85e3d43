//! A device's services, and which of them are not as they have to be.

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

/// Services that one report tells of at most.
pub const MAX_SERVICES: usize = 1024;
/// Bytes of a service's name or state at most.
const MAX_NAME: usize = 256;

/// What a service should be doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Expected {
    /// It has to run.
    Required,
    /// It may run.
    Allowed,
    /// It is on no list: it must not run.
    Unlisted,
}

/// One service as it was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ServiceState {
    /// Its name, such as `ssh.service`.
    pub name: String,
    /// Its state in the words of whoever was asked, such as `active`, `inactive`, `failed`.
    pub state: String,
    /// Whether it runs.
    pub running: bool,
    /// What it should be doing.
    pub expected: Expected,
}

impl ServiceState {
    /// All there is to say.
    pub fn new(name: impl Into<String>, state: impl Into<String>, running: bool, expected: Expected) -> Self {
        Self { name: name.into(), state: state.into(), running, expected }
    }

    /// What is wrong with it (integration guide, "Drift Severity Mapping": "Service state deviation").
    #[must_use]
    pub const fn fault(&self) -> Option<ServiceFault> {
        match (self.expected, self.running) {
            (Expected::Required, false) => Some(ServiceFault::RequiredStopped),
            (Expected::Unlisted, true) => Some(ServiceFault::UnauthorizedStarted),
            _ => None,
        }
    }
}

/// What can be wrong with a service: the guide's two examples, both P2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ServiceFault {
    /// A required service is stopped.
    RequiredStopped,
    /// An unauthorized service was started.
    UnauthorizedStarted,
}

impl ServiceFault {
    /// In words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RequiredStopped => "required service stopped",
            Self::UnauthorizedStarted => "unauthorized service started",
        }
    }
}

/// The services that a device looked at: at most [`MAX_SERVICES`], each once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Services(Vec<ServiceState>);

/// Why a list is not one of services.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServicesError {
    /// There are more than [`MAX_SERVICES`].
    #[error("a report tells of at most {MAX_SERVICES} services, this one of more")]
    TooMany,
    /// A name is empty, too long, or there twice; or a state is too long.
    #[error("{name:?} is not the name and state of one service")]
    Name {
        /// The beginning of it.
        name: String,
    },
}

impl Services {
    /// Services in the order of their names.
    ///
    /// # Errors
    /// When there are too many, or one of them has no name that can be told apart.
    pub fn new(states: impl IntoIterator<Item = ServiceState>) -> Result<Self, ServicesError> {
        let mut states: Vec<ServiceState> = states.into_iter().take(MAX_SERVICES + 1).collect();
        if states.len() > MAX_SERVICES {
            return Err(ServicesError::TooMany);
        }
        states.sort_by(|one, other| one.name.cmp(&other.name));
        let twice = states.windows(2).find(|pair| matches!(pair, [one, next] if one.name == next.name));
        let bad = states.iter().find(|service| {
            service.name.is_empty() || service.name.len() > MAX_NAME || service.state.len() > MAX_NAME
        });
        match bad.or_else(|| twice.and_then(<[_]>::first)) {
            Some(service) => Err(ServicesError::Name { name: service.name.chars().take(64).collect() }),
            None => Ok(Self(states)),
        }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &ServiceState> {
        self.0.iter()
    }

    /// Those that are not as they have to be.
    pub fn faults(&self) -> impl Iterator<Item = (&ServiceState, ServiceFault)> {
        self.0.iter().filter_map(|service| Some((service, service.fault()?)))
    }
}

impl<'de> Deserialize<'de> for Services {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(Vec::<ServiceState>::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The guide's examples of a service state deviation, and what is none.
    #[test]
    fn required_stopped_and_unauthorized_started_are_faults() {
        for (expected, running, fault) in [
            (Expected::Required, true, None),
            (Expected::Required, false, Some(ServiceFault::RequiredStopped)),
            (Expected::Allowed, true, None),
            (Expected::Allowed, false, None),
            (Expected::Unlisted, true, Some(ServiceFault::UnauthorizedStarted)),
            (Expected::Unlisted, false, None),
        ] {
            assert_eq!(
                ServiceState::new("x", "s", running, expected).fault(),
                fault,
                "{expected:?} {running}"
            );
        }
    }

    #[test]
    fn a_list_is_bounded_and_names_each_once() {
        let service = |name: &str| ServiceState::new(name, "active", true, Expected::Allowed);
        let services = Services::new([service("b"), service("a")]).unwrap();
        assert_eq!(services.iter().map(|service| service.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        let json = serde_json::to_string(&services).unwrap();
        assert_eq!(serde_json::from_str::<Services>(&json).unwrap(), services);
        assert!(matches!(Services::new([service("a"), service("a")]), Err(ServicesError::Name { .. })));
        assert!(matches!(Services::new([service("")]), Err(ServicesError::Name { .. })));
        let many = (0..=MAX_SERVICES).map(|number| service(&number.to_string()));
        assert_eq!(Services::new(many), Err(ServicesError::TooMany));
    }
}
