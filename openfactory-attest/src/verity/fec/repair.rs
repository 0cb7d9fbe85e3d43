//! Repairs damaged blocks by their parity.

use std::io;

use super::code::{self, Correction, Syndromes};
use super::layout::{At, Devices, FecArea, FecError, Layout};
use crate::read_at::ReadAt;
use crate::verity::stripe;
use crate::verity::tree::Tree;
use crate::verity::verify::{Device, Fault, Place, VerifyReport};
use crate::work::Work;

/// What came of a repair. Whether all is good again, only a check against the root hash can say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Repair {
    repaired_bytes: u64,
    beyond_repair: u64,
}

impl Repair {
    /// Bytes that were given back what parity says.
    #[must_use]
    pub const fn repaired_bytes(&self) -> u64 {
        self.repaired_bytes
    }

    /// Code words with more wrong bytes than parity is enough for. Their bytes were left as they are.
    #[must_use]
    pub const fn beyond_repair(&self) -> u64 {
        self.beyond_repair
    }
}

/// Takes the device, the byte on it, and what has to stand there.
pub type Patch<'a> = dyn FnMut(Device, u64, &[u8]) -> io::Result<()> + 'a;

/// Finds the right bytes of damaged blocks of data and tree and hands them to `patch`, which may write them back at
/// once.
///
/// `report` is what a check has found of the same devices: blocks that it calls bad are known to be, which is worth as
/// much parity again; blocks that it has proved are never changed. Where a hash block is bad, a second check after
/// the first repair knows more, and a second repair can do more.
///
/// # Errors
/// [`FecError`]: it could not be tried, or not to the end. That not everything could be repaired stands in the result.
#[expect(
    clippy::too_many_arguments,
    reason = "three devices, what they should be, and what is known of them"
)]
pub fn repair(
    data: &dyn ReadAt,
    hash: &dyn ReadAt,
    parity: &dyn ReadAt,
    tree: &Tree,
    area: impl Into<FecArea>,
    report: &VerifyReport,
    patch: &mut Patch<'_>,
    work: &Work<'_>,
) -> Result<Repair, FecError> {
    if report.omitted() > 0 {
        return Err(FecError::TooDamaged);
    }
    let area = area.into();
    let layout = Layout::new(tree, hash, area)?;
    let unreadable = |offset| move |source| FecError::Read { what: "parity", offset, source };
    let size = parity.size().map_err(unreadable(0))?.saturating_sub(area.offset());
    let expected = layout.parity_size();
    // Where it is in a file of its own, another size says that it is of something else.
    if size < expected || area.offset() == 0 && size > expected {
        return Err(FecError::ParitySize { size, expected });
    }
    let word_reader =
        Words { devices: Devices { data, hash }, parity, layout, known: Known::of(report, tree) };
    let at_once = layout.words_at_once();
    let (mut total, mut done) = (Repair::default(), 0);
    stripe::in_order(
        layout.words().div_ceil(at_once),
        work.threads(),
        |piece, rows| word_reader.repair(piece * at_once, at_once as usize, rows),
        |found: Found| {
            for (At { device, offset }, bytes) in &found.patches {
                patch(*device, *offset, bytes).map_err(FecError::Write)?;
            }
            total.repaired_bytes += found.repaired_bytes;
            total.beyond_repair += found.beyond_repair;
            done += at_once;
            work.tell(done.min(layout.words()), layout.words());
            Ok(())
        },
    )?;
    Ok(total)
}

/// What is known of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Proved,
    Bad,
    Unknown,
}

/// What a report says of each block of both devices.
struct Known {
    block: u64,
    data: Vec<(u64, u64, State)>,
    hash: Vec<(u64, u64, State)>,
    hash_end: u64,
}

impl Known {
    fn of(report: &VerifyReport, tree: &Tree) -> Self {
        let block = u64::from(tree.params().data_block_size().get());
        let (mut data, mut hash) = (Vec::new(), Vec::new());
        for finding in report.findings() {
            let state = match finding.fault {
                Fault::Mismatch | Fault::Missing => State::Bad,
                Fault::Unproven => State::Unknown,
            };
            match finding.place {
                Place::Data => data.push((finding.first, finding.last, state)),
                Place::Tree { level } => {
                    let start = tree.shape().levels().get(level).map_or(0, |level| level.start);
                    hash.push((start + finding.first, start + finding.last, state));
                    // Nobody has looked at the levels below a bad block.
                    for level in tree.shape().levels().iter().take(level) {
                        hash.push((level.start, level.start + level.blocks - 1, State::Unknown));
                    }
                }
            }
        }
        // Of two that say something of a block, the one that knows counts.
        let order = |&(first, last, state): &(u64, u64, State)| (state != State::Bad, first, last);
        hash.sort_unstable_by_key(order);
        Self { block, data, hash, hash_end: tree.hash_device_size() / block }
    }

