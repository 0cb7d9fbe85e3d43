//! Directory trees to read, pack and compare.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use crate::verity::noise;

/// Fills a directory with files at the edges of blocks and fragments, links of both kinds, odd names, a pipe and a
/// socket, and permissions of all sorts.
pub(crate) fn fill(root: &Path) {
    for directory in ["bin", "etc/deep/deeper", "empty", "many"] {
        fs::create_dir_all(root.join(directory)).unwrap();
    }
    for (index, len) in [0, 1, 4095, 4096, 4097, 131_071, 131_072, 131_073, 400_000].into_iter().enumerate() {
        fs::write(root.join(format!("bin/{index}")), noise(len)).unwrap();
    }
    for index in 0..300 {
        fs::write(root.join(format!("many/{index}")), format!("file {index}\n").repeat(index)).unwrap();
    }
    fs::write(root.join("zeros"), vec![0; 1_000_000]).unwrap();
    for name in [&b"new\nline"[..], b"back\\slash", b"return\r", b" space ", b"\xff\xfe", "ümlaut".as_bytes()]
    {
        fs::write(root.join("etc").join(std::ffi::OsStr::from_bytes(name)), name).unwrap();
    }
    fs::hard_link(root.join("bin/4"), root.join("bin/zz-link")).unwrap();
    fs::hard_link(root.join("bin/4"), root.join("aa-link")).unwrap();
    symlink("../bin/1", root.join("etc/relative")).unwrap();
    symlink("/nowhere/at/all", root.join("etc/deep/dangling")).unwrap();
    symlink(".", root.join("loop")).unwrap();
    let pipe = root.join("etc/pipe");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    drop(std::os::unix::net::UnixListener::bind(root.join("etc/socket")).unwrap());
    for (path, mode) in
        [("bin/1", 0o4755), ("bin/2", 0o400), ("empty", 0o1777), ("etc/deep", 0o700), ("zeros", 0o640)]
    {
        fs::set_permissions(root.join(path), fs::Permissions::from_mode(mode)).unwrap();
    }
}
