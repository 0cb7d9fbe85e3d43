//! The chapters of the story, one file each, in the order in which they are told.

pub(crate) mod build;
pub(crate) mod compromise;
pub(crate) mod deploy;
pub(crate) mod drift;
pub(crate) mod failed_canary;
pub(crate) mod overlay;
pub(crate) mod recover;
pub(crate) mod request;
pub(crate) mod rollout;
pub(crate) mod silence;
