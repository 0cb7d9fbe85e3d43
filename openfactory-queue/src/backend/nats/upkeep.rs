//! Upkeep: what has lapsed and expired, streams that are gone, bytes that are in the wrong place or nobody's.

use std::collections::HashSet;
use std::time::Duration;

use super::Shared;
use super::body::Place;
use super::command::Command;
use super::replica::{Answer, Replica};
use super::streams::{self, Stream};
use super::unexpected;
use crate::error::Error;
use crate::stats::Maintained;

/// Bytes of which the log doesn't tell after so long belong to a publish that never was.
const FORGOTTEN: Duration = Duration::from_secs(3600);

/// So many letters are moved and bytes are looked at by one call.
const MOST: usize = 256;

impl Shared {
    pub(super) async fn maintain(&self, budget: usize) -> Result<Maintained, Error> {
        let made = self.link.patiently("maintain", || streams::ensure(&self.link)).await?;
        if made.contains(&Stream::Snapshots) {
            self.log.keep().await?;
        }
        let answer = self.log.commit("maintain", Command::Maintain { budget }).await?;
        let Answer::Maintained(done) = answer else { return Err(unexpected("maintain")) };
        let most = budget.min(MOST);
        let misplaced = move |replica: &Replica| {
            let dead = replica.state.dead.iter();
            let in_work = dead.filter(|(_, letter)| matches!(Place::of(&letter.message), Place::Work(_)));
            in_work.map(|(seq, _)| *seq).take(most).collect::<Vec<u64>>()
        };
        let letters = self.log.look("maintain", misplaced).await?;
        self.move_letters(letters).await?;
        self.raise_floor(most).await?;
        Ok(done)
    }

    /// Clears away what lies at the beginning of the work stream and is old and nobody's. The log is told before, so
    /// that a publish that slept meanwhile writes its bytes again.
    async fn raise_floor(&self, most: usize) -> Result<(), Error> {
        let look = |replica: &Replica| (replica.floor, replica.in_work().collect::<HashSet<u64>>());
        let (floor, needed) = self.log.look("maintain", look).await?;
        let link = &self.link;
        let info = link.patiently("maintain", || link.info(Stream::Work)).await?;
        let last = info.state.last_timestamp.unix_timestamp();
        let mut raised = floor;
        for _ in 0..most {
            let next = link.patiently("maintain", || link.next(Stream::Work, raised)).await?;
            let Some(message) = next else { break };
            let age = u64::try_from(last.saturating_sub(message.time.unix_timestamp())).unwrap_or(0);
            if needed.contains(&message.sequence) || age < FORGOTTEN.as_secs() {
                break;
            }
            raised = message.sequence.saturating_add(1);
        }
        if raised > floor {
            self.log.commit("maintain", Command::Floor { seq: raised }).await?;
            let floor = self.log.look("maintain", |replica: &Replica| replica.floor).await?;
            link.patiently("maintain", || link.purge(Stream::Work, floor)).await?;
        }
        Ok(())
    }
}
