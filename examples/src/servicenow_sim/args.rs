//! The command line of `servicenow-sim`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;
use openfactory_simulator::{OAuthClient, Profile, User};

/// A ServiceNow to test against.
///
/// Serves the Table, Attachment, Aggregate, Batch, Import Set, CMDB Instance, Identification and Reconciliation, Change
/// Management and Event Management APIs and OAuth as an instance does, with a CA of its own, and a page to look around. Once it serves, it
/// prints one JSON line on stdout: base_url, ca_cert (the file that clients have to trust), users and clients with
/// their passwords and secrets. Those are for tests, so they may stand in flags; the users `admin`, `change.manager`
/// and `openfactory.integration` and a client get random ones if they are not given.
///
/// Stops on Ctrl-C and SIGTERM. Exit status: 0 served and stopped, 2 could not serve.
#[derive(Debug, Parser)]
#[command(name = "servicenow-sim", version)]
pub(super) struct Args {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub(super) listen: SocketAddr,

    /// Where the CA is kept, ca.pem and ca-key.pem; they are made if missing. Without it, in a temporary directory.
    #[arg(long, value_name = "DIR", conflicts_with = "http")]
    pub(super) tls_dir: Option<PathBuf>,

    /// Speak HTTP without TLS.
    #[arg(long)]
    pub(super) http: bool,

    /// The kind of instance: `guide` has the tables and choices that the integration guide assumes, `stock` has what
    /// ServiceNow delivers, `hardened` is the guide's with least rights for each integration point, whose users are
    /// openfactory.change, openfactory.cmdb, openfactory.grc and openfactory.incident.
    #[arg(long, value_name = "PROFILE", default_value_t)]
    pub(super) profile: Profile,

    /// Begin without demo data: no people but those who are needed, no incidents, problems, changes, configuration items,
    /// assets, no log.
    #[arg(long)]
    pub(super) without_demo_data: bool,

    /// What this instance does otherwise than others of its profile, where their documentation leaves it open or they
    /// differ: {"SWITCH": POSITION, ...}. The switches are listed in openfactory-simulator/CHECKLIST.md.
    #[arg(long, value_name = "FILE.json")]
    pub(super) switches: Option<PathBuf>,

    /// Rows, and tables for them, to begin with: {"TABLE": [{"FIELD": "value"}], "$schema"?: {...}}. Repeatable.
    #[arg(long, value_name = "FILE.json")]
    pub(super) seed: Vec<PathBuf>,

    /// Keep the data in this file, over restarts and kills. Without it, in memory. One process serves from it at a time,
    /// always of the same profile.
    #[arg(long, value_name = "FILE")]
    pub(super) state: Option<PathBuf>,

    /// Let this user log in; roles such as itil, change_manager, admin. Repeatable.
    #[arg(long, value_name = "NAME:PASSWORD[:ROLE,...]", value_parser = user)]
    pub(super) user: Vec<User>,

    /// Register this OAuth client, acting as USER, or as openfactory.integration. Repeatable.
    #[arg(long, value_name = "ID:SECRET[:USER]", value_parser = client)]
    pub(super) client: Vec<OAuthClient>,

    /// Users and OAuth clients with more than fits a flag: {"users": [{"name", "password", "roles"?: [...], "api_key"?}],
    /// "clients": [{"id", "secret", "user"?, "redirect_uri"?, "jwt_key_file"?: PEM beside the file, "lifetimes"?: [access
    /// s, refresh s]}]}. A client with a redirect URI has the consent page at /oauth_auth.do. Repeatable.
    #[arg(long, value_name = "FILE.json")]
    pub(super) credentials: Vec<PathBuf>,

    /// Where the business rule reports what people do to change requests and incidents.
    #[arg(long, value_name = "URL", requires = "webhook_secret")]
    pub(super) webhook: Option<String>,

    /// What its calls are signed with, as Standard Webhooks has it: whsec_ and base64 of 24 to 64 bytes.
    #[arg(long, value_name = "SECRET", requires = "webhook")]
    pub(super) webhook_secret: Option<String>,

    /// The CA certificate, PEM, by which the webhook's receiver is trusted, instead of the system's.
    #[arg(long, value_name = "FILE", requires = "webhook")]
    pub(super) webhook_ca: Option<PathBuf>,

    /// How the webhook is called, with what differs from signed, at once, in order and tried again: {"signature":
    /// standard|base64|hex|unsigned, "payload": raw|display, "retries", "asynchronous", "delay_s", "lose_one_in",
    /// "double_one_in", "reorder_one_in", "seed"}.
    #[arg(long, value_name = "FILE.json", requires = "webhook")]
    pub(super) webhook_manner: Option<PathBuf>,

    /// Faults that wait from the start: {"faults": [{"kind": "drop", "path_prefix"?, "method"?, "count"?: 1,
    /// "until_cleared"?: false, "retry_after"?: s of throttle, "delay_ms"?: of slow and twice, "one_in"?: requests, "seed"?}]}.
    /// Kinds: accepted, drop, drop_after_commit, error, error_after_commit, error_in_success, html, not_found, redirect, slow,
    /// throttle, truncate, twice, unauthorized, unavailable, uri_too_long. A batch counts as one request.
    /// POST, GET and DELETE /simulator/faults, as admin, does the same while it runs.
    #[arg(long, value_name = "FILE")]
    pub(super) faults: Option<PathBuf>,
}

fn user(text: &str) -> Result<User, String> {
    let mut parts = text.splitn(3, ':');
    let (Some(name), Some(password)) = (parts.next(), parts.next()) else {
        return Err("it is not NAME:PASSWORD[:ROLE,...]".to_owned());
    };
    if name.is_empty() || password.is_empty() {
        return Err("name and password must not be empty".to_owned());
    }
    let roles = parts.next().unwrap_or_default().split(',').map(str::trim).filter(|role| !role.is_empty());
    Ok(User::new(name, password).roles(roles))
}

fn client(text: &str) -> Result<OAuthClient, String> {
    let mut parts = text.splitn(3, ':');
    let (Some(id), Some(secret)) = (parts.next(), parts.next()) else {
        return Err("it is not ID:SECRET[:USER]".to_owned());
    };
    if id.is_empty() || secret.is_empty() {
        return Err("id and secret must not be empty".to_owned());
    }
    let client = OAuthClient::new(id, secret);
    Ok(match parts.next() {
        None | Some("") => client,
        Some(user) => client.acting_as(user),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_users_and_clients() {
        let ada = user("ada:pw:itil, admin").unwrap();
        assert_eq!((ada.name(), ada.password()), ("ada", "pw"));
        assert_eq!(ada.given_roles(), ["itil", "admin"]);
        assert!(user("ada").is_err());
        assert!(user("ada:").is_err());
        let own = client("id:secret:ada").unwrap();
        assert_eq!((own.id(), own.secret(), own.user()), ("id", "secret", "ada"));
        assert_eq!(client("id:secret").unwrap().user(), openfactory_simulator::INTEGRATION_USER);
        assert!(client(":secret").is_err());
    }

    #[test]
    fn only_profiles_that_exist_are_taken() {
        assert!(Args::try_parse_from(["servicenow-sim", "--profile", "stock"]).is_ok());
        assert!(Args::try_parse_from(["servicenow-sim", "--profile", "stocked"]).is_err());
        assert!(Args::try_parse_from(["servicenow-sim", "--webhook", "https://localhost/"]).is_err());
    }
}
