//! Choice lists that several tables share.

pub(super) type Choices = &'static [(&'static str, &'static str)];

pub(super) const APPROVAL: Choices = &[
    ("not requested", "Not Yet Requested"),
    ("requested", "Requested"),
    ("approved", "Approved"),
    ("rejected", "Rejected"),
];

pub(super) const APPROVER_STATE: Choices = &[
    ("not requested", "Not Yet Requested"),
    ("requested", "Requested"),
    ("approved", "Approved"),
    ("rejected", "Rejected"),
    ("cancelled", "Cancelled"),
    ("not_required", "No Longer Required"),
];

pub(super) const LEVEL: Choices = &[("1", "1 - High"), ("2", "2 - Medium"), ("3", "3 - Low")];

pub(super) const TASK_PRIORITY: Choices = &[
    ("1", "1 - Critical"),
    ("2", "2 - High"),
    ("3", "3 - Moderate"),
    ("4", "4 - Low"),
    ("5", "5 - Planning"),
];

pub(super) const TASK_STATE: Choices = &[
    ("-5", "Pending"),
    ("1", "Open"),
    ("2", "Work in Progress"),
    ("3", "Closed Complete"),
    ("4", "Closed Incomplete"),
    ("7", "Closed Skipped"),
];

pub(super) const INCIDENT_STATE: Choices = &[
    ("1", "New"),
    ("2", "In Progress"),
    ("3", "On Hold"),
    ("6", "Resolved"),
    ("7", "Closed"),
    ("8", "Canceled"),
];

pub(super) const INCIDENT_CLOSE_CODE: Choices = &[
    ("Duplicate", "Duplicate"),
    ("Known error", "Known error"),
    ("No resolution provided", "No resolution provided"),
    ("Resolved by caller", "Resolved by caller"),
    ("Resolved by change", "Resolved by change"),
    ("Resolved by problem", "Resolved by problem"),
    ("Resolved by request", "Resolved by request"),
    ("Solution provided", "Solution provided"),
    ("Workaround provided", "Workaround provided"),
    ("User error", "User error"),
];

pub(super) const CHANGE_STATE: Choices = &[
    ("-5", "New"),
    ("-4", "Assess"),
    ("-3", "Authorize"),
    ("-2", "Scheduled"),
    ("-1", "Implement"),
    ("0", "Review"),
    ("3", "Closed"),
    ("4", "Canceled"),
];

pub(super) const CHANGE_TASK_STATE: Choices =
    &[("-5", "Pending"), ("1", "Open"), ("2", "In Progress"), ("3", "Closed"), ("4", "Canceled")];

pub(super) const CHANGE_CLOSE_CODE: Choices = &[
    ("successful", "Successful"),
    ("successful_issues", "Successful with issues"),
    ("unsuccessful", "Unsuccessful"),
];

pub(super) const PROBLEM_STATE: Choices = &[
    ("101", "New"),
    ("102", "Assess"),
    ("103", "Root Cause Analysis"),
    ("104", "Fix in Progress"),
    ("106", "Resolved"),
    ("107", "Closed"),
];

pub(super) const OPERATIONAL_STATUS: Choices = &[
    ("1", "Operational"),
    ("2", "Non-Operational"),
    ("3", "Repair in Progress"),
    ("4", "DR Standby"),
    ("5", "Ready"),
    ("6", "Retired"),
    ("7", "Pipeline"),
    ("8", "Catalog"),
];

pub(super) const INSTALL_STATUS: Choices = &[
    ("1", "Installed"),
    ("2", "On Order"),
    ("3", "In Maintenance"),
    ("4", "Pending Install"),
    ("5", "Pending Repair"),
    ("6", "In Stock"),
    ("7", "Retired"),
    ("8", "Stolen"),
    ("100", "Absent"),
];

pub(super) const DISCOVERY_SOURCE: Choices = &[
    ("ServiceNow", "ServiceNow"),
    ("ServiceWatch", "ServiceWatch"),
    ("Discovery", "Discovery"),
    ("Manual Entry", "Manual Entry"),
    ("ImportSet", "ImportSet"),
    ("Other Automated", "Other Automated"),
    ("Unknown", "Unknown"),
];

pub(super) const CHANGE_CATEGORY: Choices = &[
    ("Hardware", "Hardware"),
    ("Software", "Software"),
    ("Service", "Service"),
    ("System Software", "System Software"),
    ("Applications Software", "Applications Software"),
    ("Network", "Network"),
    ("Telecom", "Telecom"),
    ("Documentation", "Documentation"),
    ("Other", "Other"),
];
