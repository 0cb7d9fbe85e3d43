//! Verification documents and the chain: every link proved, and each way to break one.

use std::time::{Duration, SystemTime};

use openfactory_attest::chain::{ChainVerdict, Evidence, LinkName, LinkStatus, verify_chain};
use openfactory_attest::document::{
    Builder, Container, DocumentError, FileDigest, ImageFile, ManifestDigest, NamedDigest, Signature,
    VerificationDocument, VerityTree,
};
use openfactory_attest::intent::BuildIntent;
use openfactory_attest::provenance::{Provenance, ProvenanceError};
use openfactory_attest::statement::{self, SignStatementError, StatementError};
use openfactory_attest::test_report::{Outcome, TestCase, TestCategory, TestReport};
use openfactory_attest::verity::{self, Params};
use openfactory_attest::{
    BuildRecipe, Ed25519Key, Envelope, KeyKind, Sha256Digest, Signer, TrustStore, TrustedKey, Work, canonical,
};
use serde_json::{Value, json};

fn key(seed: u8) -> Ed25519Key {
    Ed25519Key::from_seed(&[seed; 32])
}

fn trust(seed: u8, kind: KeyKind) -> TrustStore {
    let mut store = TrustStore::new();
    store.add(TrustedKey::new("platform", kind, key(seed).public_key().clone())).unwrap();
    store
}

fn platform() -> TrustStore {
    trust(1, KeyKind::BuildPlatformSigning)
}

pub(crate) fn time(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_772_366_400 + seconds)
}

/// A build with everything, and what was measured of it.
struct Build {
    document: VerificationDocument,
    evidence: Evidence,
}

