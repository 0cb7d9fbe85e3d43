//! A pattern of one set of bytes after another, such as `press-[0-9]{2}`: all bytes are looked up at once, none waits for the
//! one before it.

use regex_automata::Anchored;
use regex_automata::dfa::Automaton as _;
use regex_automata::dfa::dense::DFA;
use regex_automata::util::start;

/// The longest value, in bytes: one less than a number has bits.
const MOST: usize = u64::BITS as usize - 1;

/// Which bytes may stand where, and how many there may be.
#[derive(Clone, Debug)]
pub(super) struct Sequence {
    /// Of each byte: bit `n` says that it may stand at place `n`.
    places: Box<[u64; 256]>,
    /// Bit `n` says that `n` bytes are enough.
    lengths: u64,
}

impl Sequence {
    /// What a table says, if what may follow never depends on what was there before.
    pub(super) fn of(table: &DFA<Vec<u32>>) -> Option<Self> {
        let mut state = table.start_state(&start::Config::new().anchored(Anchored::Yes)).ok()?;
        let mut sequence = Self { places: Box::new([0; 256]), lengths: 0 };
        for place in 0..=MOST {
            sequence.lengths |= u64::from(table.is_match_state(table.next_eoi_state(state))) << place;
            let mut next = None;
            for byte in 0..=u8::MAX {
                let after = table.next_state(state, byte);
                if table.is_dead_state(after) {
                    continue;
                }
                if table.is_quit_state(after) || *next.get_or_insert(after) != after {
                    return None;
                }
                sequence.places[usize::from(byte)] |= 1 << place;
            }
            match next {
                Some(next) => state = next,
                None => return Some(sequence),
            }
        }
        None
    }

    /// Whether the pattern matches all of the value.
    pub(super) fn matches(&self, value: &[u8]) -> bool {
        let mut good = if value.len() > MOST { 0 } else { self.lengths >> value.len() };
        for (place, byte) in value.iter().take(MOST).enumerate() {
            good &= self.places[usize::from(*byte)] >> place;
        }
        good & 1 == 1
    }
}
