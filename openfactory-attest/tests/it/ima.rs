//! Lists that a Debian kernel 6.1 wrote in a virtual machine with a software TPM, one for each template, with what PCR 10
//! held then; and what becomes of them when somebody edits them. `tests/evidence/README.md` says how they were made.

use std::fs;
use std::path::{Path, PathBuf};

use openfactory_attest::ima::{
    Allowed, AsciiList, Attested, BinaryList, BootAggregate, Check, Event, Field, Finding, FindingKind,
    ImaError, ImaReport, Replay, boot_aggregate,
};
use openfactory_attest::tpm::{Bank, PcrValues};
use openfactory_attest::{Manifest, Work};

fn evidence(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/evidence").join(name)
}

fn read(name: &str) -> Vec<u8> {
    fs::read(evidence(name)).unwrap()
}

fn events(name: &str) -> Vec<Event> {
    BinaryList::new(&read(name)[..]).collect::<Result<_, _>>().unwrap()
}

fn pcrs(name: &str) -> PcrValues {
    PcrValues::parse(&read(name)).unwrap()
}

fn run(check: &Check<'_>, events: &[Event]) -> ImaReport {
    check.run(events.iter().cloned().map(Ok::<Event, ImaError>)).unwrap()
}

/// The files that the machine was built with, as far as the tests speak of them.
fn built() -> Manifest {
    let tree = tempfile::tempdir().unwrap();
    for (name, content) in [
        ("usr/bin/hello", "#!/bin/busybox sh\necho hello\n"),
        ("etc/motd", "motd\n"),
        ("etc/na me", "spaced\n"),
        ("etc/changed", "built\n"),
        ("etc/late", "late\n"),
        ("etc/tail", "other\n"),
    ] {
        let path = tree.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    Manifest::of_directory(tree.path(), &Work::on_all_cores()).unwrap()
}

#[test]
fn every_template_in_both_forms_leads_to_the_pcr_of_both_banks() {
    let mut templates = Vec::new();
    for folder in fs::read_dir(evidence("templates")).unwrap() {
        let name = format!("templates/{}", folder.unwrap().file_name().to_str().unwrap());
        let list = events(&format!("{name}/ima.bin"));
        let ascii = read(&format!("{name}/ima.ascii"));
        let ascii: Vec<Event> = AsciiList::new(&ascii[..]).collect::<Result<_, _>>().unwrap();
        assert_eq!(ascii, list, "{name}");
        let report = run(&Check::new().expecting(&pcrs(&format!("{name}/pcrs.txt"))), &list);
        let entries = list.len() as u64;
        assert_eq!(report.attested, Attested::Prefix { entries, tail: 0 }, "{name}");
        // What was read while it was written, and nothing else.
        let kinds: Vec<_> = report.findings.iter().map(|finding| &finding.kind).collect();
        assert_eq!(kinds, [&FindingKind::Violation], "{name}");
        assert!(!report.good(), "{name}");
        assert_eq!(report.buffers, 1, "{name}");
        templates.push(name);
    }
    assert_eq!(templates.len(), 8, "{templates:?}");
}

#[test]
fn what_came_after_the_quote_is_the_tail_and_files_are_held_against_the_manifest() {
    let list = events("boot/ima.bin");
    let allowed = Allowed::new().with(&built(), b"/");
    let pcrs = pcrs("boot/pcrs.txt");
    let report = run(&Check::new().allowing(&allowed).expecting(&pcrs), &list);
    assert_eq!(report.entries, 57);
    let Attested::Prefix { entries, tail } = report.attested else { panic!("{}", report.attested) };
    assert!(entries + tail == 57 && tail > 0);
    let by = |kind: &FindingKind| -> Vec<String> {
        let of_kind = report.findings.iter().filter(|it| it.kind == *kind);
        of_kind.map(|it| String::from_utf8(it.name.clone()).unwrap()).collect()
    };
    // The name with a space counts, by the file with the space.
    assert_eq!(report.known, 4);
    assert_eq!(by(&FindingKind::Changed), ["/etc/changed", "/etc/tail"]);
    assert_eq!(by(&FindingKind::Violation), ["/etc/motd"]);
    assert!(by(&FindingKind::Unknown).contains(&"/bin/busybox".to_owned()));
    let tail = |finding: &&Finding| finding.name == b"/etc/tail";
    assert!(!report.findings.iter().find(tail).unwrap().attested);
    assert!(!report.good());

    // In the order of the list, and the last of all the one after the quote.
    let boot = list[0].file_digest().unwrap();
    assert_eq!(boot_aggregate(&boot, &pcrs), BootAggregate::Through9);
    let mut other = pcrs.clone();
    other.insert(9, *pcrs.get(Bank::Sha256, 0).unwrap());
    assert_eq!(boot_aggregate(&boot, &other), BootAggregate::Other);
}

#[test]
fn an_old_kernels_boot_aggregate_is_over_eight_pcrs() {
    let list = events("templates/ima/ima.bin");
    let boot = list[0].file_digest().unwrap();
    assert_eq!((boot.algorithm, list[0].template().is_old()), ("sha1", true));
    // The same firmware, so the same PCRs, those beyond 7 among them.
    assert_eq!(boot_aggregate(&boot, &pcrs("boot/pcrs.txt")), BootAggregate::Through7);
}

#[test]
fn a_list_is_taken_up_where_it_was_left() {
    let list = events("boot/ima.bin");
    let quoted = pcrs("boot/pcrs.txt");
    let first = run(&Check::new().expecting(&quoted), &list);
    let Attested::Prefix { entries, .. } = first.attested else { panic!("{}", first.attested) };
    let kept = serde_json::to_string(&first.replay).unwrap();
    let state: Replay = serde_json::from_str(&kept).unwrap();
    assert_eq!(state, first.replay);

    // Nothing new, with the same quote; then all that came later, with what PCR 10 held after it.
    let again = run(&Check::new().from(state.clone()).expecting(&quoted), &[]);
    assert_eq!(again.attested, Attested::Prefix { entries, tail: 0 });
    let rest = &list[usize::try_from(entries).unwrap()..];
    let mut later = PcrValues::new();
    for value in run(&Check::new(), &list).replay.values() {
        later.insert(10, *value);
    }
    let resumed = run(&Check::new().from(state).expecting(&later), rest);
    assert_eq!(resumed.attested, Attested::Prefix { entries: 57, tail: 0 });
    assert!(resumed.good(), "a list that begins later does not begin with boot_aggregate");
    // From the start, the rest alone leads nowhere.
    let alone = run(&Check::new().expecting(&later), rest);
    assert_eq!(alone.attested, Attested::Nowhere { banks: vec![(Bank::Sha1, None), (Bank::Sha256, None)] });
    for bad in [
        r#"{"entries":1,"pcr10":{}}"#,
        r#"{"entries":1,"pcr10":{"sha1":"00"}}"#,
        r#"{"entries":1,"pcr10":{"md5":"00000000000000000000000000000000"}}"#,
        r#"{"entries":1,"pcr10":{},"more":1}"#,
    ] {
        assert!(serde_json::from_str::<Replay>(bad).is_err(), "{bad}");
    }
}

#[test]
fn whatever_is_edited_leads_nowhere() {
    let list = events("boot/ima.bin");
    let quoted = pcrs("boot/pcrs.txt");
    let check = Check::new().expecting(&quoted);
    let nowhere = |list: &[Event]| {
        let report = run(&check, list);
        assert!(matches!(report.attested, Attested::Nowhere { .. }), "{}", report.attested);
        assert!(!report.good());
        report
    };
    let mut removed = list.clone();
    removed.remove(4);
    nowhere(&removed);
    let mut doubled = list.clone();
    doubled.insert(4, list[4].clone());
    nowhere(&doubled);
    let mut swapped = list.clone();
    swapped.swap(3, 4);
    nowhere(&swapped);
    nowhere(&list[..20]);
    nowhere(&[]);
    // A byte of an entry's data: the template digest in the list no longer is its own.
    let mut bytes = read("boot/ima.bin");
    let at = bytes.windows(9).position(|window| window == b"/etc/motd").unwrap();
    bytes[at + 8] = b'D';
    let edited: Vec<Event> = BinaryList::new(&bytes[..]).collect::<Result<_, _>>().unwrap();
    let report = nowhere(&edited);
    assert_eq!(report.findings[0].kind, FindingKind::Digest);
    assert_eq!(
        report.findings[0].to_string(),
        "entry 5: the template digest of /etc/motD is not that of its data"
    );
    // A changed file passed off as a violation.
    let at = bytes.windows(20).position(|window| window == list[7].digest().as_bytes()).unwrap();
    let mut bytes = read("boot/ima.bin");
    bytes[at..at + 20].fill(0);
    let edited: Vec<Event> = BinaryList::new(&bytes[..]).collect::<Result<_, _>>().unwrap();
    nowhere(&edited);
}

#[test]
fn one_bank_alone_is_told_and_does_not_count() {
    let list = events("boot/ima.bin");
    let quoted = pcrs("boot/pcrs.txt");
    let mut mixed = PcrValues::new();
    mixed.insert(10, *quoted.get(Bank::Sha1, 10).unwrap());
    mixed.insert(10, *quoted.get(Bank::Sha256, 0).unwrap());
    let report = run(&Check::new().expecting(&mixed), &list);
    let Attested::Nowhere { banks } = &report.attested else { panic!("{}", report.attested) };
    assert!(matches!(banks[..], [(Bank::Sha1, Some(_)), (Bank::Sha256, None)]), "{banks:?}");
    let mut none = PcrValues::new();
    none.insert(0, *quoted.get(Bank::Sha256, 0).unwrap());
    let report = run(&Check::new().expecting(&none), &list);
    assert_eq!(report.attested, Attested::NoValue);
    assert!(!report.good());
}

#[test]
fn another_pcr_is_confirmed_by_nothing() {
    let mut bytes = read("templates/ima-ng/ima.bin");
    bytes[0] = 11;
    let list: Vec<Event> = BinaryList::new(&bytes[..]).collect::<Result<_, _>>().unwrap();
    let report = run(&Check::new(), &list[..1]);
    assert_eq!(report.findings[0].kind, FindingKind::OtherPcr { pcr: 11 });
    assert!(report.replay.values().iter().all(openfactory_attest::tpm::PcrValue::is_zero));
}

#[test]
fn fs_verity_digests_and_other_algorithms_are_not_comparable() {
    let line = |digest: &str| {
        let zeros = "0".repeat(39);
        format!("10 {zeros}1 ima-sigv2 {digest} /etc/motd \n")
    };
    let allowed = Allowed::new().with(&built(), b"/");
    for digest in [
        format!("verity:sha256:{}", "00".repeat(32)),
        format!("ima:sha1:{}", "00".repeat(20)),
        format!("ima:sm3-256:{}", "00".repeat(32)),
    ] {
        let text = line(&digest);
        let report = Check::new().allowing(&allowed).run(AsciiList::new(text.as_bytes())).unwrap();
        let kinds: Vec<_> = report.findings.iter().map(|it| it.kind.clone()).collect();
        let expected = [FindingKind::Digest, FindingKind::NoBootAggregate, FindingKind::NotComparable];
        assert_eq!(kinds, expected, "{digest}");
    }
}

#[test]
fn across_an_update_both_manifests_count() {
    let tree = tempfile::tempdir().unwrap();
    fs::create_dir(tree.path().join("etc")).unwrap();
    fs::write(tree.path().join("etc/changed"), "changed\n").unwrap();
    let new = Manifest::of_directory(tree.path(), &Work::on_all_cores()).unwrap();
    let list = events("boot/ima.bin");
    let changed = |allowed: &Allowed| {
        let report = run(&Check::new().allowing(allowed), &list);
        report.findings.iter().any(|it| it.name == b"/etc/changed")
    };
    assert!(changed(&Allowed::new().with(&built(), b"/")));
    assert!(!changed(&Allowed::new().with(&built(), b"/").with(&new, b"/")));
    assert!(changed(&Allowed::new().with(&new, b"/mnt")));
}

#[test]
fn findings_beyond_the_most_are_counted() {
    let entry = "10 1111111111111111111111111111111111111111 ima-ng sha256:";
    let line = format!("{entry}{} /x\n", "00".repeat(32));
    let report = Check::new().run(AsciiList::new(line.repeat(1500).as_bytes())).unwrap();
    assert_eq!((report.findings.len(), report.more_findings), (1000, 501));
}

#[test]
fn fields_of_evm_are_there() {
    let list = events("templates/evm-sig/ima.bin");
    let hello = list.iter().find(|event| event.name() == b"/usr/bin/hello").unwrap();
    assert_eq!(hello.field(Field::Mode).unwrap(), 0o100_755_u16.to_le_bytes());
    assert_eq!(hello.field(Field::Uid).unwrap(), [0; 4]);
    assert_eq!(hello.field(Field::Buf), None);
}
