//! The agent as it runs: a pass at every interval, commands by long poll meanwhile, until it is told to stop.
//!
//! The long poll waits in a task of its own; what it brings is carried out between two passes, so that nothing changes
//! under a pass but what changes the device itself.

use std::sync::Arc;
use std::time::Duration;

use openfactory_attest::envelope::Envelope;
use openfactory_queue::SyncQueue as _;
use openfactory_queue::clock::{Clock as _, SystemClock};
use openfactory_queue::jitter::{Jitter as _, RandomJitter};
use openfactory_sn::lifecycle::event::command::CommandOutcome;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::config::AgentConfig;
use super::{Agent, AgentError, obey};
use crate::device_client::{AskError, DeviceClient};
use crate::shutdown::Shutdown;
use crate::told::told;

/// The pause after a long poll that failed; doubled after each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest of these pauses.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// The pause after commands were carried out: until then the router may not know of it, and hands them out again.
const AFTER_COMMANDS: Duration = Duration::from_millis(500);

/// Runs until `stop`. A pass that fails is told in the log and tried again at the next interval.
///
/// # Errors
/// When the agent can't begin: its key, its state directory or its queue can't be used.
pub async fn run(config: &AgentConfig, stop: &Shutdown) -> Result<(), AgentError> {
    let agent = Agent::open(config).await?;
    let (sender, mut commands) = mpsc::channel(1);
    let wait = Duration::from_secs(config.run.poll_s);
    let polling = tokio::spawn(poll(agent.router.clone(), wait, sender, stop.clone()));
    let mut stopped = Box::pin(stop.triggered());
    let mut next = Instant::now();
    tracing::info!(device = %agent.device, router = config.router.url, "the agent runs");
    loop {
        let closes = obey::window(&agent, SystemClock.now());
        let left = closes.map(|at| at.duration_since(SystemClock.now()).unwrap_or_default());
        tokio::select! {
            () = &mut stopped => break,
            () = tokio::time::sleep_until(next) => {
                pass(&agent).await;
                next = Instant::now() + interval(config);
            }
            received = commands.recv() => match received {
                Some(received) => carry_out(&agent, &received).await,
                None => break,
            },
            () = tokio::time::sleep(left.unwrap_or_default()), if left.is_some() => expire(&agent).await,
        }
    }
    drop(commands);
    if let Err(error) = polling.await {
        tracing::error!(%error, "the long poll for commands ended badly");
    }
    tracing::info!("the agent has stopped");
    Ok(agent.queue.close().await?)
}

fn interval(config: &AgentConfig) -> Duration {
    Duration::from_secs(config.run.interval_s)
        + Duration::from_secs(config.run.jitter_s).mul_f64(RandomJitter.fraction())
}

async fn pass(agent: &Agent) {
    match agent.pass(SystemClock.now(), Arc::new(|_done, _total| {})).await {
        Ok(outcome) => {
            let findings = outcome.report.findings.len()
                + outcome.overlay.as_ref().map_or(0, |overlay| overlay.findings.len());
            tracing::info!(
                event = outcome.event.as_str(),
                build = outcome.report.build_id,
                as_built = outcome.is_good(),
                findings,
                delivered = outcome.is_delivered(),
                waiting = outcome.delivery.waiting,
                "looked at the device"
            );
        }
        Err(error) => tracing::error!("this pass came to nothing: {}", told(&error)),
    }
}

async fn carry_out(agent: &Agent, commands: &[Envelope]) {
    for command in commands {
        match obey::obey(agent, &command.to_json(), SystemClock.now()).await {
            Ok(obeyed) => {
                let command = obeyed.command.as_ref().map_or("without an id", |id| id.as_str());
                match &obeyed.outcome {
                    CommandOutcome::Done { detail } => tracing::info!(command, detail, "obeyed a command"),
                    outcome => tracing::warn!(command, ?outcome, "did not obey a command"),
                }
            }
            Err(error) => tracing::error!("a command could not be handled: {}", told(&error)),
        }
    }
    deliver(agent).await;
}

async fn expire(agent: &Agent) {
    match obey::expire(agent, SystemClock.now()).await {
        Ok(true) => {
            tracing::warn!("the window is over: the overlay is locked again, against its old seal");
            deliver(agent).await;
        }
        Ok(false) => {}
        Err(error) => {
            tracing::error!("the overlay could not be locked again: {}", told(&error));
            tokio::time::sleep(FIRST_PAUSE).await;
        }
    }
}

async fn deliver(agent: &Agent) {
    match agent.deliver().await {
        Ok(delivered) if delivered.waiting > 0 => {
            tracing::warn!(waiting = delivered.waiting, "events wait for the event router");
        }
        Ok(_) => {}
        Err(error) => tracing::error!("the queue can't be delivered: {}", told(&error)),
    }
}

/// Asks for commands until the agent stops, and hands them over.
async fn poll(router: DeviceClient, wait: Duration, commands: mpsc::Sender<Vec<Envelope>>, stop: Shutdown) {
    let mut stopped = Box::pin(stop.triggered());
    let mut failures = 0_u32;
    loop {
        let asked = tokio::select! {
            asked = router.commands(wait, SystemClock.now()) => asked,
            () = &mut stopped => return,
        };
        let pause = match asked {
            Ok(received) => {
                failures = 0;
                if received.is_empty() {
                    continue;
                }
                tokio::select! {
                    sent = commands.send(received) => if sent.is_err() { return },
                    () = &mut stopped => return,
                }
                AFTER_COMMANDS
            }
            Err(error) => {
                told_once(&error, failures);
                let pause = FIRST_PAUSE.saturating_mul(1 << failures.min(5)).min(LONGEST_PAUSE);
                failures = failures.saturating_add(1);
                pause.mul_f64(0.5 + RandomJitter.fraction() / 2.0)
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = &mut stopped => return,
        }
    }
}

/// An outage is told when it begins; then quietly.
fn told_once(error: &AskError, failures: u32) {
    let reason = told(error);
    if failures == 0 {
        tracing::warn!(reason, "can't ask for commands; asking on");
    } else {
        tracing::debug!(reason, failures, "still can't ask for commands");
    }
}
