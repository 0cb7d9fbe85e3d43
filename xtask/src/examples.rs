//! `cargo xtask examples`: the public items of `openfactory-sn` that no example shows.
//!
//! An item is shown if it has an example that runs, or if one beside it names it: the example of its type, of another
//! method of that type, or of the module in which it is public. So a method that is too small for an example of its own is
//! seen at work where a reader looks for it. Fields, variants, constants and the methods that a trait demands are part of
//! their type, model or trait, and are not asked for one by one. An example that is not run (`ignore`, `no_run`, `text`)
//! shows nothing.

use std::collections::{BTreeMap, BTreeSet};

use rustdoc_types::{Crate, Id, Item, ItemEnum, Visibility};

use crate::rustdoc::{self, Made};
use crate::workspace::Workspace;

/// The library that is looked at.
const LIBRARY: &str = "openfactory-sn";

/// What was found.
#[derive(Debug)]
pub(crate) enum Shown {
    /// Every item, by an example.
    All,
    /// So many items are without an example, as was printed.
    Without(usize),
    /// It could not be found out.
    Foreign(String),
}

/// `cargo xtask examples`.
pub(crate) fn run(workspace: &Workspace) -> Result<bool, String> {
    match check(workspace)? {
        Shown::All => Ok(true),
        Shown::Without(_) => Ok(false),
        Shown::Foreign(reason) => Err(reason),
    }
}

/// Looks, and prints what no example shows.
pub(crate) fn check(workspace: &Workspace) -> Result<Shown, String> {
    let libraries = match rustdoc::make(workspace)? {
        Made::Libraries(libraries) => libraries,
        Made::Foreign(reason) => return Ok(Shown::Foreign(reason)),
    };
    let library = libraries.iter().find(|library| library.name == LIBRARY);
    let krate = rustdoc::read(&library.ok_or("the library is not published")?.json)?;
    let mut items = Items { krate: &krate, asked: 0, unshown: BTreeSet::new(), seen: BTreeSet::new() };
    items.module(&krate.root, LIBRARY);
    let Items { asked, unshown, .. } = items;
    println!("{LIBRARY}: examples show {} of {asked} public items", asked - unshown.len());
    unshown.iter().for_each(|path| println!("no example shows: {path}"));
    Ok(if unshown.is_empty() { Shown::All } else { Shown::Without(unshown.len()) })
}

/// A walk over what is public.
struct Items<'a> {
    krate: &'a Crate,
    asked: usize,
    unshown: BTreeSet<String>,
    seen: BTreeSet<u32>,
}

