//! One round: each kind of work once, with F and the rivals beside it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::deliver::WORKERS;
use crate::postgres::{Server, WAITING};
use crate::report::Report;
use crate::{Result, apalis, deliver, publish, redis};

/// What the kinds of work of a round share.
pub(crate) struct Round<'r> {
    pub(crate) report: &'r mut Report,
    /// A path of that name for this round, where nothing is yet.
    pub(crate) path: &'r dyn Fn(&str) -> PathBuf,
    pub(crate) span: Duration,
    pub(crate) floor: f64,
}

impl Round<'_> {
    pub(crate) async fn publish(&mut self) -> Result<()> {
        let (one, floor) = publish::measure(&(self.path)("one"), self.span, 1).await?;
        self.report.ratio("SQLite: publish, 1 caller", one.rate / floor, Some(0.5));
        let (many, beside) = publish::measure(&(self.path)("many"), self.span, 64).await?;
        self.report.ratio("SQLite: publish, 64 callers", many.rate / beside, Some(6.0));
        self.report.p99("SQLite: publish, 64 callers, p99", many.p99);
        self.report.cpu("SQLite: publish, 64 callers", many.cpu);
        println!(
            "    publish: 1 caller {:.0}/s (F {floor:.0}/s); 64 callers {:.0}/s (F {beside:.0}/s), p99 {:.1} ms",
            one.rate,
            many.rate,
            many.p99.as_secs_f64() * 1000.0
        );
        match redis::measure(&(self.path)("redis"), self.span, 50).await? {
            Some(theirs) => {
                println!("    Redis stream, 50 connections: {theirs:.0}/s");
                self.report.ratio("Redis stream: XADD, 50 connections", theirs / self.floor, None);
                let ratio = many.rate / theirs;
                self.report.versus("SQLite with 64 callers / Redis stream", ratio, None);
            }
            None => self.report.missing("publish against a Redis stream: no redis-server on this machine"),
        }
        Ok(())
    }

    pub(crate) async fn deliver(&mut self) -> Result<()> {
        let ours = deliver::measure(&(self.path)("deliver"), self.span).await?;
        self.report.ratio("SQLite: lease and ack, 16 keys a claim", ours.rate / self.floor, Some(2.0));
        self.report.cpu("SQLite: lease and ack", ours.cpu);
        println!("    lease and ack: {:.0}/s", ours.rate);
        Ok(())
    }

    /// The rival's figure is its better one, of one worker and of as many as ours.
    pub(crate) async fn trip(&mut self, rivals: Option<&Path>) -> Result<()> {
        let ours = deliver::round_trip(&(self.path)("trip"), self.span).await?;
        self.report.ratio("SQLite: publish, lease and ack", ours.rate / self.floor, None);
        self.report.cpu("SQLite: publish, lease and ack", ours.cpu);
        println!("    publish, lease and ack: {:.0}/s", ours.rate);
        let Some(rivals) = rivals else {
            self.report.missing("the round trip of apalis: see --rivals");
            return Ok(());
        };
        let one = apalis::measure(rivals, &(self.path)("apalis-one"), self.span, 1).await?;
        let many = apalis::measure(rivals, &(self.path)("apalis-many"), self.span, WORKERS).await?;
        println!("    apalis, publish, fetch and ack: 1 worker {one:.0}/s, {WORKERS} workers {many:.0}/s");
        let ratio = ours.rate / one.max(many);
        self.report.versus("SQLite: publish, lease and ack / apalis", ratio, Some(3.0));
        Ok(())
    }

    pub(crate) async fn postgres(&mut self, number: usize) -> Result<()> {
        let Some(server) = Server::start(&(self.path)("postgres")).await? else {
            self.report.missing("PostgreSQL: no server on this machine");
            return Ok(());
        };
        let ours = server.ours(self.span, number).await?;
        let theirs = server.pgmq(self.span, number).await?;
        println!(
            "    PostgreSQL, ordered lease and ack, {WAITING} waiting: {:.0}/s; pgmq's SQL {:.0}/s",
            ours.rate, theirs.rate
        );
        self.report.ratio("PostgreSQL: lease and ack, 4 workers", ours.rate / self.floor, None);
        self.report.versus("PostgreSQL: lease and ack / pgmq", ours.rate / theirs.rate, Some(2.0));
        Ok(())
    }
}
