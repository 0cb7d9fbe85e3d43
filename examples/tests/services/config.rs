//! Configuration files: overlay, environment, and what an operator reads when a key is wrong.

use std::path::{Path, PathBuf};

use openfactory_examples::agent::config::{self as agent, AgentConfig, Ownership};
use openfactory_examples::config::{ConfigError, load, read_secret_file, uncommented};
use openfactory_examples::private_file::PrivateFileError;
use openfactory_examples::webhook::config::{self as webhook, WebhookConfig};
use tempfile::TempDir;

const NO_ENVIRONMENT: [(String, String); 0] = [];

fn file(text: &str) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("agent.toml");
    std::fs::write(&path, text).unwrap();
    (directory, path)
}

fn environment(name: &str, value: &str) -> [(String, String); 1] {
    [(name.to_owned(), value.to_owned())]
}

/// The least that an agent must be told.
const LEAST: &str = r#"
[device]
id = "edge-1"
root = "base"
key_file = "device.key"
[baseline]
document = "verification.json"
manifest = "manifest.json"
trust = "trust.json"
[router]
url = "https://localhost:8443"
"#;

#[test]
fn every_key_of_every_default_file_is_one_that_its_program_takes() {
    let agent: AgentConfig = load(&uncommented(agent::DEFAULTS), None, NO_ENVIRONMENT).unwrap();
    assert_eq!(agent.router.ca_file.as_deref(), Some(Path::new("/etc/openfactory/router-ca.pem")));
    let webhook: WebhookConfig = load(&uncommented(webhook::DEFAULTS), None, NO_ENVIRONMENT).unwrap();
    assert_eq!(webhook.servicenow.secret_files.len(), 1);
    assert!(webhook.listen.local_tls_directory.is_some());
}

#[test]
fn the_file_goes_over_the_defaults_and_the_environment_over_both() {
    let (_directory, path) = file(&format!("{LEAST}timeout_s = 3\n[check]\nownership = \"never\"\n"));
    let config: AgentConfig = load(agent::DEFAULTS, Some(&path), NO_ENVIRONMENT).unwrap();
    assert_eq!((config.router.timeout_s, config.router.deadline_s), (3, 30));
    assert_eq!(config.check.ownership, Ownership::Never);

    let over = [
        ("OPENFACTORY_ROUTER__TIMEOUT_S".to_owned(), "7".to_owned()),
        ("OPENFACTORY_ROUTER__CA_FILE".to_owned(), "/a/ca.pem".to_owned()),
        ("OPENFACTORY_CHECK__MODIFICATION_TIMES".to_owned(), "true".to_owned()),
        ("OPENFACTORY_STRICT".to_owned(), "1".to_owned()),
        ("PATH".to_owned(), "/bin".to_owned()),
    ];
    let config: AgentConfig = load(agent::DEFAULTS, Some(&path), over).unwrap();
    assert_eq!(config.router.timeout_s, 7);
    assert_eq!(config.router.ca_file.as_deref(), Some(Path::new("/a/ca.pem")));
    assert!(config.check.modification_times);
}

#[test]
fn a_list_in_the_environment_is_written_either_way() {
    let text =
        "[servicenow]\nsecret_files = [\"x\"]\n[router]\nurl = \"https://r\"\n[signing]\nkey_file = \"k\"\n";
    let (_directory, path) = file(text);
    for written in ["a, b", r#"["a", "b"]"#] {
        let over = environment("OPENFACTORY_SERVICENOW__SECRET_FILES", written);
        let config: WebhookConfig = load(webhook::DEFAULTS, Some(&path), over).unwrap();
        assert_eq!(config.servicenow.secret_files, [Path::new("a"), Path::new("b")], "{written}");
    }
}

#[test]
fn an_unknown_key_is_told_with_its_line_and_the_nearest_known_one() {
    let (_directory, path) = file("[device]\nid = \"edge-1\"\n\n[router]\nuri = \"https://localhost\"\n");
    let error = load::<AgentConfig>(agent::DEFAULTS, Some(&path), NO_ENVIRONMENT).unwrap_err();
    let expected = format!("{}:5: unknown key `router.uri`; did you mean `router.url`?", path.display());
    assert_eq!(error.to_string(), expected);
}

