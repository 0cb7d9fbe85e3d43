//! What the servers say of themselves: whether each syncs before it acknowledges. Only their system account may ask.

use std::collections::BTreeMap;

use async_nats::Client;
use bytes::Bytes;
use futures_util::StreamExt as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::config::{Login, NatsConfig};
use super::link;
use crate::error::{Error, ErrorKind};

/// Each server answers with figures of the moment, among them how many servers it knows (NATS documentation, "System
/// events").
const PING: &str = "$SYS.REQ.SERVER.PING";

/// Each server answers with how it is configured.
const VARZ: &str = "$SYS.REQ.SERVER.PING.VARZ";

#[derive(Deserialize)]
struct Ping {
    statsz: Statsz,
}

#[derive(Deserialize)]
struct Statsz {
    active_servers: usize,
}

#[derive(Deserialize)]
struct Varz {
    server: Server,
    data: Data,
}

#[derive(Deserialize)]
struct Server {
    id: String,
    name: String,
}

#[derive(Deserialize)]
struct Data {
    #[serde(default)]
    jetstream: JetStream,
}

#[derive(Default, Deserialize)]
struct JetStream {
    /// None where a server keeps no streams.
    config: Option<Config>,
    /// None where it is alone.
    meta: Option<Meta>,
}

/// The servers that keep streams together.
#[derive(Deserialize)]
struct Meta {
    cluster_size: usize,
}

#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    sync_always: bool,
}

/// What came of asking all servers.
#[derive(Debug)]
pub(super) struct Said {
    /// The names of those that keep streams and acknowledge before they sync.
    pub(super) unsynced: Vec<String>,
    /// So many have not answered.
    pub(super) silent: usize,
}

/// Asks all servers, as a user of their system account.
pub(super) async fn ask(config: &NatsConfig, login: &Login) -> Result<Said, Error> {
    let client = link::connect(config, login).await?;
    let answers = collect(config, &client).await;
    // Nothing is under way on it any more.
    drop(client.drain().await);
    let (servers, count) = answers?;
    let silent = count.saturating_sub(servers.len());
    let unsynced =
        |varz: &Varz| varz.data.jetstream.config.as_ref().is_some_and(|config| !config.sync_always);
    let unsynced = servers.into_values().filter(unsynced).map(|varz| varz.server.name).collect();
    Ok(Said { unsynced, silent })
}

/// The servers that have answered, by their ids, and how many there are.
async fn collect(config: &NatsConfig, client: &Client) -> Result<(BTreeMap<String, Varz>, usize), Error> {
    let away = |source: async_nats::Error| {
        Error::new(ErrorKind::Unavailable, "open", "the servers can't be asked how they sync")
            .with_source(source)
    };
    let ping = client.request(PING, Bytes::new()).await.map_err(|error| {
        if error.kind() == async_nats::RequestErrorKind::NoResponders {
            let detail = "this user can't ask the servers how they sync: it is not of their system account";
            return Error::new(ErrorKind::Invalid, "open", detail).with_source(error);
        }
        away(error.into())
    })?;
    let mut count = parse::<Ping>(&ping.payload)?.statsz.active_servers;
    let inbox = client.new_inbox();
    let mut answers = client.subscribe(inbox.clone()).await.map_err(|error| away(error.into()))?;
    client.publish_with_reply(VARZ, inbox, Bytes::new()).await.map_err(|error| away(error.into()))?;
    let mut servers = BTreeMap::new();
    let end = config.clock.sleep(config.answer());
    tokio::pin!(end);
    while servers.len() < count {
        tokio::select! {
            answer = answers.next() => {
                let Some(answer) = answer else { break };
                let varz: Varz = parse(&answer.payload)?;
                // A server that has just joined may not know of all others yet.
                count = count.max(varz.data.jetstream.meta.as_ref().map_or(1, |meta| meta.cluster_size));
                servers.insert(varz.server.id.clone(), varz);
            }
            () = &mut end => break,
        }
    }
    Ok((servers, count))
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(bytes).map_err(|source| {
        Error::new(ErrorKind::Other, "open", "a server does not say what servers say of themselves")
            .with_source(source)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_does_not_say_it_does_not_do() {
        let varz = |jetstream: &str| {
            let text = format!(r#"{{"server":{{"id":"N","name":"n1"}},"data":{{"cores":2{jetstream}}}}}"#);
            parse::<Varz>(text.as_bytes()).unwrap().data.jetstream.config.map(|config| config.sync_always)
        };
        assert_eq!(varz(""), None);
        assert_eq!(varz(r#","jetstream":{}"#), None);
        assert_eq!(varz(r#","jetstream":{"config":{"sync_interval":120000000000}}"#), Some(false));
        assert_eq!(varz(r#","jetstream":{"config":{"sync_always":true}}"#), Some(true));
        assert_eq!(parse::<Varz>(b"{}").map(drop).unwrap_err().kind(), ErrorKind::Other);
    }
}
