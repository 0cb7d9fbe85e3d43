//! Inventories against dpkg itself, on this machine's own database; documents against other people's CycloneDX.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Cursor;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, SystemTime};

use openfactory_attest::document::{FileDigest, ImageFile};
use openfactory_attest::manifest::{DirectoryError, Entry, EntryKind, TreePath};
use openfactory_attest::sbom::{
    Coverage, Inventory, InventoryError, Listing, PackageFormat, Subject, cyclonedx, spdx,
};
use openfactory_attest::squashfs::{Compression, Packer};
use openfactory_attest::{Manifest, Sha256Digest, Work};
use serde_json::Value;

use crate::{python, tool};

const TIME: Duration = Duration::from_secs(1_772_366_400);

fn path(text: impl AsRef<[u8]>) -> TreePath {
    TreePath::new(text).unwrap()
}

/// This machine's database and os-release, as a squashfs.
fn image_of_this_machine() -> Vec<u8> {
    let mut packer = Packer::new(Compression::Zstd);
    let mut add = |file: &str| packer.add_file(path(&file[1..]), Path::new(file), 0o644).unwrap();
    let lists = fs::read_dir("/var/lib/dpkg/info").unwrap();
    let mut lists: Vec<_> = lists.map(|entry| entry.unwrap().path().to_str().unwrap().to_owned()).collect();
    lists.retain(|name| name.ends_with(".list"));
    for file in ["/var/lib/dpkg/status", "/var/lib/dpkg/diversions", "/usr/lib/os-release"] {
        if Path::new(file).exists() {
            add(file);
        }
    }
    lists.iter().for_each(|file| add(file));
    for entry in fs::read_dir("/usr/share/doc").unwrap() {
        let directory = entry.unwrap().path();
        let file = directory.join("copyright");
        if let Some(link) = [&directory, &file].into_iter().find(|path| path.is_symlink()) {
            let target = fs::read_link(link).unwrap();
            packer.add_symlink(path(&link.to_str().unwrap()[1..]), &target).unwrap();
        } else if file.is_file() {
            packer.add_file(path(&file.to_str().unwrap()[1..]), &file, 0o644).unwrap();
        }
    }
    let mut image = Cursor::new(Vec::new());
    packer.write(&mut image).unwrap();
    image.into_inner()
}

/// Whether this machine has a database. Without one, a test that needs it fails if `OPENFACTORY_STRICT` is 1.
fn has_status(test: &str) -> bool {
    let there = Path::new("/var/lib/dpkg/status").exists();
    if !there {
        let strict = std::env::var_os("OPENFACTORY_STRICT").is_some_and(|value| value == "1");
        assert!(!strict, "{test}: needs /var/lib/dpkg/status");
        eprintln!("SKIPPED: {test}: needs /var/lib/dpkg/status");
    }
    there
}

fn has_dpkg(test: &str) -> bool {
    has_status(test) && tool::run(test, Path::new("/"), "dpkg-query", &["--version"]).is_some()
}

#[test]
fn the_packages_are_those_that_dpkg_lists() {
    let test = "the_packages_are_those_that_dpkg_lists";
    if !has_dpkg(test) {
        return;
    }
    let format = "${Package}\t${Architecture}\t${Version}\t${source:Package}\t${source:Version}\t${Maintainer}\t\
                  ${db:Status-Status}\n";
    let told =
        tool::succeed(test, Path::new("/"), "dpkg-query", &["--show", "--showformat", format]).unwrap();
    let not_there = |line: &&str| !line.ends_with("\tnot-installed") && !line.ends_with("\tconfig-files");
    let expected: BTreeSet<String> = told.lines().filter(not_there).map(str::to_owned).collect();

    let inventory = Inventory::of_directory(Path::new("/")).unwrap();
    let lines = inventory.packages().iter().map(|package| {
        let (name, version) = (&package.name, &package.version);
        let source = package.source_name.as_ref().unwrap_or(name);
        let source_version = package.source_version.as_ref().unwrap_or(version);
        let maintainer = package.maintainer.as_deref().unwrap_or_default();
        let state = package.state.name();
        format!(
            "{name}\t{}\t{version}\t{source}\t{source_version}\t{maintainer}\t{state}",
            package.architecture
        )
    });
    assert_eq!(lines.collect::<BTreeSet<_>>(), expected);
}