    fn state(&self, at: At) -> State {
        let block = at.offset / self.block;
        match at.device {
            Device::Data => {
                // Findings on data are sorted and do not overlap.
                let index = self.data.partition_point(|&(_, last, _)| last < block);
                let found = self.data.get(index).filter(|(first, _, _)| *first <= block);
                found.map_or(State::Proved, |&(_, _, state)| state)
            }
            Device::Hash if block >= self.hash_end => State::Unknown,
            Device::Hash => {
                let found = self.hash.iter().find(|(first, last, _)| (*first..=*last).contains(&block));
                found.map_or(State::Proved, |&(_, _, state)| state)
            }
        }
    }
}

/// Some code words that follow upon each other.
struct Words<'a> {
    devices: Devices<'a>,
    parity: &'a dyn ReadAt,
    layout: Layout,
    known: Known,
}

#[derive(Default)]
struct Found {
    patches: Vec<(At, Vec<u8>)>,
    repaired_bytes: u64,
    beyond_repair: u64,
}

impl Words<'_> {
    fn repair(&self, first: u64, count: usize, rows: &mut Vec<u8>) -> Result<Found, FecError> {
        let Layout { roots, .. } = self.layout;
        rows.resize(count * self.layout.message_symbols(), 0);
        let mut syndromes = Syndromes::new(roots, count);
        syndromes.clear();
        for (symbol, row) in rows.chunks_exact_mut(count).enumerate() {
            self.devices.read(self.layout.at(symbol, first), row)?;
            syndromes.push(row);
        }
        let mut parity = vec![0; count * roots];
        let offset = self.layout.offset + first * roots as u64;
        self.parity.read_exact_at(&mut parity, offset).map_err(|source| FecError::Read {
            what: "parity",
            offset,
            source,
        })?;
        for symbol in 0..roots {
            let row: Vec<u8> = parity.iter().copied().skip(symbol).step_by(roots).collect();
            syndromes.push(&row);
        }
        let states: Vec<State> = (0..self.layout.message_symbols())
            .map(|symbol| self.layout.at(symbol, first).map_or(State::Proved, |at| self.known.state(at)))
            .collect();
        let erased = |(symbol, state): (usize, &State)| (*state == State::Bad).then_some(symbol);
        let erased: Vec<usize> = states.iter().enumerate().filter_map(erased).collect();

        let (mut found, mut changed) = (Found::default(), vec![false; states.len()]);
        for word in 0..count {
            let Some(syndromes) = syndromes.bad(word) else { continue };
            match self.correct(&syndromes, &erased, &states) {
                None => found.beyond_repair += 1,
                Some(corrections) => {
                    for Correction { symbol, difference } in corrections {
                        // What is wrong with the parity itself changes neither data nor tree.
                        if let (Some(byte), Some(changed)) =
                            (rows.get_mut(symbol * count + word), changed.get_mut(symbol))
                        {
                            *byte ^= difference;
                            *changed = true;
                            found.repaired_bytes += u64::from(difference != 0);
                        }
                    }
                }
            }
        }
        for ((symbol, row), _changed) in
            rows.chunks_exact(count).enumerate().zip(&changed).filter(|(_, changed)| **changed)
        {
            found.patches.extend(self.layout.at(symbol, first).map(|at| (at, row.to_vec())));
        }
        Ok(found)
    }

    /// By what is known to be bad, and if that is too much, by the parity alone. A correction of what is proved, or of
    /// the zeros behind the message, is none.
    fn correct(&self, syndromes: &[u8], erased: &[usize], states: &[State]) -> Option<Vec<Correction>> {
        let possible = |corrections: &Vec<Correction>| {
            let touches_proved = |it: &Correction| {
                it.difference != 0 && states.get(it.symbol).is_some_and(|state| *state == State::Proved)
            };
            !corrections.iter().any(touches_proved)
        };
        let by_erasures = code::correct(syndromes, erased).filter(possible);
        by_erasures.or_else(|| code::correct(syndromes, &[]).filter(possible))
    }
}
