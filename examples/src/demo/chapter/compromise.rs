//! The build platform's key turns up in other hands: contained, assessed by the log, signed anew, recovered from
//! (guide, "Key Compromise Response").

use std::fs;
use std::time::SystemTime;

use openfactory_attest::audit;
use openfactory_attest::digest::Sha256Digest;
use openfactory_attest::document::{FileDigest, MeasuredImage, Signature, VerificationDocument};
use openfactory_attest::envelope::{Acceptance, Envelope};
use openfactory_attest::key::{Ed25519Key, KeyId, KeyKind, Signer as _};
use openfactory_attest::trust::revocation::Window;
use openfactory_attest::vault::Vault as _;
use openfactory_attest::{Work, verity};
use openfactory_sn::lifecycle::correlation;
use openfactory_sn::lifecycle::event::EventBody;
use openfactory_sn::lifecycle::event::build::{BuildVerified, ChainLink, LinkStatus};
use openfactory_sn::lifecycle::event::key::{
    ArtifactResigned, CompromiseReviewed, CompromisedKey, KeyCompromised,
};
use openfactory_sn::{CorrelationId, Row, SysId};

use super::super::build::{self, Built};
use super::super::error::{DemoError, During as _};
use super::super::events;
use super::super::site::{BUILD_PLATFORM, LOG, Site};
use super::super::story::Story;
use crate::write_once::read_or_write;

/// The file that remembers where the window opens.
const WINDOW: &str = "story/window";
/// What the intruder took away.
const STOLEN: &str = "story/stolen.pem";

/// Somebody copies the build platform's key: nobody notices, but the log goes on. What it holds by now is from before.
pub(crate) fn steal(site: &Site) -> Result<(), DemoError> {
    let path = site.path(WINDOW);
    let what = "remember when the key was stolen";
    read_or_write::<Box<dyn std::error::Error + Send + Sync>>(&path, 0o644, || {
        let log = audit::verify(&site.path("router/audit"), &site.log_key()?, None)?;
        let key = site.vault()?.key(BUILD_PLATFORM)?;
        let private = fs::read(site.path("vault").join(format!("{}.key", key.key_id())))?;
        read_or_write::<std::io::Error>(&site.path(STOLEN), 0o600, || Ok(private))?;
        Ok(log.verified.size.to_string().into_bytes())
    })
    .during(what)?;
    Ok(())
}

/// Tells the response, from the operator's report to the resolved incident.
pub(crate) async fn tell(story: &Story<'_>, built: &Built) -> Result<(), DemoError> {
    let Story { site, narrator, .. } = story;
    narrator.chapter("The build platform's key turns up in other hands")?;
    let stolen = fs::read_to_string(site.path(STOLEN)).during("read the stolen key")?;
    let thief = Ed25519Key::from_pem(&stolen).during("read the stolen key")?;
    let key_id = *thief.key_id();
    report(story, key_id).await?;
    contained(story, &key_id).await?;
    refused(story, built, &thief).await?;
    renew(story, built, &key_id).await?;
    recover(story, built, &key_id).await
}

/// The operator says so, in indices of the audit log.
async fn report(story: &Story<'_>, key_id: KeyId) -> Result<(), DemoError> {
    let from = fs::read_to_string(story.site.path(WINDOW)).during("read when the key was stolen")?;
    let from = from.trim().parse().during("read when the key was stolen")?;
    story
        .send_as_operator("key.compromised", || {
            let window = Window::from(LOG, from);
            let key = CompromisedKey::new(key_id, KeyKind::BuildPlatformSigning, BUILD_PLATFORM, window);
            let evidence = "a copy of the key was found on a laptop that is not ours";
            let body = KeyCompromised::new(key, SystemTime::now(), "Ada Okafor, security", evidence);
            Ok(EventBody::KeyCompromised(Box::new(body)))
        })
        .await?;
    story
        .narrator
        .say(format_args!("reported        key {key_id}, in other hands since entry {from} of the log"))
}