#[test]
fn owners_are_those_that_dpkg_finds() {
    let test = "owners_are_those_that_dpkg_finds";
    if !has_dpkg(test) {
        return;
    }
    // What is in /usr/bin, in a tree in which /bin is a link to it, as it is on merged systems.
    let merged = fs::symlink_metadata("/bin").is_ok_and(|metadata| metadata.is_symlink());
    let mut names: Vec<_> =
        fs::read_dir("/usr/bin").unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.retain(|name| name.to_str().is_some());
    let names: Vec<&str> = names.iter().filter_map(|name| name.to_str()).collect();
    let mut entries: Vec<Entry> =
        ["usr", "usr/bin"].iter().map(|name| Entry::new(path(name), EntryKind::Directory, 0o755)).collect();
    entries.push(Entry::new(TreePath::root(), EntryKind::Directory, 0o755));
    if merged {
        entries.push(Entry::new(path("bin"), EntryKind::Symlink { target: b"usr/bin".to_vec() }, 0o777));
    }
    let file = || EntryKind::File { size: 0, digest: Sha256Digest::of(b"") };
    entries.extend(names.iter().map(|name| Entry::new(path(format!("usr/bin/{name}")), file(), 0o755)));
    let coverage =
        Inventory::of_directory(Path::new("/")).unwrap().coverage(&Manifest::of_entries(entries).unwrap());

    let both = |name: &&str| [format!("/usr/bin/{name}"), format!("/bin/{name}")];
    let mut arguments = vec!["--search".to_owned()];
    arguments.extend(names.iter().flat_map(both).filter(|name| merged || name.starts_with("/usr")));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    // It exits with 1, since it does not find all.
    let output = tool::run(test, Path::new("/"), "dpkg-query", &arguments).unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let owned: BTreeSet<&str> = told
        .lines()
        .filter_map(|line| line.split_once(": "))
        .filter(|(owner, _)| !owner.contains("diversion by") || owner.ends_with(" to"))
        .filter_map(|(_, path)| path.rsplit('/').next())
        .collect();
    let unowned: Vec<String> =
        names.iter().filter(|name| !owned.contains(**name)).map(|name| format!("./usr/bin/{name}")).collect();
    let mut found: Vec<String> = coverage.unowned().iter().map(TreePath::to_string).collect();
    // The link itself is base-files', or usrmerge's, or nobody's: not asked for here.
    found.retain(|path| path != "./bin");
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), unowned.into_iter().collect());
    assert!(coverage.owned() > 10);
}

#[test]
fn an_image_has_the_inventory_of_its_tree() {
    let test = "an_image_has_the_inventory_of_its_tree";
    if !has_status(test) {
        return;
    }
    let image = image_of_this_machine();
    let of_image = Inventory::of_squashfs(&image).unwrap();
    let of_tree = Inventory::of_directory(Path::new("/")).unwrap();
    assert_eq!(of_image.packages(), of_tree.packages());
    assert_eq!(of_image.distribution(), of_tree.distribution());
}

/// Runs the script for CycloneDX on documents, and gives what it printed.
fn judged(test: &str, how: &str, documents: &[&[u8]]) -> Option<Value> {
    let modules = ["cyclonedx.validation.json", "jsonschema", "packageurl"];
    judged_by(test, ("sbom.py", "cdx.json", &modules), &[how], documents)
}

