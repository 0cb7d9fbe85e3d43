//! What a look-up costs with ten thousand records, with a hundred thousand, with a million.

use std::fmt::Write as _;
use std::time::Instant;

use openfactory_benches::median;
use openfactory_simulator::Simulator;
use openfactory_simulator::seed::Seed;

use crate::Result;
use crate::wire::Connection;

/// Look-ups of each kind at each size.
const LOOKUPS: usize = 1_000;

/// Records that are planted at a time.
const CHUNK: usize = 50_000;

/// Incidents of each caller.
const OF_A_CALLER: usize = 10;

/// How much longer the median of a kind may take with the most records than with the fewest.
const GOAL: f64 = 2.0;

#[derive(Clone, Copy)]
enum Kind {
    Record,
    SysId,
    Number,
    CorrelationId,
    Reference,
}

impl Kind {
    const ALL: [Self; 5] = [Self::Record, Self::SysId, Self::Number, Self::CorrelationId, Self::Reference];

    fn name(self) -> &'static str {
        match self {
            Self::Record => "one by sys_id",
            Self::SysId => "sys_id=",
            Self::Number => "number=",
            Self::CorrelationId => "correlation_id=",
            Self::Reference => "caller_id= (10 rows)",
        }
    }

    fn path(self, count: usize) -> String {
        let list = |query: String| format!("/api/now/table/incident?sysparm_query={query}");
        match self {
            Self::Record => format!("/api/now/table/incident/{}", sys_id(count)),
            Self::SysId => list(format!("sys_id={}", sys_id(count))),
            Self::Number => list(format!("number={}", number(count))),
            Self::CorrelationId => list(format!("correlation_id=grown-{count}")),
            Self::Reference => list(format!("caller_id={}", caller(count))),
        }
    }

    fn rows(self) -> usize {
        match self {
            Self::Reference => OF_A_CALLER,
            _ => 1,
        }
    }
}

fn sys_id(count: usize) -> String {
    format!("{:032x}", 0x1000_0000_0000 + count)
}

fn caller(count: usize) -> String {
    format!("{:032x}", 0x2000_0000_0000 + count / OF_A_CALLER)
}

fn number(count: usize) -> String {
    format!("INC{:07}", 5_000_000 + count)
}

/// Prints what look-ups cost at each size; whether they cost the same.
pub(crate) fn measure(simulator: &Simulator, records: usize) -> Result<bool> {
    let sizes: Vec<usize> = [10_000, 100_000, 1_000_000].into_iter().filter(|size| *size < records).collect();
    let mut there = 0;
    let mut medians: Vec<Vec<f64>> = Vec::new();
    for size in sizes.into_iter().chain([records]) {
        let begun = Instant::now();
        while there < size {
            let next = size.min(there + CHUNK);
            simulator.plant(&seed(there, next)?)?;
            there = next;
        }
        println!("{there} records after {:.1} s of planting", begun.elapsed().as_secs_f64());
        // A connection that was idle for as long as the planting took would be closed.
        let mut connection = Connection::open(simulator)?;
        let mut line = String::new();
        let mut at_size = Vec::new();
        for kind in Kind::ALL {
            let microseconds = lookups(&mut connection, kind, size)?;
            write!(line, "  {} {microseconds:.0} µs", kind.name())?;
            at_size.push(microseconds);
        }
        println!("{line}");
        medians.push(at_size);
    }
    let (Some(few), Some(many)) = (medians.first(), medians.last()) else { return Err("no sizes".into()) };
    let worst = few.iter().zip(many).map(|(few, many)| many / few).fold(0.0, f64::max);
    println!(
        "with the most records, the kind that grew most takes {worst:.2} times as long (goal: at most {GOAL:.1})"
    );
    Ok(worst <= GOAL)
}

/// The median of look-ups spread over all records, in microseconds.
fn lookups(connection: &mut Connection, kind: Kind, size: usize) -> Result<f64> {
    let mut times = Vec::with_capacity(LOOKUPS);
    for turn in 0..LOOKUPS {
        // A step that shares no factor with the size, so that no page of the index is asked twice in a row.
        let path = kind.path(turn * 7_919 % size);
        let begun = Instant::now();
        let body = connection.send("GET", &path, "", 200)?;
        times.push(begun.elapsed().as_secs_f64() * 1e6);
        let rows = body.matches("\"sys_id\":").count();
        if rows != kind.rows() {
            return Err(format!("{path} gave {rows} rows").into());
        }
    }
    Ok(median(&times))
}

fn seed(from: usize, to: usize) -> Result<Seed> {
    let mut text = String::from(r#"{"incident":["#);
    for count in from..to {
        if count > from {
            text.push(',');
        }
        write!(
            text,
            r#"{{"sys_id":"{}","number":"{}","correlation_id":"grown-{count}","caller_id":"{}","short_description":"Grown {count}"}}"#,
            sys_id(count),
            number(count),
            caller(count),
        )?;
    }
    text.push_str("]}");
    Ok(Seed::from_json(text.as_bytes())?)
}