fn build() -> Build {
    let recipe = BuildRecipe::parse(br#"{"name":"press","baseImage":"debian-trixie"}"#).unwrap();
    let intent =
        BuildIntent::new(recipe.recipe_hash(), "a press controller", "qa@example.com", "13.1", time(0));
    let intent = intent.sign(&key(1)).unwrap();

    let image = vec![7_u8; 3 * 4096];
    let params = Params::new("a60c98d2-ae9b-4865-bfcb-b4e3ace11033".parse().unwrap());
    let mut hash_area = std::io::Cursor::new(Vec::new());
    let tree = verity::format(&image, None, &mut hash_area, &params, &Work::on_all_cores()).unwrap();
    let image = FileDigest::of(&image);
    let manifest = Sha256Digest::of(b"manifest");
    let build_log = FileDigest::of(b"log");
    let tests = TestReport::new(vec![
        TestCase::new(TestCategory::Boot, "up", Outcome::Passed),
        TestCase::new(TestCategory::Service, "sshd", Outcome::Failed),
    ])
    .unwrap();
    let report = FileDigest::of(&tests.to_json().unwrap());
    let sbom = NamedDigest::new("sbom.cdx.json", FileDigest::of(b"sbom"));

    let document = VerificationDocument::new(
        "build-7",
        ImageFile::new("press.squashfs", image),
        VerityTree::new(&tree, FileDigest::of(&hash_area.into_inner())).unwrap(),
        ManifestDigest::json(manifest, 3),
        recipe.recipe_hash(),
        build_log,
        Builder::new("https://builder.example/worker/3"),
        Signature::new("Q. A. Person", "build verified", time(60)),
    )
    .with_intent(&intent)
    .with_test_report(report)
    .with_tests(tests.summary())
    .with_sbom(sbom.clone());

    let mut evidence = Evidence::default();
    evidence.recipe_hash = Some(recipe.recipe_hash());
    evidence.intent = Some(intent);
    evidence.build_log = Some(build_log);
    evidence.image = Some(image);
    evidence.root_hash = Some(tree.root_hash());
    evidence.manifest = Some(ManifestDigest::json(manifest, 3));
    evidence.test_report = Some(report);
    evidence.tests = Some(tests.summary());
    evidence.sboms = vec![sbom];
    Build { document, evidence }
}

/// A document with all that it may say.
pub(crate) fn document() -> VerificationDocument {
    build().document
}

/// What is signed of a build with everything.
pub(crate) fn payload() -> Value {
    let envelope = build().document.sign(&key(1)).unwrap();
    serde_json::from_slice(envelope.payload_unverified()).unwrap()
}

fn status(envelope: &Envelope, evidence: &Evidence, link: &LinkName) -> LinkStatus {
    let report = verify_chain(envelope, &platform(), evidence);
    report.links.into_iter().find(|found| found.name == *link).unwrap().status
}

#[test]
fn a_whole_chain_is_proved() {
    let Build { document, evidence } = build();
    let envelope = document.sign(&key(1)).unwrap();
    let opened = VerificationDocument::open(&envelope, &platform()).unwrap();
    assert_eq!(opened.get(), &document);
    assert_eq!(opened.signer().name, "platform");
    assert_eq!(opened.get().verity_tree().unwrap().root_hash(), document.verity.root_hash.into());

    let report = verify_chain(&envelope, &platform(), &evidence);
    assert_eq!(report.verdict, ChainVerdict::Proved, "{report:#?}");
    assert_eq!(report.links.len(), 9);
}

#[test]
fn what_is_not_at_hand_is_not_checked() {
    let envelope = build().document.sign(&key(1)).unwrap();
    let report = verify_chain(&envelope, &platform(), &Evidence::default());
    assert_eq!(report.verdict, ChainVerdict::Incomplete);
    let checked = |link: &&openfactory_attest::chain::Link| link.status == LinkStatus::Proved;
    let proved: Vec<_> = report.links.iter().filter(checked).map(|link| link.name.clone()).collect();
    assert_eq!(proved, [LinkName::Signature]);
}

/// Replaces one measurement.
type Change = fn(&mut Evidence, FileDigest);

#[test]
fn each_link_breaks_alone() {
    let other = FileDigest::of(b"other");
    let changes: [(LinkName, Change); 13] = [
        (LinkName::Recipe, |evidence, other| evidence.recipe_hash = Some(other.sha256)),
        (LinkName::BuildLog, |evidence, other| evidence.build_log = Some(other)),
        (LinkName::Image, |evidence, other| evidence.image = Some(other)),
        (LinkName::VerityRoot, |evidence, other| {
            evidence.root_hash = Some(verity::RootHash::new(other.sha256))
        }),
        (LinkName::Manifest, |evidence, other| {
            evidence.manifest = Some(ManifestDigest::json(other.sha256, 3))
        }),
        // Every number that is signed counts, not the digests alone.
        (LinkName::Manifest, |evidence, _| evidence.manifest.as_mut().unwrap().entries += 1),
        (LinkName::Sbom("sbom.cdx.json".into()), |evidence, _| evidence.sboms[0].size += 1),
        (LinkName::Image, |evidence, _| evidence.image.as_mut().unwrap().size += 1),
        (LinkName::BuildLog, |evidence, _| evidence.build_log.as_mut().unwrap().size += 1),
        (LinkName::TestReport, |evidence, _| evidence.test_report.as_mut().unwrap().size += 1),
        (LinkName::TestReport, |evidence, other| evidence.test_report = Some(other)),
        (LinkName::Sbom("sbom.cdx.json".into()), |evidence, other| {
            evidence.sboms = vec![NamedDigest::new("sbom.cdx.json", other)];
        }),
        (LinkName::Sbom("another".into()), |evidence, other| {
            evidence.sboms.push(NamedDigest::new("another", other));
        }),
    ];
    for (link, change) in changes {
        let Build { document, mut evidence } = build();
        change(&mut evidence, other);
        let report = verify_chain(&document.sign(&key(1)).unwrap(), &platform(), &evidence);
        assert_eq!(report.verdict, ChainVerdict::Broken);
        assert_eq!(report.broken().map(|link| &link.name).collect::<Vec<_>>(), [&link]);
    }
}

/// Whether the ISO image is the document's is one question, whether the image is in it another.
#[test]
fn an_iso_image_has_to_have_the_image_in_it() {
    let iso = FileDigest::of(b"iso");
    let Build { document, mut evidence } = build();
    let image = evidence.image;
    let document = document.with_container(Container::new("press.iso", iso, "live/filesystem.squashfs"));
    let envelope = document.sign(&key(1)).unwrap();
    evidence.container = Some(iso);
    let mut told = |contained| {
        evidence.contained = contained;
        status(&envelope, &evidence, &LinkName::Container)
    };
    assert_eq!(told(image), LinkStatus::Proved);
    assert!(matches!(told(None), LinkStatus::NotChecked { .. }));
    let other = told(Some(FileDigest::of(b"another squashfs")));
    assert!(matches!(&other, LinkStatus::Broken { reason } if reason.contains("another file")), "{other}");
}

#[test]
fn the_intent_must_be_the_documents_own_believed_and_earlier() {
    let Build { document, evidence } = build();
    let reason = |document: &VerificationDocument, intent: Option<Envelope>| {
        let mut evidence = evidence.clone();
        evidence.intent = intent;
        let envelope = document.sign(&key(1)).unwrap();
        match status(&envelope, &evidence, &LinkName::Intent) {
            LinkStatus::Broken { reason } => reason,
            other => panic!("{other}"),
        }
    };
    let make = |recipe: &[u8], seconds, seed| {
        let intent =
            BuildIntent::new(Sha256Digest::of(recipe), "text", "qa@example.com", "13.1", time(seconds));
        intent.sign(&key(seed)).unwrap()
    };
    assert!(reason(&document, Some(make(b"x", 0, 1))).contains("another build intent"));

    let mut without = document.clone();
    without.intent_digest = None;
    assert!(reason(&without, None).contains("no signed build intent"));

    let for_another_recipe = make(b"x", 0, 1);
    let refers = document.clone().with_intent(&for_another_recipe);
    assert!(reason(&refers, Some(for_another_recipe)).contains("another recipe"));

    let mut late = evidence.intent.clone().unwrap();
    assert_eq!(status(&document.sign(&key(1)).unwrap(), &evidence, &LinkName::Intent), LinkStatus::Proved);
    let intent = BuildIntent::new(document.recipe_hash, "text", "qa@example.com", "13.1", time(61));
    late = intent.sign(&key(1)).unwrap_or(late);
    assert!(reason(&document.clone().with_intent(&late), Some(late)).contains("after the document"));

    let intent = BuildIntent::new(document.recipe_hash, "text", "qa@example.com", "13.1", time(0));
    let by_a_stranger = intent.sign(&key(9)).unwrap();
    let refers = document.clone().with_intent(&by_a_stranger);
    assert!(reason(&refers, Some(by_a_stranger)).contains("not believed"));
}

#[test]
fn only_a_build_platform_key_counts() {
    let Build { document, evidence } = build();
    let envelope = document.sign(&key(1)).unwrap();
    for trust in [TrustStore::new(), trust(2, KeyKind::BuildPlatformSigning), trust(1, KeyKind::Integration)]
    {
        let report = verify_chain(&envelope, &trust, &evidence);
        assert_eq!(report.verdict, ChainVerdict::Broken);
        assert_eq!(report.broken().map(|link| &link.name).collect::<Vec<_>>(), [&LinkName::Signature]);
        let others = report.links.iter().skip(1);
        assert!(others.into_iter().all(|link| matches!(link.status, LinkStatus::NotChecked { .. })));
    }
}

#[test]
fn what_nobody_would_believe_is_not_signed() {
    let changes: [fn(&mut VerificationDocument); 5] = [
        |it| it.signature.name.clear(),
        |it| it.signature.meaning = " ".to_owned(),
        |it| it.builder.id = "a\n".to_owned(),
        |it| it.build_id.clear(),
        |it| it.sboms.push(NamedDigest::new("sbom.cdx.json", FileDigest::of(b"other"))),
    ];
    for change in changes {
        let mut document = build().document;
        change(&mut document);
        assert!(matches!(document.sign(&key(1)), Err(SignStatementError::Predicate { .. })));
    }
    let recipe = Sha256Digest::of(b"recipe");
    for (request, requester, base) in
        [("", "a@b", "13"), ("x", " ", "13"), ("x", "a@b", ""), ("x", "a@b", "1\n")]
    {
        let intent = BuildIntent::new(recipe, request, requester, base, time(0));
        assert!(matches!(intent.sign(&key(1)), Err(SignStatementError::Predicate { .. })));
        // Somebody else's program signed it.
        let said = json!({"_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": "recipe", "digest": {"sha256": recipe}}],
            "predicateType": "https://openfactory.tech/attest/build-intent/v1", "predicate": intent});
        let envelope = Envelope::sign(statement::PAYLOAD_TYPE, said.to_string().as_bytes(), &key(1)).unwrap();
        let opened = BuildIntent::open(&envelope, &platform());
        assert!(matches!(opened, Err(StatementError::Predicate { .. })));
    }
}

