//! A crash at each edge of the rule: state, outbox, publish, settle, audit.
//!
//! The router of the story aborts its whole process at the first passing of an edge, without a destructor run;
//! the next life goes on and aborts at the next edge. One story after another is told until every edge was
//! crashed at, each from the beginning of another place in the row.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use clap::Parser as _;
use openfactory_examples::cli::Verdict;
use openfactory_examples::demo::{Arguments, run_with};
use openfactory_examples::router::edges::{Edge, Edges, Stopped};

use crate::image;
use crate::kill::tell;
use crate::told::assert_nothing_twice;

/// Tells the child at which edge to abort, and of which story.
const EDGE: &str = "OPENFACTORY_TEST_EDGE";
const IMAGE: &str = "OPENFACTORY_TEST_IMAGE";
const DATA: &str = "OPENFACTORY_TEST_DATA";

/// Edges that the story meets; timers have a test of their own.
const MET: usize = Edge::ALL.len() - 1;

#[derive(Debug)]
struct AbortAt(Edge);

impl Edges for AbortAt {
    fn pass(&self, edge: Edge) -> Result<(), Stopped> {
        if edge == self.0 {
            std::process::abort();
        }
        Ok(())
    }
}

/// One life of the story, in a process of its own: it is run by the test below, not by itself.
#[test]
fn one_life_that_may_abort() {
    let Ok(edge) = std::env::var(EDGE) else { return };
    let edge = Edge::ALL[edge.parse::<usize>().unwrap()];
    let (image, data) = (std::env::var(IMAGE).unwrap(), std::env::var(DATA).unwrap());
    let arguments = Arguments::parse_from(["demo", "--json", "--image", &image, "--data-dir", &data]);
    let verdict = run_with(&arguments, Arc::new(AbortAt(edge))).unwrap();
    assert_eq!(verdict, Verdict::Good);
}

/// Whether the life ended at the edge; false if the story came to its end without meeting it.
pub(crate) fn crashes_at(edge: usize, image: &Path, data_dir: &Path) -> bool {
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "edges::one_life_that_may_abort", "--nocapture"])
        .env(EDGE, edge.to_string())
        .env(IMAGE, image)
        .env(DATA, data_dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .unwrap();
    let aborted = std::os::unix::process::ExitStatusExt::signal(&status) == Some(6);
    assert!(aborted || status.success(), "the life ended with {status}");
    aborted
}

#[test]
fn a_crash_at_any_edge_loses_nothing_and_doubles_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let image = image::pack(folder.path());
    let undisturbed = tell(&image, &folder.path().join("undisturbed"));

    let mut crashed = BTreeSet::new();
    for story in 0..MET {
        let data_dir = folder.path().join(format!("story-{story}"));
        for edge in (0..MET).map(|step| (story + step) % MET) {
            if crashes_at(edge, &image, &data_dir) {
                crashed.insert(edge);
            }
        }
        assert_eq!(tell(&image, &data_dir), undisturbed, "story {story}");
        assert_nothing_twice(&data_dir);
        if crashed.len() == MET && story >= 1 {
            return;
        }
    }
    let missed: Vec<_> =
        (0..MET).filter(|edge| !crashed.contains(edge)).map(|edge| Edge::ALL[edge]).collect();
    panic!("no story was crashed at {missed:?}");
}
