//! The Reed-Solomon code: 255 symbols, the parity last, its generator's roots the first powers of x.
//!
//! Symbol 0 is the highest coefficient of the code word's polynomial.

use super::field::{self, ORDER, Products};

/// Symbols in a code word.
pub(super) const SYMBOLS: usize = ORDER;

/// Parity of many code words at once: symbol by symbol, each symbol a slice with one byte of every code word.
pub(super) struct Encoder {
    /// The generator's coefficients but for the highest, which is 1, in the order in which parity is shifted.
    factors: Vec<Products>,
    parity: Vec<Vec<u8>>,
}

impl Encoder {
    pub(super) fn new(roots: usize, words: usize) -> Self {
        let mut generator = vec![1];
        for root in 0..roots {
            let len = generator.len() + 1;
            generator = field::multiply_polynomials(&generator, &[field::power(root), 1], len);
        }
        let factors = generator.iter().take(roots).rev().map(|&factor| field::products(factor)).collect();
        Self { factors, parity: vec![vec![0; words]; roots] }
    }

    pub(super) fn clear(&mut self) {
        self.parity.iter_mut().for_each(|parity| parity.fill(0));
    }

    /// Adds the next symbol of each code word.
    pub(super) fn push(&mut self, symbols: &[u8]) {
        let Some(first) = self.parity.first() else { return };
        let feedback: Vec<u8> = symbols.iter().zip(first).map(|(symbol, parity)| symbol ^ parity).collect();
        self.parity.rotate_left(1);
        if let Some(last) = self.parity.last_mut() {
            last.fill(0);
        }
        for (parity, factor) in self.parity.iter_mut().zip(&self.factors) {
            for (parity, feedback) in parity.iter_mut().zip(&feedback) {
                *parity ^= look_up(factor, *feedback);
            }
        }
    }

    /// Appends the parity of one code word after the other.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let words = self.parity.first().map_or(0, Vec::len);
        for word in 0..words {
            out.extend(self.parity.iter().filter_map(|parity| parity.get(word)));
        }
    }
}

/// A table of all products has room for every byte.
fn look_up(products: &Products, element: u8) -> u8 {
    products.get(usize::from(element)).copied().unwrap_or_default()
}

/// Syndromes of many code words at once: all zero for a good one.
pub(super) struct Syndromes {
    factors: Vec<Products>,
    sums: Vec<Vec<u8>>,
}

impl Syndromes {
    pub(super) fn new(roots: usize, words: usize) -> Self {
        let factors = (0..roots).map(|root| field::products(field::power(root))).collect();
        Self { factors, sums: vec![vec![0; words]; roots] }
    }

    pub(super) fn clear(&mut self) {
        self.sums.iter_mut().for_each(|sums| sums.fill(0));
    }

    /// Adds the next symbol of each code word, parity last.
    pub(super) fn push(&mut self, symbols: &[u8]) {
        for (sums, factor) in self.sums.iter_mut().zip(&self.factors) {
            for (sum, symbol) in sums.iter_mut().zip(symbols) {
                *sum = look_up(factor, *sum) ^ symbol;
            }
        }
    }

    /// The syndromes of one code word, if they say that it is bad.
    pub(super) fn bad(&self, word: usize) -> Option<Vec<u8>> {
        let of_word = || self.sums.iter().filter_map(|sums| sums.get(word)).copied();
        of_word().any(|sum| sum != 0).then(|| of_word().collect())
    }
}

/// What has to be added to a symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Correction {
    pub(super) symbol: usize,
    pub(super) difference: u8,
}

/// Finds what is wrong with a code word. `erased` are symbols that are known to be bad: each costs one symbol of parity,
/// every other wrong one costs two. `None` if more is wrong than parity is enough for.
pub(super) fn correct(syndromes: &[u8], erased: &[usize]) -> Option<Vec<Correction>> {
    let roots = syndromes.len();
    if erased.len() > roots {
        return None;
    }
    let locator_of = |symbol: usize| field::power(SYMBOLS - 1 - symbol);
    let erasures = erased.iter().fold(vec![1], |polynomial: Vec<u8>, &symbol| {
        let len = polynomial.len() + 1;
        field::multiply_polynomials(&polynomial, &[1, locator_of(symbol)], len)
    });
    let modified = field::multiply_polynomials(syndromes, &erasures, roots);
    let errors = shortest_recurrence(modified.get(erased.len()..)?);
    if (errors.len() - 1) * 2 + erased.len() > roots {
        return None;
    }
    let locator = field::multiply_polynomials(&errors, &erasures, errors.len() + erasures.len() - 1);
    let evaluator = field::multiply_polynomials(syndromes, &locator, roots);
    // In characteristic 2 the derivative has the odd coefficients only.
    let derivative: Vec<u8> = locator
        .iter()
        .enumerate()
        .skip(1)
        .map(|(degree, &it)| if degree % 2 == 1 { it } else { 0 })
        .collect();
    let mut corrections = Vec::new();
    for symbol in 0..SYMBOLS {
        let inverse = field::divide(1, locator_of(symbol));
        if field::evaluate(&locator, inverse) == 0 {
            let quotient =
                field::divide(field::evaluate(&evaluator, inverse), field::evaluate(&derivative, inverse));
            corrections
                .push(Correction { symbol, difference: field::multiply(locator_of(symbol), quotient) });
        }
    }
    let degree = locator.iter().rposition(|&coefficient| coefficient != 0)?;
    (corrections.len() == degree && explains(&corrections, syndromes)).then_some(corrections)
}

