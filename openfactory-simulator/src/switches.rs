//! What instances differ in, or what their public documentation does not settle: a switch for each, with a default.
//!
//! Whoever finds out what an instance really does sets the switch; a client that has to work with every instance is
//! tested with both positions.

mod alert_key;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use alert_key::AlertKey;

use crate::profile::Profile;

/// All switches. Each field says what it means, and what its default is.
///
/// ```
/// use openfactory_simulator::Profile;
/// use openfactory_simulator::switches::Switches;
///
/// let mut switches = Switches::from_json(Profile::Stock, br#"{"attachment_hash": false}"#)?;
/// assert!(switches.automatic_tasks && !switches.attachment_hash);
/// switches.automatic_tasks = false;
/// assert_ne!(switches, Switches::of(Profile::Stock));
///
/// let unknown = Switches::from_json(Profile::Stock, br#"{"attachment_cash": false}"#);
/// assert_eq!(unknown.unwrap_err().to_string(), "there is no switch \"attachment_cash\"");
/// # Ok::<(), openfactory_simulator::switches::SwitchError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Switches {
    /// Whether an emergency change waits at Authorize until it is approved. In the profile `stock`.
    pub emergency_needs_approval: bool,
    /// Whether a normal change is approved by the members of its assignment group at Assess before the board is asked at
    /// Authorize. By default it is; otherwise the board is asked at Assess, and its approval leads to Scheduled.
    pub peers_approve_first: bool,
    /// Whether one approval is enough where several people are asked. By default all have to approve.
    pub one_approval_suffices: bool,
    /// Whether a change gets its two tasks when it enters Implement, and goes on to Review once they are done. In the
    /// profile `stock`.
    pub automatic_tasks: bool,
    /// Whether a standard change needs a template. Not by default.
    pub standard_needs_template: bool,
    /// Whether a change that enters Assess needs an assignment group. Not by default.
    pub assess_needs_group: bool,
    /// Whether a change that enters Scheduled needs its planned dates. Not by default.
    pub scheduled_needs_dates: bool,
    /// Whether a change may be moved by who calls the API at all, and not only by people with a browser and by the
    /// instance itself. By default it may.
    pub changes_move_by_rest: bool,
    /// Whether closing an incident takes the role `itil_admin`. Not by default.
    pub closing_needs_itil_admin: bool,
    /// Whether an incident that is put on hold because its caller has to answer wants a comment for them. By default it
    /// does.
    pub awaiting_caller_needs_comment: bool,
    /// Whether a priority that is sent without impact and urgency stays as it was sent. By default it is worked out
    /// anew.
    pub priority_alone_stays: bool,
    /// Whether a worker that is given no item that exists is done, with warnings. By default it ends in error.
    pub workers_without_items_are_done: bool,
    /// Whether a schedule has as many slots as fit into each open span, one after another. By default it has the first of
    /// each.
    pub slots_fill_spans: bool,

    /// Whether a POST to a record changes it, as the integration guide has it. Not in the profile `stock`, which refuses
    /// it with 405.
    pub post_changes_records: bool,
    /// Whether a request without `Accept` is refused with 400. By default it is answered in JSON.
    pub accept_required: bool,
    /// Whether a negative offset counts as 0. By default it is refused with 400.
    pub negative_offset_is_zero: bool,
    /// Whether a list without count (`sysparm_no_count`) has a link to its last page. Not by default.
    pub last_link_without_count: bool,
    /// The status of an unknown path of the API: 400 by default.
    pub unknown_path_status: u16,
    /// How a method is refused that a path has not got.
    pub method_refusal: MethodRefusal,
    /// Whether a refusal for want of a login names the scheme in `WWW-Authenticate`. By default it does.
    pub names_realm: bool,

    /// Whether `^^` in a value is one caret. By default it is; otherwise it ends the value.
    pub doubled_caret_escapes: bool,
    /// Whether `GROUPBY` brings the rows of a group together. By default it is ignored.
    pub group_by_orders: bool,
    /// Whether a list without `ORDERBY` comes in another order each time, so that its pages overlap and leave gaps. By
    /// default it comes in the order in which its rows were made, which nobody may rely on.
    pub lists_without_order_are_shuffled: bool,
    /// Whether there are `RELATIVEGE`, `RELATIVELE` and `RELATIVEEE`, beside the documented pair. By default there are.
    pub relative_siblings: bool,
    /// Whether there is `INSTANCEOF`. By default there is.
    pub instance_of: bool,
    /// Whether a query with a script that is not known finds nothing. By default its term is dropped, which widens it.
    pub unknown_scripts_find_nothing: bool,
    /// Whether the Aggregate API counts what the caller may not read, as `X-Total-Count` does. By default it refuses
    /// whoever may not read the table with 403, and leaves out single rows.
    pub stats_count_unreadable: bool,
    /// Whether what stands for a row is told where another refers to it, to whoever may not read that row too. By default it
    /// is.
    pub references_name_hidden_rows: bool,

    /// Whether an update that changes nothing counts in `sys_mod_count` and `sys_updated_on`. Not by default.
    pub empty_updates_count: bool,
    /// The status of a create whose `sys_id` is taken: 403 by default.
    pub duplicate_sys_id_status: u16,
    /// Whether a write is refused with 403 that has a field which its sender may not write. By default the field alone is
    /// dropped.
    pub forbidden_fields_refuse: bool,
    /// Whether a reference to a row that is not there is stored empty. By default it is stored as it was sent.
    pub unknown_references_are_emptied: bool,
    /// Whether a reference is found by what stands for a row, even without `sysparm_input_display_value`. Not by
    /// default.
    pub references_by_name: bool,
    /// Whether a `null` leaves a field as it is. By default it empties it.
    pub null_is_ignored: bool,
    /// Whether what is no date leaves a date as it is, be it sent as a value or as a display value. By default it empties
    /// it.
    pub unreadable_dates_are_ignored: bool,
    /// Whether fields that the dictionary calls read-only stay as they are. By default they are written.
    pub dictionary_read_only_is_enforced: bool,
    /// Whether a row is refused that lacks a field which the dictionary calls mandatory. By default it is made.
    pub mandatory_fields_are_enforced: bool,
    /// Whether a reference to a row that its qualifier leaves out, a retired item, is stored empty. By default it is
    /// stored as it was sent.
    pub reference_qualifiers_run: bool,
    /// Whether an equal relation is refused by the Table API. By default a second one is made.
    pub relations_are_unique: bool,

    /// The status of an attachment that is too large: 413 by default.
    pub large_attachment_status: u16,
    /// The status of a file whose kind `glide.attachment.extensions` does not name: 400 by default.
    pub refused_file_status: u16,
    /// Whether attachments tell the SHA-256 of their bytes. By default they do.
    pub attachment_hash: bool,

    /// How many items a batch may have; without limit by default.
    pub batch_items: Option<usize>,
    /// Whether the items of a batch count as requests where a rule limits them. Not by default.
    pub batch_items_are_limited: bool,
    /// The status that stands in a batch for an answer that is too large: 500 by default.
    pub large_batch_answer_status: u16,
    /// Whether hourly limits are enforced half a minute late, as where several nodes count. Not by default.
    pub limits_lag: bool,
    /// What stands in the 429 of a queue that is full.
    pub full_queue: PageBody,
    /// What stands in the 503 of an instance that is away.
    pub unavailable_body: PageBody,

    /// Whether an item in error leaves the others of its payload as they are. By default the payload is abandoned
    /// unless the caller allows partial commits.
    pub ire_always_commits_partially: bool,
    /// Whether a related row is passed over whose table no row of `cmdb_related_entry` names, and a look-up row whose table no
    /// identifier entry searches. By default it is an error of its item.
    pub unruled_related_rows_are_passed_over: bool,

    /// What the key of an alert is made of, where its event brings none.
    pub alert_key: AlertKey,

    /// Whether client credentials give a refresh token, too. Not by default.
    pub client_credentials_refresh: bool,
    /// Whether refused tokens are told apart: `invalid_client`, `invalid_grant`, `unsupported_grant_type`. By default each
    /// reads `access_denied`.
    pub oauth_errors_differ: bool,
    /// Whether an OAuth client may prove itself by a Basic header. Not by default.
    pub oauth_client_by_header: bool,
    /// Whether there is `/oauth_revoke.do`. By default there is.
    pub token_revocation: bool,
}

