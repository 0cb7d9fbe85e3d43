//! The ledger of a vault: one line of JSON for each use, in the form of audit entries.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};

use super::disk::{Locked, failed, private, sync_directory};
use crate::audit::Entry;
use crate::audit::entry::MAX_ENTRY;
use crate::ledger::KeyUse;
use crate::vault::VaultError;

impl Locked<'_> {
    /// Writes down that a key is about to be used; durable on return. A line that a power cut left without an end was
    /// acknowledged to nobody and is cut off first.
    pub(super) fn record(&self, key_use: &KeyUse) -> Result<(), VaultError> {
        let path = self.ledger_file();
        let failed = failed("write", &path);
        let mut line = key_use
            .to_entry()
            .to_bytes()
            .map_err(|error| VaultError::unavailable("cannot write down the use of a key", error))?;
        line.push(b'\n');
        let is_new = !path.exists();
        let mut file = private().create(true).read(true).append(true).open(&path).map_err(&failed)?;
        cut_torn_line(&file).map_err(&failed)?;
        file.write_all(&line).map_err(&failed)?;
        file.sync_data().map_err(&failed)?;
        if is_new { sync_directory(self.directory) } else { Ok(()) }
    }

    /// All uses in their order. A last line without an end is not one of them.
    pub(super) fn uses(&self) -> Result<Vec<KeyUse>, VaultError> {
        let path = self.ledger_file();
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed("read", &path)(error)),
        };
        let mut reader = BufReader::new(file);
        let (mut uses, mut line) = (Vec::new(), Vec::new());
        loop {
            line.clear();
            let limit = MAX_ENTRY as u64 + 1;
            (&mut reader).take(limit).read_until(b'\n', &mut line).map_err(failed("read", &path))?;
            let Some(json) = line.strip_suffix(b"\n") else {
                return if (line.len() as u64) < limit {
                    Ok(uses)
                } else {
                    Err(no_use(uses.len(), "it is too long"))
                };
            };
            let entry =
                Entry::parse(json).map_err(|error| no_use(uses.len(), &error.to_string()).because(error))?;
            match KeyUse::from_entry(&entry) {
                Ok(Some(key_use)) => uses.push(key_use),
                Ok(None) => return Err(no_use(uses.len(), "it is about something else")),
                Err(error) => return Err(no_use(uses.len(), "its entry is damaged").because(error)),
            }
        }
    }
}

fn no_use(before: usize, reason: &str) -> VaultError {
    VaultError::damaged(format!("line {} of the vault's ledger is no use of a key: {reason}", before + 1))
}

fn cut_torn_line(file: &File) -> io::Result<()> {
    use std::os::unix::fs::FileExt as _;
    let len = file.metadata()?.len();
    let mut end = len;
    // A line has at most MAX_ENTRY bytes, so this reads no more than that.
    let mut last = [0];
    while end > 0 {
        file.read_exact_at(&mut last, end - 1)?;
        if last == *b"\n" {
            break;
        }
        end -= 1;
    }
    if end < len { file.set_len(end) } else { Ok(()) }
}
