//! Passphrases of private keys: from a file, from the environment, or asked for on the terminal. Never an argument, which
//! everybody on the machine could read.

use std::env;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use openfactory_attest::key::Passphrase;
use rustix::termios::{self, LocalModes, OptionalActions, Termios};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::private_file::{self, PrivateFileError};

/// Names a file that holds the passphrase of the encrypted keys that are used.
pub const FILE_VARIABLE: &str = "OPENFACTORY_PASSPHRASE_FILE";

/// Holds the passphrase itself, where there is no such file.
pub const VARIABLE: &str = "OPENFACTORY_PASSPHRASE";

/// The longest that is read from a terminal, in bytes.
const MAX_TYPED: usize = 1024;

/// Why there is no passphrase.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PassphraseError {
    /// The file with it can't be used.
    #[error("the passphrase's file can't be used")]
    File(#[from] PrivateFileError),
    /// The variable with it is not UTF-8.
    #[error("the passphrase in {VARIABLE} is not UTF-8")]
    NotUnicode,
    /// Neither file nor variable, and no terminal to ask on.
    #[error(
        "there is no passphrase: neither {FILE_VARIABLE} nor {VARIABLE} is set, and there is no terminal to ask on"
    )]
    NoTerminal(#[source] io::Error),
    /// It could not be asked for.
    #[error("the passphrase could not be read from the terminal")]
    Terminal(#[source] io::Error),
    /// Nothing was typed.
    #[error("a passphrase has at least one character")]
    Empty,
    /// Two different ones were typed.
    #[error("the two passphrases are not the same")]
    Different,
}

/// The passphrase that this process was given, if it was: in the file that `OPENFACTORY_PASSPHRASE_FILE` names, else in
/// `OPENFACTORY_PASSPHRASE`.
///
/// # Errors
/// [`PassphraseError`] where there is one that can't be used.
pub fn given() -> Result<Option<Passphrase>, PassphraseError> {
    if let Some(file) = env::var_os(FILE_VARIABLE) {
        return of_file(&PathBuf::from(file)).map(Some);
    }
    match env::var(VARIABLE) {
        Ok(text) if text.is_empty() => Err(PassphraseError::Empty),
        Ok(text) => Ok(Some(Passphrase::new(text))),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => Err(PassphraseError::NotUnicode),
    }
}

/// The passphrase in this file, which nobody else may be able to read; line ends after it do not belong to it.
///
/// # Errors
/// [`PassphraseError::File`].
pub fn of_file(path: &Path) -> Result<Passphrase, PassphraseError> {
    Ok(Passphrase::new(private_file::read(path)?.as_str()))
}

/// The passphrase of this key: the one that was given, or one that is asked for on the terminal.
///
/// # Errors
/// [`PassphraseError`].
pub fn of_key(key: &Path) -> Result<Passphrase, PassphraseError> {
    match given()? {
        Some(passphrase) => Ok(passphrase),
        None => Ok(Passphrase::new(ask(&format!("Passphrase of {}: ", key.display()))?.as_str())),
    }
}

/// A passphrase for a key that is going to be made: the one that was given, or one that is asked for twice.
///
/// # Errors
/// [`PassphraseError`].
pub fn for_new_key(key: &Path) -> Result<Passphrase, PassphraseError> {
    if let Some(passphrase) = given()? {
        return Ok(passphrase);
    }
    let once = ask(&format!("Passphrase for {}: ", key.display()))?;
    let again = ask("The same again: ")?;
    if once != again {
        return Err(PassphraseError::Different);
    }
    Ok(Passphrase::new(once.as_str()))
}

fn ask(question: &str) -> Result<Zeroizing<String>, PassphraseError> {
    let terminal = OpenOptions::new().read(true).write(true).open("/dev/tty");
    let mut terminal = terminal.map_err(PassphraseError::NoTerminal)?;
    let typed = typed(&mut terminal, question).map_err(PassphraseError::Terminal)?;
    if typed.is_empty() { Err(PassphraseError::Empty) } else { Ok(typed) }
}

/// What is typed in answer to a question, without being shown.
fn typed(terminal: &mut File, question: &str) -> io::Result<Zeroizing<String>> {
    terminal.write_all(question.as_bytes())?;
    let typed = Silent::new(terminal)?.line()?;
    terminal.write_all(b"\n")?;
    Ok(typed)
}

/// A terminal that does not show what is typed, until this is dropped.
struct Silent<'t> {
    terminal: &'t File,
    before: Termios,
}

impl<'t> Silent<'t> {
    fn new(terminal: &'t File) -> io::Result<Self> {
        let before = termios::tcgetattr(terminal)?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        termios::tcsetattr(terminal, OptionalActions::Drain, &silent)?;
        Ok(Self { terminal, before })
    }

    /// What is typed up to the end of the line.
    fn line(&self) -> io::Result<Zeroizing<String>> {
        let mut terminal = self.terminal;
        let mut typed = Zeroizing::new([0; MAX_TYPED]);
        // A terminal hands over a line at a time.
        let count = terminal.read(typed.as_mut_slice())?;
        let text = std::str::from_utf8(typed.get(..count).unwrap_or_default());
        let text = text.map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))?;
        Ok(Zeroizing::new(text.trim_end_matches(['\n', '\r']).to_owned()))
    }
}

impl Drop for Silent<'_> {
    fn drop(&mut self) {
        // Nothing more can be done for the terminal than to try.
        let _restored = termios::tcsetattr(self.terminal, OptionalActions::Now, &self.before);
    }
}
