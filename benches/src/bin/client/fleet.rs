//! A fleet brought into the simulator and kept in step: devices with two relations each, to an image and to a site.

use std::time::Instant;

use openfactory_benches::median;
use openfactory_simulator::{Simulator, User};
use openfactory_sn::sync::{Desired, Payloads, Sent, Way};
use openfactory_sn::{Auth, Client, CorrelationId, Fields, Secret, SysId};

use crate::Result;
use crate::counting::Counting;
use crate::python::Python;
use crate::report::Report;

/// `Runs on::Runs`.
const RUNS_ON: &str = "60bc4e22c0a8010e01f074cbe6bd73c3";
/// What the devices run on and stand in: records of their own.
const IMAGES: usize = 10;
const SITES: usize = 5;
/// Table API calls, one a record, for each call of ours.
const FEWER: f64 = 100.0;
/// Of PySNC's rate.
const RIVAL: f64 = 5.0;
/// Devices of the rounds beside PySNC.
const FEW: usize = 300;

/// Counts, and measures round by round.
pub(crate) async fn measure(
    rounds: usize,
    devices: usize,
    python: Option<&Python>,
    report: &mut Report,
) -> Result<()> {
    count("batches", &Way::Batches, devices, report).await?;
    count("payloads", &Way::Payloads(Payloads::new("OpenFactory")), devices, report).await?;
    let Some(python) = python else { return Ok(()) };
    let mut ratios = Vec::new();
    for round in 1..=rounds {
        let simulator = simulator().await?;
        let theirs = python.fleet(simulator.base_url(), FEW)?;
        let made = simulator.store().records("cmdb_rel_ci")?.len();
        simulator.shutdown().await;
        if made != FEW * 2 {
            return Err(format!("PySNC left {made} relations").into());
        }
        let ours = ours(FEW).await?;
        let rate = |took: f64| records(FEW) as f64 / took;
        println!("fleet {round}: ours {:.0} records/s, pysnc {:.0}/s", rate(ours), rate(theirs));
        ratios.push(theirs / ours);
    }
    report.at_least(&format!("first sync of {FEW}: times PySNC's rate"), median(&ratios), RIVAL);
    Ok(())
}

/// Calls and writes of three syncs by one way. A payload is one write, whatever it holds.
async fn count(name: &str, way: &Way, devices: usize, report: &mut Report) -> Result<()> {
    let simulator = simulator().await?;
    let counting = Counting::new()?;
    let client = builder(&simulator).transport(counting.clone()).build()?;
    let (mut sent, all) = (Sent::new(), records(devices));
    let each = *way == Way::Batches;
    let start = Instant::now();
    let first = client.sync_by(way, &fleet(devices, 1)?, &mut sent).await;
    let took = start.elapsed().as_secs_f64();
    let (calls, writes) = counting.counted();
    println!("{name}, first sync: {all} records in {took:.1} s by {calls} calls with {writes} writes");
    if let Some((sys_id, error)) = first.failed.first() {
        return Err(format!("{} records failed, {sys_id} first: {error}", first.failed.len()).into());
    }
    let held = simulator.store().records("cmdb_rel_ci")?.len();
    if first.created != all || held != 2 * devices || (each && writes != all) {
        return Err(format!("{} of {all} records made, {held} relations there", first.created).into());
    }
    let fewer = all as f64 / calls as f64;
    report.at_least(
        &format!("{name}, first sync of {devices}: times fewer calls than records"),
        fewer,
        FEWER,
    );

    let second = client.sync_by(way, &fleet(devices, 1)?, &mut sent).await;
    let (calls, writes) = counting.counted();
    println!("{name}, second sync: {calls} calls with {writes} writes");
    report.at_most(&format!("{name}, second sync, nothing changed: writes"), writes as f64, 0.0);
    report.at_most(&format!("{name}, second sync, nothing changed: calls"), calls as f64, 0.0);

    let third = client.sync_by(way, &fleet(devices, 2)?, &mut sent).await;
    let (calls, writes) = counting.counted();
    let changed = devices / 100;
    println!("{name}, third sync: {changed} devices changed, {calls} calls with {writes} writes");
    if !second.failed.is_empty() || third.updated != changed || (each && writes != changed) {
        return Err(format!("{} updated with {writes} writes, {changed} changed", third.updated).into());
    }
    let fewer = changed as f64 / calls as f64;
    let goal = FEWER.min(changed as f64);
    report.at_least(&format!("{name}, 1 % changed: times fewer calls than changes"), fewer, goal);
    simulator.shutdown().await;
    Ok(())
}

/// The seconds of a first sync by the client as it is.
async fn ours(devices: usize) -> Result<f64> {
    let simulator = simulator().await?;
    let client = builder(&simulator).build()?;
    let start = Instant::now();
    let synced = client.sync(&fleet(devices, 1)?, &mut Sent::new()).await;
    let took = start.elapsed().as_secs_f64();
    simulator.shutdown().await;
    if synced.created == records(devices) { Ok(took) } else { Err("not every record was made".into()) }
}

async fn simulator() -> Result<Simulator> {
    Ok(Simulator::builder().plain_http().user(User::new("svc", "x").roles(["admin"])).start().await?)
}

fn builder(simulator: &Simulator) -> openfactory_sn::ClientBuilder {
    Client::builder(simulator.base_url()).allow_plain_http().auth(Auth::basic("svc", Secret::new("x")))
}

fn records(devices: usize) -> usize {
    3 * devices + IMAGES + SITES
}

/// So many devices; every hundredth runs this version, the others the first.
fn fleet(devices: usize, version: usize) -> Result<Desired> {
    let mut desired = Desired::new();
    let kind = SysId::new(RUNS_ON)?;
    let mut place = |table: &str, n: usize| -> Result<SysId> {
        let key = CorrelationId::new(&format!("{table}/{n}"))?;
        Ok(desired.record(table, &key, Fields::new().with("name", format!("{table} {n}"))))
    };
    let images = (0..IMAGES).map(|n| place("cmdb_ci_os_image", n)).collect::<Result<Vec<_>>>()?;
    let sites = (0..SITES).map(|n| place("cmdb_ci_server", n)).collect::<Result<Vec<_>>>()?;
    for n in 0..devices {
        let version = if n % 100 == 0 { version } else { 1 };
        let fields =
            Fields::new().with("name", format!("edge-{n:05}")).with("os_version", version.to_string());
        let device = desired.record("cmdb_ci_server", &CorrelationId::new(&format!("device/{n}"))?, fields);
        for others in [&images, &sites] {
            let other = others.get(n % others.len()).ok_or("nothing to run on")?;
            desired.relation(&device, &kind, other)?;
        }
    }
    Ok(desired)
}
