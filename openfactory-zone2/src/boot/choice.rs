//! The choice between two slots as lines of text with a checksum, which a boot loader's script can read too.
//!
//! ```text
//! openfactory-boot 1
//! turn 7
//! preferred b
//! running a
//! a good 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
//! b 3 fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9
//! sha256 ... of all before it
//! ```

use std::fmt::Write as _;

use openfactory_attest::Sha256Digest;
use thiserror::Error;

use super::Slot;
use super::state::{BootState, Image, Standing};

/// The largest choice that is read, in bytes.
pub const MAX_CHOICE_BYTES: usize = 1024;

const HEAD: &str = "openfactory-boot 1";

/// Why a text is no choice.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ParseChoiceError {
    /// It is too long.
    #[error("it has more than {MAX_CHOICE_BYTES} bytes")]
    TooLarge,
    /// It was cut short, or something in it has changed.
    #[error("its checksum is wrong")]
    Checksum,
    /// Its checksum is right, but this is not how it is written.
    #[error("line {line} is not as it has to be")]
    Line {
        /// Which, from 1.
        line: usize,
    },
}

/// A choice, and how many were made before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) turn: u64,
    pub(super) state: BootState,
}

impl Choice {
    pub(super) fn to_text(&self) -> String {
        let Self { turn, state } = self;
        let slot = |slot: Option<Slot>| slot.map_or("-", Slot::as_str);
        let mut text = format!(
            "{HEAD}\nturn {turn}\npreferred {}\nrunning {}\n",
            slot(state.preferred),
            slot(state.running)
        );
        for slot in Slot::ALL {
            // Writing to a string can't fail.
            let _ = match state.slot(slot) {
                None => writeln!(text, "{slot} empty"),
                Some(Image { sha256, standing: Standing::Good }) => writeln!(text, "{slot} good {sha256}"),
                Some(Image { sha256, standing: Standing::Bad }) => writeln!(text, "{slot} bad {sha256}"),
                Some(Image { sha256, standing: Standing::OnTrial(left) }) => {
                    writeln!(text, "{slot} {left} {sha256}")
                }
            };
        }
        let sum = Sha256Digest::of(text.as_bytes());
        text + &format!("sha256 {sum}\n")
    }

    pub(super) fn parse(bytes: &[u8]) -> Result<Self, ParseChoiceError> {
        use ParseChoiceError::{Checksum, TooLarge};
        if bytes.len() > MAX_CHOICE_BYTES {
            return Err(TooLarge);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| Checksum)?;
        let (body, sum) = text.rsplit_once("sha256 ").ok_or(Checksum)?;
        if sum != format!("{}\n", Sha256Digest::of(body.as_bytes())) {
            return Err(Checksum);
        }
        let mut lines = body.lines().zip(1..);
        let mut next = |name: &str| {
            let (line, number) = lines.next().unwrap_or(("", 0));
            let rest = line.strip_prefix(name).and_then(|rest| rest.strip_prefix(' '));
            rest.map(|rest| (rest, number)).ok_or(ParseChoiceError::Line { line: number })
        };
        let head = next("openfactory-boot")?;
        if head.0 != "1" {
            return Err(ParseChoiceError::Line { line: head.1 });
        }
        let (turn, line) = next("turn")?;
        let turn = turn.parse().map_err(|_| ParseChoiceError::Line { line })?;
        let preferred = slot(next("preferred")?)?;
        let running = slot(next("running")?)?;
        let (a, b) = (image(next("a")?)?, image(next("b")?)?);
        let choice = Self { turn, state: BootState { a, b, preferred, running } };
        // There is one way to write each, so that nothing can be added to it.
        if choice.to_text() == text { Ok(choice) } else { Err(ParseChoiceError::Line { line: 0 }) }
    }
}

impl BootState {
    /// Reads the choice as one copy of it stands on the disk: for whoever looks at a device from outside.
    ///
    /// # Errors
    /// [`ParseChoiceError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseChoiceError> {
        Choice::parse(bytes).map(|choice| choice.state)
    }
}

fn slot((text, line): (&str, usize)) -> Result<Option<Slot>, ParseChoiceError> {
    if text == "-" {
        return Ok(None);
    }
    let found = Slot::ALL.into_iter().find(|slot| slot.as_str() == text);
    found.map(Some).ok_or(ParseChoiceError::Line { line })
}

fn image((text, line): (&str, usize)) -> Result<Option<Image>, ParseChoiceError> {
    let wrong = || ParseChoiceError::Line { line };
    if text == "empty" {
        return Ok(None);
    }
    let (standing, sha256) = text.split_once(' ').ok_or_else(wrong)?;
    let standing = match standing {
        "good" => Standing::Good,
        "bad" => Standing::Bad,
        tries => Standing::OnTrial(tries.parse().map_err(|_| wrong())?),
    };
    Ok(Some(Image { sha256: sha256.parse().map_err(|_| wrong())?, standing }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice() -> Choice {
        let state = BootState::default().filled(Slot::A, Sha256Digest::of(b"1"), 3).booted().unwrap().0;
        let state = state.proved().unwrap().filled(Slot::B, Sha256Digest::of(b"2"), 3);
        Choice { turn: 7, state }
    }

    #[test]
    fn what_is_written_is_read() {
        for choice in [Choice::default(), choice()] {
            assert_eq!(Choice::parse(choice.to_text().as_bytes()), Ok(choice));
        }
    }

    #[test]
    fn each_byte_is_under_the_checksum_and_each_cut_is_seen() {
        let text = choice().to_text().into_bytes();
        for place in 0..text.len() {
            let mut changed = text.clone();
            changed[place] ^= 1;
            assert_eq!(Choice::parse(&changed), Err(ParseChoiceError::Checksum), "{place}");
            assert_eq!(Choice::parse(&text[..place]), Err(ParseChoiceError::Checksum), "{place}");
        }
        assert_eq!(Choice::parse(&[b'a'; MAX_CHOICE_BYTES + 1]), Err(ParseChoiceError::TooLarge));
    }

    #[test]
    fn what_has_its_checksum_and_is_no_choice_is_refused() {
        let text = choice().to_text();
        let body = text.rsplit_once("sha256 ").unwrap().0;
        let table = [
            (body.replace("boot 1", "boot 2"), 1),
            (body.replace("turn 7", "turn x"), 2),
            (body.replace("preferred b", "preferred c"), 3),
            (body.replace("running a", "walking a"), 4),
            (body.replace("a good", "a great"), 5),
            (body.replace("b 3", "b 256"), 6),
            (body.replace("b 3", "b 03"), 0),
            (format!("{body}c empty\n"), 0),
        ];
        for (body, line) in table {
            let text = format!("{body}sha256 {}\n", Sha256Digest::of(body.as_bytes()));
            assert_eq!(Choice::parse(text.as_bytes()), Err(ParseChoiceError::Line { line }), "{body}");
        }
    }
}
