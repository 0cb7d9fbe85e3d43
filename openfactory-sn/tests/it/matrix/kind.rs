//! The kinds of calls, and what is to be seen of each.

use super::MANY;

/// A kind of call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Aggregate,
    Associate,
    Attach,
    Batch,
    BatchCreate,
    BatchDelete,
    BatchGet,
    BatchUpdate,
    ChangeCreate,
    ChangeMove,
    Correlate,
    Count,
    Create,
    CreateWithKey,
    Decide,
    Delete,
    Detach,
    Download,
    Ensure,
    Event,
    Get,
    Import,
    ImportMany,
    InstanceCreate,
    InstanceGet,
    InstanceUpdate,
    Journal,
    Links,
    List,
    LookAgain,
    NextStates,
    Note,
    Open,
    Poll,
    Probe,
    Reconcile,
    ReconcileRelated,
    Relate,
    RelateInstance,
    Renew,
    Sync,
    SyncChanged,
    SyncGone,
    SyncPayloads,
    Token,
    TypedCreate,
    Unrelate,
    Update,
    Upload,
    Worker,
    WouldReconcile,
}

/// What goes through many records.
pub(super) const LISTS: &[Kind] = &[Kind::Links, Kind::List];

/// What goes by the journal, which a locked-down instance does not let integrations read.
pub(super) const JOURNAL: &[Kind] = &[Kind::Journal, Kind::Note];

/// What only reads.
pub(super) const READS: &[Kind] = &[
    Kind::Aggregate,
    Kind::BatchGet,
    Kind::Count,
    Kind::Download,
    Kind::Get,
    Kind::InstanceGet,
    Kind::LookAgain,
    Kind::NextStates,
    Kind::Open,
    Kind::Poll,
    Kind::Renew,
    Kind::Token,
    Kind::Worker,
    Kind::WouldReconcile,
];

/// What writes by the APIs beside tables, or much at once.
pub(super) const BEYOND: &[Kind] = &[
    Kind::Associate,
    Kind::Batch,
    Kind::ChangeCreate,
    Kind::ChangeMove,
    Kind::Decide,
    Kind::InstanceCreate,
    Kind::InstanceUpdate,
    Kind::Reconcile,
    Kind::ReconcileRelated,
    Kind::Relate,
    Kind::RelateInstance,
    Kind::Sync,
    Kind::Unrelate,
];

/// What goes by Event Management, which is a plugin.
pub(super) const EVENTS: &[Kind] = &[Kind::Event];

/// What writes much at once: by batches, by what was sent last, and by payloads.
pub(super) const MUCH: &[Kind] = &[
    Kind::BatchCreate,
    Kind::BatchDelete,
    Kind::BatchUpdate,
    Kind::SyncChanged,
    Kind::SyncGone,
    Kind::SyncPayloads,
];

/// What writes to tables, by way of them or of staging ones.
pub(super) const WRITES: &[Kind] = &[
    Kind::Attach,
    Kind::Correlate,
    Kind::Create,
    Kind::CreateWithKey,
    Kind::Delete,
    Kind::Detach,
    Kind::Ensure,
    Kind::Import,
    Kind::ImportMany,
    Kind::Probe,
    Kind::TypedCreate,
    Kind::Update,
    Kind::Upload,
];

/// Who makes a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Admin,
    Integration,
    Manager,
}

