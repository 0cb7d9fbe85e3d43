//! The step `absences`: what a user was promised not to get is not among the dependencies.

use super::summary::Outcome;
use crate::workspace::Workspace;

/// A promise: a package, built with these features, takes none of these others.
struct Promise {
    package: &'static str,
    features: &'static [&'static str],
    absent: &'static [&'static str],
}

/// What speaks to a network.
const NETWORK: &[&str] = &["axum", "h2", "hyper", "reqwest", "rustls", "tokio"];

const PROMISES: &[Promise] = &[
    // The command that judges evidence runs on machines that have no business with a network.
    Promise { package: "openfactory-examples", features: &["--no-default-features"], absent: NETWORK },
    Promise { package: "openfactory-attest", features: &["--all-features"], absent: NETWORK },
    Promise { package: "openfactory-zone2", features: &["--all-features"], absent: NETWORK },
    // SQLite is for those whose images have rpm's database.
    Promise { package: "openfactory-attest", features: &[], absent: &["rusqlite"] },
    // A plain client doesn't pay for the lifecycle, nor a bring-your-own transport for ours.
    Promise {
        package: "openfactory-sn",
        features: &[],
        absent: &["openfactory-attest", "openfactory-queue", "openfactory-zone2", "rusqlite"],
    },
    Promise {
        package: "openfactory-sn",
        features: &["--no-default-features"],
        absent: &["hyper", "reqwest", "ring", "rustls"],
    },
    Promise {
        package: "openfactory-sn",
        features: &["--features", "lifecycle"],
        absent: &["backhand", "openfactory-queue", "rusqlite"],
    },
    Promise {
        package: "openfactory-queue",
        features: &["--all-features"],
        absent: &["openfactory-attest", "openfactory-sn", "openfactory-zone2", "reqwest"],
    },
    // A server's client is for those who ask for it.
    Promise {
        package: "openfactory-queue",
        features: &[],
        absent: &["async-nats", "rustls", "tokio-postgres"],
    },
    Promise { package: "openfactory-queue", features: &["--no-default-features"], absent: &["rusqlite"] },
    // A simulator that shared code with the client would share its mistakes.
    Promise {
        package: "openfactory-simulator",
        features: &["--all-features"],
        absent: &["openfactory-attest", "openfactory-queue", "openfactory-sn", "openfactory-zone2"],
    },
];

/// Checks every promise.
pub(super) fn run(workspace: &Workspace) -> Result<Outcome, String> {
    let mut broken = Vec::new();
    for promise in PROMISES {
        let call = workspace.cargo(&["tree", "--edges", "normal", "--prefix", "none", "--format", "{p}"]);
        let call = call.arg("--package").arg(promise.package);
        let tree = promise.features.iter().fold(call, |call, argument| call.arg(argument)).read()?;
        let found = found(&tree, promise.package, promise.absent)?;
        let name = format!("{} {}", promise.package, promise.features.join(" "));
        println!("{}: without {}", name.trim_end(), promise.absent.join(", "));
        broken.extend(found.iter().map(|package| format!("{} takes {package}", name.trim_end())));
    }
    Ok(Outcome::passed_if(broken.is_empty(), &broken.join("; ")))
}

/// Which of `absent` are in what `cargo tree` printed for `package`.
fn found<'a>(tree: &str, package: &str, absent: &[&'a str]) -> Result<Vec<&'a str>, String> {
    let names: Vec<&str> = tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
    // An empty tree would prove any absence.
    if names.first() != Some(&package) {
        return Err(format!("cargo tree says nothing of {package}"));
    }
    Ok(absent.iter().copied().filter(|name| names.contains(name)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_names_are_compared() {
        let tree = "app v0.1.0 (/src/app)\nhyper-util v0.1.0\nrustls v0.23.0\nrustls v0.23.0 (*)\n";
        assert_eq!(found(tree, "app", &["hyper", "rustls"]), Ok(vec!["rustls"]));
    }

    #[test]
    fn an_empty_tree_proves_nothing() {
        assert!(found("", "app", &["hyper"]).is_err());
        assert!(found("other v1.0.0\n", "app", &["hyper"]).is_err());
    }
}
