//! A pattern as a table: one look-up a byte (a deterministic automaton).

use regex_automata::Anchored;
use regex_automata::dfa::dense::{Config, DFA};
use regex_automata::dfa::{Automaton as _, StartKind, dense};
use regex_automata::nfa::thompson;
use regex_automata::util::{start, syntax};

/// What a table may take, and the making of it, in bytes. A table can be exponentially larger than its pattern.
const MAX_TABLE: usize = 1 << 16;
const MAX_MAKING: usize = 1 << 18;

/// The table of a pattern that is anchored at both ends, where it is small enough.
pub(super) fn build(pattern: &str) -> Option<DFA<Vec<u32>>> {
    let limits = Config::new()
        .start_kind(StartKind::Anchored)
        .dfa_size_limit(Some(MAX_TABLE))
        .determinize_size_limit(Some(MAX_MAKING));
    dense::Builder::new()
        .configure(limits)
        .syntax(syntax::Config::new().unicode(false).utf8(false))
        .thompson(thompson::Config::new().utf8(false).nfa_size_limit(Some(MAX_MAKING)))
        .build(pattern)
        .ok()
}

/// Whether the pattern matches all of the value.
pub(super) fn matches(table: &DFA<Vec<u32>>, value: &[u8]) -> bool {
    let Ok(mut state) = table.start_state(&start::Config::new().anchored(Anchored::Yes)) else {
        return false;
    };
    for byte in value {
        state = table.next_state(state, *byte);
        if table.is_dead_state(state) {
            return false;
        }
    }
    table.is_match_state(table.next_eoi_state(state))
}