fn judged_by(
    test: &str,
    (script, ending, modules): (&str, &str, &[&str]),
    first: &[&str],
    documents: &[&[u8]],
) -> Option<Value> {
    let directory = tempfile::tempdir().unwrap();
    let mut arguments: Vec<String> = first.iter().map(|argument| (*argument).to_owned()).collect();
    for (index, document) in documents.iter().enumerate() {
        let file = directory.path().join(format!("{index}.{ending}"));
        fs::write(&file, document).unwrap();
        arguments.push(file.to_str().unwrap().to_owned());
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output = python::run(test, modules, &python::script(script), &arguments)?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn others_read_the_document_as_it_is_meant() {
    let test = "others_read_the_document_as_it_is_meant";
    if !has_status(test) {
        return;
    }
    let image = image_of_this_machine();
    let inventory = Inventory::of_squashfs(&image).unwrap();
    let subject = Subject::image(&ImageFile::new("image.squashfs", FileDigest::of(&image)));
    let document = cyclonedx::document(&inventory, &subject, None, SystemTime::UNIX_EPOCH + TIME).unwrap();
    let Some(told) = judged(test, "read", &[&document]) else { return };
    assert_eq!(told["subject"], "image.squashfs");
    assert_eq!(told["sha256"][0], Sha256Digest::of(&image).to_string());
    let distribution = usize::from(inventory.distribution().is_some());
    assert_eq!(told["components"], inventory.packages().len() + distribution);
    if inventory.distribution().is_some() {
        let packages = inventory.packages().iter();
        let expected: BTreeMap<_, _> = packages
            .map(|package| (format!("{}:{}", package.name, package.architecture), &package.version))
            .collect();
        assert_eq!(told["packages"], serde_json::to_value(expected).unwrap());
    }
}

/// Packages of apk's, with licences that SPDX lists, does not list, and both in one.
const APK: &str = "P:musl\nV:1.2.5-r0\nA:x86_64\nL:MIT\nm:A Team <a@b.example>\nF:lib\nR:libc.so\n\
                   Z:Q1nIC5KDc++AsuZFnKQtw6GsOp7eQ=\nF:etc\nR:hosts\nZ:Q1nIC5KDc++AsuZFnKQtw6GsOp7eQ=\n\n\
                   P:plus++\nV:1~2-r0\nA:noarch\nL:house rules\no:plus\n\n\
                   P:some\nV:1-r0\nA:noarch\nL:GPL-2.0+\n\n\
                   P:both\nV:1-r0\nA:noarch\nL:gpl-2.0-or-later AND (house OR GPL-2.0-only WITH GCC-exception-2.0)\n";

/// Whose the files of the tree are, with their content compared.
fn coverage_of(root: &Path, inventory: &Inventory) -> (Manifest, Coverage) {
    let manifest = Manifest::of_directory(root, &Work::on_all_cores()).unwrap();
    let coverage = inventory.coverage_of_directory(root, &manifest, &Work::on_all_cores()).unwrap();
    (manifest, coverage)
}

/// Some packages of this machine, as a tree: more take validators long. With their copyright files, and packages of
/// apk's too.
fn some_packages(count: usize) -> tempfile::TempDir {
    let status = fs::read_to_string("/var/lib/dpkg/status").unwrap();
    let status: Vec<&str> = status.split("\n\n").take(count).collect();
    let root = tempfile::tempdir().unwrap();
    for directory in ["var/lib/dpkg/info", "usr/lib"] {
        fs::create_dir_all(root.path().join(directory)).unwrap();
    }
    fs::write(root.path().join("var/lib/dpkg/status"), status.join("\n\n")).unwrap();
    fs::write(root.path().join("usr/lib/os-release"), "ID=debian\nVERSION_ID=12\n").unwrap();
    for package in status.iter().filter_map(|it| it.lines().find_map(|line| line.strip_prefix("Package: "))) {
        if let Ok(text) = fs::read(format!("/usr/share/doc/{package}/copyright")) {
            let directory = root.path().join("usr/share/doc").join(package);
            fs::create_dir_all(&directory).unwrap();
            fs::write(directory.join("copyright"), text).unwrap();
        }
    }
    fs::create_dir_all(root.path().join("lib/apk/db")).unwrap();
    fs::write(root.path().join("lib/apk/db/installed"), APK).unwrap();
    // Both are not as their package had them.
    fs::create_dir_all(root.path().join("etc")).unwrap();
    fs::write(root.path().join("lib/libc.so"), "changed").unwrap();
    fs::write(root.path().join("etc/hosts"), "configured").unwrap();
    root
}

#[test]
fn spdx_tools_read_the_other_form_as_it_is_meant() {
    let test = "spdx_tools_read_the_other_form_as_it_is_meant";
    if !has_status(test) {
        return;
    }
    let root = some_packages(40);
    let inventory = Inventory::of_directory(root.path()).unwrap();
    let (manifest, coverage) = coverage_of(root.path(), &inventory);
    let image = Subject::image(&ImageFile::new("image.squashfs", FileDigest::of(b"image")));
    let tree = Subject::tree("root", manifest.digest().unwrap());
    let write = |subject, coverage| {
        spdx::document(&inventory, subject, coverage, SystemTime::UNIX_EPOCH + TIME).unwrap()
    };
    let cyclonedx = |coverage| {
        cyclonedx::document(&inventory, &image, Some(coverage), SystemTime::UNIX_EPOCH + TIME).unwrap()
    };
    let (of_image, of_tree) = (write(&image, Some(&coverage)), write(&tree, None));
    assert_eq!(of_image, write(&image, Some(&coverage)));
    let broken =
        String::from_utf8(write(&tree, None)).unwrap().replace("SPDXRef-Distribution", "SPDXRef-D_n");
    let documents = [&of_image[..], &of_tree, broken.as_bytes()];
    let Some(told) = judged_by(test, ("spdx.py", "spdx.json", &["spdx_tools.spdx"]), &[], &documents) else {
        return;
    };
    assert_eq!((&told[0]["faults"], &told[1]["faults"]), (&serde_json::json!([]), &serde_json::json!([])));
    assert!(!told[2]["faults"].as_array().unwrap().is_empty());
    assert_eq!(told[0]["subject"], "image.squashfs");
    assert_eq!(told[0]["sha256"], serde_json::json!([Sha256Digest::of(b"image").to_string()]));
    assert_eq!(told[1]["sha256"], serde_json::json!([]));
    assert_eq!(told[0]["contained"], inventory.packages().len() + 1);
    let versions: BTreeSet<&str> =
        told[0]["packages"].as_object().unwrap().values().map(|it| it[0].as_str().unwrap()).collect();
    assert_eq!(versions, inventory.packages().iter().map(|package| package.version.as_str()).collect());
    assert_eq!(told[0]["packages"].as_object().unwrap().len(), inventory.packages().len());
    // Debian's are not compared: the library knows other names for some.
    for package in inventory.packages().iter().filter(|package| package.format == PackageFormat::Apk) {
        let expected = package.license.as_ref().map(|license| license.expression()).unwrap();
        assert_eq!(told[0]["licenses"][&package.name], expected);
    }
    assert!(told[0]["licenses"].as_object().unwrap().len() > 10);
    let of_musl =
        ["openfactory:modified-configuration: ./etc/hosts", "openfactory:modified-file: ./lib/libc.so"];
    assert_eq!(told[0]["annotations"], serde_json::json!(of_musl));
    assert_eq!(told[1]["annotations"], serde_json::json!([]));
    for listing in [Listing::parse(&of_image).unwrap(), Listing::parse(&cyclonedx(&coverage)).unwrap()] {
        assert_eq!(listing.modified().collect::<Vec<_>>(), ["./lib/libc.so"]);
    }
}

#[test]
fn the_document_is_valid_for_others() {
    let test = "the_document_is_valid_for_others";
    if !has_status(test) {
        return;
    }
    let root = some_packages(10);
    let inventory = Inventory::of_directory(root.path()).unwrap();
    let (manifest, coverage) = coverage_of(root.path(), &inventory);
    let subject = Subject::tree("root", manifest.digest().unwrap());
    let document = |coverage| {
        cyclonedx::document(&inventory, &subject, coverage, SystemTime::UNIX_EPOCH + TIME).unwrap()
    };
    let (without, with) = (document(None), document(Some(&coverage)));
    let broken = String::from_utf8(document(None)).unwrap().replace("post-build", "some day");
    if let Some(valid) = judged(test, "validate", &[&without, &with, broken.as_bytes()]) {
        assert_eq!(valid, serde_json::json!([true, true, false]));
    }
}

#[test]
fn what_is_no_database_is_told_from_one_that_cannot_be_read() {
    let root = tempfile::tempdir().unwrap();
    let of = || Inventory::of_directory(root.path()).unwrap_err();
    assert!(matches!(of(), InventoryError::NoDatabase));
    let dpkg = root.path().join("var/lib/dpkg");
    fs::create_dir_all(dpkg.join("status")).unwrap();
    assert!(matches!(of(), InventoryError::NotAFile { .. }));
    fs::remove_dir(dpkg.join("status")).unwrap();
    // A link is not followed: it could lead out of the tree.
    symlink("/var/lib/dpkg/status", dpkg.join("status")).unwrap();
    assert!(matches!(of(), InventoryError::Directory(DirectoryError::Io { action: "open", .. })));
    fs::remove_file(dpkg.join("status")).unwrap();
    fs::File::create(dpkg.join("status")).unwrap().set_len((64 << 20) + 1).unwrap();
    assert!(matches!(of(), InventoryError::TooLarge { limit: 67_108_864, .. }));
    fs::write(dpkg.join("status"), "Package: a\n").unwrap();
    assert!(matches!(of(), InventoryError::Dpkg { .. }));
    fs::write(dpkg.join("status"), "").unwrap();
    fs::create_dir(root.path().join("etc")).unwrap();
    fs::write(root.path().join("etc/os-release"), "debian").unwrap();
    assert!(matches!(of(), InventoryError::OsRelease { .. }));
    assert!(matches!(
        Inventory::of_directory(&root.path().join("nowhere")),
        Err(InventoryError::Directory(DirectoryError::Io { action: "open", .. }))
    ));

    let mut packer = Packer::new(Compression::Zstd);
    packer.add_symlink(path("var/lib/dpkg/status"), Path::new("/etc/passwd")).unwrap();
    let mut image = Cursor::new(Vec::new());
    packer.write(&mut image).unwrap();
    let image = image.into_inner();
    assert!(matches!(Inventory::of_squashfs(&image), Err(InventoryError::NotAFile { .. })));
    assert!(matches!(Inventory::of_squashfs(&&image[..90]), Err(InventoryError::Image(_))));
}