/// Incident, emergency change, quarantine; then what the log proves.
async fn contained(story: &Story<'_>, key_id: &KeyId) -> Result<(), DemoError> {
    let narrator = story.narrator;
    let incident = wait_row(story, "incident", &correlation::compromise(key_id), |_| true).await?;
    narrator.say(format_args!(
        "incident        {} (P{}): {}",
        incident.text("number"),
        incident.text("priority"),
        incident.text("short_description")
    ))?;
    let change = wait_row(story, "change_request", &correlation::revocation(key_id), |_| true).await?;
    narrator.say(format_args!(
        "emergency       {}: {}",
        change.text("number"),
        change.text("short_description")
    ))?;
    let vault = story.site.vault()?;
    let keys = vault.keys().during("read the vault")?;
    let old = keys.iter().find(|key| key.key_id() == key_id);
    let new = keys.iter().find(|key| key.replaces.as_ref() == Some(key_id));
    if let (Some(old), Some(new)) = (old, new) {
        narrator.say(format_args!(
            "vault           {} signs nothing any more; its successor is {}",
            short(old.key_id()),
            short(new.key_id())
        ))?;
    }
    let note = narrator
        .wait_for("the blast radius", || async {
            let notes = story.find("sys_journal_field", "element_id", incident.sys_id().as_str()).await?;
            Ok(notes.into_iter().find(|note| note.text("value").contains("Blast radius")))
        })
        .await?;
    for line in note.text("value").lines().filter(|line| line.starts_with("- build")) {
        narrator.say(format_args!("blast radius    {}", line.trim_start_matches("- ")))?;
    }
    Ok(())
}

/// The thief signs a document that bears a date from long ago. Nobody looks at dates.
async fn refused(story: &Story<'_>, built: &Built, thief: &Ed25519Key) -> Result<(), DemoError> {
    let Story { site, narrator, .. } = story;
    let (here, document) = ((*site).clone(), built.document.clone());
    let trust = tokio::task::spawn_blocking(move || build::trust(&here, [&document]));
    let trust = trust.await.during("look into the audit log")??;
    let long_ago = SystemTime::now() - std::time::Duration::from_secs(365 * 24 * 3600);
    let signature = Signature::new("Demo Build Platform", "build released after verification", long_ago);
    let mut backdated = built.facts.clone();
    backdated.signature = signature;
    let backdated = backdated.sign(thief).during("sign the backdated document")?;
    match VerificationDocument::open(&backdated, &trust) {
        Ok(_) => return Err(DemoError::new("a backdated document of the revoked key is believed")),
        Err(error) => narrator.say(format_args!("backdated       refused: {}", crate::told::told(&error)))?,
    }
    let logged = VerificationDocument::open(&built.document, &trust).during("open the logged document")?;
    match logged.acceptance() {
        Acceptance::ByLog { index, .. } => narrator.say(format_args!(
            "logged          accepted: the audit log held it at entry {index}, before the window, proved by inclusion"
        ))?,
        _ => return Err(DemoError::new("the key of the first document is not revoked")),
    }
    let answer = post_forged(story, built, backdated, thief).await?;
    narrator.say(format_args!("event router    {answer}"))
}

/// What the router says to the thief.
async fn post_forged(
    story: &Story<'_>,
    built: &Built,
    document: Envelope,
    thief: &Ed25519Key,
) -> Result<String, DemoError> {
    let digest = document.payload_digest();
    let links = vec![ChainLink::new("signature", LinkStatus::Proved, "")];
    let body = BuildVerified::new(
        built.id.clone(),
        document,
        digest,
        built.facts.manifest.sha256,
        built.facts.verity.root_hash,
        links,
    );
    let body = EventBody::BuildVerified(Box::new(body));
    let refusal = events::refused(story.services, "forged", thief, body).await?;
    Ok(format!("refuses the thief's event: {refusal}"))
}

