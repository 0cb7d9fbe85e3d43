//! `cargo xtask fuzz`: the targets of the folder `fuzz`, built with coverage counters on the stable toolchain, and run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use clap::Args;
use serde_json::Value;

use crate::process::find;
use crate::workspace::Workspace;

/// What rustc is told, so that libFuzzer sees which edges a run took and what it compared: the passes behind `-Z
/// sanitizer` are LLVM's, and LLVM's own options are stable.
const COVERAGE: &str = "-Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Cllvm-args=-simplifycfg-branch-fold-threshold=0 \
    -Ccodegen-units=1";

/// Longest time that one input may take, in seconds, before it counts as found.
const SLOWEST: u64 = 10;

/// What to fuzz, and for how long.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The targets; all of them if none is named.
    targets: Vec<String>,
    /// How long each target runs.
    #[arg(long, default_value_t = 60, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
}

/// Why nothing can be fuzzed on this machine, if nothing can.
pub(crate) fn obstacle(workspace: &Workspace) -> Option<String> {
    let compilers = ["c++", "g++", "clang++"];
    let missing = !compilers.iter().any(|name| find(name, &workspace.path).is_some());
    missing.then(|| "there is no C++ compiler to build libFuzzer with".to_owned())
}

/// Runs the targets; whether none found anything.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<bool, String> {
    if let Some(reason) = obstacle(workspace) {
        return Err(reason);
    }
    let place = Place::of(workspace)?;
    let all = place.targets()?;
    if let Some(unknown) = options.targets.iter().find(|name| !all.contains(name)) {
        return Err(format!("there is no fuzz target {unknown}, only {}", all.join(", ")));
    }
    let chosen = if options.targets.is_empty() { all } else { options.targets.clone() };
    if !place.build(&chosen)? {
        return Err("the fuzz targets can't be built".to_owned());
    }
    place.run_all(&chosen, options.seconds)
}

/// Each target for so many seconds.
pub(crate) fn smoke(workspace: &Workspace, seconds: u64) -> Result<bool, String> {
    run(workspace, &Options { targets: Vec::new(), seconds })
}

/// Where things are.
struct Place<'a> {
    workspace: &'a Workspace,
    /// The folder with the targets.
    folder: PathBuf,
    /// Where they are built, and what they find is kept.
    target: PathBuf,
    /// The machine's own triple. It is named to cargo, so that what runs while building is built without counters.
    host: String,
}

impl<'a> Place<'a> {
    fn of(workspace: &'a Workspace) -> Result<Self, String> {
        let version = workspace.call("rustc").arg("-vV").read()?;
        let host = version.lines().find_map(|line| line.strip_prefix("host: "));
        let host = host.ok_or("rustc does not tell its host")?.to_owned();
        let (folder, target) = (workspace.root.join("fuzz"), workspace.target.join("fuzz"));
        Ok(Self { workspace, folder, target, host })
    }

    fn manifest(&self) -> PathBuf {
        self.folder.join("Cargo.toml")
    }

    fn targets(&self) -> Result<Vec<String>, String> {
        let arguments = ["metadata", "--no-deps", "--format-version", "1", "--manifest-path"];
        let text = self.workspace.cargo(&arguments).arg(self.manifest()).read()?;
        let metadata: Value =
            serde_json::from_str(&text).map_err(|error| format!("cargo metadata: {error}"))?;
        targets(&metadata)
    }

    fn build(&self, targets: &[String]) -> Result<bool, String> {
        let call = self.workspace.cargo(&["build", "--release", "--locked", "--target", &self.host]);
        let call = targets.iter().fold(call, |call, name| call.arg("--bin").arg(name));
        let call = call.arg("--manifest-path").arg(self.manifest()).arg("--target-dir").arg(&self.target);
        call.env("RUSTFLAGS", COVERAGE).pass()
    }

