//! The image, hashed and signed; the evidence, attached and recorded.

use std::path::Path;
use std::time::SystemTime;

use openfactory_attest::sbom::cyclonedx;
use openfactory_sn::lifecycle::event::EventBody;
use openfactory_sn::lifecycle::event::build::{
    BuildCompleted, BuildVerified, ChainLink, EvidenceFile, Image,
};
use openfactory_sn::lifecycle::id::BuildId;

use super::super::build::{self, Built, Request};
use super::super::error::{DemoError, During as _};
use super::super::sbom::{self, Sbom};
use super::super::story::Story;

/// Builds `id`, from the image that is given or from this machine's files.
pub(crate) async fn tell(
    story: &Story<'_>,
    id: &BuildId,
    request: Request,
    given: Option<&Path>,
) -> Result<Built, DemoError> {
    let Story { site, narrator, .. } = story;
    let title = if *id == site.first {
        "The image is built, hashed every way there is, signed and verified link by link"
    } else {
        "The next build is made, signed and verified"
    };
    narrator.chapter(title)?;
    let begun = SystemTime::now();
    let (here, name, given) = ((*site).clone(), id.clone(), given.map(Path::to_owned));
    let built =
        tokio::task::spawn_blocking(move || build::build(&here, &name, &request, given.as_deref(), begun));
    let built = built.await.during("build the image")??;
    narrator
        .say(format_args!("image           {} bytes, SHA-256 {}", built.image.size, built.image.sha256))?;
    narrator.say(format_args!("dm-verity root  {}", built.tree.root_hash()))?;
    narrator.say(format_args!("file manifest   {} entries", built.manifest.entries().len()))?;
    match &built.sbom {
        Sbom::Made(made) => narrator.say(format_args!(
            "SBOM            {} packages; {} of {} files belong to one",
            made.packages, made.owned.0, made.owned.1
        ))?,
        Sbom::Without(why) => narrator.say(format_args!("SBOM            none: {why}"))?,
    }
    for link in &built.chain.links {
        let (status, reason) = build::link_status(&link.status);
        let dash = if reason.is_empty() { "" } else { ": " };
        narrator.say(format_args!("  {:<22}{status}{dash}{reason}", build::link_name(&link.name)))?;
    }
    if built.chain.broken().next().is_some() {
        return Err(DemoError::new("the verification chain is broken"));
    }
    send(story, &built, begun).await?;
    let row = narrator
        .wait_for("the evidence in ServiceNow", || async {
            Ok(story.find("sn_grc_item", "u_build_id", id.as_str()).await?.into_iter().next())
        })
        .await?;
    narrator.say(format_args!(
        "GRC evidence    {}: {}",
        row.text("number"),
        row.text("short_description")
    ))?;
    Ok(built)
}

async fn send(story: &Story<'_>, built: &Built, begun: SystemTime) -> Result<(), DemoError> {
    let id = &built.id;
    let took = begun.elapsed().map_or(0, |took| took.as_secs());
    let root_hash = built.facts.verity.root_hash;
    story
        .send(id, "completed", || {
            let image = Image::new(&built.image.name, built.image.size, built.image.sha256);
            let log = built.facts.build_log.sha256;
            let body = BuildCompleted::new(id.clone(), image, root_hash, log, took);
            Ok(EventBody::BuildCompleted(Box::new(body)))
        })
        .await?;
    story
        .send(id, "verified", || {
            let links = built.chain.links.iter().map(|link| {
                let (status, reason) = build::link_status(&link.status);
                ChainLink::new(build::link_name(&link.name), status, reason)
            });
            let mut body = BuildVerified::new(
                id.clone(),
                built.document.clone(),
                built.document.payload_digest(),
                built.facts.manifest.sha256,
                root_hash,
                links.collect(),
            );
            let mut files = vec![("build.log", "text/plain"), ("squashfs-hashes.sha256", "text/plain")];
            if built.sbom.made().is_some() {
                files.push((sbom::NAME, cyclonedx::MEDIA_TYPE));
            }
            for (name, media_type) in files {
                let path = story.site.artifact(id, name);
                let content = std::fs::read(&path).during(&format!("read {}", path.display()))?;
                body.evidence.push(EvidenceFile::new(name, media_type, content));
            }
            Ok(EventBody::BuildVerified(Box::new(body)))
        })
        .await
}
