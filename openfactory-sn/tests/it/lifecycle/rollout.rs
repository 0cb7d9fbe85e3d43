//! Rollouts, stage by stage (guide, "Rollout Stages").

mod failure;
mod health;
pub(super) mod line;
mod plans;
mod requests;
mod stages;
