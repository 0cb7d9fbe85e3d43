//! Why the receiver does not start, or stopped.

use std::path::PathBuf;

use thiserror::Error;

use crate::config::ConfigError;
use crate::event_client::EventClientError;
use crate::serve::ServeError;
use crate::tls::TlsError;

/// Why the receiver does not start, or stopped.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WebhookError {
    /// A secret can't be read.
    #[error("a webhook secret can't be read")]
    Secret(#[source] ConfigError),
    /// A file holds no webhook secret.
    #[error("{path} holds no webhook secret")]
    NoSecret {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No secret is configured: nothing could be believed.
    #[error("servicenow.secret_files names no file: without a secret nothing can be believed")]
    NoSecrets,
    /// The signing key can't be used.
    #[error("the signing key {path} can't be used")]
    Key {
        /// The key's file.
        path: PathBuf,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The queue can't be used.
    #[error("the queue {path} can't be used")]
    Queue {
        /// The queue's file.
        path: PathBuf,
        /// Why not.
        source: openfactory_queue::Error,
    },
    /// The router can't be talked to as configured.
    #[error("the event router can't be used as configured")]
    Router(#[from] EventClientError),
    /// The listener's certificate can't be used.
    #[error("the listener has no certificate")]
    Tls(#[from] TlsError),
    /// The listener can't be opened.
    #[error("calls can't be listened for")]
    Listen(#[from] ServeError),
    /// A part of the running receiver ended by itself.
    #[error("the receiver's {part} has failed")]
    Failed {
        /// Which part.
        part: &'static str,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
