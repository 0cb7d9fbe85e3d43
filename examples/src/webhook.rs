//! The webhook receiver: takes ServiceNow's calls, believes none of them unproved, and hands them on as hints.

pub mod config;
