//! Eight bytes of a name, looked at as one number: each byte answers with its highest bit.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x80 * ONES;

/// Whether a name of up to 63 bytes has letters, digits, hyphens and dots alone, at least one letter, no dot or hyphen at
/// either end, and none but a hyphen beside a hyphen, and nothing beside a dot: what no rule of a hostname forbids.
pub(super) fn is_good(name: &[u8]) -> bool {
    let (words, rest) = name.as_chunks();
    // What is added is good, and no letter.
    let mut last = [b'0'; 8];
    last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    // Before the name and after it, as if there were dots.
    let (mut dots, mut edges, mut bad, mut letters) = (HIGH, HIGH, 0, 0);
    for word in words.iter().chain([&last]) {
        let word = Eight::of(*word);
        let (dots_before, edges_before) = (word.dots << 8 | dots >> 56, word.edges << 8 | edges >> 56);
        bad |= !word.plain & HIGH | dots_before & word.edges | edges_before & word.dots;
        letters |= word.letters;
        (dots, edges) = (word.dots, word.edges);
    }
    let ends_well = name.last().is_some_and(|last| !matches!(last, b'-' | b'.'));
    bad == 0 && letters != 0 && ends_well
}

struct Eight {
    letters: u64,
    dots: u64,
    /// Dots and hyphens.
    edges: u64,
    /// All that is allowed.
    plain: u64,
}

impl Eight {
    fn of(bytes: [u8; 8]) -> Self {
        let bytes = u64::from_le_bytes(bytes);
        let ascii = bytes & !HIGH;
        // No byte carries into the next: both sides have seven bits.
        let least = |of: u64, least: u8| (of + u64::from(0x80 - least) * ONES) & HIGH;
        let between = |of: u64, first: u8, last: u8| least(of, first) & !least(of, last + 1);
        let is = |byte: u8| !((ascii ^ (u64::from(byte) * ONES)) + 0x7f * ONES) & HIGH;
        let letters = between(ascii | (0x20 * ONES), b'a', b'z');
        let dots = is(b'.');
        let edges = dots | is(b'-');
        let plain = (letters | between(ascii, b'0', b'9') | edges) & !bytes;
        Self { letters, dots, edges, plain }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_known_at_every_place() {
        for byte in 0..=u8::MAX {
            for place in 0..24 {
                let mut name = *b"aaaaaaaaaaaaaaaaaaaaaaaa";
                name[place] = byte;
                let inside = place > 0 && place < 23;
                let good = byte.is_ascii_alphanumeric() || (inside && matches!(byte, b'-' | b'.'));
                assert_eq!(is_good(&name), good, "{byte} at {place}");
                assert_eq!(
                    is_good(&name[..=place]),
                    good && (place > 0 || byte.is_ascii_alphabetic()) && byte != b'-' && byte != b'.',
                    "{byte} ends {place}"
                );
            }
        }
    }

    #[test]
    fn what_stands_beside_a_dot_is_known_at_every_place() {
        for (pair, good) in
            [("..", false), (".-", false), ("-.", false), ("--", true), ("a.", true), (".a", true)]
        {
            for place in 1..20 {
                let name = format!("{}{pair}{}", "a".repeat(place), "a".repeat(3));
                assert_eq!(is_good(name.as_bytes()), good, "{name}");
            }
        }
        assert!(!is_good(b"") && !is_good(b"10.20.3.7") && !is_good(b"12345678"));
    }
}
