//! Arithmetic in the field of 256 elements whose polynomial is x^8 + x^4 + x^3 + x^2 + 1.

/// The polynomial without its highest term.
const POLYNOMIAL: u8 = 0x1d;

/// Elements other than zero: the powers of x.
pub(super) const ORDER: usize = 255;

struct Tables {
    power: [u8; ORDER],
    logarithm: [u8; 256],
}

static TABLES: Tables = tables();

#[expect(clippy::indexing_slicing, reason = "evaluated when compiling, where a bad index is an error")]
const fn tables() -> Tables {
    let mut tables = Tables { power: [0; ORDER], logarithm: [0; 256] };
    let (mut element, mut exponent) = (1_u8, 0_u8);
    while (exponent as usize) < ORDER {
        tables.power[exponent as usize] = element;
        tables.logarithm[element as usize] = exponent;
        element = (element << 1) ^ if element & 0x80 != 0 { POLYNOMIAL } else { 0 };
        exponent += 1;
    }
    tables
}

/// x to this power.
pub(super) fn power(exponent: usize) -> u8 {
    TABLES.power.get(exponent % ORDER).copied().unwrap_or_default()
}

fn logarithm(element: u8) -> usize {
    TABLES.logarithm.get(usize::from(element)).copied().unwrap_or_default().into()
}

pub(super) fn multiply(a: u8, b: u8) -> u8 {
    if a == 0 || b == 0 { 0 } else { power(logarithm(a) + logarithm(b)) }
}

/// `a / b`; 0 if `b` is, which has no inverse.
pub(super) fn divide(a: u8, b: u8) -> u8 {
    if a == 0 || b == 0 { 0 } else { power(logarithm(a) + ORDER - logarithm(b)) }
}

/// All products with one factor.
pub(super) type Products = [u8; 256];

pub(super) fn products(factor: u8) -> Products {
    let mut element = 0_u8;
    [(); 256].map(|()| {
        let product = multiply(factor, element);
        element = element.wrapping_add(1);
        product
    })
}

/// The value of a polynomial, lowest coefficient first.
pub(super) fn evaluate(polynomial: &[u8], at: u8) -> u8 {
    polynomial.iter().rev().fold(0, |value, coefficient| multiply(value, at) ^ coefficient)
}

/// The product of two polynomials, its first `len` coefficients.
pub(super) fn multiply_polynomials(a: &[u8], b: &[u8], len: usize) -> Vec<u8> {
    let mut product = vec![0; len];
    for (shift, &factor) in a.iter().enumerate() {
        for (to, &coefficient) in product.iter_mut().skip(shift).zip(b) {
            *to ^= multiply(factor, coefficient);
        }
    }
    product
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_field() {
        // Multiplication by hand: shift and reduce.
        let by_hand = |mut a: u8, b: u8| {
            let mut product = 0;
            for bit in 0..8 {
                if b >> bit & 1 == 1 {
                    product ^= a;
                }
                a = (a << 1) ^ if a & 0x80 != 0 { POLYNOMIAL } else { 0 };
            }
            product
        };
        for a in 0..=255 {
            let products = products(a);
            for b in 0..=255 {
                assert_eq!(multiply(a, b), by_hand(a, b));
                assert_eq!(products[usize::from(b)], by_hand(a, b));
                if b != 0 {
                    assert_eq!(multiply(divide(a, b), b), a);
                }
            }
        }
        assert_eq!(evaluate(&[1, 2, 3], 0), 1);
        assert_eq!(evaluate(&[1, 2, 3], 1), 1 ^ 2 ^ 3);
        assert_eq!(multiply_polynomials(&[1, 1], &[1, 1], 3), [1, 0, 1]);
    }
}
