//! The state model of change requests, as ServiceNow's documentation has it. An instance can be set up otherwise; the
//! Change Management API tells its own.

use super::{State, Type};

const NORMAL: &[State] = &[
    State::New,
    State::Assess,
    State::Authorize,
    State::Scheduled,
    State::Implement,
    State::Review,
    State::Closed,
];
const STANDARD: &[State] = &[State::New, State::Scheduled, State::Implement, State::Review, State::Closed];
const EMERGENCY: &[State] =
    &[State::New, State::Authorize, State::Scheduled, State::Implement, State::Review, State::Closed];

impl Type {
    /// The states of a change of this type from New to Closed; `None` for a type that stock instances do not have.
    ///
    /// ```
    /// use openfactory_sn::models::change_request::{State, Type};
    ///
    /// let way = Type::Standard.way().expect("a stock type");
    /// assert_eq!(way[..2], [State::New, State::Scheduled], "approved beforehand");
    /// assert_eq!(Type::from_raw("u_model").way(), None);
    /// ```
    #[must_use]
    pub fn way(&self) -> Option<&'static [State]> {
        match self {
            Self::Normal => Some(NORMAL),
            Self::Standard => Some(STANDARD),
            Self::Emergency => Some(EMERGENCY),
            Self::Other(_) => None,
        }
    }

    /// The steps that lead forward from one state to a later one: the states after `from`, up to and with `to`.
    ///
    /// Empty if they are the same; `None` if `to` is not ahead of `from` on this way. Canceled is one step from every
    /// state before Review.
    ///
    /// ```
    /// use openfactory_sn::models::change_request::{State, Type};
    ///
    /// let steps = Type::Emergency.steps(&State::New, &State::Implement);
    /// assert_eq!(steps, Some(vec![State::Authorize, State::Scheduled, State::Implement]));
    /// assert_eq!(Type::Normal.steps(&State::Closed, &State::Review), None);
    /// ```
    #[must_use]
    pub fn steps(&self, from: &State, to: &State) -> Option<Vec<State>> {
        if from == to {
            return Some(Vec::new());
        }
        let way = self.way()?;
        let place = |state: &State| way.iter().position(|on_way| on_way == state);
        let begin = place(from)?;
        if *to == State::Canceled {
            return (begin < place(&State::Review)?).then(|| vec![State::Canceled]);
        }
        let end = place(to)?;
        (begin < end).then(|| way.get(begin + 1..=end).unwrap_or_default().to_vec())
    }

    /// Whether a change of this type may go from one state to the other in one step: forward, to Canceled, or back to New
    /// from where its approval was refused.
    ///
    /// ```
    /// use openfactory_sn::models::change_request::{State, Type};
    ///
    /// assert!(Type::Normal.allows(&State::Authorize, &State::New), "refused, and written anew");
    /// assert!(!Type::Normal.allows(&State::New, &State::Implement));
    /// ```
    #[must_use]
    pub fn allows(&self, from: &State, to: &State) -> bool {
        let back = matches!(
            (self, from, to),
            (Self::Normal, State::Assess | State::Authorize, State::New)
                | (Self::Emergency, State::Authorize, State::New)
        );
        back || self.steps(from, to).is_some_and(|steps| steps.len() == 1)
    }
}

impl State {
    /// Whether this is an end: Closed or Canceled.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Closed | Self::Canceled)
    }

    /// Whether the approval lies behind: Scheduled or later on the way, and not Canceled. Unknown states do not.
    #[must_use]
    pub fn is_past_approval(&self) -> bool {
        matches!(self, Self::Scheduled | Self::Implement | Self::Review | Self::Closed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_of_states_of_every_type() {
        let ways: [(Type, &[&str]); 3] = [
            (Type::Normal, &["-5", "-4", "-3", "-2", "-1", "0", "3"]),
            (Type::Standard, &["-5", "-2", "-1", "0", "3"]),
            (Type::Emergency, &["-5", "-3", "-2", "-1", "0", "3"]),
        ];
        for (kind, way) in ways {
            for from in State::STOCK {
                for to in State::STOCK {
                    let forward = way.windows(2).any(|pair| pair == [from.as_str(), to.as_str()]);
                    let cancel = to.as_str() == "4"
                        && way.contains(&from.as_str())
                        && ["-5", "-4", "-3", "-2", "-1"].contains(&from.as_str());
                    let revert = to.as_str() == "-5"
                        && (kind == Type::Normal && ["-4", "-3"].contains(&from.as_str())
                            || kind == Type::Emergency && from.as_str() == "-3");
                    assert_eq!(kind.allows(from, to), forward || cancel || revert, "{kind} {from} {to}");
                }
            }
        }
    }

    #[test]
    fn walks_go_forward_only() {
        assert_eq!(Type::Normal.steps(&State::New, &State::Assess), Some(vec![State::Assess]));
        assert_eq!(Type::Normal.steps(&State::Review, &State::Review), Some(vec![]));
        assert_eq!(Type::Standard.steps(&State::Assess, &State::Scheduled), None);
        assert_eq!(Type::Normal.steps(&State::Canceled, &State::Closed), None);
        assert_eq!(Type::Other("model".to_owned()).steps(&State::New, &State::Assess), None);
        assert_eq!(Type::Normal.steps(&State::Other("7".to_owned()), &State::Closed), None);
    }

    #[test]
    fn only_known_states_are_past_approval() {
        let past: Vec<_> =
            State::STOCK.iter().filter(|state| state.is_past_approval()).map(State::as_str).collect();
        assert_eq!(past, ["-2", "-1", "0", "3"]);
        assert!(!State::Other("5".to_owned()).is_past_approval());
    }
}
