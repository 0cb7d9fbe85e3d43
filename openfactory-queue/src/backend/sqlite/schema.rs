//! The tables, as a list of migrations; `docs/formats/queue-sqlite.md` describes them.

/// Marks a SQLite file as a queue of this crate ("OFQ1").
pub(super) const APPLICATION_ID: i64 = 0x4F46_5131;

/// The steps from an empty file to the present schema; the n-th, counted from 1, leads to version n. A step that was
/// released is never changed.
pub(super) const MIGRATIONS: &[(&str, &str)] = &[
    ("messages, lanes, leases, dead letters, pauses", V1),
    ("narrow indices over ids and lanes", V2),
    ("the front of a line is deleted by the dozen", V3),
    ("what is gone is counted, not what lives", V4),
];

/// How many live is the greatest place less these; so a publish need not change the number.
const V4: &str = "
INSERT INTO meta (name, value)
    SELECT 'gone', (SELECT coalesce(max(seq), 0) FROM known) - value FROM meta WHERE name = 'live';
DELETE FROM meta WHERE name = 'live';
";

/// Nothing is rebuilt: the version alone keeps programs out that take each entry of `lane_index` for a living message.
const V3: &str = "";

const V2: &str = "
-- Which message has which id, by a hash of the id; those of the newest messages may lack.
CREATE TABLE id_index (
    hash INTEGER NOT NULL,
    seq  INTEGER NOT NULL,
    PRIMARY KEY (hash, seq)
) STRICT, WITHOUT ROWID;
DROP INDEX known_id;

-- What lives of each lane, in order; the newest messages may lack.
CREATE TABLE lane_index (
    lane INTEGER NOT NULL,
    seq  INTEGER NOT NULL,
    PRIMARY KEY (lane, seq)
) STRICT, WITHOUT ROWID;
DROP INDEX messages_lane;

CREATE UNIQUE INDEX dead_id ON dead (id);

-- From this message on the two may lack some.
INSERT INTO meta (name, value) VALUES ('indexed', 1);
";

const V1: &str = "
CREATE TABLE migrations (
    version INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,
    what    TEXT NOT NULL
) STRICT;

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO meta (name, value) VALUES ('live', 0);

-- What lives. A row is written once and deleted once; what changes is in tries.
CREATE TABLE messages (
    seq        INTEGER PRIMARY KEY,
    id         TEXT NOT NULL,
    lane       INTEGER,
    kind       TEXT NOT NULL,
    priority   INTEGER NOT NULL,
    on_dead    TEXT NOT NULL,
    not_before INTEGER,
    expires    INTEGER,
    published  INTEGER NOT NULL,
    attributes TEXT NOT NULL,
    payload    BLOB NOT NULL
) STRICT;
CREATE INDEX messages_lane ON messages (lane, seq) WHERE lane IS NOT NULL;
CREATE INDEX messages_expires ON messages (expires) WHERE expires IS NOT NULL;

-- Every id of the deduplication window. Its newest row is never deleted, so that no seq is used twice.
CREATE TABLE known (
    seq    INTEGER PRIMARY KEY,
    id     TEXT NOT NULL,
    digest BLOB NOT NULL,
    at     INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX known_id ON known (id);

-- The keys that have messages or are blocked.
CREATE TABLE lanes (
    lane    INTEGER PRIMARY KEY,
    key     TEXT NOT NULL UNIQUE,
    seated  INTEGER,                     -- its message in ready or delayed
    leased  INTEGER,                     -- its message under lease
    blocked INTEGER NOT NULL DEFAULT 0   -- dead letters because of which it stands still
) STRICT;
CREATE INDEX lanes_blocked ON lanes (lane) WHERE blocked > 0;

-- What may be leased now: heads of lanes, and messages without key.
CREATE TABLE ready (
    priority INTEGER NOT NULL,
    seq      INTEGER NOT NULL,
    PRIMARY KEY (priority, seq)
) STRICT, WITHOUT ROWID;

-- What could be leased but for its time.
CREATE TABLE delayed (
    due INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (due, seq)
) STRICT, WITHOUT ROWID;

-- What was leased or redriven at least once and lives.
CREATE TABLE tries (
    seq         INTEGER PRIMARY KEY,
    deliveries  INTEGER NOT NULL DEFAULT 0,   -- the epoch of its lease
    failures    INTEGER NOT NULL DEFAULT 0,
    lapses      INTEGER NOT NULL DEFAULT 0,
    outstanding INTEGER NOT NULL DEFAULT 0,   -- 1: the last lease is not settled
    worker      TEXT,                         -- these three: the lease, if there is one
    since       INTEGER,
    until       INTEGER,
    due         INTEGER,                      -- not to be leased before
    history     TEXT                          -- JSON array of incidents
) STRICT;
CREATE INDEX tries_until ON tries (until) WHERE until IS NOT NULL;

CREATE TABLE dead (
    seq        INTEGER PRIMARY KEY,
    id         TEXT NOT NULL,
    key        TEXT,
    kind       TEXT NOT NULL,
    priority   INTEGER NOT NULL,
    on_dead    TEXT NOT NULL,
    not_before INTEGER,
    expires    INTEGER,
    published  INTEGER NOT NULL,
    cause      TEXT NOT NULL,
    reason     TEXT NOT NULL,
    died       INTEGER NOT NULL,
    failures   INTEGER NOT NULL,
    deliveries INTEGER NOT NULL,
    blocking   INTEGER NOT NULL,
    history    TEXT,
    attributes TEXT NOT NULL,
    payload    BLOB NOT NULL
) STRICT;
CREATE INDEX dead_died ON dead (died);

CREATE TABLE pauses (
    scope  TEXT NOT NULL,   -- queue, key or destination
    value  TEXT NOT NULL,
    until  INTEGER,
    actor  TEXT NOT NULL,
    reason TEXT NOT NULL,
    since  INTEGER NOT NULL,
    PRIMARY KEY (scope, value)
) STRICT, WITHOUT ROWID;

-- What operators did. Never deleted.
CREATE TABLE acts (
    at     INTEGER NOT NULL,
    act    TEXT NOT NULL,
    actor  TEXT NOT NULL,
    reason TEXT NOT NULL,
    what   TEXT NOT NULL
) STRICT;
";
