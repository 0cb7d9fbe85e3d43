//! What pgmq does on the same server: <https://github.com/pgmq/pgmq>, version 1.11.1, PostgreSQL licence.
//!
//! Its way to deliver in order and to several keys at once is `pgmq.read_grouped_head`: of each group the oldest
//! message, if that is visible. The statements here do what its functions do, on a table as its `pgmq.create` and
//! `pgmq.create_fifo_index` make it, and are sent by themselves, prepared: without the cost of PL/pgSQL's `EXECUTE`,
//! which plans anew for each call. It neither deduplicates nor fences.

use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::{Client, NoTls, Statement};

use crate::deliver::{self, CLAIM, Measured, WORKERS};
use crate::{Result, load};

/// The parts of pgmq's table that reading and deleting touch.
const TABLE: &str = "
    CREATE SCHEMA NAME;
    CREATE TABLE NAME.q (
        msg_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        read_ct      integer NOT NULL DEFAULT 0,
        enqueued_at  timestamptz NOT NULL DEFAULT now(),
        last_read_at timestamptz,
        vt           timestamptz NOT NULL,
        message      jsonb,
        headers      jsonb
    );
    CREATE INDEX ON NAME.q (vt);
    CREATE INDEX ON NAME.q USING gin (headers);
";

/// `pgmq.send_batch`, with messages of the same size and as many groups as ours have keys.
const SEND: &str = "
    INSERT INTO NAME.q (vt, message, headers)
    SELECT clock_timestamp(), jsonb_build_object('p', repeat('Z', $2)),
        jsonb_build_object('x-pgmq-group', 'key-' || floor(random() * $3)::bigint)
    FROM generate_series(1, $1)";

/// `pgmq.read_grouped_head`, with a visibility timeout of 30 s.
const READ: &str = "
    WITH heads AS (
        SELECT min(msg_id) AS msg_id FROM NAME.q
        GROUP BY coalesce(headers->>'x-pgmq-group', '_default_fifo_group')
    ), picked AS (
        SELECT q.msg_id FROM heads JOIN NAME.q q ON q.msg_id = heads.msg_id
        WHERE q.vt <= clock_timestamp() ORDER BY q.msg_id LIMIT $1 FOR UPDATE SKIP LOCKED
    )
    UPDATE NAME.q m SET vt = clock_timestamp() + interval '30 seconds', read_ct = read_ct + 1,
        last_read_at = clock_timestamp()
    FROM picked WHERE m.msg_id = picked.msg_id
    RETURNING m.msg_id, m.read_ct, m.enqueued_at, m.vt, m.message::text, m.headers::text";

/// `pgmq.delete` of several.
const DELETE: &str = "DELETE FROM NAME.q WHERE msg_id = ANY($1) RETURNING msg_id";

/// One worker's connection.
struct Worker {
    client: Client,
    read: Statement,
    delete: Statement,
}

impl Worker {
    async fn connect(address: &str, name: &str) -> Result<Self> {
        let client = connect(address).await?;
        let read = client.prepare(&READ.replace("NAME", name)).await?;
        let delete = client.prepare(&DELETE.replace("NAME", name)).await?;
        Ok(Self { client, read, delete })
    }

    async fn claim(&self) -> Result<usize> {
        let rows = self.client.query(&self.read, &[&i64::try_from(CLAIM)?]).await?;
        let ids = rows.iter().map(|row| row.try_get(0)).collect::<std::result::Result<Vec<i64>, _>>()?;
        Ok(self.client.query(&self.delete, &[&ids]).await?.len())
    }
}

async fn connect(address: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(address, NoTls).await?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            eprintln!("a connection to PostgreSQL has failed: {error}");
        }
    });
    Ok(client)
}

/// Messages read and deleted a second by several workers, in order within each group.
pub(crate) async fn measure(address: &str, span: Duration, round: usize, waiting: u64) -> Result<Measured> {
    let name = format!("pgmq_{round}");
    let client = connect(address).await?;
    client.batch_execute(&TABLE.replace("NAME", &name)).await?;
    let (count, size, groups) = (i32::try_from(waiting)?, i32::try_from(load::PAYLOAD)?, load::KEYS as f64);
    client.execute(&SEND.replace("NAME", &name), &[&count, &size, &groups]).await?;
    client.batch_execute(&format!("ANALYZE {name}.q")).await?;
    let mut workers = Vec::new();
    for _worker in 0..WORKERS {
        workers.push(Worker::connect(address, &name).await?);
    }
    let workers = Arc::new(workers);
    let measured = deliver::work(span, move |worker| {
        let workers = Arc::clone(&workers);
        async move {
            let worker = workers.get(worker).ok_or("no connection for this worker")?;
            // Another worker may hold all that it saw: pgmq then gives nothing, and is asked again.
            worker.claim().await
        }
    })
    .await?;
    client.batch_execute(&format!("DROP SCHEMA {name} CASCADE")).await?;
    Ok(measured)
}
