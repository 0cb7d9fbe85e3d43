//! A long list: ours as typed values, and the same pages by others.

use std::time::Instant;

use openfactory_benches::{Memory, kibibytes, median};
use openfactory_sn::models::incident::Incident;
use openfactory_sn::{Auth, Client, Query, Secret};
use serde_json::Value;

use crate::Result;
use crate::pages::Pages;
use crate::python::Python;
use crate::report::Report;

/// Rows of a page, as the client asks for them.
const PAGE: usize = 500;
/// Of plain reqwest's rate.
const PLAIN: f64 = 0.9;
/// Of PySNC's rate.
const RIVAL: f64 = 5.0;
/// How much higher the peak of the memory may be after ten times as many records, in MiB.
const FLAT: f64 = 8.0;

/// Measures, round by round.
pub(crate) async fn measure(
    rounds: usize,
    records: usize,
    python: Option<&Python>,
    report: &mut Report,
) -> Result<()> {
    let server = Pages::serve(records)?;
    let short = Pages::serve(records / 10)?;
    ours(&short).await?;
    let before = kibibytes(Memory::Peak)?;
    let took = ours(&server).await?;
    let grown = kibibytes(Memory::Peak)? - before;
    println!("list: {records} records in {took:.2} s as typed values");
    let (mut plain_ratios, mut pysnc_ratios, mut pysnow_ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=rounds {
        let plain = plain(&server, records).await?;
        let ours = ours(&server).await?;
        println!("list {round}: ours {:.0}/s, plain {:.0}/s", records as f64 / ours, records as f64 / plain);
        plain_ratios.push(plain / ours);
        if let Some(python) = python {
            for (client, ratios) in [("pysnc", &mut pysnc_ratios), ("pysnow", &mut pysnow_ratios)] {
                // A tenth of the records; their rate does not depend on how many there are.
                let few = records / 10;
                let theirs = python.list(client, &short.base_url, few)?;
                println!("list {round}: {client} {:.0}/s", few as f64 / theirs);
                ratios.push(theirs * 10.0 / ours);
            }
        }
    }
    let many = format!("list of {records}");
    report.at_least(
        &format!("{many}: of the rate of reqwest and serde_json::Value"),
        median(&plain_ratios),
        PLAIN,
    );
    report.at_most(
        &format!("{many}: MiB of peak memory more than for a tenth of them"),
        grown as f64 / 1024.0,
        FLAT,
    );
    if python.is_some() {
        report.at_least(&format!("{many}: times PySNC's rate"), median(&pysnc_ratios), RIVAL);
        // It makes no values of what it reads: the dictionaries of Python's JSON parser, which is in C.
        report.tell_of(&format!("{many}: times pysnow's rate"), median(&pysnow_ratios));
    }
    Ok(())
}

/// All incidents as typed values; the seconds that it took.
async fn ours(server: &Pages) -> Result<f64> {
    let client = Client::builder(&server.base_url)
        .allow_plain_http()
        .auth(Auth::basic("svc", Secret::new("x")))
        .build()?;
    let start = Instant::now();
    let mut listing = client.table::<Incident>().list(&Query::new())?;
    let mut weight = 0;
    while let Some(incident) = listing.try_next().await? {
        weight += incident.priority.unwrap_or_default() + i64::from(incident.opened_at.is_some());
    }
    if weight == 0 || weight % 4 != 0 {
        return Err("the list is not what was served".into());
    }
    Ok(start.elapsed().as_secs_f64())
}

/// The same pages as values of JSON, the same two fields looked at.
async fn plain(server: &Pages, records: usize) -> Result<f64> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let url = format!("{}/api/now/table/incident", server.base_url);
    let start = Instant::now();
    let (mut seen, mut weight, mut query) = (0, 0, "ORDERBYsys_id".to_owned());
    loop {
        let parameters = [
            ("sysparm_display_value", "false"),
            ("sysparm_exclude_reference_link", "true"),
            ("sysparm_query", &query),
            ("sysparm_limit", &PAGE.to_string()),
        ];
        let request = client.get(&url).query(&parameters).basic_auth("svc", Some("x"));
        let page: Value = request.send().await?.error_for_status()?.json().await?;
        let rows = page["result"].as_array().ok_or("no list")?;
        for row in rows {
            let text = |name: &str| row[name].as_str().unwrap_or_default();
            weight += text("priority").parse::<i64>()? + i64::from(!text("opened_at").is_empty());
        }
        seen += rows.len();
        let Some(last) = rows.last().and_then(|row| row["sys_id"].as_str()) else { break };
        query = format!("sys_id>{last}^ORDERBYsys_id");
    }
    if seen != records || weight != 4 * records as i64 {
        return Err("the list is not what was served".into());
    }
    Ok(start.elapsed().as_secs_f64())
}
