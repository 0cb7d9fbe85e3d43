//! Random transactions, some of them undone: what is in memory and in the indices is as the tables say.

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::schema::MIGRATIONS;
use super::*;

#[derive(Clone, Debug)]
enum Change {
    Come { lane: Option<i64> },
    Go { pick: usize },
    Forget { pick: usize },
}

#[derive(Clone, Copy, Debug)]
enum End {
    Commit,
    /// Undone before or after entries were moved into the indices.
    Undo {
        tended: bool,
    },
    Crash,
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        6 => prop::option::of(0..4i64).prop_map(|lane| Change::Come { lane }),
        2 => any::<usize>().prop_map(|pick| Change::Go { pick }),
        2 => any::<usize>().prop_map(|pick| Change::Forget { pick }),
    ]
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![
        4 => Just(End::Commit),
        3 => any::<bool>().prop_map(|tended| End::Undo { tended }),
        1 => Just(End::Crash),
    ]
}

fn places(conn: &Connection, sql: &str) -> Vec<Entry> {
    let mut select = conn.prepare(sql).unwrap();
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.collect::<Result<_>>().unwrap()
}

fn id(seq: i64) -> String {
    format!("id {seq}")
}

fn known(conn: &Connection) -> Vec<Entry> {
    let seqs = places(conn, "SELECT seq, seq FROM known ORDER BY seq");
    seqs.into_iter().map(|(seq, _)| (hash(&id(seq)), seq)).collect()
}

fn apply(conn: &Connection, recent: &mut Recent, change: &Change) {
    match *change {
        Change::Come { lane } => {
            let seq = recent.next;
            let sql = "INSERT INTO known (seq, id, digest, at) VALUES (?1, ?2, x'', 0)";
            conn.execute(sql, (seq, id(seq))).unwrap();
            let sql = "INSERT INTO messages (seq, id, lane, kind, priority, on_dead, published, attributes, payload)
                       VALUES (?1, ?2, ?3, '', 0, '', 0, '', x'')";
            conn.execute(sql, (seq, id(seq), lane)).unwrap();
            recent.add(seq, hash(&id(seq)), lane);
        }
        Change::Go { pick } => {
            let lined = places(conn, "SELECT lane, seq FROM messages WHERE lane IS NOT NULL ORDER BY seq");
            let Some(&entry) = lined.get(pick % lined.len().max(1)) else { return };
            if !recent.leave_line(entry) {
                conn.execute("DELETE FROM lane_index WHERE lane = ?1 AND seq = ?2", [entry.0, entry.1])
                    .unwrap();
            }
            conn.execute("DELETE FROM messages WHERE seq = ?1", [entry.1]).unwrap();
        }
        Change::Forget { pick } => {
            // The newest is never forgotten.
            let known = known(conn);
            let Some(&entry) = known.get(pick % known.len().max(1)) else { return };
            if entry.1 == recent.next - 1 {
                return;
            }
            if !recent.forget_id(entry) {
                conn.execute("DELETE FROM id_index WHERE hash = ?1 AND seq = ?2", [entry.0, entry.1])
                    .unwrap();
            }
            conn.execute("DELETE FROM known WHERE seq = ?1", [entry.1]).unwrap();
        }
    }
}

/// Each id and each place in a line is either in memory or in the index, and whatever a crash would take is read again.
fn check(conn: &Connection, recent: &Recent) {
    let mark = mark(conn).unwrap();
    assert_eq!((recent.mark, recent.next), (mark, next(conn).unwrap()));
    let ids = places(conn, "SELECT hash, seq FROM id_index");
    for entry in known(conn) {
        let (here, indexed) = (recent.ids.places(entry.0).contains(&entry.1), ids.contains(&entry));
        assert!(here != indexed, "{entry:?} in memory: {here}, in the index: {indexed}");
        assert!(recent.sieve.may_hold(entry.0), "{entry:?} is sifted out");
        assert!(indexed || entry.1 >= mark, "{entry:?} would be lost in a crash");
    }
    let lines = places(conn, "SELECT lane, seq FROM lane_index");
    for entry in places(conn, "SELECT lane, seq FROM messages WHERE lane IS NOT NULL") {
        let here = recent.line.line(entry.0).any(|seq| seq == entry.1);
        let indexed = lines.contains(&entry);
        assert!(here != indexed, "{entry:?} in memory: {here}, in the index: {indexed}");
        assert!(indexed || entry.1 >= mark, "{entry:?} would be lost in a crash");
    }
    let in_lines: usize = (0..4).map(|lane| recent.line.line(lane).count()).sum();
    assert_eq!(recent.unindexed(), (recent.ids.hashes().count() + in_lines) as u64);
    let (held, entries) = (recent.ids.hashes().count(), known(conn).len() + 2 * recent.added);
    assert!(held <= entries, "{held} of {entries}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn what_was_undone_leaves_no_trace(work in vec((vec(change(), 1..12), end()), 1..60)) {
        let conn = Connection::open_in_memory().unwrap();
        MIGRATIONS.iter().for_each(|(_, sql)| conn.execute_batch(sql).unwrap());
        let mut recent = Recent::load(&conn).unwrap();
        for (changes, end) in &work {
            recent.begin();
            conn.execute_batch("BEGIN").unwrap();
            changes.iter().for_each(|change| apply(&conn, &mut recent, change));
            match end {
                End::Commit => {
                    recent.tend(&conn).unwrap();
                    conn.execute_batch("COMMIT").unwrap();
                }
                End::Undo { tended } => {
                    if *tended {
                        recent.tend(&conn).unwrap();
                    }
                    conn.execute_batch("ROLLBACK").unwrap();
                    recent.undo();
                }
                End::Crash => {
                    conn.execute_batch("ROLLBACK").unwrap();
                    recent = Recent::load(&conn).unwrap();
                }
            }
            check(&conn, &recent);
        }
    }

    /// However many are undone in between: sweeps go on and end.
    #[test]
    fn memory_is_bounded_whatever_is_undone(undone in vec(0..3usize, 200)) {
        let conn = Connection::open_in_memory().unwrap();
        MIGRATIONS.iter().for_each(|(_, sql)| conn.execute_batch(sql).unwrap());
        let mut recent = Recent::load(&conn).unwrap();
        let come = Change::Come { lane: Some(1) };
        for times in undone {
            for kept in (0..=times).map(|n| n == times) {
                recent.begin();
                conn.execute_batch("BEGIN").unwrap();
                apply(&conn, &mut recent, &come);
                apply(&conn, &mut recent, &come);
                if kept {
                    recent.tend(&conn).unwrap();
                    conn.execute_batch("COMMIT").unwrap();
                } else {
                    conn.execute_batch("ROLLBACK").unwrap();
                    recent.undo();
                }
            }
        }
        check(&conn, &recent);
        let held = recent.ids.hashes().count();
        assert!(held <= 4 * usize::try_from(ENOUGH).unwrap(), "{held}");
        assert!(recent.next - recent.mark <= 4 * ENOUGH, "{} of {}", recent.mark, recent.next);
    }
}
