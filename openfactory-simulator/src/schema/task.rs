//! `task` and what extends it: incident, change request, change task, problem.

use super::FieldType::{Boolean, Date, Duration, Integer, Journal, List, String as Text};
use super::Table;
use super::choices;

pub(super) fn tables() -> Vec<Table> {
    vec![task(), incident(), change_request(), change_task(), problem()]
}

fn task() -> Table {
    Table::new("task", "Task")
        .display("number")
        .numbered("TASK")
        .strings(&[
            ("number", "Number"),
            ("short_description", "Short description"),
            ("description", "Description"),
            ("approval_history", "Approval history"),
            ("correlation_id", "Correlation ID"),
            ("correlation_display", "Correlation display"),
            ("contact_type", "Contact type"),
            ("close_notes", "Close notes"),
            ("category", "Category"),
            ("user_input", "User input"),
        ])
        .references(&[
            ("parent", "Parent", "task"),
            ("assignment_group", "Assignment group", "sys_user_group"),
            ("assigned_to", "Assigned to", "sys_user"),
            ("cmdb_ci", "Configuration item", "cmdb_ci"),
            ("business_service", "Service", "cmdb_ci"),
            ("opened_by", "Opened by", "sys_user"),
            ("closed_by", "Closed by", "sys_user"),
            ("company", "Company", "core_company"),
            ("location", "Location", "cmn_location"),
            ("service_offering", "Service offering", "service_offering"),
        ])
        .dates(&[
            ("opened_at", "Opened"),
            ("closed_at", "Closed"),
            ("approval_set", "Approval set"),
            ("due_date", "Due date"),
            ("expected_start", "Expected start"),
            ("work_start", "Actual start"),
            ("work_end", "Actual end"),
            ("sla_due", "SLA due"),
            ("activity_due", "Activity due"),
            ("follow_up", "Follow up"),
        ])
        .field("calendar_duration", "Duration", Duration)
        .field("business_duration", "Business duration", Duration)
        .field("time_worked", "Time worked", Duration)
        .field("made_sla", "Made SLA", Boolean)
        .default("true")
        .field("knowledge", "Knowledge", Boolean)
        .default("false")
        .field("active", "Active", Boolean)
        .default("true")
        .field("state", "State", Integer)
        .default("1")
        .choices(choices::TASK_STATE)
        .field("impact", "Impact", Integer)
        .default("3")
        .choices(choices::LEVEL)
        .field("urgency", "Urgency", Integer)
        .default("3")
        .choices(choices::LEVEL)
        .field("priority", "Priority", Integer)
        .default("4")
        .choices(choices::TASK_PRIORITY)
        .field("approval", "Approval", Text)
        .default("not requested")
        .choices(choices::APPROVAL)
        .field("upon_approval", "Upon approval", Text)
        .default("proceed")
        .field("upon_reject", "Upon reject", Text)
        .default("cancel")
        .field("escalation", "Escalation", Integer)
        .default("0")
        .field("work_notes", "Work notes", Journal)
        .field("comments", "Additional comments", Journal)
        .field("watch_list", "Watch list", List("sys_user".to_owned()))
        .field("work_notes_list", "Work notes list", List("sys_user".to_owned()))
        .field("additional_assignee_list", "Additional assignee list", List("sys_user".to_owned()))
        .field("group_list", "Group list", List("sys_user_group".to_owned()))
        .in_domain()
}

fn incident() -> Table {
    Table::new("incident", "Incident")
        .extends("task")
        .numbered("INC")
        .references(&[
            ("caller_id", "Caller", "sys_user"),
            ("resolved_by", "Resolved by", "sys_user"),
            ("reopened_by", "Last reopened by", "sys_user"),
            ("parent_incident", "Parent Incident", "incident"),
            ("problem_id", "Problem", "problem"),
            ("rfc", "Change Request", "change_request"),
            ("caused_by", "Caused by Change", "change_request"),
        ])
        .strings(&[("subcategory", "Subcategory")])
        .dates(&[("resolved_at", "Resolved"), ("reopened_time", "Last reopened at")])
        .field("state", "State", Integer)
        .default("1")
        .choices(choices::INCIDENT_STATE)
        .field("incident_state", "Incident state", Integer)
        .default("1")
        .choices(choices::INCIDENT_STATE)
        .field("category", "Category", Text)
        .default("inquiry")
        .choices(&[
            ("inquiry", "Inquiry / Help"),
            ("software", "Software"),
            ("hardware", "Hardware"),
            ("network", "Network"),
            ("database", "Database"),
        ])
        .field("severity", "Severity", Integer)
        .default("3")
        .choices(choices::LEVEL)
        .field("hold_reason", "On hold reason", Integer)
        .choices(&[
            ("1", "Awaiting Caller"),
            ("3", "Awaiting Problem"),
            ("4", "Awaiting Vendor"),
            ("5", "Awaiting Change"),
        ])
        .field("close_code", "Resolution code", Text)
        .choices(choices::INCIDENT_CLOSE_CODE)
        .strict()
        .field("reopen_count", "Reopen count", Integer)
        .default("0")
        .field("child_incidents", "Child Incidents", Integer)
        .default("0")
        .field("calendar_stc", "Resolve time", Integer)
        .field("business_stc", "Business resolve time", Integer)
        .field("notify", "Notify", Integer)
        .default("1")
        .choices(&[("1", "Do Not Notify"), ("2", "Send Email"), ("3", "Phone")])
}

