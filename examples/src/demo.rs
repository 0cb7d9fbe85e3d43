//! The demo: the whole story on loopback, every service as it would be deployed.
//!
//! Killed at any moment and run again with the same `--data-dir`, it goes on: artifacts are made once, events are
//! signed once, and whatever the services had acknowledged is on their disks.

mod build;
mod chapter;
mod error;
mod events;
mod evidence;
mod machine;
mod narrator;
mod overlay;
mod records;
mod sbom;
mod services;
mod site;
mod source;
mod story;
mod summary;
mod tamper;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Parser;
use openfactory_attest::audit::{self, VerifyReport};
use openfactory_simulator::Profile;
use serde_json::json;

pub use error::DemoError;

use crate::cli::Verdict;
use crate::router::edges::{Edges, NoStops};
use crate::shutdown::Shutdown;
use crate::telemetry::{self, LogConfig, LogFormat};
use build::Built;
use error::During as _;
use evidence::Evidence;
use machine::Machine;
use narrator::Narrator;
use records::Records;
use services::Services;
use site::Site;
use story::Story;

/// Tells the life of one image, from its request to the loss of the key that signed it, with real services on loopback.
///
/// A build is requested and becomes a change request; the gate opens when the change is approved; the image is
/// packed, hashed, signed and verified; evidence goes to GRC, the device to the CMDB; the fleet follows, canary
/// first; a file changes while ServiceNow is away; the device is rolled back, attests, and what was open is closed;
/// the next build's canary is tampered with, and its rollout halts; a device falls silent; an overlay is sealed,
/// strays and is opened; the build platform's key is stolen, revoked and replaced. At the end the audit log is verified,
/// the evidence of the build put into one directory, and one page says what ServiceNow holds.
///
/// Nothing outside the data directory is written and nothing but loopback is talked to.
#[derive(Debug, Parser)]
#[command(
    name = "demo",
    version,
    about,
    after_help = "EXAMPLES:\n  demo\n  demo --data-dir ./demo-data     (may be killed at any moment and run again)\n  demo --image root.squashfs --json"
)]
pub struct Arguments {
    /// The image to tell the story of; without it, world-readable files of this machine are packed into one.
    #[arg(long, value_name = "SQUASHFS")]
    pub image: Option<PathBuf>,
    /// How many devices the fleet has.
    #[arg(long, value_name = "N", default_value = "5", value_parser = devices)]
    pub devices: usize,
    /// The kind of ServiceNow that it is told to: `guide` is as the integration guide has it; `stock` has what the guide
    /// assumes, but the rules of an instance as it is delivered; `hardened` gives least rights.
    #[arg(long, value_name = "PROFILE", default_value_t)]
    pub profile: Profile,
    /// Where everything is kept; a story that was interrupted goes on. Without it, a temporary directory.
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Leaves ServiceNow, the router and their pages open when the story is told, until Ctrl-C.
    #[arg(long)]
    pub serve: bool,
    /// Prints one JSON object on stdout instead of the story.
    #[arg(long)]
    pub json: bool,
}

/// A fleet that one machine can unpack an image for each of.
fn devices(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(devices @ 1..=64) => Ok(devices),
        _ => Err("give a number from 1 to 64".to_owned()),
    }
}

/// Tells the story.
///
/// # Errors
/// [`DemoError`]: which part could not be told, and why. A bad verdict: the audit log is not good.
pub fn run(arguments: &Arguments) -> Result<Verdict, DemoError> {
    run_with(arguments, Arc::new(NoStops))
}

/// Tells the story with a router that can be stopped at its edges: for tests.
///
/// # Errors
/// As [`run`].
pub fn run_with(arguments: &Arguments, edges: Arc<dyn Edges>) -> Result<Verdict, DemoError> {
    telemetry::init(&LogConfig { format: LogFormat::Auto, filter: "error".to_owned() })
        .during("set up logging")?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().during("start the runtime")?;
    let (root, _kept) = match &arguments.data_dir {
        Some(root) => (root.clone(), None),
        None => {
            let folder = tempfile::Builder::new().prefix("openfactory-demo-").tempdir();
            let folder = folder.during("make a temporary directory")?;
            (folder.path().to_owned(), Some(folder))
        }
    };
    runtime.block_on(tell(arguments, &root, edges))
}

async fn tell(arguments: &Arguments, root: &Path, edges: Arc<dyn Edges>) -> Result<Verdict, DemoError> {
    let narrator = Narrator::new(arguments.json);
    if let Some(image) = &arguments.image {
        build::check_readable(image)?;
    }
    let site = Site::prepare(root, arguments.devices, arguments.profile)?;
    if let Some(image) = &arguments.image {
        build::check_same(&site, image)?;
    }
    let signal = Shutdown::on_signal().during("listen for signals")?;
    let services = Services::start(&site, edges).await?;
    let told = tokio::select! {
        // What waits for the signal itself, the open pages, ends well by it.
        biased;
        told = shown(arguments, &site, &services, &narrator, &signal) => told,
        () = signal.triggered() => Err(DemoError::new(interrupted(arguments))),
    };
    let stopped = services.stop().await;
    let verdict = told?;
    stopped?;
    Ok(verdict)
}

fn interrupted(arguments: &Arguments) -> String {
    match &arguments.data_dir {
        Some(root) => format!("interrupted; run it again with --data-dir {} to go on", root.display()),
        None => "interrupted; with --data-dir DIR it could be run again to go on".to_owned(),
    }
}