/// The stored image is hashed again; if it is what the log held, its facts are signed anew.
async fn renew(story: &Story<'_>, built: &Built, key_id: &KeyId) -> Result<(), DemoError> {
    let Story { site, narrator, .. } = story;
    let (here, id) = ((*site).clone(), built.id.clone());
    let (path, original, facts) = (built.image_path.clone(), built.document.clone(), built.facts.clone());
    let renewed = tokio::task::spawn_blocking(move || -> Result<Envelope, DemoError> {
        let bytes = build::once(&here.artifact(&id, "verification.resigned.json"), || {
            let image = fs::File::open(&path)?;
            let (sha256, size) = Sha256Digest::of_reader(&image)?;
            let signed = facts.verity_tree()?;
            let root = verity::root_hash(
                &image,
                Some(signed.data_blocks()),
                signed.params(),
                &Work::on_all_cores(),
            )?;
            let measured = MeasuredImage::new(FileDigest::new(size, sha256), root.root_hash());
            let signature = Signature::new(
                "Demo Build Platform",
                "signed anew after a key compromise",
                SystemTime::now(),
            );
            let trust = build::trust(&here, [&original])?;
            let successor = here.build_platform()?;
            let renewed =
                VerificationDocument::reissue(&original, &trust, &measured, signature, successor.as_ref())?;
            Ok(renewed.to_json())
        })?;
        let renewed = Envelope::parse(&bytes).during("read the renewed document")?;
        here.platform()?
            .store_document(&id, &renewed.to_json())
            .during("store the renewed document at the platform")?;
        Ok(renewed)
    });
    let renewed = renewed.await.during("sign the document anew")??;
    narrator.say(format_args!(
        "signed anew     the stored image is, bit for bit, what the log held; document {}",
        renewed.payload_digest()
    ))?;
    story
        .send(&built.id, "resigned", || {
            let body = ArtifactResigned::new(
                *key_id,
                built.id.clone(),
                renewed.clone(),
                built.document.payload_digest(),
                built.facts.manifest.sha256,
                built.facts.verity.root_hash,
            );
            Ok(EventBody::ArtifactResigned(Box::new(body)))
        })
        .await?;
    converge(story, built, &renewed).await
}

/// Every device that runs the build proves itself against the new document.
async fn converge(story: &Story<'_>, built: &Built, renewed: &Envelope) -> Result<(), DemoError> {
    let digest = renewed.payload_digest().to_string();
    let items = story.find("cmdb_ci_os_image", "u_build_id", built.id.as_str()).await?;
    let devices: Vec<_> = story
        .site
        .devices
        .iter()
        .chain([&story.site.bench])
        .filter(|id| items.iter().any(|item| item.text("asset_tag") == id.as_str()))
        .collect();
    for device in &devices {
        wait_item(story, &Story::item_of(device), |row| row.text("u_document_digest") == digest).await?;
        story.attest(device).await?;
        let compliant = |row: &Row| row.text("operational_status") == "Compliant";
        wait_item(story, &Story::item_of(device), compliant).await?;
    }
    story.narrator.say(format_args!(
        "fleet           {} device(s) refuse the old key, have the new document and proved themselves",
        devices.len()
    ))
}

/// A person looks back; the incident is resolved, its changes closed.
async fn recover(story: &Story<'_>, built: &Built, key_id: &KeyId) -> Result<(), DemoError> {
    let narrator = story.narrator;
    story
        .send_as_operator("key.reviewed", || {
            let body = CompromiseReviewed::new(
                *key_id,
                "Ada Okafor, security",
                "the key lay in a file that a backup had copied to a laptop",
                "keys that sign releases belong into hardware",
                "the build platform's key moves to an HSM and is rotated every 90 days",
            );
            Ok(EventBody::CompromiseReviewed(Box::new(body)))
        })
        .await?;
    let incident =
        wait_row(story, "incident", &correlation::compromise(key_id), |row| row.text("state") == "6").await?;
    narrator.say(format_args!(
        "incident        {}: {}",
        incident.text("number"),
        incident.text("close_code")
    ))?;
    for correlation in [
        correlation::revocation(key_id),
        correlation::rotation(key_id),
        correlation::renewal(key_id, &built.id),
    ] {
        let change = wait_row(story, "change_request", &correlation, |row| story.stands(row, "3")).await?;
        narrator.say(format_args!(
            "change          {}: {}, {}",
            change.text("number"),
            change.text("short_description"),
            change.text("close_code")
        ))?;
    }
    Ok(())
}

async fn wait_row(
    story: &Story<'_>,
    table: &str,
    correlation: &CorrelationId,
    good: impl Fn(&Row) -> bool,
) -> Result<Row, DemoError> {
    let sys_id = SysId::derived(table, correlation);
    let good = &good;
    let what = format!("{table} {correlation}");
    story.narrator.wait_for(&what, || async { Ok(story.row(table, &sys_id).await?.filter(good)) }).await
}

async fn wait_item(story: &Story<'_>, sys_id: &SysId, good: impl Fn(&Row) -> bool) -> Result<Row, DemoError> {
    let good = &good;
    let look = || async { Ok(story.row("cmdb_ci_os_image", sys_id).await?.filter(good)) };
    story.narrator.wait_for("the device's configuration item", look).await
}

fn short(key_id: &KeyId) -> String {
    key_id.to_string().chars().take(16).collect()
}
