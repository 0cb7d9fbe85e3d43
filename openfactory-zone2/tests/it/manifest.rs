//! `zone2-manifest.json`, through the public surface.

use openfactory_zone2::Manifest;
use openfactory_zone2::policy::{Class, EntryKind, Problem};
use serde_json::{Value, json};

fn file(path: &str) -> Value {
    json!({
        "path": path, "kind": "file", "owner": { "uid": 0, "gid": 4 }, "mode": "0640",
        "max_size": 65536, "class": "sealed",
    })
}

fn parse(paths: &[Value]) -> Result<Manifest, (String, Problem)> {
    let text = json!({ "version": 1, "paths": paths }).to_string();
    Manifest::parse(text.as_bytes()).map_err(|error| (error.location().path.clone(), error.problem().clone()))
}

#[track_caller]
fn refused(change: impl FnOnce(&mut Value)) -> (String, Problem) {
    let mut rule = file("/etc/plant/*.json");
    change(&mut rule);
    parse(&[rule]).unwrap_err()
}

#[test]
fn rules_are_read_as_written() {
    let manifest = parse(&[
        file("/etc/plant/*.json"),
        json!({ "path": "/var/log/**", "kind": "directory", "owner": { "uid": 0, "gid": 0 }, "mode": "2755",
                "class": "volatile" }),
        json!({ "path": "/etc/localtime", "kind": "symlink", "owner": { "uid": 0, "gid": 0 }, "class": "sealed" }),
    ])
    .unwrap();
    let [conf, log, time] = manifest.rules() else { panic!("three rules") };
    assert_eq!(
        (conf.kind(), conf.class(), conf.mode(), conf.max_size()),
        (EntryKind::File, Class::Sealed, Some(0o640), Some(65536))
    );
    assert_eq!((conf.owner().uid, conf.owner().gid), (0, 4));
    assert_eq!(conf.path().as_str(), "/etc/plant/*.json");
    assert_eq!(
        (log.kind(), log.class(), log.mode(), log.max_size()),
        (EntryKind::Directory, Class::Volatile, Some(0o2755), None)
    );
    assert_eq!((time.kind(), time.mode(), time.max_size()), (EntryKind::Symlink, None, None));
}

#[test]
fn the_first_rule_of_the_right_kind_counts() {
    let mut wide = file("/etc/**");
    wide["class"] = "volatile".into();
    let manifest = parse(&[file("/etc/plant/*.json"), wide]).unwrap();
    let class = |path: &str| {
        manifest.rule_for(path.as_bytes(), EntryKind::File).map(openfactory_zone2::policy::PathRule::class)
    };
    assert_eq!(class("/etc/plant/network.json"), Some(Class::Sealed));
    assert_eq!(class("/etc/other"), Some(Class::Volatile));
    assert_eq!(class("/opt/tool"), None);
    assert_eq!(manifest.rule_for(b"/etc/other", EntryKind::Directory), None);
}

/// Integration guide, "Zone 2 governance prohibits executables": no rule can permit one.
#[test]
fn executables_cannot_be_permitted() {
    for (mode, bits) in [("0755", 0o111), ("0645", 0o1), ("4644", 0o4000), ("2644", 0o2000), ("1644", 0o1000)]
    {
        let problem = Problem::ForbiddenMode { bits };
        assert_eq!(refused(|rule| rule["mode"] = mode.into()), ("$.paths[0].mode".into(), problem));
    }
}

#[test]
fn modes_owners_and_words_are_strict() {
    for mode in ["", "64", "00644", "0648", "+644", "rw-r"] {
        let (path, problem) = refused(|rule| rule["mode"] = mode.into());
        assert_eq!(path, "$.paths[0].mode");
        assert!(matches!(problem, Problem::NotAMode | Problem::Empty), "{mode}: {problem:?}");
    }
    assert!(matches!(refused(|rule| rule["mode"] = 644.into()).1, Problem::WrongType { .. }));
    assert!(matches!(refused(|rule| rule["owner"]["uid"] = u32::MAX.into()).1, Problem::OutOfRange { .. }));
    assert!(matches!(refused(|rule| rule["owner"] = "root".into()).1, Problem::WrongType { .. }));
    assert!(matches!(refused(|rule| rule["kind"] = "device".into()).1, Problem::UnknownWord { .. }));
    assert!(matches!(refused(|rule| rule["class"] = "open".into()).1, Problem::UnknownWord { .. }));
    assert!(matches!(refused(|rule| rule["max_size"] = (1_u64 << 41).into()).1, Problem::OutOfRange { .. }));
    assert_eq!(
        refused(|rule| rule["path"] = "etc".into()),
        ("$.paths[0].path".into(), Problem::NotNormalPath)
    );
    assert!(matches!(refused(|rule| rule["path"] = "/a[b]".into()).1, Problem::PatternSyntax { .. }));
}

#[test]
fn keys_must_fit_the_kind() {
    assert!(
        matches!(refused(|rule| rule["kind"] = "directory".into()).1, Problem::UnknownKey { key, .. } if key == "max_size")
    );
    assert!(
        matches!(refused(|rule| rule["kind"] = "symlink".into()).1, Problem::UnknownKey { key, .. } if key == "mode")
    );
    for key in ["path", "kind", "owner", "mode", "max_size", "class"] {
        let (path, problem) = refused(|rule| drop(rule.as_object_mut().unwrap().remove(key)));
        assert_eq!((path.as_str(), problem), ("$.paths[0]", Problem::MissingKey { key }));
    }
}

#[test]
fn duplicates_are_refused_and_named() {
    let (path, problem) = parse(&[file("/a"), file("/b"), file("/a")]).unwrap_err();
    assert_eq!(path, "$.paths[2]");
    assert_eq!(
        problem,
        Problem::Duplicate { what: "the rule for file /a".into(), first: "$.paths[0]".into() }
    );
}

#[test]
fn errors_name_the_line() {
    let text = "{\n  \"version\": 1,\n  \"paths\": [\n    {\n      \"path\": \"/etc\",\n      \"kind\": \"pipe\"\n    }\n  ]\n}";
    let error = Manifest::parse(text.as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "line 6, $.paths[0].kind: \"pipe\" is none of directory, file, symlink");
}
