use super::*;
use crate::bundle::{BundleLink, WhoseTrust};
use crate::chain::ChainVerdict;

/// The report of a bundle with all links, but for what is said of these.
fn report(changes: &[(BundleLinkName, LinkStatus)]) -> BundleReport {
    let chain = [
        LinkName::Signature,
        LinkName::Recipe,
        LinkName::Intent,
        LinkName::BuildLog,
        LinkName::Image,
        LinkName::VerityRoot,
        LinkName::Manifest,
        LinkName::Sbom("sbom.json".to_owned()),
    ];
    let own = [BundleLinkName::LogIntent, BundleLinkName::LogDocument, BundleLinkName::LogOrder];
    let names = chain.into_iter().map(BundleLinkName::Chain).chain(own);
    let links = names.map(|name| {
        let changed = changes.iter().find(|(changed, _)| *changed == name);
        let status = changed.map_or(LinkStatus::Proved, |(_, status)| status.clone());
        BundleLink { name, status }
    });
    let verdict = ChainVerdict::Proved;
    BundleReport {
        document: None,
        links: links.collect(),
        verdict,
        trust: WhoseTrust::Given,
        keys: Vec::new(),
    }
}

fn missing(assessment: &Assessment) -> Vec<&'static str> {
    assessment.missing().map(|criterion| criterion.what).collect()
}

#[test]
fn the_guides_table() {
    let rows: Vec<String> = Level::ALL.iter().map(|level| format!("{level} {}", level.name())).collect();
    assert_eq!(
        rows,
        [
            "L1 Package audit",
            "L2 Image signing",
            "L3 Runtime verify",
            "L4 Overlay governance",
            "L5 Attestation",
            "L6 Hardware root"
        ]
    );
    assert_eq!(Level::HardwareRoot.next(), None);
}

#[test]
fn a_whole_bundle_is_at_level_2_and_a_device_has_to_report_for_more() {
    let assessment = assess(&report(&[]), LinkStatus::Proved);
    assert_eq!(
        (assessment.level(), assessment.next()),
        (Some(Level::ImageSigning), Some(Level::RuntimeVerify))
    );
    assert_eq!(missing(&assessment), ["a device reports dm-verity active with the signed root hash"]);
}

#[test]
fn each_criterion_that_fails_keeps_from_its_level() {
    let bad = || broken("x");
    let unchecked = || LinkStatus::NotChecked { reason: "x".to_owned() };
    for criterion in assess(&report(&[]), LinkStatus::Proved).criteria {
        if criterion.level > Level::ImageSigning {
            continue;
        }
        // Which link it is about is found out by breaking each.
        let breaks = report(&[]).links.into_iter().filter(|link| {
            let broken = assess(&report(&[(link.name.clone(), bad())]), LinkStatus::Proved);
            broken.criteria.iter().any(|it| it.what == criterion.what && !it.holds())
        });
        for link in breaks {
            let assessment = assess(&report(&[(link.name.clone(), unchecked())]), LinkStatus::Proved);
            let below = if criterion.level == Level::PackageAudit { None } else { Some(Level::PackageAudit) };
            assert_eq!(assessment.level(), below, "{}", criterion.what);
            assert_eq!(missing(&assessment), [criterion.what]);
        }
    }
    for status in [bad(), unchecked()] {
        assert_eq!(assess(&report(&[]), status).level(), None);
    }
}

#[test]
fn a_bundle_that_is_broken_anywhere_is_at_no_level() {
    for link in report(&[]).links.into_iter().map(|link| link.name).chain([BundleLinkName::Request]) {
        let mut bundle = report(&[(link.clone(), broken("x"))]);
        if bundle.status(&link).is_none() {
            bundle.links.push(BundleLink { name: link.clone(), status: broken("x") });
        }
        let assessment = assess(&bundle, LinkStatus::Proved);
        assert_eq!((assessment.level(), assessment.broken), (None, vec![link]));
    }
}

#[test]
fn without_an_sbom_nothing_is_audited() {
    let mut bundle = report(&[]);
    bundle.links.retain(|link| !matches!(link.name, BundleLinkName::Chain(LinkName::Sbom(_))));
    let assessment = assess(&bundle, LinkStatus::Proved);
    assert_eq!((assessment.level(), assessment.next()), (None, Some(Level::PackageAudit)));
    assert_eq!(missing(&assessment), ["the signed document names an SBOM, and it is the one"]);
}

#[test]
fn a_revoked_key_counts_where_the_log_does() {
    let status = LinkStatus::AcceptedByLog { log: "example.com/log".to_owned(), index: 7 };
    let links =
        [LinkName::Signature, LinkName::Intent].map(|name| (BundleLinkName::Chain(name), status.clone()));
    assert_eq!(assess(&report(&links), LinkStatus::Proved).level(), Some(Level::ImageSigning));
}
