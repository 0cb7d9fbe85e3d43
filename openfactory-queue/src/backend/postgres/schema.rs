//! The tables, as migrations. `docs/formats/queue-postgres.md` describes them.

/// What brings a schema from one version to the next; version n is reached by the first n.
pub(super) const MIGRATIONS: &[(&str, &str)] = &[("first", FIRST)];

const FIRST: &str = "
CREATE SEQUENCE places AS bigint;

-- What lives and what is dead. Instants are microseconds since 1970-01-01T00:00:00Z.
CREATE TABLE messages (
    seq         bigint PRIMARY KEY,
    id          text NOT NULL,
    key         text,
    kind        text NOT NULL,
    priority    smallint NOT NULL,
    on_dead     text NOT NULL,
    not_before  bigint,
    expires     bigint,
    published   bigint NOT NULL,
    destination text,                            -- one of the attributes, for pauses and filters
    attributes  text NOT NULL,                   -- JSON
    payload     bytea NOT NULL,
    state       text NOT NULL CHECK (state IN ('ready', 'delayed', 'held', 'leased', 'dead')),
    due         bigint NOT NULL,                 -- not to be leased before
    deliveries  integer NOT NULL DEFAULT 0,      -- the epoch of its lease
    failures    integer NOT NULL DEFAULT 0,
    lapses      integer NOT NULL DEFAULT 0,
    outstanding boolean NOT NULL DEFAULT false,  -- the last lease is not settled
    worker      text,                            -- these three: the lease, if there is one
    since       bigint,
    until       bigint,
    history     text NOT NULL DEFAULT '[]',      -- JSON array of incidents
    cause       text,                            -- these four: of a dead letter
    reason      text,
    died        bigint,
    blocking    boolean NOT NULL DEFAULT false
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX messages_ready ON messages (priority, seq) WHERE state = 'ready';
CREATE INDEX messages_delayed ON messages (due, seq) WHERE state = 'delayed';
CREATE INDEX messages_leased ON messages (until, seq) WHERE state = 'leased';
CREATE INDEX messages_expiring ON messages (expires) WHERE expires IS NOT NULL AND state IN ('ready', 'delayed', 'held');
CREATE INDEX messages_lane ON messages (key, seq) WHERE key IS NOT NULL AND state <> 'dead';
-- The order per key: at most one message of a key is anywhere but waiting behind it.
CREATE UNIQUE INDEX messages_seat ON messages (key) WHERE state IN ('ready', 'delayed', 'leased');
CREATE INDEX messages_dead ON messages (seq) WHERE state = 'dead';
CREATE INDEX messages_blocking ON messages (key) WHERE blocking;

-- Every id of the deduplication window, and of what is there.
CREATE TABLE known (
    id     text PRIMARY KEY,
    digest bytea NOT NULL,
    seq    bigint NOT NULL,
    at     bigint NOT NULL
);
CREATE INDEX known_at ON known (at, seq);

CREATE TABLE pauses (
    scope  text NOT NULL,   -- queue, key or destination
    value  text NOT NULL,
    until  bigint,
    actor  text NOT NULL,
    reason text NOT NULL,
    since  bigint NOT NULL,
    PRIMARY KEY (scope, value)
);

-- What operators did. Never deleted.
CREATE TABLE acts (
    at     bigint NOT NULL,
    act    text NOT NULL,
    actor  text NOT NULL,
    reason text NOT NULL,
    what   text NOT NULL
);
";