    /// Runs them beside each other, one for each processor; what a target says is shown if it found something.
    fn run_all(&self, targets: &[String], seconds: u64) -> Result<bool, String> {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let next = AtomicUsize::new(0);
        let outcomes = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..processors.min(targets.len()) {
                scope.spawn(|| {
                    while let Some(name) = targets.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let outcome = self.run_one(name, seconds);
                        tell(name, &outcome);
                        outcomes.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(outcome);
                    }
                });
            }
        });
        let outcomes = outcomes.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        let good: Result<Vec<bool>, String> =
            outcomes.into_iter().map(|outcome| outcome.map(|output| output.status.success())).collect();
        good.map(|good| good.len() == targets.len() && good.iter().all(|good| *good))
    }

    fn run_one(&self, name: &str, seconds: u64) -> Result<Output, String> {
        let program = self.target.join(&self.host).join("release").join(name);
        let (corpus, artifacts) = (self.kept("corpus", name)?, self.kept("artifacts", name)?);
        let mut call = self
            .workspace
            .call(program)
            .arg(format!("-max_total_time={seconds}"))
            .arg(format!("-timeout={SLOWEST}"))
            .arg("-rss_limit_mb=2048")
            .arg("-print_final_stats=1")
            .arg(format!("-artifact_prefix={}/", artifacts.display()));
        let dictionary = self.folder.join(format!("dictionaries/{name}.dict"));
        if dictionary.is_file() {
            call = call.arg(format!("-dict={}", dictionary.display()));
        }
        call = call.arg(corpus);
        let seeds = self.folder.join("seeds").join(name);
        if seeds.is_dir() {
            call = call.arg(seeds);
        }
        call.output()
    }

    /// A folder below the build directory for what a target finds.
    fn kept(&self, what: &str, name: &str) -> Result<PathBuf, String> {
        let folder = self.target.join(what).join(name);
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        Ok(folder)
    }
}

/// The programs of the one package that the metadata is about.
fn targets(metadata: &Value) -> Result<Vec<String>, String> {
    let package = metadata.pointer("/packages/0/targets").and_then(Value::as_array);
    let package = package.ok_or("cargo metadata names no targets")?;
    let is_program = |target: &&Value| target.pointer("/kind/0").and_then(Value::as_str) == Some("bin");
    let names = package.iter().filter(is_program).filter_map(|target| target.get("name")?.as_str());
    let mut names: Vec<String> = names.map(str::to_owned).collect();
    names.sort();
    // An empty list would pass by looking at nothing.
    if names.is_empty() { Err("there is no fuzz target".to_owned()) } else { Ok(names) }
}

/// Shows how a run ended, in a line, and if it found something all that it said.
fn tell(name: &str, outcome: &Result<Output, String>) {
    match outcome {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            if output.status.success() {
                println!("{name}: {}", figures(&said));
            } else {
                println!("{name}: ended with {}\n{said}", output.status);
            }
        }
        Err(reason) => println!("{name}: {reason}"),
    }
}

/// `runs, runs a second, coverage` of what libFuzzer says at its end.
fn figures(said: &str) -> String {
    let stat = |name: &str| {
        let line = said.lines().find_map(|line| line.strip_prefix("stat::")?.strip_prefix(name));
        line.map_or("?", |rest| rest.trim_start_matches(':').trim()).to_owned()
    };
    let words = said.lines().rfind(|line| line.contains(" cov: ")).unwrap_or_default().split_whitespace();
    let edges = words.skip_while(|word| *word != "cov:").nth(1).unwrap_or("?");
    format!(
        "{} runs, {} a second, {edges} edges covered",
        stat("number_of_executed_units"),
        stat("average_exec_per_sec")
    )
}

/// Whether the targets' source is as rustfmt writes it.
pub(crate) fn is_formatted(workspace: &Workspace) -> Result<bool, String> {
    let manifest: &Path = &workspace.root.join("fuzz/Cargo.toml");
    workspace.cargo(&["fmt", "--check", "--manifest-path"]).arg(manifest).pass()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn targets_are_the_packages_programs() {
        let of = |targets: Value| targets_of(&json!({"packages": [{"targets": targets}]}));
        let program = |name: &str| json!({"name": name, "kind": ["bin"]});
        let library = json!({"name": "x", "kind": ["lib"]});
        assert_eq!(of(json!([program("b"), library, program("a")])).unwrap(), ["a", "b"]);
        assert!(of(json!([library])).is_err());
        assert!(targets(&json!({"packages": []})).is_err());
    }

    fn targets_of(metadata: &Value) -> Result<Vec<String>, String> {
        targets(metadata)
    }

    #[test]
    fn what_the_fuzzer_says_is_read() {
        let said = "#2\tINITED cov: 10 ft: 11\n#99\tDONE   cov: 1467 ft: 4000 corp: 9/9b\nstat::number_of_executed_units: 99\n\
            stat::average_exec_per_sec:     33\n";
        assert_eq!(figures(said), "99 runs, 33 a second, 1467 edges covered");
        assert_eq!(figures(""), "? runs, ? a second, ? edges covered");
    }

    #[test]
    fn the_real_targets_are_found() {
        let workspace = Workspace::find().unwrap();
        let place = Place::of(&workspace).unwrap();
        let names = place.targets().unwrap();
        assert!(names.iter().any(|name| name == "sn_answers"), "{names:?}");
        for name in names {
            assert!(place.folder.join(format!("targets/{name}.rs")).is_file(), "{name}");
        }
    }
}
