//! SHA-256's compression of sixteen messages at once: each 512-bit register holds one word of all of them.
#![expect(
    unsafe_code,
    reason = "a function for processors with certain features may be called only on those, and registers are filled from \
              memory by pointer"
)]

use std::arch::x86_64::{
    __m512i, _mm512_add_epi32, _mm512_loadu_si512, _mm512_ror_epi32, _mm512_set_epi32, _mm512_set1_epi32,
    _mm512_shuffle_epi8, _mm512_shuffle_i32x4, _mm512_srli_epi32, _mm512_storeu_si512,
    _mm512_ternarylogic_epi32, _mm512_unpackhi_epi32, _mm512_unpackhi_epi64, _mm512_unpacklo_epi32,
    _mm512_unpacklo_epi64,
};

use super::message::Chunk;
use super::sha_ni::K;
use super::together::State;

/// Messages at a time.
pub(super) const LANES: usize = 16;

/// One word of each message.
type Words = [u32; LANES];

/// Proof that this processor has the instructions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Avx512(());

impl Avx512 {
    pub(super) fn detect() -> Option<Self> {
        let there = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw");
        there.then_some(Self(()))
    }

    /// Takes the chunks of each message into its state. All messages should have as many; of longer ones the rest
    /// is left out.
    pub(super) fn compress(self, states: &mut [State; LANES], messages: [&[Chunk]; LANES]) {
        // SAFETY: an `Avx512` is made by `detect` only, after it has found both features that `compress` is compiled
        // for.
        unsafe { compress(states, messages) }
    }
}

#[target_feature(enable = "avx512f,avx512bw")]
fn compress(states: &mut [State; LANES], messages: [&[Chunk]; LANES]) {
    let count = messages.iter().map(|message| message.len()).min().unwrap_or(0);
    if count == 0 {
        return;
    }
    let mut state = pack(states);
    for index in 0..count {
        let mut rows = [_mm512_set1_epi32(0); 16];
        for (row, chunk) in rows.iter_mut().zip(messages.iter().filter_map(|message| message.get(index))) {
            *row = load(chunk);
        }
        let mut words = transpose(rows);
        let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = state;
        for group in 0..4 {
            for round in 0..16 {
                let word = if group == 0 { words[round] } else { schedule(&mut words, round) };
                let constant = _mm512_set1_epi32(K[group * 4 + round / 4][round % 4].cast_signed());
                let choice = _mm512_ternarylogic_epi32::<0xca>(e, f, g);
                let majority = _mm512_ternarylogic_epi32::<0xe8>(a, b, c);
                let sum1 =
                    xor3(_mm512_ror_epi32::<6>(e), _mm512_ror_epi32::<11>(e), _mm512_ror_epi32::<25>(e));
                let sum0 =
                    xor3(_mm512_ror_epi32::<2>(a), _mm512_ror_epi32::<13>(a), _mm512_ror_epi32::<22>(a));
                let first = add(add(add(h, sum1), add(choice, constant)), word);
                h = g;
                g = f;
                f = e;
                e = add(d, first);
                d = c;
                c = b;
                b = a;
                a = add(first, add(sum0, majority));
            }
        }
        for (before, now) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
            *before = add(*before, now);
        }
    }
    unpack(&state, states);
}

