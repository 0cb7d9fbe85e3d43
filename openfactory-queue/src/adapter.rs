//! Queues around queues.

pub mod faulty;
