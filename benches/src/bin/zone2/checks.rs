//! A million checks of a mixed policy, of those kinds that JSON Schema can say: the values of devices' documents, which both
//! sides have read before. Beside it the same from the documents' bytes, reading included, for what it is worth.

use std::time::{Duration, Instant, SystemTime};

use openfactory_benches::median_time;
use openfactory_zone2::place::{Place, Source};
use openfactory_zone2::value::{self, Format, extract};
use openfactory_zone2::{Constraints, Observed};
use serde_json::{Map, Value, json};

use super::{Result, judge};

const CHECKS: usize = 1_000_000;
const GOAL: f64 = 3.0;
/// One document of so many has a bad value, another one each time: one value in 32.
const BAD: usize = 4;

/// What one member of the documents has to be, in both languages, a good value and a bad one.
struct Member(&'static str, Value, Value, &'static str, &'static str);

fn members() -> Vec<Member> {
    let words: Vec<String> = (0..20).map(|number| format!("PROD-{number:02}")).collect();
    let string = |keyword: &str, value: &str| json!({ "type": "string", keyword: value });
    vec![
        Member(
            "department",
            json!({ "type": "allowed-set", "allowed": words }),
            json!({ "enum": words }),
            "PROD-17",
            "QA-01",
        ),
        Member(
            "line",
            json!({ "type": "allowed-set", "allowed": ["north", "south"] }),
            json!({ "enum": ["north", "south"] }),
            "south",
            "west",
        ),
        Member(
            "name",
            json!({ "type": "pattern", "pattern": "press-[0-9]{2}" }),
            string("pattern", "^press-[0-9]{2}$"),
            "press-07",
            "press-007",
        ),
        Member(
            "serial",
            json!({ "type": "pattern", "pattern": "[A-Z]{2}(-[0-9]{4}){2}[a-f]?" }),
            string("pattern", "^[A-Z]{2}(-[0-9]{4}){2}[a-f]?$"),
            "PX-0047-1103b",
            "PX-0047-110",
        ),
        Member(
            "host",
            json!({ "type": "hostname" }),
            string("format", "hostname"),
            "press-07.line2.plant.example",
            "press_07",
        ),
        Member(
            "address",
            json!({ "type": "subnet", "permitted": ["0.0.0.0/0"] }),
            string("format", "ipv4"),
            "10.20.3.7",
            "10.20.3.256",
        ),
        Member(
            "gateway",
            json!({ "type": "subnet", "permitted": ["10.20.0.0/16"] }),
            string(
                "pattern",
                "^10\\.20\\.(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\\.(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])$",
            ),
            "10.20.0.1",
            "10.21.0.1",
        ),
        Member("contact", json!({ "type": "presence", "present": true }), json!(true), "j.doe", ""),
    ]
}

/// A document, and the values that both sides take from it.
struct Document {
    bytes: Vec<u8>,
    theirs: Value,
    ours: Vec<Observed>,
    /// How many of its values are bad.
    bad: usize,
}

pub(crate) fn measure(rounds: usize) -> Result<bool> {
    let members = members();
    let (mut constraints, mut properties) = (Vec::new(), Map::new());
    for Member(name, rule, schema, ..) in &members {
        let mut rule = rule.clone();
        let object = rule.as_object_mut().ok_or("an object")?;
        object.insert("id".to_owned(), json!(name));
        object.insert("place".to_owned(), json!({ "file": "/etc/plant/device.json", "key": name }));
        constraints.push(rule);
        properties.insert((*name).to_owned(), schema.clone());
    }
    let policy = json!({ "version": 1, "constraints": constraints }).to_string();
    let policy = Constraints::parse(policy.as_bytes())?;
    let names: Vec<_> = members.iter().map(|member| member.0).collect();
    let schema = json!({ "type": "object", "properties": properties, "required": names });
    let validator = jsonschema::options().should_validate_formats(true).build(&schema)?;

    let documents = (0..BAD * members.len()).map(|number| {
        let bad = (number % BAD == 0).then_some(number / BAD);
        let value = |(index, member): (usize, &Member)| {
            let text = if bad == Some(index) { member.4 } else { member.3 };
            (!text.is_empty()).then(|| (member.0.to_owned(), json!(text)))
        };
        let theirs = Value::Object(members.iter().enumerate().filter_map(value).collect());
        let bytes = theirs.to_string().into_bytes();
        let ours = names.iter().map(|name| extract(Format::Json, name, &bytes)).collect();
        Document { bytes, theirs, ours, bad: usize::from(bad.is_some()) }
    });
    let documents: Vec<Document> = documents.collect();
    let all = || documents.iter().cycle().take(CHECKS / members.len());
    let expected: usize = all().map(|document| document.bad).sum();

    let theirs = |document: &Document| validator.iter_errors(&document.theirs).count();
    let ours = |document: &Document| {
        let checks = policy.iter().zip(&document.ours);
        checks.map(|(constraint, value)| constraint.check(value, SystemTime::UNIX_EPOCH).len()).sum()
    };
    let read_theirs = |document: &Document| {
        let read = serde_json::from_slice(&document.bytes);
        read.map_or(usize::MAX, |value| validator.iter_errors(&value).count())
    };
    let read_ours = |document: &Document| {
        let read = value::Document::parse(Format::Json, &document.bytes);
        let at = |place: &Place| match place.source() {
            Source::File { key, .. } => read.get(key),
            _ => Observed::Absent,
        };
        let checks = policy.iter().map(|constraint| constraint.look(SystemTime::UNIX_EPOCH, at).len());
        checks.sum()
    };
    let contestants: [&dyn Fn(&Document) -> usize; 4] = [&theirs, &ours, &read_theirs, &read_ours];
    let mut times: [Vec<Duration>; 4] = Default::default();
    for _ in 0..rounds {
        for (contestant, times) in contestants.iter().zip(&mut times) {
            let begun = Instant::now();
            let found: usize = all().map(contestant).fold(0, usize::saturating_add);
            times.push(begun.elapsed());
            if found != expected {
                return Err(format!("{found} values are bad, of {expected}").into());
            }
        }
    }
    let [theirs, ours, read_theirs, read_ours] = times.map(median_time);
    println!("{CHECKS} checks of values: jsonschema {theirs:.3?}, ours {ours:.3?}");
    println!("the same, reading the documents: jsonschema {read_theirs:.3?}, ours {read_ours:.3?}");
    Ok(judge("checks", theirs.as_secs_f64() / ours.as_secs_f64(), GOAL))
}
