//! Calls as data: what is asked of ServiceNow, as a request; what it answered, as a result. No network, no clock.

pub(crate) mod call;
pub(crate) mod response;
pub(crate) mod retry_after;
pub(crate) mod url;
