//! Which states may follow: asked of the instance, not assumed.

use serde_json::Value;

use super::{Changes, PATH};
use crate::error::{Error, ErrorKind};
use crate::id::SysId;
use crate::models::change_request::State;
use crate::wire::call::Call;
use crate::wire::url::Target;

/// Where a change may go from where it stands.
///
/// ```
/// use openfactory_sn::SysId;
/// use openfactory_sn::change::{NextStates, Step, StepCondition};
/// use openfactory_sn::models::change_request::State;
/// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
/// # use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let step = |to: &str, available: bool, automatic: bool| json!({"from_state": "-4", "to_state": to,
///     "transition_available": available, "automatic_transition": automatic,
///     "conditions": [{"passed": available, "condition": {"name": "Approved by the group"}}]});
/// let answer = json!({"available_states": ["-4", "4"],
///     "state_transitions": [[step("-3", false, true)], [step("4", true, false)]]});
/// let instance = ScriptedTransport::new()
///     .on(Expected::get("/api/sn_chg_rest/v1/change/c1/nextstates"), Reply::result(200, answer));
/// let next: NextStates = client(&instance).changes().next_states(&SysId::new("c1")?).await?;
/// assert!(next.allows(&State::Canceled));
/// assert!(!next.allows(&State::Authorize), "the instance goes there by itself");
///
/// let by_itself: Vec<&Step> = next.steps.iter().filter(|step| step.automatic).collect();
/// let waits_for: Vec<&StepCondition> = by_itself[0].conditions.iter().filter(|one| !one.passed).collect();
/// assert_eq!(waits_for[0].name, "Approved by the group");
/// assert_eq!(next.missing(&State::Authorize).collect::<Vec<_>>(), ["Approved by the group"]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NextStates {
    /// The states that it may be in: the one it stands in, and those that follow.
    pub available: Vec<State>,
    /// Each step with its conditions.
    pub steps: Vec<Step>,
}

/// A step from one state to another.
///
/// ```
/// use openfactory_sn::change::Step;
/// use openfactory_sn::models::change_request::State;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// /// Steps that we are to send, not to wait for.
/// fn ours(steps: &[Step]) -> Vec<&State> {
///     steps.iter().filter(|step| step.available && !step.automatic).map(|step| &step.to).collect()
/// }
/// # use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
/// # use openfactory_sn::SysId;
/// # use serde_json::json;
///
/// let answer = json!({"available_states": ["-2"], "state_transitions": [[{"from_state": "-2", "to_state": "-1",
///     "transition_available": true, "automatic_transition": false, "conditions": []}]]});
/// let instance = ScriptedTransport::new()
///     .on(Expected::get("/api/sn_chg_rest/v1/change/c1/nextstates"), Reply::result(200, answer));
/// let next = client(&instance).changes().next_states(&SysId::new("c1")?).await?;
/// assert_eq!(ours(&next.steps), [&State::Implement]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// The state it leads from.
    pub from: State,
    /// The state it leads to.
    pub to: State,
    /// Whether it may be taken now.
    pub available: bool,
    /// Whether the instance takes it by itself once its conditions hold: then it is not to be sent.
    pub automatic: bool,
    /// What has to hold.
    pub conditions: Vec<StepCondition>,
}

/// What has to hold for a step.
///
/// ```
/// use openfactory_sn::SysId;
/// use openfactory_sn::change::StepCondition;
/// use openfactory_sn::models::change_request::State;
/// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
/// # use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// /// What an approver reads.
/// fn told(condition: &StepCondition) -> String {
///     format!("[{}] {}", if condition.passed { "x" } else { " " }, condition.name)
/// }
///
/// let answer = json!({"available_states": ["-4"], "state_transitions": [[{"from_state": "-4", "to_state": "-3",
///     "transition_available": false, "automatic_transition": true,
///     "conditions": [{"passed": false, "condition": {"name": "Approved by the group"}}]}]]});
/// let instance = ScriptedTransport::new()
///     .on(Expected::get("/api/sn_chg_rest/v1/change/c1/nextstates"), Reply::result(200, answer));
/// let next = client(&instance).changes().next_states(&SysId::new("c1")?).await?;
/// assert_eq!(next.steps[0].to, State::Authorize);
/// assert_eq!(told(&next.steps[0].conditions[0]), "[ ] Approved by the group");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StepCondition {
    /// Its name: `Not On hold`.
    pub name: String,
    /// Whether it holds.
    pub passed: bool,
}

