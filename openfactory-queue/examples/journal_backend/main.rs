//! A backend of one's own, used as any other: messages survive the process.
#![allow(clippy::print_stdout, reason = "a command that reports to the terminal")]

use std::path::Path;
use std::sync::Arc;

use openfactory_queue::capabilities::{Durability, Requirements};
use openfactory_queue::clock::SystemClock;
use openfactory_queue::{LeaseRequest, Message, SyncQueue as _, SyncQueueExt as _};

mod journal;

use journal::JournalQueue;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Some(path) = std::env::args_os().nth(1) else { return Err("usage: journal_backend FILE".into()) };
    let queue = Arc::new(JournalQueue::open(Path::new(&path), Arc::new(SystemClock)).await?);
    queue.require(&Requirements::new().durability(Durability::PowerLoss).ordering().fencing())?;
    // Run it twice: the second time the id is known.
    let greeting = Message::new("greeting-1", "greeting", "hello").with_key("door");
    println!("publish: {:?}", queue.send(greeting).await?);
    for delivery in queue.receive(LeaseRequest::new("me")).await? {
        println!("leased: {}", delivery.message.id);
        delivery.ack().await?;
    }
    queue.close().await?;
    Ok(())
}