fn change_request() -> Table {
    Table::new("change_request", "Change Request")
        .extends("task")
        .numbered("CHG")
        .references(&[
            ("requested_by", "Requested by", "sys_user"),
            ("chg_model", "Model", "chg_model"),
            ("cab_delegate", "CAB delegate", "sys_user"),
            ("on_hold_task", "On hold change tasks", "task"),
            (
                "std_change_producer_version",
                "Standard Change Template version",
                "std_change_producer_version",
            ),
        ])
        .strings(&[
            ("reason", "Reason"),
            ("justification", "Justification"),
            ("implementation_plan", "Implementation plan"),
            ("backout_plan", "Backout plan"),
            ("test_plan", "Test plan"),
            ("risk_impact_analysis", "Risk and impact analysis"),
            ("on_hold_reason", "On hold reason"),
            ("review_comments", "Review comments"),
            ("cab_recommendation", "CAB recommendation"),
            ("phase", "Phase"),
            ("phase_state", "Phase state"),
            ("review_status", "Review status"),
        ])
        .dates(&[
            ("start_date", "Planned start date"),
            ("end_date", "Planned end date"),
            ("requested_by_date", "Requested by date"),
            ("cab_date_time", "CAB date/time"),
            ("review_date", "Review date"),
            ("conflict_last_run", "Conflict last run"),
        ])
        .flags(&[
            ("cab_required", "CAB required"),
            ("on_hold", "On hold"),
            ("production_system", "Production system"),
            ("outside_maintenance_schedule", "Outside maintenance schedule"),
            ("unauthorized", "Unauthorized"),
        ])
        .field("conflict_status", "Conflict status", Text)
        .default("Not Run")
        .choices(&[("Not Run", "Not Run"), ("No Conflict", "No Conflict"), ("Conflict", "Conflict")])
        .field("cab_date", "CAB date", Date)
        .field("scope", "Scope", Integer)
        .default("3")
        .choices(&[("1", "Massive"), ("2", "Large"), ("3", "Medium"), ("4", "Small"), ("5", "Tiny")])
        .field("type", "Type", Text)
        .default("normal")
        .choices(&[("normal", "Normal"), ("standard", "Standard"), ("emergency", "Emergency")])
        .field("state", "State", Integer)
        .default("-5")
        .choices(choices::CHANGE_STATE)
        .field("category", "Category", Text)
        .default("Other")
        .choices(choices::CHANGE_CATEGORY)
        .field("risk", "Risk", Integer)
        .default("3")
        .choices(&[("2", "High"), ("3", "Moderate"), ("4", "Low")])
        .field("priority", "Priority", Integer)
        .default("4")
        .choices(choices::TASK_PRIORITY)
        .field("close_code", "Close code", Text)
        .choices(choices::CHANGE_CLOSE_CODE)
        .strict()
}

fn change_task() -> Table {
    Table::new("change_task", "Change Task")
        .extends("task")
        .numbered("CTASK")
        .references(&[("change_request", "Change request", "change_request")])
        .dates(&[("planned_start_date", "Planned start date"), ("planned_end_date", "Planned end date")])
        .flags(&[("on_hold", "On hold")])
        .field("change_task_type", "Type", Text)
        .default("planning")
        .choices(&[
            ("planning", "Planning"),
            ("implementation", "Implementation"),
            ("testing", "Testing"),
            ("review", "Review"),
        ])
        .field("state", "State", Integer)
        .default("1")
        .choices(choices::CHANGE_TASK_STATE)
        .field("close_code", "Close code", Text)
        .choices(choices::CHANGE_CLOSE_CODE)
        .strict()
}

fn problem() -> Table {
    Table::new("problem", "Problem")
        .extends("task")
        .numbered("PRB")
        .strings(&[("cause_notes", "Cause notes"), ("fix_notes", "Fix notes"), ("workaround", "Workaround")])
        .references(&[
            ("first_reported_by_task", "First reported by", "task"),
            ("duplicate_of", "Duplicate of", "problem"),
            ("resolved_by", "Resolved by", "sys_user"),
        ])
        .dates(&[("resolved_at", "Resolved")])
        .field("reopen_count", "Reopen count", Integer)
        .default("0")
        .field("child_incidents", "Child Incidents", Integer)
        .default("0")
        .field("calendar_stc", "Resolve time", Integer)
        .field("business_stc", "Business resolve time", Integer)
        .field("notify", "Notify", Integer)
        .default("1")
        .choices(&[("1", "Do Not Notify"), ("2", "Send Email"), ("3", "Phone")])
        .field("resolution_code", "Resolution code", Text)
        .choices(&[
            ("fix_applied", "Fix Applied"),
            ("risk_accepted", "Risk Accepted"),
            ("canceled", "Canceled"),
            ("duplicate", "Duplicate"),
        ])
        .field("state", "State", Integer)
        .default("101")
        .choices(choices::PROBLEM_STATE)
        .field("problem_state", "Problem state", Integer)
        .default("101")
        .choices(choices::PROBLEM_STATE)
}