impl NextStates {
    /// Whether a change may be set to this state now.
    #[must_use]
    pub fn allows(&self, state: &State) -> bool {
        self.steps.iter().any(|step| step.to == *state && step.available && !step.automatic)
    }

    /// The names of the conditions that keep a change from this state.
    pub fn missing<'a>(&'a self, state: &'a State) -> impl Iterator<Item = &'a str> {
        let steps = self.steps.iter().filter(move |step| step.to == *state);
        steps.flat_map(|step| &step.conditions).filter(|one| !one.passed).map(|one| one.name.as_str())
    }

    fn read(result: &Value) -> Option<Self> {
        let available = result.get("available_states")?.as_array()?;
        let available = available.iter().map(state).collect::<Option<_>>()?;
        let mut steps = Vec::new();
        for group in result.get("state_transitions").and_then(Value::as_array).into_iter().flatten() {
            for step in group.as_array()? {
                steps.push(read_step(step)?);
            }
        }
        Some(Self { available, steps })
    }
}

fn state(value: &Value) -> Option<State> {
    match value {
        Value::String(text) => Some(State::from_raw(text)),
        Value::Number(number) => Some(State::from_raw(number.to_string().trim_end_matches(".0"))),
        _ => None,
    }
}

fn read_step(step: &Value) -> Option<Step> {
    let truth = |value: &Value, name: &str| match value.get(name) {
        Some(Value::Bool(truth)) => *truth,
        Some(Value::String(text)) => text == "true",
        _ => false,
    };
    let conditions = step.get("conditions").and_then(Value::as_array).into_iter().flatten().map(|one| {
        let name = one.get("condition").and_then(|condition| condition.get("name")).and_then(Value::as_str);
        StepCondition { name: name.unwrap_or_default().to_owned(), passed: truth(one, "passed") }
    });
    Some(Step {
        from: state(step.get("from_state")?)?,
        to: state(step.get("to_state")?)?,
        available: truth(step, "transition_available"),
        automatic: truth(step, "automatic_transition"),
        conditions: conditions.collect(),
    })
}

impl Changes {
    /// Where a change may go.
    ///
    /// ```
    /// use openfactory_sn::SysId;
    /// use openfactory_sn::models::change_request::State;
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let answer = json!({"available_states": ["-5", "-4"], "state_transitions": [[
    ///     {"from_state": "-5", "to_state": "-4", "transition_available": false, "automatic_transition": false,
    ///      "conditions": [{"passed": false, "condition": {"name": "Not On hold"}}]}]]});
    /// let instance = ScriptedTransport::new()
    ///     .on(Expected::get("/api/sn_chg_rest/v1/change/c1/nextstates"), Reply::result(200, answer));
    /// let next = client(&instance).changes().next_states(&SysId::new("c1")?).await?;
    /// assert!(!next.allows(&State::Assess));
    /// assert_eq!(next.missing(&State::Assess).collect::<Vec<_>>(), ["Not On hold"]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`] for an answer of another form; as [`Changes::get`].
    pub async fn next_states(&self, sys_id: &SysId) -> Result<NextStates, Error> {
        let target = Target::new(format!("{PATH}/{sys_id}/nextstates"));
        let call = Call::get(format!("get next states of change {sys_id}"), target);
        let result = self.client.call(&call, self.client.engine().deadline()).await?.result;
        NextStates::read(&result)
            .ok_or_else(|| Error::new(ErrorKind::Decode, call.operation, "answer does not tell of states"))
    }
}
