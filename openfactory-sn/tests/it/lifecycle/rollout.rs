//! Rollouts, stage by stage (guide, "Rollout Stages").

mod failure;
mod line;
mod plans;
mod requests;
mod stages;
