//! Reading `zone2-migration.json`.

use std::collections::BTreeMap;

use openfactory_attest::manifest::TreePath;

use super::plan::{FileFormat, FileTransform, MAX_STEPS, Move, Plan, WhiteoutRule};
use super::transform::Step;
use crate::json::{Node, Object};
use crate::policy::{MAX_FILE_BYTES, MAX_PATH_BYTES, MAX_WORD_BYTES, Problem, check_version};
use crate::policy_error::PolicyError;

const STEPS: &[&str] = &["rename", "set_default", "remove", "map", "split", "join"];

pub(super) fn plan(bytes: &[u8]) -> Result<Plan, PolicyError> {
    let root = Node::parse(bytes, MAX_FILE_BYTES)?;
    let root = root.object(&["version", "whiteouts", "transforms", "relocations"])?;
    check_version(root.required("version")?)?;
    let whiteouts = list(&root, "whiteouts", whiteout, |rule| rule.path.clone())?;
    let transforms = list(&root, "transforms", transform, |transform| transform.file.clone())?;
    let relocations = list(&root, "relocations", relocation, |moved| moved.from.clone())?;
    Ok(Plan { whiteouts, transforms, relocations })
}

/// A list that may be absent, each member of another path.
fn list<T>(
    root: &Object<'_>,
    key: &'static str,
    read: fn(&Node<'_>) -> Result<T, PolicyError>,
    path: fn(&T) -> TreePath,
) -> Result<Vec<T>, PolicyError> {
    let Some(list) = root.optional(key) else { return Ok(Vec::new()) };
    let mut found: Vec<T> = Vec::new();
    for node in list.array(MAX_STEPS)? {
        let member = read(&node)?;
        let path_of = path(&member);
        if let Some(first) = found.iter().position(|other| path(other) == path_of) {
            let first = format!("$.{key}[{first}]");
            return Err(node.error(Problem::Duplicate { what: format!("the path {path_of}"), first }));
        }
        found.push(member);
    }
    Ok(found)
}

fn whiteout(node: &Node<'_>) -> Result<WhiteoutRule, PolicyError> {
    let object = node.object(&["path", "decision"])?;
    let decision = object.required("decision")?;
    let keep = match decision.string(MAX_WORD_BYTES)? {
        word if word == "keep" => true,
        word if word == "drop" => false,
        found => return Err(decision.error(Problem::UnknownWord { found, known: &["keep", "drop"] })),
    };
    Ok(WhiteoutRule { path: path(object.required("path")?)?, keep })
}

fn transform(node: &Node<'_>) -> Result<FileTransform, PolicyError> {
    let object = node.object(&["file", "format", "steps"])?;
    let format = object.required("format")?;
    let format = match format.string(MAX_WORD_BYTES)? {
        word if word == "json" => FileFormat::Json,
        word if word == "key-value" => FileFormat::KeyValue,
        found => return Err(format.error(Problem::UnknownWord { found, known: &["json", "key-value"] })),
    };
    let steps = object.required("steps")?.array(MAX_STEPS)?;
    let steps = steps.iter().map(step).collect::<Result<Vec<_>, _>>()?;
    Ok(FileTransform { file: path(object.required("file")?)?, format, steps })
}

fn relocation(node: &Node<'_>) -> Result<Move, PolicyError> {
    let object = node.object(&["from", "to"])?;
    Ok(Move { from: path(object.required("from")?)?, to: path(object.required("to")?)? })
}

fn step(node: &Node<'_>) -> Result<Step, PolicyError> {
    let object = node.object(STEPS)?;
    let mut named = STEPS.iter().filter_map(|name| object.optional(name).map(|node| (*name, node)));
    let (Some((name, step)), None) = (named.next(), named.next()) else {
        return Err(node.error(Problem::WrongType { expected: "an object with one step" }));
    };
    let word = |object: &Object<'_>, key| object.required(key)?.string(MAX_PATH_BYTES);
    let words = |object: &Object<'_>, key| -> Result<Vec<String>, PolicyError> {
        let list = object.required(key)?;
        let words: Vec<String> = list
            .array(MAX_STEPS)?
            .iter()
            .map(|node| node.string(MAX_PATH_BYTES))
            .collect::<Result<_, _>>()?;
        if words.is_empty() { Err(list.error(Problem::Empty)) } else { Ok(words) }
    };
    Ok(match name {
        "rename" => {
            let object = step.object(&["from", "to"])?;
            Step::Rename { from: word(&object, "from")?, to: word(&object, "to")? }
        }
        "set_default" => {
            let object = step.object(&["key", "value"])?;
            Step::SetDefault { key: word(&object, "key")?, value: word(&object, "value")? }
        }
        "remove" => Step::Remove { key: word(&step.object(&["key"])?, "key")? },
        "map" => {
            let object = step.object(&["key", "values"])?;
            let mut values = BTreeMap::new();
            for pair in object.required("values")?.array(MAX_STEPS)? {
                let pair = pair.object(&["from", "to"])?;
                values.insert(word(&pair, "from")?, word(&pair, "to")?);
            }
            Step::Map { key: word(&object, "key")?, values }
        }
        "split" => {
            let object = step.object(&["key", "at", "into"])?;
            Step::Split {
                key: word(&object, "key")?,
                at: word(&object, "at")?,
                into: words(&object, "into")?,
            }
        }
        _ => {
            let object = step.object(&["keys", "with", "into"])?;
            Step::Join {
                keys: words(&object, "keys")?,
                with: word(&object, "with")?,
                into: word(&object, "into")?,
            }
        }
    })
}

/// An absolute path on the device.
fn path(node: &Node<'_>) -> Result<TreePath, PolicyError> {
    let text = node.string(MAX_PATH_BYTES)?;
    let normal = || {
        let relative = text.strip_prefix('/')?;
        let whole = relative.split('/').all(|part| !matches!(part, "" | "." | ".."));
        TreePath::new(relative).ok().filter(|path| whole && !path.is_root())
    };
    normal().ok_or_else(|| node.error(Problem::NotNormalPath))
}
