//! SHA-256's compression by the SHA instructions of x86-64, on several messages at once.
//!
//! `sha256rnds2` does two rounds and takes some cycles until its result can be used; the processor can begin another
//! one meanwhile, if that belongs to another message.
#![expect(
    unsafe_code,
    reason = "a function for processors with certain features may be called only on those"
)]

use std::arch::x86_64::{
    __m128i, _mm_add_epi32, _mm_alignr_epi8, _mm_cvtsi128_si64, _mm_extract_epi64, _mm_set_epi32,
    _mm_set_epi64x, _mm_sha256msg1_epu32, _mm_sha256msg2_epu32, _mm_sha256rnds2_epu32, _mm_shuffle_epi8,
    _mm_shuffle_epi32,
};

use super::message::Chunk;
use super::together::State;

/// Proof that this processor has the instructions.
#[derive(Clone, Copy, Debug)]
pub(super) struct ShaNi(());

impl ShaNi {
    pub(super) fn detect() -> Option<Self> {
        let there = is_x86_feature_detected!("sha")
            && is_x86_feature_detected!("sse2")
            && is_x86_feature_detected!("ssse3")
            && is_x86_feature_detected!("sse4.1");
        there.then_some(Self(()))
    }

    /// Takes the chunks of each message into its state. All messages should have as many; of longer ones the rest
    /// is left out.
    pub(super) fn compress<const N: usize>(self, states: &mut [State; N], messages: [&[Chunk]; N]) {
        // SAFETY: a `ShaNi` is made by `detect` only, after it has found all the features that `compress` is
        // compiled for.
        unsafe { compress(states, messages) }
    }
}

/// The words of one state as the instructions want them.
#[derive(Clone, Copy)]
struct Halves {
    abef: __m128i,
    cdgh: __m128i,
}

#[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
fn compress<const N: usize>(states: &mut [State; N], messages: [&[Chunk]; N]) {
    let count = messages.iter().map(|message| message.len()).min().unwrap_or(0);
    let messages = messages.map(|message| message.get(..count).unwrap_or_default());
    let mut halves = [Halves { abef: _mm_set_epi32(0, 0, 0, 0), cdgh: _mm_set_epi32(0, 0, 0, 0) }; N];
    for (halves, state) in halves.iter_mut().zip(states.iter()) {
        *halves = pack(state);
    }
    for index in 0..count {
        let before = halves;
        let [mut w0, mut w1, mut w2, mut w3] = [[_mm_set_epi32(0, 0, 0, 0); N]; 4];
        for (lane, chunk) in messages.iter().filter_map(|message| message.get(index)).enumerate() {
            [w0[lane], w1[lane], w2[lane], w3[lane]] = load(chunk);
        }
        rounds(&mut halves, &w0, 0);
        rounds(&mut halves, &w1, 1);
        rounds(&mut halves, &w2, 2);
        rounds(&mut halves, &w3, 3);
        for group in 1..4 {
            schedule(&mut w0, &w1, &w2, &w3);
            rounds(&mut halves, &w0, group * 4);
            schedule(&mut w1, &w2, &w3, &w0);
            rounds(&mut halves, &w1, group * 4 + 1);
            schedule(&mut w2, &w3, &w0, &w1);
            rounds(&mut halves, &w2, group * 4 + 2);
            schedule(&mut w3, &w0, &w1, &w2);
            rounds(&mut halves, &w3, group * 4 + 3);
        }
        for (halves, before) in halves.iter_mut().zip(&before) {
            halves.abef = _mm_add_epi32(halves.abef, before.abef);
            halves.cdgh = _mm_add_epi32(halves.cdgh, before.cdgh);
        }
    }
    for (halves, state) in halves.iter().zip(states) {
        *state = unpack(*halves);
    }
}

/// Four rounds of each message, with its four words of the schedule.
#[inline]
#[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
fn rounds<const N: usize>(halves: &mut [Halves; N], words: &[__m128i; N], four: usize) {
    let k = K[four];
    let k = _mm_set_epi32(k[3].cast_signed(), k[2].cast_signed(), k[1].cast_signed(), k[0].cast_signed());
    for (halves, &words) in halves.iter_mut().zip(words) {
        let sum = _mm_add_epi32(words, k);
        halves.cdgh = _mm_sha256rnds2_epu32(halves.cdgh, halves.abef, sum);
        halves.abef = _mm_sha256rnds2_epu32(halves.abef, halves.cdgh, _mm_shuffle_epi32::<0x0e>(sum));
    }
}

/// The next four words of each message's schedule, in place of the first of its last sixteen.
#[inline]
#[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
fn schedule<const N: usize>(
    first: &mut [__m128i; N],
    b: &[__m128i; N],
    c: &[__m128i; N],
    last: &[__m128i; N],
) {
    for (((first, &b), &c), &last) in first.iter_mut().zip(b).zip(c).zip(last) {
        let sum = _mm_add_epi32(_mm_sha256msg1_epu32(*first, b), _mm_alignr_epi8::<4>(last, c));
        *first = _mm_sha256msg2_epu32(sum, last);
    }
}

/// Sixteen big-endian words.
#[inline]
#[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
fn load(chunk: &Chunk) -> [__m128i; 4] {
    let swap = _mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203);
    let mut words = [_mm_set_epi32(0, 0, 0, 0); 4];
    for (words, bytes) in words.iter_mut().zip(chunk.as_chunks::<16>().0) {
        let both = u128::from_le_bytes(*bytes);
        *words = _mm_shuffle_epi8(_mm_set_epi64x((both >> 64) as i64, both as i64), swap);
    }
    words
}

#[inline]
#[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
fn pack(&[a, b, c, d, e, f, g, h]: &State) -> Halves {
    let words = |w3: u32, w2: u32, w1: u32, w0: u32| {
        _mm_set_epi32(w3.cast_signed(), w2.cast_signed(), w1.cast_signed(), w0.cast_signed())
    };
    Halves { abef: words(a, b, e, f), cdgh: words(c, d, g, h) }
}

#[inline]
#[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
fn unpack(halves: Halves) -> State {
    let (ab, ef) = (high(halves.abef), low(halves.abef));
    let (cd, gh) = (high(halves.cdgh), low(halves.cdgh));
    let (upper, lower) = (|pair: u64| (pair >> 32) as u32, |pair: u64| pair as u32);
    [upper(ab), lower(ab), upper(cd), lower(cd), upper(ef), lower(ef), upper(gh), lower(gh)]
}

#[inline]
#[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
fn low(words: __m128i) -> u64 {
    _mm_cvtsi128_si64(words).cast_unsigned()
}

#[inline]
#[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
fn high(words: __m128i) -> u64 {
    _mm_extract_epi64::<1>(words).cast_unsigned()
}

/// FIPS 180-4, section 4.2.2, four by four.
pub(super) const K: [[u32; 4]; 16] = [
    [0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5],
    [0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5],
    [0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3],
    [0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174],
    [0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc],
    [0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da],
    [0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7],
    [0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967],
    [0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13],
    [0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85],
    [0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3],
    [0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070],
    [0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5],
    [0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3],
    [0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208],
    [0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2],
];
