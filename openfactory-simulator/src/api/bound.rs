//! How large a call's body may be, and which files may be attached: as properties have it, which administrators set.

use std::ops::RangeInclusive;
use std::sync::Arc;

use axum::http::StatusCode;

use super::{App, oauth};
use crate::refusal::Refusal;
use crate::store::{Session, StoreError};
use crate::switches::Switches;

const MEGABYTE: usize = 1024 * 1024;

/// A property in megabytes: its name, what holds without it, and what it may be.
type Property = (&'static str, usize, RangeInclusive<usize>);

const JSON: Property = ("glide.rest.max_content_length", 10, 1..=25);

/// Without the property 1024, of which an instance's disk holds more than this server's memory.
const ATTACHMENT: Property = ("com.glide.attachment.max_size", 1024, 1..=128);

/// Names the kinds of files that may be attached, such as `txt,pdf`; where it is not set or empty, all may.
const EXTENSIONS: &str = "glide.attachment.extensions";

/// The largest body that a call may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bound {
    pub(crate) bytes: usize,
    attachment: bool,
}

impl Bound {
    /// That of a form.
    pub(crate) const fn form(bytes: usize) -> Self {
        Self { bytes, attachment: false }
    }

    /// That of a call by its path. The property is not asked for where the body is announced as smaller than it can say.
    pub(super) async fn of(app: &Arc<App>, path: &str, announced: Option<u64>) -> Result<Self, Refusal> {
        if matches!(path, "/oauth_token.do" | "/oauth_revoke.do" | "/oauth_auth.do") {
            return Ok(Self::form(oauth::BODY_LIMIT));
        }
        let attachment = path.starts_with("/api/now/")
            && (path.ends_with("/attachment/file") || path.ends_with("/attachment/upload"));
        if announced.is_some_and(|bytes| bytes <= MEGABYTE as u64) {
            return Ok(Self { bytes: MEGABYTE, attachment });
        }
        let app = Arc::clone(app);
        let property = if attachment { ATTACHMENT } else { JSON };
        let read =
            tokio::task::spawn_blocking(move || app.store.read(|session| megabytes(session, property)));
        let interrupted = |error: tokio::task::JoinError| StoreError::Interrupted { source: error.into() };
        Ok(Self { bytes: read.await.map_err(interrupted)??, attachment })
    }

    /// How a body of this length is refused, which is more than it may have.
    pub(super) fn exceeded(self, length: u64, switches: &Switches) -> Refusal {
        let most = self.bytes;
        if self.attachment {
            let status = StatusCode::from_u16(switches.large_attachment_status);
            return Refusal::new(status.unwrap_or(StatusCode::PAYLOAD_TOO_LARGE), "Payload too large")
                .detail(format!("Max allowed: {most} bytes."));
        }
        Refusal::unreadable(format!(
            "Rejected large REST payload with content-length = {length} bytes. Max allowed: {most} bytes."
        ))
    }
}

fn megabytes(session: &Session<'_>, (name, default, range): Property) -> Result<usize, StoreError> {
    let set = session.property(name)?.and_then(|text| text.trim().parse::<usize>().ok());
    Ok(set.unwrap_or(default).clamp(*range.start(), *range.end()) * MEGABYTE)
}

/// Refuses a file whose kind, by its name, may not be attached.
pub(super) fn admit_file(session: &Session<'_>, name: &str) -> Result<(), Refusal> {
    let allowed = session.property(EXTENSIONS)?.unwrap_or_default();
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let mut kinds = allowed.split(',').map(str::trim).filter(|kind| !kind.is_empty()).peekable();
    if kinds.peek().is_none() || kinds.any(|kind| kind.eq_ignore_ascii_case(extension)) {
        return Ok(());
    }
    let status = StatusCode::from_u16(session.switches.refused_file_status);
    Err(Refusal::new(status.unwrap_or(StatusCode::BAD_REQUEST), "File type is not allowed").detail(name))
}