#[test]
fn an_unknown_key_in_the_environment_is_told_with_its_variable() {
    let over = environment("OPENFACTORY_ROUTER__TIMEOUT", "7");
    let error = load::<AgentConfig>(agent::DEFAULTS, None, over).unwrap_err();
    let expected =
        "OPENFACTORY_ROUTER__TIMEOUT: unknown key `router.timeout`; did you mean `router.timeout_s`?";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn nothing_alike_means_no_guess() {
    let (_directory, path) = file("[zzz]\nqqqqqqqqqqqqqqqqqq = 1\n");
    let error = load::<AgentConfig>(agent::DEFAULTS, Some(&path), NO_ENVIRONMENT).unwrap_err();
    assert!(matches!(error, ConfigError::UnknownSection { section, nearest: None, .. } if section == "zzz"));
    let (_directory, path) = file("qqqqqqqqqqqqqqqqqq = 1\n");
    let error = load::<AgentConfig>(agent::DEFAULTS, Some(&path), NO_ENVIRONMENT).unwrap_err();
    assert!(
        matches!(error, ConfigError::UnknownKey { key, nearest: None, .. } if key == "qqqqqqqqqqqqqqqqqq")
    );
}

#[test]
fn an_unknown_section_is_told_with_its_line_and_the_nearest_known_one() {
    let (_directory, path) = file("[device]\nid = \"edge-1\"\n[routre]\nurl = \"https://localhost\"\n");
    let error = load::<AgentConfig>(agent::DEFAULTS, Some(&path), NO_ENVIRONMENT).unwrap_err();
    let expected = format!("{}:3: unknown section `[routre]`; did you mean `[router]`?", path.display());
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_value_of_the_wrong_type_is_told_with_its_line() {
    let (_directory, path) = file("[router]\ntimeout_s = \"ten\"\n");
    let error = load::<AgentConfig>(agent::DEFAULTS, Some(&path), NO_ENVIRONMENT).unwrap_err();
    assert_eq!(error.to_string(), format!("{}:2: `router.timeout_s` must be a whole number", path.display()));

    let over = environment("OPENFACTORY_ROUTER__TIMEOUT_S", "ten");
    let error = load::<AgentConfig>(agent::DEFAULTS, None, over).unwrap_err();
    assert_eq!(error.to_string(), "OPENFACTORY_ROUTER__TIMEOUT_S: `router.timeout_s` must be a whole number");

    let (_directory, path) = file("[servicenow]\nsecret_files = [\"a\", 1]\n");
    let error = load::<WebhookConfig>(webhook::DEFAULTS, Some(&path), NO_ENVIRONMENT).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{}:2: `servicenow.secret_files[]` must be a string", path.display())
    );
}

#[test]
fn a_key_that_must_be_given_is_named_with_its_section() {
    let (_directory, path) = file(&LEAST.replace("id = \"edge-1\"\n", ""));
    let error = load::<AgentConfig>(agent::DEFAULTS, Some(&path), NO_ENVIRONMENT).unwrap_err();
    assert_eq!(error.to_string(), "the configuration can't be used: in [device]: missing field `id`");
}

#[test]
fn what_is_not_toml_is_told_with_its_line() {
    let (_directory, path) = file("[router]\nurl = \n");
    let error = load::<AgentConfig>(agent::DEFAULTS, Some(&path), NO_ENVIRONMENT).unwrap_err();
    assert!(matches!(&error, ConfigError::Syntax { reason, .. } if reason.contains("line 2")), "{error}");
    let missing = load::<AgentConfig>(agent::DEFAULTS, Some(Path::new("/nonexistent")), NO_ENVIRONMENT);
    assert!(matches!(missing, Err(ConfigError::Read { .. })));
}

#[test]
fn a_secret_is_read_without_its_line_end_and_not_from_a_file_open_to_all() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_directory, path) = file("whsec_abc\n");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(read_secret_file(&path).unwrap().expose(), "whsec_abc");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(read_secret_file(&path), Err(ConfigError::Secret(PrivateFileError::Exposed { .. }))));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(&path, "\n").unwrap();
    assert!(matches!(read_secret_file(&path), Err(ConfigError::Secret(PrivateFileError::NoSecret { .. }))));
}
