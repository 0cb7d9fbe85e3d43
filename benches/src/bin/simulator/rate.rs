//! Requests a second, by several connections at once.

use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use openfactory_benches::median;
use openfactory_simulator::Simulator;

use crate::Result;
use crate::wire::Connection;

/// Records that are read again and again.
const READ: usize = 1_000;

/// At least as many a second: reads, creates.
const GOALS: [f64; 2] = [3_000.0, 1_500.0];

/// Prints the rates; whether they reach the goals.
pub(crate) fn measure(
    simulator: &Simulator,
    rounds: usize,
    span: Duration,
    connections: usize,
) -> Result<bool> {
    let mut first = Connection::open(simulator)?;
    for count in 0..READ {
        first.send("POST", "/api/now/table/incident", &body("read", count), 201)?;
    }
    let records = simulator.store().query("incident", "correlation_display=read")?;
    let reads: Vec<String> =
        records.iter().map(|record| format!("/api/now/table/incident/{}", record.sys_id())).collect();
    let (mut read, mut created) = (Vec::new(), Vec::new());
    for round in 1..=rounds {
        let reads = |turn: usize| ("GET", reads[turn % READ].clone(), String::new(), 200);
        read.push(rate(simulator, connections, span, reads)?);
        let creates = |turn: usize| ("POST", "/api/now/table/incident".to_owned(), body("made", turn), 201);
        created.push(rate(simulator, connections, span, creates)?);
        let last = |rates: &[f64]| rates.last().copied().unwrap_or_default();
        println!("round {round}: {:.0} reads/s, {:.0} creates/s", last(&read), last(&created));
    }
    let [read, created] = [&read, &created].map(|rates| median(rates));
    println!(
        "median: {read:.0} reads/s (goal: {:.0}), {created:.0} creates/s (goal: {:.0})",
        GOALS[0], GOALS[1]
    );
    Ok(read >= GOALS[0] && created >= GOALS[1])
}

fn body(kind: &str, count: usize) -> String {
    format!(
        r#"{{"short_description":"Bench {count}","correlation_id":"{kind}-{count}","correlation_display":"{kind}","impact":"2","urgency":"2","description":"Nothing is wrong, and this says so at some length."}}"#
    )
}

/// How many requests a second all connections together have answered.
fn rate(
    simulator: &Simulator,
    connections: usize,
    span: Duration,
    request: impl Fn(usize) -> (&'static str, String, String, u16) + Sync,
) -> Result<f64> {
    let (turn, begun) = (AtomicUsize::new(0), Instant::now());
    let ask = || {
        let mut connection = Connection::open(simulator)?;
        while begun.elapsed() < span {
            let (method, path, body, status) = request(turn.fetch_add(1, Ordering::Relaxed));
            connection.send(method, &path, &body, status)?;
        }
        Ok::<_, Box<dyn Error + Send + Sync>>(())
    };
    thread::scope(|scope| {
        let asking: Vec<_> = (0..connections).map(|_| scope.spawn(ask)).collect();
        asking.into_iter().try_for_each(|asking| asking.join().map_err(|_| "a client came to grief")?)
    })?;
    let answered = u32::try_from(turn.load(Ordering::Relaxed))?;
    Ok(f64::from(answered) / begun.elapsed().as_secs_f64())
}