#[test]
fn an_inventory_is_found_by_its_digest_before_its_name() {
    let Build { document, mut evidence } = build();
    let other = NamedDigest::new("other.json", FileDigest::of(b"other"));
    let document = document.with_sbom(other.clone());
    // Each under the other's name.
    let (first, second) = (&document.sboms[0], &document.sboms[1]);
    let file = |it: &NamedDigest| FileDigest::new(it.size, it.sha256);
    let swapped = [NamedDigest::new(&second.name, file(first)), NamedDigest::new(&first.name, file(second))];
    evidence.sboms = swapped.to_vec();
    let report = verify_chain(&document.sign(&key(1)).unwrap(), &platform(), &evidence);
    assert_eq!(report.verdict, ChainVerdict::Proved, "{report:#?}");
    evidence.sboms.reverse();
    let report = verify_chain(&document.sign(&key(1)).unwrap(), &platform(), &evidence);
    assert_eq!(report.verdict, ChainVerdict::Proved, "{report:#?}");
}

/// Signs a changed payload with the right key: a mistake of the platform, not an attack.
fn resigned(change: impl FnOnce(&mut Value)) -> Envelope {
    let envelope = build().document.sign(&key(1)).unwrap();
    let mut payload: Value = serde_json::from_slice(envelope.payload_unverified()).unwrap();
    change(&mut payload);
    Envelope::sign(statement::PAYLOAD_TYPE, payload.to_string().as_bytes(), &key(1)).unwrap()
}