/// The whole story with its summary; with `--serve` it stays open until somebody ends it.
async fn shown(
    arguments: &Arguments,
    site: &Site,
    services: &Services,
    narrator: &Narrator,
    signal: &Shutdown,
) -> Result<Verdict, DemoError> {
    let (built, records) = chapters(arguments, site, services, narrator).await?;
    let log = verify_log(site)?;
    let here = site.clone();
    let evidence = tokio::task::spawn_blocking(move || evidence::gather(&here));
    let evidence = evidence.await.during("gather the evidence")??;
    narrator.chapter("What ServiceNow holds now")?;
    narrator.show(&summary::rendered(&records))?;
    let verdict = conclude(narrator, site, &built, &records, &Proof { log, evidence }, arguments.json)?;
    if arguments.serve {
        narrator.show("\nopen until Ctrl-C:\n")?;
        for page in services.pages() {
            narrator.say(&page)?;
            if arguments.json {
                writeln!(std::io::stderr().lock(), "{page}").during("write to stderr")?;
            }
        }
        signal.triggered().await;
    }
    Ok(verdict)
}

/// Every chapter, to the last record.
async fn chapters(
    arguments: &Arguments,
    site: &Site,
    services: &Services,
    narrator: &Narrator,
) -> Result<(Built, Records), DemoError> {
    let story = Story { site, services, narrator, machine: Machine::look() };
    let request = chapter::request::tell(&story, &site.first).await?;
    let built = chapter::build::tell(&story, &site.first, request, arguments.image.as_deref()).await?;
    let device = site.devices.first().ok_or_else(|| DemoError::new("the fleet has no device"))?;
    chapter::deploy::tell(&story, device, &built).await?;
    chapter::rollout::tell(&story, &built).await?;
    if !site.is_done("recovered") {
        chapter::drift::tell(&story, device, &built).await?;
        chapter::recover::tell(&story, device).await?;
        site.done("recovered")?;
    }
    chapter::compromise::steal(site)?;
    if !site.is_done("failed-canary") {
        let request = chapter::request::tell(&story, &site.second).await?;
        let image = Some(built.image_path.as_path());
        let next = chapter::build::tell(&story, &site.second, request, image).await?;
        chapter::failed_canary::tell(&story, &next, &site.first).await?;
        site.done("failed-canary")?;
    }
    if !site.is_done("silence") {
        chapter::silence::tell(&story, &built).await?;
        site.done("silence")?;
    }
    if !site.is_done("overlay") {
        let device = site.devices.last().unwrap_or(device);
        chapter::overlay::tell(&story, device).await?;
        site.done("overlay")?;
    }
    if !site.is_done("compromise") {
        chapter::compromise::tell(&story, &built).await?;
        site.done("compromise")?;
    }
    story.settle().await?;
    Ok((built, records::collect(&services.servicenow).await?))
}

/// Verifies the audit log as an auditor would: from its files and the log's public key alone.
fn verify_log(site: &Site) -> Result<VerifyReport, DemoError> {
    audit::verify(&site.path("router/audit"), &site.log_key()?, None).during("verify the audit log")
}

/// What an auditor is shown.
struct Proof {
    log: VerifyReport,
    evidence: Evidence,
}

fn conclude(
    narrator: &Narrator,
    site: &Site,
    built: &Built,
    records: &Records,
    Proof { log, evidence }: &Proof,
    as_json: bool,
) -> Result<Verdict, DemoError> {
    let ok = log.is_good();
    let seconds = narrator.seconds();
    if as_json {
        let by_kind: serde_json::Map<_, _> =
            records.iter().map(|(kind, records)| ((*kind).to_owned(), json!(records))).collect();
        let summary = json!({
            "ok": ok,
            "image": {
                "root_hash": built.tree.root_hash().to_string(),
                "sha256": built.image.sha256,
                "size": built.image.size,
                "entries": built.manifest.entries().len(),
            },
            "sbom": built.sbom.made().map(|made| made.named.sha256),
            "records": by_kind,
            "audit": { "size": log.verified.size, "root": log.verified.root.to_string() },
            "evidence": {
                "directory": evidence.directory,
                "links": evidence.report.links.len(),
                "level": evidence.maturity.level().map(|level| level.to_string()),
            },
            "seconds": (seconds * 10.0).round() / 10.0,
        });
        let text = format!("{summary}\n");
        std::io::Write::write_all(&mut std::io::stdout().lock(), text.as_bytes())
            .during("write to stdout")?;
    }
    narrator.chapter("The audit log, verified from its files and its public key")?;
    narrator.say(format_args!("entries         {}", log.verified.size))?;
    narrator.say(format_args!("root            {}", log.verified.root))?;
    narrator.say(format_args!("key             {}", site.log_key()?))?;
    for finding in &log.findings {
        narrator.say(format_args!("NOT GOOD        {finding}"))?;
    }
    narrator.chapter("The evidence of the build, for an auditor to take away")?;
    narrator.say(format_args!("bundle          {}", evidence.directory.display()))?;
    narrator.say(format_args!("links proved    {}", evidence.report.links.len()))?;
    let level =
        evidence.maturity.level().map_or_else(|| "none".to_owned(), |it| format!("{it} {}", it.name()));
    narrator.say(format_args!("maturity        {level}"))?;
    if let (Some(next), Some(missing)) = (evidence.maturity.next(), evidence.maturity.missing().next()) {
        narrator.say(format_args!("for {next} it takes  {}: {}", missing.what, missing.status))?;
    }
    narrator.show(&format!("\ndone in {seconds:.1} s\n"))?;
    Ok(if ok { Verdict::Good } else { Verdict::Bad })
}