impl<'a> Items<'a> {
    fn item(&self, id: &Id) -> Option<&'a Item> {
        self.krate.index.get(id).filter(|item| item.crate_id == 0)
    }

    /// A public module and what is in it.
    fn module(&mut self, id: &Id, path: &str) {
        let Some(item) = self.item(id) else { return };
        let ItemEnum::Module(module) = &item.inner else { return };
        let around = vec![code(item)];
        for id in &module.items {
            let Some(item) = self.item(id) else { continue };
            match &item.inner {
                ItemEnum::Use(reexport) if item.visibility == Visibility::Public => {
                    let target = reexport.id.as_ref().and_then(|id| self.item(id));
                    let Some(target) = target else { continue };
                    match (&target.inner, reexport.is_glob) {
                        (ItemEnum::Module(_), true) => self.module(&target.id, path),
                        (ItemEnum::Module(_), false) => {
                            self.module(&target.id, &format!("{path}::{}", reexport.name))
                        }
                        _ => self.thing(target, &format!("{path}::{}", reexport.name), &around),
                    }
                }
                _ if item.visibility != Visibility::Public => {}
                ItemEnum::Module(_) => {
                    let name = item.name.as_deref().unwrap_or_default();
                    self.module(&item.id, &format!("{path}::{name}"));
                }
                _ => {
                    let name = item.name.as_deref().unwrap_or_default();
                    self.thing(item, &format!("{path}::{name}"), &around);
                }
            }
        }
    }

    /// A type, trait, function or macro, with its methods.
    fn thing(&mut self, item: &'a Item, path: &str, around: &[String]) {
        if !self.seen.insert(item.id.0) {
            return;
        }
        let implementations = match &item.inner {
            ItemEnum::Struct(thing) => thing.impls.as_slice(),
            ItemEnum::Enum(thing) => thing.impls.as_slice(),
            ItemEnum::Union(thing) => thing.impls.as_slice(),
            ItemEnum::Trait(_) | ItemEnum::Function(_) | ItemEnum::Macro(_) | ItemEnum::ProcMacro(_) => &[],
            _ => return,
        };
        let methods = self.methods(implementations);
        let own: BTreeMap<u32, String> = methods.iter().map(|method| (method.id.0, code(method))).collect();
        let type_code = code(item);
        let beside: Vec<&str> =
            around.iter().chain([&type_code]).chain(own.values()).map(String::as_str).collect();
        self.ask(item, path, &type_code, &beside);
        // Of another type's methods some have the same names, so an example of the module has to name this type.
        let type_name = item.name.as_deref().unwrap_or_default();
        let around = around.iter().filter(|code| names(code, type_name));
        let beside: Vec<&str> = around.chain([&type_code]).chain(own.values()).map(String::as_str).collect();
        for method in methods {
            let name = method.name.as_deref().unwrap_or_default();
            let own = own.get(&method.id.0).map_or("", String::as_str);
            self.ask(method, &format!("{path}::{name}"), own, &beside);
        }
    }

    /// The public methods of a type itself.
    fn methods(&self, implementations: &[Id]) -> Vec<&'a Item> {
        let inherent = implementations.iter().filter_map(|id| match &self.item(id)?.inner {
            ItemEnum::Impl(implementation) if implementation.trait_.is_none() => Some(&implementation.items),
            _ => None,
        });
        let items = inherent.flatten().filter_map(|id| self.item(id));
        items
            .filter(|item| {
                item.visibility == Visibility::Public && matches!(item.inner, ItemEnum::Function(_))
            })
            .collect()
    }

    fn ask(&mut self, item: &Item, path: &str, own: &str, beside: &[&str]) {
        self.asked += 1;
        let name = item.name.as_deref().unwrap_or_default();
        if own.is_empty() && !beside.iter().any(|code| names(code, name)) {
            self.unshown.insert(path.to_owned());
        }
    }
}

/// The code of an item's examples that run.
fn code(item: &Item) -> String {
    item.docs.as_deref().map_or_else(String::new, examples)
}

/// The code of the examples of a documentation that run.
fn examples(docs: &str) -> String {
    let (mut code, mut inside) = (String::new(), None);
    for line in docs.lines() {
        match (inside, line.trim_start().strip_prefix("```")) {
            (None, Some(words)) => inside = Some(runs(words)),
            (Some(_), Some(_)) => inside = None,
            (Some(true), None) => {
                code.push_str(line);
                code.push('\n');
            }
            (Some(false) | None, None) => {}
        }
    }
    code
}

/// Whether an example with these words at its fence is run.
fn runs(words: &str) -> bool {
    words.split(',').map(str::trim).all(|word| matches!(word, "" | "rust" | "should_panic"))
}

/// Whether code has this name, as a whole word.
fn names(code: &str, name: &str) -> bool {
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    code.match_indices(name).any(|(start, _)| {
        let before = code.get(..start).and_then(|text| text.chars().next_back());
        let after = code.get(start + name.len()..).and_then(|text| text.chars().next());
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_runs_is_an_example() {
        let docs = "A.\n\n```\nlet a = 1;\n```\n\n```no_run\nlet b = 1;\n```\n```text\nc\n```\n```rust,should_panic\nd();\n```\n";
        assert_eq!(examples(docs), "let a = 1;\nd();\n");
        assert!(!runs("ignore") && !runs("rust,no_run") && runs("rust"));
    }

    #[test]
    fn a_name_is_a_whole_word() {
        assert!(names("table.get(&id)", "get") && names("get", "get"));
        assert!(!names("table.get_opt(&id)", "get") && !names("target", "get"));
    }
}