#[test]
fn a_signature_does_not_make_nonsense_true() {
    let open = |envelope: &Envelope| VerificationDocument::open(envelope, &platform()).unwrap_err();
    let of_statement = |error: DocumentError| match error {
        DocumentError::Statement(error) => error,
        other => panic!("{other}"),
    };
    let set = |pointer: &'static str, value: Value| {
        open(&resigned(|payload| *payload.pointer_mut(pointer).unwrap() = value))
    };
    assert!(matches!(of_statement(set("/_type", json!("x"))), StatementError::Type { what: "_type", .. }));
    assert!(matches!(of_statement(set("/predicateType", json!("x"))), StatementError::Type { .. }));
    assert!(matches!(of_statement(set("/subject", json!([]))), StatementError::Subjects { .. }));
    assert!(matches!(of_statement(set("/subject/0/digest", json!({}))), StatementError::Subjects { .. }));
    assert!(matches!(of_statement(set("/predicate/image/size", json!(12288.0))), StatementError::Payload(_)));
    assert!(matches!(of_statement(set("/predicate/image/sha256", json!("00"))), StatementError::Payload(_)));
    assert!(matches!(
        of_statement(set("/predicate/signature/time", json!("now"))),
        StatementError::Payload(_)
    ));
    assert_eq!(set("/predicate/version", json!(2)), DocumentError::Version { found: 2 });
    assert_eq!(set("/predicate/image/name", json!("other")), DocumentError::Subjects);
    let digest = json!({"sha256": "0".repeat(64)});
    assert_eq!(set("/subject/1/digest", digest), DocumentError::Subjects);
    for (pointer, value) in [
        ("/predicate/verity/hashType", json!(0)),
        ("/predicate/verity/algorithm", json!("sha512")),
        ("/predicate/verity/dataBlockSize", json!(4097)),
        ("/predicate/verity/dataBlocks", json!(4)),
        ("/predicate/verity/salt", json!("x")),
        ("/predicate/verity/uuid", json!("x")),
        ("/predicate/verity/hashArea/size", json!(4096)),
    ] {
        assert!(matches!(set(pointer, value), DocumentError::Verity { .. }), "{pointer}");
    }
    for (pointer, what) in [
        ("/predicate/signature/name", "signer's name"),
        ("/predicate/signature/meaning", "meaning"),
        ("/predicate/builder/id", "builder"),
        ("/predicate/buildId", "build id"),
    ] {
        for text in ["", " \u{a0}", "a\nb", "a\u{85}", &"x".repeat(1025)] {
            let StatementError::Predicate { reason } = of_statement(set(pointer, json!(text))) else {
                panic!()
            };
            assert!(reason.contains(what), "{reason}");
        }
    }
    let twice = open(&resigned(|payload| {
        let sboms = payload["predicate"]["sboms"].as_array_mut().unwrap();
        sboms.push(sboms[0].clone());
    }));
    assert!(matches!(of_statement(twice), StatementError::Predicate { .. }));
    let more = resigned(|payload| payload["predicate"]["future"] = json!({"field": [1]}));
    assert!(VerificationDocument::open(&more, &platform()).is_ok(), "unknown members are ignored");
}