impl Kind {
    /// Method and path of the requests that are hit; `BASE` is for the record it is about.
    pub(super) fn door(self) -> (&'static str, &'static str) {
        match self {
            Self::Aggregate | Self::Count => ("GET", "/api/now/stats/incident"),
            Self::Associate => ("POST", "/api/sn_chg_rest/v1/change"),
            Self::Attach | Self::Upload => ("POST", "/api/now/attachment/file"),
            Self::Batch
            | Self::BatchCreate
            | Self::BatchDelete
            | Self::BatchGet
            | Self::BatchUpdate
            | Self::Sync
            | Self::SyncChanged
            | Self::SyncGone => ("POST", "/api/now/v1/batch"),
            Self::ChangeCreate => ("POST", "/api/sn_chg_rest/v1/change/normal"),
            Self::ChangeMove | Self::Decide => ("PATCH", "/api/sn_chg_rest/v1/change"),
            Self::Correlate
            | Self::Create
            | Self::CreateWithKey
            | Self::Ensure
            | Self::Probe
            | Self::TypedCreate => ("POST", "/api/now/table/incident"),
            Self::Delete => ("DELETE", "/api/now/table/incident"),
            Self::Detach => ("DELETE", "/api/now/attachment"),
            Self::Download | Self::Open => ("GET", "/api/now/attachment/BASE/file"),
            Self::Event => ("POST", "/api/global/em/jsonv2"),
            Self::Get | Self::Links | Self::List | Self::Poll => ("GET", "/api/now/table/incident"),
            Self::Import => ("POST", "/api/now/import/imp_user"),
            Self::ImportMany => ("POST", "/api/now/import/imp_user/insertMultiple"),
            Self::InstanceCreate => ("POST", "/api/now/cmdb/instance/cmdb_ci_linux_server"),
            Self::InstanceGet => ("GET", "/api/now/cmdb/instance/cmdb_ci_linux_server"),
            Self::InstanceUpdate => ("PATCH", "/api/now/cmdb/instance/cmdb_ci_linux_server"),
            Self::Journal => ("GET", "/api/now/table/sys_journal_field"),
            Self::LookAgain => ("GET", "/api/now/table/cmdb_ci_linux_server"),
            Self::NextStates => ("GET", "/api/sn_chg_rest/v1/change"),
            Self::Note | Self::Update => ("PATCH", "/api/now/table/incident"),
            Self::Reconcile | Self::ReconcileRelated | Self::SyncPayloads => {
                ("POST", "/api/now/identifyreconcile")
            }
            Self::Relate => ("POST", "/api/now/table/cmdb_rel_ci"),
            Self::RelateInstance => ("POST", "/api/now/cmdb/instance/cmdb_ci_linux_server"),
            Self::Renew | Self::Token => ("POST", "/oauth_token.do"),
            Self::Unrelate => ("DELETE", "/api/now/cmdb/instance/cmdb_ci_linux_server"),
            Self::Worker => ("GET", "/api/sn_chg_rest/v1/change/worker"),
            Self::WouldReconcile => ("POST", "/api/now/identifyreconcile/query"),
        }
    }

    /// How often its effect is to be seen before and after it. What only reads has the record that it reads.
    pub(super) fn effect(self) -> (usize, usize) {
        match self {
            Self::Aggregate
            | Self::BatchGet
            | Self::Count
            | Self::Download
            | Self::Get
            | Self::InstanceGet
            | Self::Journal
            | Self::LookAgain
            | Self::NextStates
            | Self::Open
            | Self::Poll
            | Self::Renew
            | Self::Token
            | Self::Worker => (1, 1),
            Self::Links | Self::List => (MANY, MANY),
            Self::ReconcileRelated | Self::Sync | Self::SyncPayloads => (0, 2),
            Self::BatchDelete | Self::Delete | Self::Detach | Self::SyncGone | Self::Unrelate => (1, 0),
            Self::Probe | Self::WouldReconcile => (0, 0),
            _ => (0, 1),
        }
    }

    /// Whether the call itself sees to it that its effect is there once, even where somebody else does the same at the same
    /// time.
    pub(super) fn is_guarded(self) -> bool {
        !matches!(
            self,
            Self::Attach
                | Self::BatchCreate
                | Self::ChangeCreate
                | Self::Correlate
                | Self::Create
                | Self::Note
                | Self::TypedCreate
                | Self::Upload
        )
    }

    /// Whether it reads what shows by itself whether it is whole, so that the client makes it again. That a file's bytes are
    /// cut off shows only against its size; and a batch is handed back where the instance only says that it took it, whatever
    /// is in it.
    pub(super) fn is_one_read(self) -> bool {
        READS.contains(&self)
            && !matches!(
                self,
                Self::BatchGet
                    | Self::Download
                    | Self::Open
                    | Self::Renew
                    | Self::Token
                    | Self::WouldReconcile
            )
    }

    pub(super) fn by(self) -> By {
        match self {
            Self::BatchDelete | Self::Delete | Self::Import | Self::ImportMany | Self::Probe => By::Admin,
            Self::Decide => By::Manager,
            _ => By::Integration,
        }
    }
}
