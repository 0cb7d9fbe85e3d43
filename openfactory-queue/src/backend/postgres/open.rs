//! Opening: the schema made or brought up to date, and what the server promises.

use deadpool_postgres::GenericClient as _;

use super::failure::{Failure, from_server};
use super::link::Link;
use super::schema::MIGRATIONS;
use crate::capabilities::Durability;
use crate::error::{Error, ErrorKind};

/// Brings the tables to the present version and tells what a commit survives on this server.
pub(super) async fn open(link: &Link) -> Result<Durability, Error> {
    migrate(link).await?;
    let read = async {
        let sql = "SELECT current_setting('fsync') = 'on',
                   current_setting('synchronous_standby_names') <> ''
                   AND current_setting('synchronous_commit') IN ('on', 'remote_apply')";
        let row = link.connection().await?.query_one(sql, &[]).await?;
        Ok::<_, Failure>((row.try_get(0)?, row.try_get(1)?))
    };
    Ok(match read.await.map_err(|failure| failure.into_error("open"))? {
        (false, _) => Durability::ProcessCrash,
        (true, false) => Durability::PowerLoss,
        (true, true) => Durability::Replicated,
    })
}

/// All steps in one transaction; openings at the same time wait for each other.
async fn migrate(link: &Link) -> Result<(), Error> {
    let failed = |failure: Failure| failure.into_error("open");
    let server = |error| from_server("open", error);
    let schema = &link.config.schema;
    let mut client = link.connection().await.map_err(failed)?;
    let tx = client.transaction().await.map_err(server)?;
    let lock = "SELECT pg_advisory_xact_lock(hashtextextended('openfactory-queue ' || $1, 0))";
    tx.query(lock, &[schema]).await.map_err(server)?;
    let there = "SELECT to_regclass($1 || '.migrations') IS NOT NULL, EXISTS (
                 SELECT 1 FROM pg_class WHERE relnamespace = to_regnamespace($1))";
    let row = tx.query_one(there, &[schema]).await.map_err(server)?;
    let read = |column| row.try_get::<_, bool>(column).map_err(server);
    let version = match (read(0)?, read(1)?) {
        (true, _) => {
            let row = tx
                .query_one("SELECT coalesce(max(version), 0) FROM migrations", &[])
                .await
                .map_err(server)?;
            row.try_get::<_, i32>(0).map_err(server)?
        }
        (false, true) => {
            let detail = format!("schema {schema} holds the tables of something else");
            return Err(Error::new(ErrorKind::Invalid, "open", detail));
        }
        (false, false) => {
            let make = format!(
                "CREATE SCHEMA IF NOT EXISTS {schema};
                 CREATE TABLE migrations (version integer PRIMARY KEY, at bigint NOT NULL, what text NOT NULL)"
            );
            tx.batch_execute(&make).await.map_err(server)?;
            0
        }
    };
    let known = MIGRATIONS.len();
    let done = usize::try_from(version).unwrap_or(usize::MAX);
    if done > known {
        let detail = format!("schema {schema} has version {version}, this program knows up to {known}");
        return Err(Error::new(ErrorKind::SchemaVersion, "open", detail));
    }
    for (n, (what, sql)) in (1i32..).zip(MIGRATIONS).skip(done) {
        tx.batch_execute(sql).await.map_err(server)?;
        let note = "INSERT INTO migrations (version, at, what) VALUES ($1, $2, $3)";
        tx.execute(note, &[&n, &link.now().0, what]).await.map_err(server)?;
    }
    tx.commit().await.map_err(server)
}