#[test]
fn provenance_is_slsas_and_says_what_the_document_says() {
    let document = build().document;
    let envelope = Provenance::sign(&document, &key(1)).unwrap();
    let payload: Value = serde_json::from_slice(envelope.payload_unverified()).unwrap();
    // https://slsa.dev/spec/v1.0/provenance
    for (pointer, expected) in [
        ("/predicateType", json!("https://slsa.dev/provenance/v1")),
        ("/subject/0/digest/sha256", json!(document.image.sha256)),
        ("/predicate/buildDefinition/externalParameters/recipe/digest/sha256", json!(document.recipe_hash)),
        ("/predicate/buildDefinition/resolvedDependencies/1/digest/sha256", json!(document.intent_digest)),
        ("/predicate/runDetails/builder/id", json!("https://builder.example/worker/3")),
        ("/predicate/runDetails/metadata/invocationId", json!("build-7")),
        ("/predicate/runDetails/byproducts/0/digest/sha256", json!(document.build_log.sha256)),
        ("/predicate/runDetails/byproducts/3/name", json!("sbom.cdx.json")),
    ] {
        assert_eq!(payload.pointer(pointer), Some(&expected), "{pointer}: {payload:#}");
    }
    assert_eq!(
        Provenance::open(&envelope, &platform(), &document).unwrap().get(),
        &Provenance::of(&document)
    );

    let open = |envelope: &Envelope, document: &VerificationDocument| {
        Provenance::open(envelope, &platform(), document).unwrap_err()
    };
    let mut other = document.clone();
    other.build_log = FileDigest::of(b"another log");
    assert_eq!(open(&envelope, &other), ProvenanceError::Differs);
    other.image.name = "other.squashfs".to_owned();
    assert_eq!(open(&envelope, &other), ProvenanceError::Subjects);
    let by_a_stranger = Provenance::sign(&document, &key(9)).unwrap();
    assert!(matches!(open(&by_a_stranger, &document), ProvenanceError::Statement(_)));
    // A document is none.
    assert!(matches!(open(&document.sign(&key(1)).unwrap(), &document), ProvenanceError::Statement(_)));
}

#[test]
fn numbers_that_do_not_fit_are_not_signed() {
    let mut document = build().document;
    document.manifest.entries = u64::MAX;
    assert!(document.sign(&key(1)).is_err());
}

#[test]
fn verdicts_on_tests_follow_from_the_report() {
    let Build { document, mut evidence } = build();
    let envelope = document.sign(&key(1)).unwrap();
    assert_eq!(status(&envelope, &evidence, &LinkName::TestReport), LinkStatus::Proved);
    // The file is the same, and says something else.
    let better = TestReport::new(vec![TestCase::new(TestCategory::Boot, "up", Outcome::Passed)]).unwrap();
    evidence.tests = Some(better.summary());
    assert!(matches!(status(&envelope, &evidence, &LinkName::TestReport), LinkStatus::Broken { .. }));
    evidence.tests = None;
    assert!(matches!(status(&envelope, &evidence, &LinkName::TestReport), LinkStatus::NotChecked { .. }));
    // A verdict that does not follow from its own numbers, a category that is missing, tests without a report.
    let change = |change: &dyn Fn(&mut Value)| {
        let mut payload = payload();
        change(&mut payload["predicate"]);
        let bytes = canonical::to_vec(&payload).unwrap();
        let envelope = Envelope::sign(statement::PAYLOAD_TYPE, &bytes, &key(1)).unwrap();
        VerificationDocument::open(&envelope, &platform()).map(|opened| opened.into_inner().tests)
    };
    let score = |passed, of| json!({"benchmark": "b", "ruleSet": Sha256Digest::of(b"").to_string(), "passed": passed, "of": of});
    assert!(change(&|_| ()).is_ok());
    assert!(change(&|it| it["tests"]["compliance"] = score(0, 0)).is_ok());
    for bad in [
        change(&|it| it["tests"]["categories"][2]["status"] = json!("passed")),
        change(&|it| it["tests"]["categories"][2]["failed"] = json!(0)),
        change(&|it| it["tests"]["compliance"] = score(1, 1)),
        change(&|it| drop(it["tests"]["categories"].as_array_mut().unwrap().pop())),
        change(&|it| drop(it.as_object_mut().unwrap().remove("testReport"))),
    ] {
        assert_eq!(bad, Err(DocumentError::Tests));
    }
    assert_eq!(change(&|it| drop(it.as_object_mut().unwrap().remove("tests"))), Ok(None));
}