/// The next word of each message's schedule, in place of the one sixteen rounds ago.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn schedule(words: &mut [__m512i; 16], round: usize) -> __m512i {
    let near = words[(round + 14) % 16];
    let far = words[(round + 1) % 16];
    let sigma1 =
        xor3(_mm512_ror_epi32::<17>(near), _mm512_ror_epi32::<19>(near), _mm512_srli_epi32::<10>(near));
    let sigma0 = xor3(_mm512_ror_epi32::<7>(far), _mm512_ror_epi32::<18>(far), _mm512_srli_epi32::<3>(far));
    let word = add(add(words[round], sigma0), add(words[(round + 9) % 16], sigma1));
    words[round] = word;
    word
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn add(a: __m512i, b: __m512i) -> __m512i {
    _mm512_add_epi32(a, b)
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn xor3(a: __m512i, b: __m512i, c: __m512i) -> __m512i {
    _mm512_ternarylogic_epi32::<0x96>(a, b, c)
}

/// The sixteen big-endian words of a chunk.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn load(chunk: &Chunk) -> __m512i {
    // SAFETY: a chunk has 64 bytes, as many as are read, and any alignment will do.
    let bytes = unsafe { _mm512_loadu_si512(chunk.as_ptr().cast()) };
    let swap = _mm512_set_epi32(
        0x0c0d_0e0f,
        0x0809_0a0b,
        0x0405_0607,
        0x0001_0203,
        0x0c0d_0e0f,
        0x0809_0a0b,
        0x0405_0607,
        0x0001_0203,
        0x0c0d_0e0f,
        0x0809_0a0b,
        0x0405_0607,
        0x0001_0203,
        0x0c0d_0e0f,
        0x0809_0a0b,
        0x0405_0607,
        0x0001_0203,
    );
    _mm512_shuffle_epi8(bytes, swap)
}

/// Makes columns of rows.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn transpose(rows: [__m512i; 16]) -> [__m512i; 16] {
    // Words of neighbouring rows, then pairs of words: then each 128 bits of a register have one word of four rows.
    let mut quads = rows;
    for group in 0..4 {
        let [r0, r1, r2, r3] =
            [rows[group * 4], rows[group * 4 + 1], rows[group * 4 + 2], rows[group * 4 + 3]];
        let (low01, high01) = (_mm512_unpacklo_epi32(r0, r1), _mm512_unpackhi_epi32(r0, r1));
        let (low23, high23) = (_mm512_unpacklo_epi32(r2, r3), _mm512_unpackhi_epi32(r2, r3));
        quads[group * 4] = _mm512_unpacklo_epi64(low01, low23);
        quads[group * 4 + 1] = _mm512_unpackhi_epi64(low01, low23);
        quads[group * 4 + 2] = _mm512_unpacklo_epi64(high01, high23);
        quads[group * 4 + 3] = _mm512_unpackhi_epi64(high01, high23);
    }
    let mut columns = rows;
    for word in 0..4 {
        let [q0, q1, q2, q3] = [quads[word], quads[4 + word], quads[8 + word], quads[12 + word]];
        let (even01, even23) = (_mm512_shuffle_i32x4::<0x88>(q0, q1), _mm512_shuffle_i32x4::<0x88>(q2, q3));
        let (odd01, odd23) = (_mm512_shuffle_i32x4::<0xdd>(q0, q1), _mm512_shuffle_i32x4::<0xdd>(q2, q3));
        columns[word] = _mm512_shuffle_i32x4::<0x88>(even01, even23);
        columns[4 + word] = _mm512_shuffle_i32x4::<0x88>(odd01, odd23);
        columns[8 + word] = _mm512_shuffle_i32x4::<0xdd>(even01, even23);
        columns[12 + word] = _mm512_shuffle_i32x4::<0xdd>(odd01, odd23);
    }
    columns
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn pack(states: &[State; LANES]) -> [__m512i; 8] {
    let mut packed = [_mm512_set1_epi32(0); 8];
    for (word, packed) in packed.iter_mut().enumerate() {
        let words: Words = states.map(|state| state[word]);
        // SAFETY: sixteen words are 64 bytes, as many as are read, and any alignment will do.
        *packed = unsafe { _mm512_loadu_si512(words.as_ptr().cast()) };
    }
    packed
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn unpack(packed: &[__m512i; 8], states: &mut [State; LANES]) {
    for (word, packed) in packed.iter().enumerate() {
        let mut words: Words = [0; LANES];
        // SAFETY: sixteen words are 64 bytes, as many as are written, and any alignment will do.
        unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), *packed) };
        for (state, of_lane) in states.iter_mut().zip(words) {
            state[word] = of_lane;
        }
    }
}
