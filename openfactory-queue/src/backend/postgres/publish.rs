//! Messages in.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures_util::future::BoxFuture;

use super::failure::Failure;
use super::link::{Tx, Work};
use super::rows::{self, get};
use crate::message::{Message, Published};

/// Stores these messages. They hold no U+0000 where the server has text.
pub(super) struct Publish(pub(super) Vec<Message>);

impl Work for Publish {
    type Done = Vec<Published>;

    fn run<'a>(&'a self, tx: &'a Tx<'a>) -> BoxFuture<'a, Result<Vec<Published>, Failure>> {
        Box::pin(async move {
            let messages = &self.0;
            tx.lock(messages.iter().filter_map(|message| message.key.as_deref())).await?;
            let digests: Vec<[u8; 32]> = messages.iter().map(Message::content_digest).collect();
            // The first of each id in the batch; the others are answered by what became of it.
            let mut firsts: BTreeMap<&str, usize> = BTreeMap::new();
            for (n, message) in messages.iter().enumerate() {
                firsts.entry(&message.id).or_insert(n);
            }
            let places = places(tx, messages.len()).await?;
            let known = know(tx, messages, &firsts, &digests, &places).await?;
            let mut answers = Vec::with_capacity(messages.len());
            let mut stored = Vec::new();
            for (n, message) in messages.iter().enumerate() {
                let Some((seq, digest)) = known.get(message.id.as_str()) else {
                    return Err(Failure::Strange(format!(
                        "id {} is not known after its publish",
                        message.id
                    )));
                };
                let place = seq.unsigned_abs();
                answers.push(if *seq == places[n] {
                    stored.push(n);
                    Published::Stored { seq: place }
                } else if *digest == digests[n] {
                    Published::Duplicate { seq: place }
                } else {
                    Published::Conflict { seq: place }
                });
            }
            insert(tx, messages, &stored, &places).await?;
            let keys: BTreeSet<String> = stored.iter().filter_map(|n| messages[*n].key.clone()).collect();
            tx.seat(&keys).await?;
            Ok(answers)
        })
    }
}

/// New places, rising, drawn while the keys are locked: the order of a key's places is the order of its publishes.
async fn places(tx: &Tx<'_>, n: usize) -> Result<Vec<i64>, Failure> {
    let n = i32::try_from(n).unwrap_or(i32::MAX);
    let rows = tx.rows("SELECT nextval('places') AS seq FROM generate_series(1, $1)", &[&n]).await?;
    let mut places = rows.iter().map(|row| get(row, "seq")).collect::<Result<Vec<i64>, _>>()?;
    places.sort_unstable();
    Ok(places)
}

/// Makes the ids known that are not, or no longer, and tells the place and content of each.
async fn know<'m>(
    tx: &Tx<'_>,
    messages: &'m [Message],
    firsts: &BTreeMap<&'m str, usize>,
    digests: &[[u8; 32]],
    places: &[i64],
) -> Result<HashMap<String, (i64, [u8; 32])>, Failure> {
    let ids: Vec<&str> = firsts.keys().copied().collect();
    let contents: Vec<&[u8]> = firsts.values().map(|n| &digests[*n][..]).collect();
    let seqs: Vec<i64> = firsts.values().map(|n| places[*n]).collect();
    let cutoff = tx.now.minus(tx.config.dedup_window).0;
    // In the order of the ids, so that two batches wait for each other in one direction only.
    let sql = "INSERT INTO known AS k (id, digest, seq, at)
        SELECT id, digest, seq, $4 FROM unnest($1::text[], $2::bytea[], $3::bigint[]) AS new (id, digest, seq)
        ON CONFLICT (id) DO UPDATE SET digest = excluded.digest, seq = excluded.seq, at = excluded.at
        WHERE k.at <= $5 AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.seq = k.seq)
        RETURNING id";
    let new = tx.rows(sql, &[&ids, &contents, &seqs, &tx.now.0, &cutoff]).await?;
    let mut known = HashMap::with_capacity(firsts.len());
    for row in &new {
        let id: &str = get(row, "id")?;
        if let Some(n) = firsts.get(id) {
            known.insert(id.to_owned(), (places[*n], digests[*n]));
        }
    }
    let old: Vec<&str> = ids.into_iter().filter(|id| !known.contains_key(*id)).collect();
    if !old.is_empty() {
        for row in tx.rows("SELECT id, seq, digest FROM known WHERE id = ANY($1)", &[&old]).await? {
            let digest: &[u8] = get(&row, "digest")?;
            let digest =
                digest.try_into().map_err(|_| Failure::Strange("a digest has not 32 bytes".to_owned()))?;
            known.insert(get(&row, "id")?, (get(&row, "seq")?, digest));
        }
    }
    debug_assert!(messages.iter().all(|message| known.contains_key(&message.id)));
    Ok(known)
}

/// The columns of new messages.
#[derive(Default)]
struct Columns<'m> {
    seq: Vec<i64>,
    id: Vec<&'m str>,
    key: Vec<Option<&'m str>>,
    kind: Vec<&'m str>,
    priority: Vec<i16>,
    on_dead: Vec<&'m str>,
    not_before: Vec<Option<i64>>,
    expires: Vec<Option<i64>>,
    destination: Vec<Option<&'m str>>,
    attributes: Vec<String>,
    payload: Vec<&'m [u8]>,
}

/// Adds messages; those with a key wait until their key is seated.
async fn insert(tx: &Tx<'_>, messages: &[Message], stored: &[usize], places: &[i64]) -> Result<(), Failure> {
    if stored.is_empty() {
        return Ok(());
    }
    let mut new = Columns::default();
    for n in stored {
        let message = &messages[*n];
        new.seq.push(places[*n]);
        new.id.push(&message.id);
        new.key.push(message.key.as_deref());
        new.kind.push(&message.kind);
        new.priority.push(i16::from(message.priority));
        new.on_dead.push(message.on_dead.name());
        new.not_before.push(rows::micros(message.not_before));
        new.expires.push(rows::micros(message.expires));
        new.destination.push(message.destination());
        let attributes = serde_json::to_string(&message.attributes);
        new.attributes.push(attributes.map_err(|error| Failure::Strange(error.to_string()))?);
        new.payload.push(&message.payload);
    }
    let sql = "INSERT INTO messages (seq, id, key, kind, priority, on_dead, not_before, expires, destination,
            attributes, payload, published, due, state)
        SELECT new.*, $12, coalesce(not_before, 0), CASE WHEN key IS NOT NULL THEN 'held'
            WHEN not_before > $12 THEN 'delayed' ELSE 'ready' END
        FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::smallint[], $6::text[], $7::bigint[],
            $8::bigint[], $9::text[], $10::text[], $11::bytea[])
        AS new (seq, id, key, kind, priority, on_dead, not_before, expires, destination, attributes, payload)";
    tx.run(
        sql,
        &[
            &new.seq,
            &new.id,
            &new.key,
            &new.kind,
            &new.priority,
            &new.on_dead,
            &new.not_before,
            &new.expires,
            &new.destination,
            &new.attributes,
            &new.payload,
            &tx.now.0,
        ],
    )
    .await
    .map(drop)
}
