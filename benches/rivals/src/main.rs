//! `apalis-round-trip FILE SECONDS WORKERS`: publish, fetch and ack on apalis-sqlite, 16 tasks at a time; prints tasks a
//! second.
//!
//! Its own queries are called without its worker loop, and without the optional lock between fetch and ack: three
//! commits for 16 tasks, as few as it can do. `synchronous=FULL`, so that what it has acknowledged is durable; by
//! itself it turns syncing off. Unlike the queue that is measured beside it, it orders nothing by key.

use std::error::Error;
use std::time::{Duration, Instant};

use apalis_core::backend::TaskResult;
use apalis_core::task::builder::TaskBuilder;
use apalis_core::task::status::Status;
use apalis_core::worker::context::WorkerContext;
use apalis_sqlite::{Config, SqliteStorage, queries};
use sqlx::Connection as _;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

const BATCH: usize = 16;
const PAYLOAD: usize = 512;

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, seconds, workers] = arguments.as_slice() else {
        return Err("usage: apalis-round-trip FILE SECONDS WORKERS".into());
    };
    let (span, workers) = (Duration::try_from_secs_f64(seconds.parse()?)?, workers.parse::<u32>()?);
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(30));
    let setup = SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await?;
    SqliteStorage::setup(&setup).await?;
    // What it has set on this connection, no syncing among it, goes with the connection.
    setup.close().await;
    let pool = SqlitePoolOptions::new().max_connections(workers).connect_with(options).await?;
    let start = Instant::now();
    let tasks: Vec<_> =
        (0..workers).map(|worker| tokio::spawn(work(pool.clone(), worker, start, span))).collect();
    let mut done = 0;
    for task in tasks {
        done += task.await??;
    }
    println!("{:.1}", done as f64 / start.elapsed().as_secs_f64());
    Ok(())
}

/// Tasks that one worker has brought through.
async fn work(pool: SqlitePool, worker: u32, start: Instant, span: Duration) -> Result<u64, Failure> {
    let config = Config::default().queue("bench").batch_size(BATCH);
    let worker = WorkerContext::new(&format!("bench-{worker}"));
    queries::register_worker(&pool, &config, &worker, "bench").await?;
    let mut conn = pool.acquire().await?;
    let mut done = 0;
    while start.elapsed() < span {
        let tasks: Vec<_> = (0..BATCH).map(|_| TaskBuilder::new(vec![0x5A; PAYLOAD]).build()).collect();
        let mut tx = conn.begin().await?;
        queries::push_tasks(&mut *tx, "bench", &tasks).await?;
        tx.commit().await?;
        let fetched = queries::fetch_next(&mut *conn, &config, &worker).await?;
        let mut acks = Vec::with_capacity(fetched.len());
        for task in &fetched {
            let task_id = task.task_id().ok_or("a task without an id")?.clone();
            acks.push(TaskResult {
                task_id,
                attempt: 1,
                status: Status::Done,
                result: Ok(serde_json::Value::Null),
            });
        }
        let acks: Vec<_> = acks.iter().collect();
        let acked = queries::ack_tasks(&mut *conn, &acks, worker.name()).await?;
        if acked != acks.len() as u64 {
            return Err(format!("{acked} of {} tasks were acked", acks.len()).into());
        }
        done += acked;
    }
    Ok(done)
}
