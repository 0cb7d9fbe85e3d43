//! What the kernel sends to whoever watches an overlay, and what a new base wants of it: fanotify's events, records of the
//! audit log, migration plans and the files that they transform.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use openfactory_zone2::migrate::hold::Holds;
use openfactory_zone2::migrate::{Plan, transform};
use openfactory_zone2::monitor::audit::Collector;
use openfactory_zone2::monitor::{decide, decode};

fuzz_target!(|input: &[u8]| {
    if let Ok(events) = decode::events(input) {
        assert!(events.len() * 24 <= input.len());
    }
    let mut collector = Collector::new(Path::new("/zone2"));
    for message in input.split(|byte| *byte == b'\n') {
        if let Some(attempt) = collector.take(message) {
            assert!(attempt.path.is_none_or(|path| path.starts_with("/zone2")));
        }
    }
    let _ = (decide::meant(&String::from_utf8_lossy(input)), Holds::parse(input).is_ok());
    // A plan, a line of dashes, and a file.
    let cut = input.windows(5).position(|part| part == b"\n---\n");
    let (plan, file) = cut.map_or((input, &b""[..]), |cut| (&input[..cut], &input[cut + 5..]));
    if let Ok(plan) = Plan::parse(plan) {
        for wanted in plan.transforms() {
            if let Ok((new, changed)) = transform::apply(wanted, file) {
                assert!(!changed.is_empty() || new == file);
            }
        }
    }
});
