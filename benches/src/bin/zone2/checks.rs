//! A million checks of a mixed policy, of those kinds that JSON Schema can say.

use std::time::{Duration, Instant, SystemTime};

use openfactory_benches::median_time;
use openfactory_zone2::{Constraints, Observed};
use serde_json::{Value, json};

use super::{Result, judge};

const CHECKS: usize = 1_000_000;
const GOAL: f64 = 3.0;

pub(crate) fn measure(rounds: usize) -> Result<bool> {
    let words: Vec<String> = (0..20).map(|number| format!("PROD-{number:02}")).collect();
    let place = json!({ "file": "/etc/plant/device.json", "key": "x" });
    let rules = [
        (json!({ "type": "allowed-set", "allowed": words }), json!({ "enum": words }), ["PROD-17", "QA-01"]),
        (
            json!({ "type": "pattern", "pattern": "press-[0-9]{2}" }),
            json!({ "type": "string", "pattern": "^press-[0-9]{2}$" }),
            ["press-07", "press-007"],
        ),
        (
            json!({ "type": "hostname" }),
            json!({ "type": "string", "format": "hostname" }),
            ["press-07.line2.plant.example", "press_07"],
        ),
        (
            json!({ "type": "subnet", "permitted": ["0.0.0.0/0"] }),
            json!({ "type": "string", "format": "ipv4" }),
            ["10.20.3.7", "10.20.3.256"],
        ),
    ];
    let mut ours: Vec<(Constraints, [Observed; 2])> = Vec::new();
    let mut theirs: Vec<(jsonschema::Validator, [Value; 2])> = Vec::new();
    for (rule, schema, values) in &rules {
        let mut rule = rule.clone();
        let members = rule.as_object_mut().ok_or("an object")?;
        members.insert("id".to_owned(), json!("a"));
        members.insert("place".to_owned(), place.clone());
        let policy = json!({ "version": 1, "constraints": [rule] }).to_string();
        ours.push((Constraints::parse(policy.as_bytes())?, values.map(Observed::value)));
        let validator = jsonschema::options().should_validate_formats(true).build(schema)?;
        theirs.push((validator, values.map(|value| json!(value))));
    }
    let mut times: [Vec<Duration>; 2] = [Vec::new(), Vec::new()];
    for _ in 0..rounds {
        let begun = Instant::now();
        let mut good = 0;
        for number in 0..CHECKS {
            let (validator, values) = &theirs[number % theirs.len()];
            // One in 32 is bad.
            let bad = usize::from(number % 128 < theirs.len());
            good += usize::from(validator.validate(&values[bad]).is_ok());
        }
        times[0].push(begun.elapsed());
        let begun = Instant::now();
        let mut same = 0;
        for number in 0..CHECKS {
            let (constraints, values) = &ours[number % ours.len()];
            let bad = usize::from(number % 128 < ours.len());
            let constraint = constraints.iter().next().ok_or("a constraint")?;
            same += usize::from(constraint.check(&values[bad], SystemTime::UNIX_EPOCH).is_empty());
        }
        times[1].push(begun.elapsed());
        if good != same {
            return Err(format!("{good} and {same} of {CHECKS} are good").into());
        }
    }
    let [theirs, ours] = times.map(median_time);
    println!("{CHECKS} checks: jsonschema {theirs:.3?}, ours {ours:.3?}");
    Ok(judge("checks", theirs.as_secs_f64() / ours.as_secs_f64(), GOAL))
}
