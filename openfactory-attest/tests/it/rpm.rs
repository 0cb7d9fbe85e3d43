//! rpm's own database: made by `rpmbuild` and `rpm`, listed and verified by `rpm`, and read here without it.

use std::collections::BTreeSet;
use std::fs;
use std::io::Cursor;
use std::path::Path;

use openfactory_attest::sbom::Inventory;
use openfactory_attest::squashfs::{Compression, Packer};
use openfactory_attest::{Manifest, Work};

use crate::tool;

const SPECS: [&str; 2] = [
    "Name: hello
Epoch: 2
Version: 1.0
Release: 3
Summary: says hello
License: MIT and Zlib
Vendor: A Team <a@b.example>
URL: https://example.org/
%description
hello
%install
mkdir -p %{buildroot}/usr/bin %{buildroot}/etc %{buildroot}/var/lib
echo hello > %{buildroot}/usr/bin/hello
echo a=1 > %{buildroot}/etc/hello.conf
touch %{buildroot}/var/lib/hello.state
ln -s hello %{buildroot}/usr/bin/hi
%files
/usr/bin/hello
/usr/bin/hi
%config(noreplace) /etc/hello.conf
%ghost /var/lib/hello.state
",
    "Name: libgreeting
Version: 0.9~rc1
Release: 1
Summary: greets
License: LicenseRef-Callaway-BSD
%description
greets
%package devel
Summary: for programs that greet
%description devel
greets
%install
mkdir -p %{buildroot}/usr/share/greeting %{buildroot}/usr/include
seq 10000 > %{buildroot}/usr/share/greeting/words
echo > %{buildroot}/usr/include/greeting.h
%files
/usr/share/greeting
%files devel
/usr/include/greeting.h
",
];

const DATABASE: &str = "/usr/lib/sysimage/rpm";

/// A tree with packages that rpm installed; `None` if it is not here.
fn tree(test: &str) -> Option<tempfile::TempDir> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let top = format!("_topdir {}", path.join("build").display());
    for (index, spec) in SPECS.iter().enumerate() {
        let spec_file = format!("{index}.spec");
        fs::write(path.join(&spec_file), spec).unwrap();
        let arguments = ["-bb", "--quiet", "--target", "noarch", "--define", &top, &spec_file];
        tool::succeed(test, path, "rpmbuild", &arguments)?;
    }
    let packages = fs::read_dir(path.join("build/RPMS/noarch")).unwrap();
    let packages: Vec<String> =
        packages.map(|entry| entry.unwrap().path().to_str().unwrap().to_owned()).collect();
    assert_eq!(packages.len(), 3);
    let root = path.join("root");
    fs::create_dir(&root).unwrap();
    let root = root.to_str().unwrap();
    let mut arguments = vec!["--root", root, "--dbpath", DATABASE, "--install", "--nodeps"];
    arguments.extend(packages.iter().map(String::as_str));
    tool::succeed(test, path, "rpm", &arguments)?;
    Some(directory)
}

/// What rpm says of the tree.
fn asked(test: &str, directory: &Path, question: &[&str]) -> String {
    let root = directory.join("root");
    let mut arguments = vec!["--root", root.to_str().unwrap(), "--dbpath", DATABASE];
    arguments.extend(question);
    // It exits with 1 where something is not as it was.
    String::from_utf8(tool::run(test, directory, "rpm", &arguments).unwrap().stdout).unwrap()
}

#[test]
fn packages_and_files_are_those_that_rpm_lists() {
    let test = "packages_and_files_are_those_that_rpm_lists";
    let Some(directory) = tree(test) else { return };
    let format = "%{NAME}\t%|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}\t%{ARCH}\t%{LICENSE}\t%{SUMMARY}\n";
    let told = asked(test, directory.path(), &["-qa", "--qf", format]);
    let inventory = Inventory::of_directory(&directory.path().join("root")).unwrap();
    let ours = inventory.packages().iter().map(|package| {
        let license = package.license.as_ref().unwrap().expression().replace("AND", "and");
        let summary = package.summary.as_deref().unwrap();
        format!("{}\t{}\t{}\t{license}\t{summary}", package.name, package.version, package.architecture)
    });
    assert_eq!(ours.collect::<BTreeSet<_>>(), told.lines().map(str::to_owned).collect());
    assert_eq!(inventory.packages()[0].maintainer.as_deref(), Some("A Team <a@b.example>"));

    let root = directory.path().join("root");
    let work = Work::on_all_cores();
    let manifest = Manifest::of_directory(&root, &work).unwrap();
    let coverage = inventory.coverage_of_directory(&root, &manifest, &work).unwrap();
    let listed: BTreeSet<String> =
        asked(test, directory.path(), &["-qal"]).lines().map(str::to_owned).collect();
    let unowned: BTreeSet<String> =
        coverage.unowned().iter().map(|path| path.to_string().trim_start_matches('.').to_owned()).collect();
    assert!(listed.is_disjoint(&unowned));
    // The four files and the link; the ghost is not there.
    assert_eq!((coverage.owned(), coverage.missing()), (5, 1));
    assert!(unowned.iter().all(|path| path.starts_with(DATABASE)), "{unowned:?}");
}

#[test]
fn what_is_modified_is_what_rpm_finds() {
    let test = "what_is_modified_is_what_rpm_finds";
    let Some(directory) = tree(test) else { return };
    let root = directory.path().join("root");
    fs::write(root.join("usr/bin/hello"), "hellO\n").unwrap();
    fs::write(root.join("etc/hello.conf"), "a=2\n").unwrap();
    // `S.5....T.  c /etc/hello.conf`
    let told = asked(test, directory.path(), &["-Va", "--nodeps"]);
    let told = told.lines().filter(|line| line.as_bytes()[2] == b'5').map(|line| {
        let (flags, path) = line.split_once('/').unwrap();
        format!("{}/{path}", if flags.trim().ends_with('c') { "c " } else { "" })
    });
    let told: BTreeSet<String> = told.collect();

    let mut packer = Packer::new(Compression::Zstd);
    packer.add_tree(&root).unwrap();
    let mut image = Cursor::new(Vec::new());
    packer.write(&mut image).unwrap();
    let image = image.into_inner();
    let work = Work::on_all_cores();
    let inventory = Inventory::of_squashfs(&image).unwrap();
    let manifest = Manifest::of_squashfs(&image, &work).unwrap();
    let coverage = inventory.coverage_of_squashfs(&image, &manifest, &work).unwrap();
    let ours = coverage.compared().unwrap().modified.iter().map(|file| {
        let kind = if file.is_configuration { "c " } else { "" };
        format!("{kind}{}", file.path.to_string().trim_start_matches('.'))
    });
    assert_eq!(ours.collect::<BTreeSet<_>>(), told);
    assert_eq!(told.len(), 2);
}
