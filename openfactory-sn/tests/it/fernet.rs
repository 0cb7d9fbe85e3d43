//! Secrets at rest, against Python's `cryptography`.

use std::time::SystemTime;

use openfactory_sn::Secret;
use openfactory_sn::secret::{FernetKeys, SecretStore, StoreError};

use crate::support::python;

const OLD: &str = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=";
const NEW: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";

fn keys(text: &str) -> FernetKeys {
    FernetKeys::parse(text).unwrap()
}

#[test]
fn python_reads_ours_and_we_read_pythons() {
    for text in ["", "s3cr3t", "exactly sixteen!", "Schlüssel für drei Blöcke und noch etwas mehr"] {
        let ours = keys(OLD).encrypt(&Secret::new(text), SystemTime::now(), [9; 16]).unwrap();
        let decrypt = "import sys; from cryptography.fernet import Fernet, MultiFernet\n\
            keys = MultiFernet([Fernet(key) for key in sys.argv[1].split()])\n\
            sys.stdout.buffer.write(keys.decrypt(sys.argv[2].encode()))";
        let Some(read) = python("fernet", decrypt, &[&format!("{NEW} {OLD}"), &ours]) else { return };
        assert_eq!(read, text);
        let encrypt = "import sys; from cryptography.fernet import Fernet\n\
            print(Fernet(sys.argv[1]).encrypt(sys.argv[2].encode()).decode(), end='')";
        let theirs = python("fernet", encrypt, &[OLD, text]).unwrap();
        assert_eq!(keys(&format!("{NEW}\n{OLD}")).decrypt(&theirs).unwrap().expose(), text);
    }
}

#[test]
fn keys_are_changed_and_the_old_one_taken_away() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("secrets");
    let now = SystemTime::now();
    let mut store = SecretStore::new(keys(OLD));
    store.set("cmdb", &Secret::new("one"), now, [1; 16]).unwrap();
    store.set("change", &Secret::new("two"), now, [2; 16]).unwrap();
    store.save(&path).unwrap();

    let mut store = SecretStore::open(&path, keys(&format!("{NEW}\n{OLD}"))).unwrap();
    assert_eq!(store.names().collect::<Vec<_>>(), ["change", "cmdb"]);
    assert_eq!(store.rotate(now, || [3; 16]).unwrap(), 2);
    assert_eq!(store.rotate(now, || [4; 16]).unwrap(), 0);
    store.save(&path).unwrap();

    let store = SecretStore::open(&path, keys(NEW)).unwrap();
    assert_eq!(store.get("cmdb").unwrap().expose(), "one");
    assert!(matches!(store.get("grc"), Err(StoreError::Missing { .. })));
    let mut unreadable = SecretStore::open(&path, keys(OLD)).unwrap();
    assert!(matches!(unreadable.get("cmdb"), Err(StoreError::Fernet { .. })));
    unreadable.set("grc", &Secret::new("three"), now, [5; 16]).unwrap();
    let before = unreadable.to_text();
    assert!(unreadable.rotate(now, || [6; 16]).is_err());
    assert_eq!(unreadable.to_text(), before);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_damaged_file_is_told_by_its_line() {
    for (text, line) in [("a = b\nnonsense\n", 2), ("a = b\na = c", 2), ("a b = c", 1)] {
        let error = SecretStore::parse(text, keys(OLD)).unwrap_err();
        assert!(matches!(error, StoreError::Line { line: found } if found == line), "{text}: {error}");
    }
    assert!(SecretStore::open(std::path::Path::new("/no/such/file"), keys(OLD)).is_err());
    let mut store = SecretStore::new(keys(OLD));
    assert!(store.set("a = b", &Secret::new("x"), SystemTime::now(), [1; 16]).is_err());
}