/// Whether the corrections have exactly these syndromes.
fn explains(corrections: &[Correction], syndromes: &[u8]) -> bool {
    syndromes.iter().enumerate().all(|(root, &syndrome)| {
        let sum = corrections.iter().fold(0, |sum, correction| {
            let weight = field::power((SYMBOLS - 1 - correction.symbol) * root);
            sum ^ field::multiply(correction.difference, weight)
        });
        sum == syndrome
    })
}

/// The polynomial, constant term 1, of the shortest linear recurrence that gives this sequence (Berlekamp and Massey).
fn shortest_recurrence(sequence: &[u8]) -> Vec<u8> {
    let (mut current, mut previous) = (vec![1_u8], vec![1_u8]);
    let (mut length, mut shift, mut previous_discrepancy) = (0, 1, 1);
    for index in 0..sequence.len() {
        let discrepancy = current
            .iter()
            .zip(sequence.iter().take(index + 1).rev())
            .fold(0, |sum, (&coefficient, &term)| sum ^ field::multiply(coefficient, term));
        if discrepancy == 0 {
            shift += 1;
            continue;
        }
        let factor = field::divide(discrepancy, previous_discrepancy);
        let mut next = current.clone();
        next.resize(next.len().max(previous.len() + shift), 0);
        for (to, &from) in next.iter_mut().skip(shift).zip(&previous) {
            *to ^= field::multiply(factor, from);
        }
        if length * 2 <= index {
            length = index + 1 - length;
            previous = current;
            previous_discrepancy = discrepancy;
            shift = 1;
        } else {
            shift += 1;
        }
        current = next;
    }
    current.resize(length + 1, 0);
    current
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn word(data: &[u8], roots: usize) -> Vec<u8> {
        let mut encoder = Encoder::new(roots, 1);
        data.iter().for_each(|&symbol| encoder.push(&[symbol]));
        let mut word = data.to_vec();
        encoder.write(&mut word);
        word
    }

    fn syndromes(word: &[u8], roots: usize) -> Option<Vec<u8>> {
        let mut syndromes = Syndromes::new(roots, 1);
        word.iter().for_each(|&symbol| syndromes.push(&[symbol]));
        syndromes.bad(0)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        /// Whatever is wrong is found, as long as parity is enough for it.
        #[test]
        fn errors_and_erasures_within_the_limit_are_corrected(
            roots in 2_usize..=24,
            data in prop::collection::vec(any::<u8>(), 253),
            bad in prop::collection::btree_map(0_usize..255, 1_u8..=255, 0..24),
            known in 0_usize..24,
        ) {
            let good = word(&data[..SYMBOLS - roots], roots);
            prop_assert!(syndromes(&good, roots).is_none());
            // Of the bad symbols the first ones are known; drop the rest until parity is enough.
            let mut bad: Vec<(usize, u8)> = bad.into_iter().collect();
            let known = known.min(bad.len()).min(roots);
            bad.truncate(known + (roots - known) / 2);
            let mut damaged = good.clone();
            bad.iter().for_each(|&(symbol, difference)| damaged[symbol] ^= difference);
            let erased: Vec<usize> = bad.iter().take(known).map(|&(symbol, _)| symbol).collect();
            if let Some(syndromes) = syndromes(&damaged, roots) {
                for Correction { symbol, difference } in correct(&syndromes, &erased).unwrap() {
                    damaged[symbol] ^= difference;
                }
            }
            prop_assert_eq!(damaged, good);
        }

        /// Nothing is called corrected that is no code word.
        #[test]
        fn corrections_make_a_code_word(
            roots in 2_usize..=24,
            noise in prop::collection::vec(any::<u8>(), 255),
            erased in prop::collection::btree_set(0_usize..255, 0..26),
        ) {
            let erased: Vec<usize> = erased.into_iter().collect();
            let mut noise = noise;
            if let Some(found) = syndromes(&noise, roots)
                && let Some(corrections) = correct(&found, &erased)
            {
                corrections.iter().for_each(|it| noise[it.symbol] ^= it.difference);
                prop_assert!(syndromes(&noise, roots).is_none());
            }
        }
    }
}
