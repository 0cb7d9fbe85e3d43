//! The same work on a short queue and on a deep one: rates, memory, the time to open it.

use std::path::Path;
use std::time::{Duration, Instant};

use openfactory_benches::{Memory, kibibytes};
use openfactory_queue::SyncQueue as _;

use crate::report::Report;
use crate::{Result, deliver, load, publish};

const SHALLOW: u64 = 1000;

/// Rates at a depth of a thousand and at `depth`, side by side in each round.
pub(crate) async fn measure(
    path: &Path,
    span: Duration,
    depth: u64,
    rounds: usize,
    report: &mut Report,
) -> Result<()> {
    let deep = load::open(path).await?;
    load::fill(&deep, SHALLOW).await?;
    let few = kibibytes(Memory::Resident)?;
    let began = Instant::now();
    load::fill(&deep, depth.saturating_sub(SHALLOW)).await?;
    println!("filled with {depth} messages in {:.1} s", began.elapsed().as_secs_f64());
    println!("resident {few} kB with {SHALLOW} messages, {} kB with {depth}", kibibytes(Memory::Resident)?);
    for round in 1..=rounds {
        let shallow_path = path.with_file_name(format!("shallow-{round}"));
        let shallow = load::open(&shallow_path).await?;
        // As many have gone through it as through the one that publishing is measured on: a new queue could put off what
        // one that is in use can't, however few wait in it.
        load::fill(&shallow, SHALLOW + publish::BEFORE).await?;
        deliver::settle(&shallow, publish::BEFORE).await?;
        let before = kibibytes(Memory::Resident)?;
        let few = publish::call(&shallow, span, 64).await?.rate;
        let many = publish::call(&deep, span, 64).await?.rate;
        report.versus("publish, 64 callers, deep against shallow", many / few, Some(0.8));
        let few = deliver::drain(&shallow, span / 4).await?.rate;
        let many = deliver::drain(&deep, span / 4).await?.rate;
        report.versus("lease and ack, deep against shallow", many / few, Some(0.8));
        println!(
            "depth, round {round}: resident {before} kB before, {} kB after",
            kibibytes(Memory::Resident)?
        );
        shallow.close().await?;
        load::remove(&shallow_path)?;
    }
    deep.close().await?;
    let before = kibibytes(Memory::Resident)?;
    let began = Instant::now();
    let deep = load::open(path).await?;
    let opening = began.elapsed();
    report.opening(opening);
    println!("resident {before} kB before opening, {} kB after", kibibytes(Memory::Resident)?);
    deep.close().await?;
    load::remove(path)
}
