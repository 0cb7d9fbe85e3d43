//! Recipes: every property of the schema, what is unknown, what is wrong, and the hash.

use openfactory_attest::recipe::{HardeningLevel, PackageAction, ParseRecipeError};
use openfactory_attest::{BuildRecipe, Sha256Digest};
use serde_json::{Value, json};

fn full() -> Value {
    json!({
        "name": "press-controller",
        "baseImage": "debian-trixie",
        "features": ["ssh", "security-hardening"],
        "packages": ["vim"],
        "custom_packages": [{"name": "press", "git_url": "https://git.example/press", "branch": "main", "depth": 1}],
        "extra_repos": ["deb https://deb.example stable main"],
        "package_overrides": [
            {"name": "telnet", "action": "remove"},
            {"name": "ntp", "action": "replace", "replacement": "chrony"},
            {"name": "x", "action": "pin"},
        ],
        "services": [{"name": "ssh", "config": {"port": 22, "allow_root": false, "rate": 0.5}, "order": 1}],
        "users": [{"username": "op", "shell": "/bin/bash", "groups": ["dialout"], "vyattaLevel": "operator", "uid": 7}],
        "security": {"hardeningLevel": "strict", "auditLogging": true, "automaticUpdates": false, "fips": true},
        "desktop": {"theme": "dark", "wallpaper": "a.png", "favorites": ["x.desktop"], "panel": "left"},
        "startupScripts": [{"name": "first", "script": "#!/bin/sh\ntrue\n", "when": "boot"}],
        "tests": [{"description": "boots", "assertions": ["systemctl is-system-running"], "timeout": 60}],
        "future": {"deep": [{"er": null}]},
    })
}

fn parse(value: &Value) -> Result<BuildRecipe, ParseRecipeError> {
    BuildRecipe::parse(value.to_string().as_bytes())
}

#[test]
fn every_property_is_read_and_the_unknown_survive_at_every_level() {
    let recipe = parse(&full()).unwrap();
    assert_eq!((recipe.name(), recipe.base_image()), ("press-controller", "debian-trixie"));
    assert_eq!(recipe.features(), ["ssh", "security-hardening"]);
    assert_eq!(recipe.packages(), ["vim"]);
    assert_eq!(recipe.custom_packages()[0].branch.as_deref(), Some("main"));
    assert_eq!(recipe.extra_repos().len(), 1);
    let actions: Vec<_> = recipe.package_overrides().iter().map(|over| over.action.clone()).collect();
    assert_eq!(actions, [PackageAction::Remove, PackageAction::Replace, PackageAction::Other("pin".into())]);
    assert_eq!(recipe.services()[0].config["port"], 22);
    assert_eq!(recipe.users()[0].vyatta_level.as_deref(), Some("operator"));
    let security = recipe.security().unwrap();
    assert_eq!(security.hardening_level, Some(HardeningLevel::Strict));
    assert_eq!((security.audit_logging, security.automatic_updates), (Some(true), Some(false)));
    assert_eq!(recipe.desktop().unwrap().favorites, ["x.desktop"]);
    assert_eq!(recipe.startup_scripts()[0].name, "first");
    assert_eq!(recipe.tests()[0].assertions.len(), 1);

    let written = serde_json::to_value(&recipe).unwrap();
    assert_eq!(written, full());
    assert_eq!(serde_json::from_value::<BuildRecipe>(written).unwrap(), recipe);
}

#[test]
fn only_name_and_base_image_are_required() {
    let recipe = parse(&json!({"name": "x", "baseImage": "elster-os", "features": null})).unwrap();
    assert!(recipe.features().is_empty() && recipe.security().is_none());
}

#[test]
fn two_spellings_have_one_hash_and_two_recipes_have_two() {
    let one = BuildRecipe::parse(br#"{"name":"x","baseImage":"y","config":{"b":1,"a":"\u00e9"}}"#).unwrap();
    let two = " {\n\"config\": {\"a\": \"\u{e9}\", \"b\": 1.0e0},\n\"baseImage\": \"y\", \"name\": \"x\" }\n";
    let two = BuildRecipe::parse(two.as_bytes()).unwrap();
    assert_eq!(one.recipe_hash(), two.recipe_hash());
    let canonical = "{\"baseImage\":\"y\",\"config\":{\"a\":\"\u{e9}\",\"b\":1},\"name\":\"x\"}";
    assert_eq!(one.recipe_hash(), Sha256Digest::of(canonical.as_bytes()));

    for change in [json!({"features": []}), json!({"features": null}), json!({"future": 1})] {
        let mut other = json!({"name": "x", "baseImage": "y"});
        let plain = parse(&other).unwrap().recipe_hash();
        other.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        assert_ne!(parse(&other).unwrap().recipe_hash(), plain, "{change}");
    }
}

#[test]
fn what_is_wrong_is_named_with_its_path() {
    let with = |pointer: &str, value: Value| {
        let mut recipe = full();
        *recipe.pointer_mut(pointer).unwrap() = value;
        parse(&recipe).unwrap_err().to_string()
    };
    for (pointer, value, path) in [
        ("/name", json!(1), "name"),
        ("/baseImage", json!(["x"]), "baseImage"),
        ("/features", json!("ssh"), "features"),
        ("/features/1", json!(2), "features[1]"),
        ("/custom_packages/0", json!("x"), "custom_packages[0]"),
        ("/custom_packages/0/git_url", json!(null), "custom_packages[0].git_url"),
        ("/package_overrides/1/action", json!(false), "package_overrides[1].action"),
        ("/services/0/config", json!([]), "services[0].config"),
        ("/users/0/groups/0", json!({}), "users[0].groups[0]"),
        ("/security", json!("strict"), "security"),
        ("/security/auditLogging", json!("yes"), "security.auditLogging"),
        ("/desktop/favorites", json!(1), "desktop.favorites"),
        ("/startupScripts/0/script", json!(1), "startupScripts[0].script"),
        ("/tests/0/assertions", json!({}), "tests[0].assertions"),
    ] {
        let message = with(pointer, value);
        assert!(message.contains(path), "{pointer}: {message}");
    }
    assert_eq!(
        parse(&json!([])).unwrap_err().to_string(),
        "the recipe's root is an array, expected an object"
    );
    assert!(
        matches!(parse(&json!({"name": "x"})), Err(ParseRecipeError::Missing { path }) if path == "baseImage")
    );
    assert!(matches!(parse(&json!({"name": " ", "baseImage": "y"})), Err(ParseRecipeError::Empty { .. })));
}

#[test]
fn what_has_no_single_hash_is_refused() {
    for text in [
        r#"{"name":"x","baseImage":"y","name":"z"}"#,
        r#"{"name":"x","baseImage":"y","n":9007199254740993}"#,
        r#"{"name":"x","baseImage":"y""#,
        "",
    ] {
        assert!(matches!(BuildRecipe::parse(text.as_bytes()), Err(ParseRecipeError::Json(_))), "{text}");
    }
    let huge = format!(r#"{{"name":"x","baseImage":"y","pad":"{}"}}"#, "z".repeat(1 << 20));
    assert!(matches!(BuildRecipe::parse(huge.as_bytes()), Err(ParseRecipeError::Json(_))));
}
