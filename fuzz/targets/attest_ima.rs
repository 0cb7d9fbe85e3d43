//! IMA's measurement lists, binary and in text: read to their end or refused. A list replays to what its own replay says,
//! after each of its entries; and where it was left it is taken up.
#![no_main]

use libfuzzer_sys::fuzz_target;
use openfactory_attest::ima::{Allowed, AsciiList, Attested, BinaryList, Check, Event, ImaError, Replay};
use openfactory_attest::tpm::{Bank, PcrValues};

fuzz_target!(|input: &[u8]| {
    let lists: [Vec<Result<Event, ImaError>>; 3] = [
        BinaryList::new(input).collect(),
        BinaryList::with_digests(input, Bank::Sha256).collect(),
        AsciiList::new(input).collect(),
    ];
    for list in lists {
        let events: Vec<Event> = list.into_iter().filter_map(Result::ok).collect();
        let whole = run(&Check::new(), &events);
        assert_eq!(whole.entries, events.len() as u64);
        let half = events.len() / 2;
        let mut state = Replay::new([Bank::Sha256]);
        events.iter().take(half).for_each(|event| state.extend(event));
        let mut pcrs = PcrValues::new();
        pcrs.insert(10, *state.value(Bank::Sha256).expect("a bank"));
        let prefix = run(&Check::new().expecting(&pcrs), &events).attested;
        let Attested::Prefix { entries, tail } = prefix else { panic!("{prefix}") };
        assert!(entries <= half as u64 && entries + tail == events.len() as u64);
        let rest = &events[half..];
        let again = run(&Check::new().from(state.clone()).expecting(&pcrs), rest).attested;
        assert_eq!(again, Attested::Prefix { entries: half as u64, tail: rest.len() as u64 });
        rest.iter().for_each(|event| state.extend(event));
        assert_eq!(state.value(Bank::Sha256), whole.replay.value(Bank::Sha256));
    }
});

fn run(check: &Check<'_>, events: &[Event]) -> openfactory_attest::ima::ImaReport {
    let allowed = Allowed::new();
    let check = check.clone().allowing(&allowed);
    check.run(events.iter().cloned().map(Ok)).expect("entries that were read")
}