/// How a method is refused that a path has not got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MethodRefusal {
    /// `Method not supported`, with the method in the detail.
    #[default]
    NotSupported,
    /// `Method Not Allowed`, without detail.
    NotAllowed,
}

/// What stands in an answer that is given before the instance itself looks at the call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PageBody {
    /// A page of HTML.
    #[default]
    Html,
    /// Nothing.
    Empty,
    /// The error envelope.
    Json,
}

/// A switch that does not exist, or a position that it has not got.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SwitchError {
    /// The text is not a JSON object.
    #[error("the switches are no JSON object")]
    Shape {
        /// What the parser said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// There is no such switch.
    #[error("there is no switch {name:?}")]
    Name {
        /// The name.
        name: String,
    },
    /// The switch can't be set so.
    #[error("the switch {name} can't be {value}")]
    Value {
        /// The name.
        name: String,
        /// The value, as JSON.
        value: String,
        /// What is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Default for Switches {
    fn default() -> Self {
        Self::of(Profile::default())
    }
}

impl Switches {
    /// The defaults of a profile.
    #[must_use]
    pub fn of(profile: Profile) -> Self {
        let as_delivered = profile == Profile::Stock;
        Self {
            emergency_needs_approval: as_delivered,
            peers_approve_first: true,
            one_approval_suffices: false,
            automatic_tasks: as_delivered,
            standard_needs_template: false,
            assess_needs_group: false,
            scheduled_needs_dates: false,
            changes_move_by_rest: true,
            closing_needs_itil_admin: false,
            awaiting_caller_needs_comment: true,
            priority_alone_stays: false,
            workers_without_items_are_done: false,
            slots_fill_spans: false,
            post_changes_records: !as_delivered,
            accept_required: false,
            negative_offset_is_zero: false,
            last_link_without_count: false,
            unknown_path_status: 400,
            method_refusal: MethodRefusal::default(),
            names_realm: true,
            doubled_caret_escapes: true,
            group_by_orders: false,
            lists_without_order_are_shuffled: false,
            relative_siblings: true,
            instance_of: true,
            unknown_scripts_find_nothing: false,
            stats_count_unreadable: false,
            references_name_hidden_rows: true,
            empty_updates_count: false,
            duplicate_sys_id_status: 403,
            forbidden_fields_refuse: false,
            unknown_references_are_emptied: false,
            references_by_name: false,
            null_is_ignored: false,
            unreadable_dates_are_ignored: false,
            dictionary_read_only_is_enforced: false,
            mandatory_fields_are_enforced: false,
            reference_qualifiers_run: false,
            relations_are_unique: false,
            large_attachment_status: 413,
            refused_file_status: 400,
            attachment_hash: true,
            batch_items: None,
            batch_items_are_limited: false,
            large_batch_answer_status: 500,
            limits_lag: false,
            full_queue: PageBody::default(),
            unavailable_body: PageBody::default(),
            ire_always_commits_partially: false,
            unruled_related_rows_are_passed_over: false,
            alert_key: AlertKey::default(),
            client_credentials_refresh: false,
            oauth_errors_differ: false,
            oauth_client_by_header: false,
            token_revocation: true,
        }
    }

    /// The switches of an instance: those of the profile, but for what the JSON object says, such as
    /// `{"attachment_hash": false, "full_queue": "json"}`.
    ///
    /// # Errors
    /// If it is no JSON object, names a switch that does not exist, or a position that the switch has not got.
    pub fn from_json(profile: Profile, text: &[u8]) -> Result<Self, SwitchError> {
        let shape = |source: serde_json::Error| SwitchError::Shape { source: source.into() };
        let wished: Map<String, Value> = serde_json::from_slice(text).map_err(shape)?;
        let mut switches = Self::of(profile);
        for (name, value) in wished {
            let mut all = serde_json::to_value(switches).map_err(shape)?;
            let switch = all.get_mut(&name).ok_or_else(|| SwitchError::Name { name: name.clone() })?;
            let told = value.to_string();
            *switch = value;
            switches = serde_json::from_value(all).map_err(|source| SwitchError::Value {
                name,
                value: told,
                source: source.into(),
            })?;
        }
        Ok(switches)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn switches_are_set_by_name_over_those_of_the_profile() {
        let read = |text: &str| Switches::from_json(Profile::Stock, text.as_bytes());
        let text = r#"{"null_is_ignored": true, "batch_items": 3, "full_queue": "json", "duplicate_sys_id_status": 409,
            "alert_key": ["type", "node"]}"#;
        let switches = read(text).unwrap();
        assert!(switches.null_is_ignored && switches.automatic_tasks && switches.batch_items == Some(3));
        assert_eq!((switches.full_queue, switches.duplicate_sys_id_status), (PageBody::Json, 409));
        assert_eq!(Some(switches.alert_key), AlertKey::of(&["node", "type"]));
        assert_eq!(read("{}").unwrap(), Switches::of(Profile::Stock));
        assert!(matches!(read("[]"), Err(SwitchError::Shape { .. })));
        assert!(matches!(read(r#"{"bogus": true}"#), Err(SwitchError::Name { .. })));
        for bad in [
            r#"{"null_is_ignored": "perhaps"}"#,
            r#"{"full_queue": "yaml"}"#,
            r#"{"alert_key": "node"}"#,
            r#"{"alert_key": ["nodes"]}"#,
            r#"{"alert_key": []}"#,
        ] {
            assert!(matches!(read(bad), Err(SwitchError::Value { .. })), "{bad}");
        }
    }
}
