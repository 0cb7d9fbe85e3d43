//! Queues around queues.

pub mod faulty;
pub mod instrumented;
pub mod limited;
pub mod meter;
