//! The shortest decimal digits that read back as the same double.
//!
//! This is the Schubfach algorithm (Raffaello Giulietti, "The Schubfach way to render doubles"), by integers
//! only, since small processors have no double arithmetic. Its table of 617 powers of ten is rebuilt from 23 of
//! them: 0.5 kB instead of 10.

/// Decimal digits and the power of ten they count: `digits * 10^exponent`, no zero at the end of `digits`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    pub(super) digits: u64,
    pub(super) exponent: i32,
}

/// Width of the stored significand, and the exponent that belongs to its last bit.
const SIGNIFICAND_BITS: u32 = 52;
const EXPONENT_BIAS: i32 = 1075;

/// The shortest digits of a finite double without its sign; of several, those nearest to it.
pub(super) fn shortest(x: f64) -> Decimal {
    let bits = x.to_bits();
    let fraction = bits & ((1 << SIGNIFICAND_BITS) - 1);
    let biased = (bits >> SIGNIFICAND_BITS) as i32 & 0x7FF;
    let (c, q) = if biased == 0 {
        (fraction, 1 - EXPONENT_BIAS)
    } else {
        (fraction | 1 << SIGNIFICAND_BITS, biased - EXPONENT_BIAS)
    };
    if c == 0 {
        return Decimal { digits: 0, exponent: 0 };
    }
    // Whole numbers below 2^53 are their own digits.
    if (0..=SIGNIFICAND_BITS as i32).contains(&-q) && c.trailing_zeros() as i32 >= -q {
        return without_zeros(c >> -q, 0);
    }
    // The interval that reads back as x, in quarters of its last bit; its ends belong to it if c is even.
    let odd = c & 1;
    let lower_is_closer = fraction == 0 && biased > 1;
    let k = (q * 1_262_611 - if lower_is_closer { 524_031 } else { 0 }) >> 22;
    let h = q + ((-k * 1_741_647) >> 19) + 1;
    let power = power_of_ten(-k);
    let lower = round_to_odd(power, (4 * c - 2 + u64::from(lower_is_closer)) << h) + odd;
    let middle = round_to_odd(power, (4 * c) << h);
    let upper = round_to_odd(power, (4 * c + 2) << h) - odd;

    let s = middle / 4;
    if s >= 10 {
        let tens = s / 10;
        let down_inside = lower <= 40 * tens;
        let up_inside = 40 * tens + 40 <= upper;
        if down_inside != up_inside {
            return without_zeros(tens + u64::from(up_inside), k + 1);
        }
    }
    let down_inside = lower <= 4 * s;
    let up_inside = 4 * s + 4 <= upper;
    let up = if down_inside != up_inside {
        up_inside
    } else {
        let half = 4 * s + 2;
        middle > half || (middle == half && s & 1 == 1)
    };
    without_zeros(s + u64::from(up), k)
}

/// Moves zeros from the end of the digits into the exponent.
fn without_zeros(mut digits: u64, mut exponent: i32) -> Decimal {
    for (count, divisor) in [(8, 100_000_000), (8, 100_000_000), (4, 10_000), (2, 100), (1, 10)] {
        if digits.is_multiple_of(divisor) {
            digits /= divisor;
            exponent += count;
        }
    }
    Decimal { digits, exponent }
}

/// The upper 64 bits of `power * factor / 2^64`, the last one set if anything below it was.
fn round_to_odd(power: u128, factor: u64) -> u64 {
    let low = u128::from(power as u64) * u128::from(factor);
    let high = u128::from((power >> 64) as u64) * u128::from(factor) + (low >> 64);
    (high >> 64) as u64 | u64::from(high as u64 > 1)
}

/// The first 128 bits of 10^k, rounded up, for k from -292 to 324.
fn power_of_ten(k: i32) -> u128 {
    let place = (k - FIRST_POWER) as usize;
    let base = BASE_POWERS.get(place / STEP).copied().unwrap_or_default();
    // 10^n is 5^n but for its exponent, and 5^26 takes 61 bits.
    let factor = u128::from(power_of_five(place % STEP));
    let low = u128::from(base as u64) * factor;
    let high = u128::from((base >> 64) as u64) * factor + (low >> 64);
    let shift = 64 - high.leading_zeros() as u64;
    let product = high << (64 - shift) | u128::from(low as u64 >> shift);
    // The product may be off by one; two bits for each power say how.
    let correction = CORRECTIONS.get(place / 32).copied().unwrap_or_default() >> (2 * (place % 32)) & 3;
    product.wrapping_add(u128::from(correction)).wrapping_sub(1)
}

/// 5^n for n below 27, from two small tables.
fn power_of_five(n: usize) -> u64 {
    static ONES: [u32; 9] = [1, 5, 25, 125, 625, 3_125, 15_625, 78_125, 390_625];
    static NINES: [u64; 3] = [1, 1_953_125, 3_814_697_265_625];
    let ones = ONES.get(n % 9).copied().unwrap_or_default();
    NINES.get(n / 9).copied().unwrap_or_default() * u64::from(ones)
}

const FIRST_POWER: i32 = -292;
const STEP: usize = 27;

/// The first 128 bits of 10^-292, 10^-265 … 10^302, rounded up.
static BASE_POWERS: [u128; 23] = [
    0xFF77_B1FC_BEBC_DC4F_25E8_E89C_13BB_0F7B,
    0xCE5D_73FF_402D_98E3_FB0A_3D21_2DC8_1290,
    0xA6B3_4AD8_C9DF_C06F_F42F_AA48_C0EA_481F,
    0x86A8_D39E_F771_64BC_AE5D_FF9C_0203_3198,
    0xD98D_DAEE_1906_8C76_3BAD_D624_DD9B_0958,
    0xAFBD_2350_644E_EACF_E5D1_929E_F908_98FB,
    0x8DF5_EFAB_C597_9C8F_CA8D_3FFA_1EF4_63C2,
    0xE559_9087_9DDC_AABD_CC42_0A6A_101D_0516,
    0xB944_7093_8FA8_9BCE_F808_E40E_8D5B_3E6A,
    0x95A8_6376_2798_9AAD_DDE7_0013_79A4_4AA9,
    0xF1C9_0080_BAF7_2CB1_5324_C68B_12DD_6339,
    0xC350_0000_0000_0000_0000_0000_0000_0000,
    0x9DC5_ADA8_2B70_B59D_F020_0000_0000_0000,
    0xFEE5_0B70_25C3_6A08_02F2_36D0_4753_D5B5,
    0xCDE6_FD5E_09AB_CF26_ED4C_0226_B55E_6F87,
    0xA653_9930_BF6B_FF45_84DB_8346_B786_151D,
    0x865B_8692_5B9B_C5C2_0B8A_2392_BA45_A9B3,
    0xD910_F7FF_2806_9DA4_1B2B_A151_8094_DA05,
    0xAF58_4166_54A6_BABB_387A_C8D1_9700_27B3,
    0x8DA4_71A9_DE73_7E24_5CEA_ECFE_D289_E5D3,
    0xE4D5_E823_92A4_0515_0FAB_AF3F_EAA5_334B,
    0xB8DA_1662_E7B0_0A17_3D6A_751F_3B93_6244,
    0x9552_7A52_02DF_0CCB_0F37_801E_0C43_EBC9,
];

/// For each power from 10^-292: what to add to the product with its base, plus one.
static CORRECTIONS: [u64; 20] = [
    0xA95A_AA9A_A965_AA59,
    0xAAAA_996A_AA5A_A6AA,
    0x5041_5106_A5A6_AAA6,
    0x5965_995A_A515_4114,
    0x5A55_9556_AA56_5559,
    0xA695_9A96_A6AA_A999,
    0x6AA9_AA9A_AA69_5AAA,
    0x5654_516A_A9AA_AAAA,
    0x5665_696A_9555_6955,
    0x5555_5555_5555_5559,
    0x6A55_5555_5555_5555,
    0x9A9A_9665_699A_AAA9,
    0xA599_96A9_AAAA_A6AA,
    0x1555_5595_6965_566A,
    0xAA9A_69AA_A955_6555,
    0x5545_4555_5586_5AA6,
    0x6956_AA96_A9A6_95A4,
    0xAA69_656A_695A_AA66,
    0x6A6A_655A_AAAA_AAAA,
    0x0000_0000_0002_AAA9,
];

#[cfg(test)]
mod tests {
    use super::power_of_ten;
    use crate::json::write_f64;
    use crate::wire::{Full, Writer};
    use proptest::prelude::*;
    extern crate std;
    use std::string::String;
    use std::vec::Vec;

    fn text(x: f64) -> String {
        let mut out = [0; 32];
        let mut w = Writer::new(&mut out);
        write_f64(&mut w, x).unwrap();
        core::str::from_utf8(w.as_slice()).unwrap().into()
    }

    fn agrees(x: f64) {
        let ours = text(x);
        assert_eq!(ours.parse::<f64>().unwrap().to_bits(), x.to_bits(), "{ours}");
        assert_eq!(ours, ryu::Buffer::new().format_finite(x), "{:#x}", x.to_bits());
    }

    #[test]
    fn notation() {
        for (x, expected) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (21.0, "21.0"),
            (21.5, "21.5"),
            (-0.1, "-0.1"),
            (100.0, "100.0"),
            (0.001, "0.001"),
            (0.00001, "0.00001"),
            (0.000001, "1e-6"),
            (0.00000015, "1.5e-7"),
            (1e15, "1000000000000000.0"),
            (9_007_199_254_740_993.0, "9007199254740992.0"),
            (1e16, "1e16"),
            (1.25e17, "1.25e17"),
            (1e300, "1e300"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e308"),
            (f64::MIN_POSITIVE, "2.2250738585072014e-308"),
            (0.1 + 0.2, "0.30000000000000004"),
            (f64::NAN, "null"),
            (f64::INFINITY, "null"),
            (f64::NEG_INFINITY, "null"),
        ] {
            assert_eq!(text(x), expected);
        }
    }

    #[test]
    fn a_number_that_does_not_fit_leaves_nothing() {
        for x in [21.5, -1.7976931348623157e-308, 1e16, f64::NAN] {
            for room in 0..text(x).len() {
                let mut out = [0; 32];
                let mut w = Writer::new(&mut out[..room]);
                assert_eq!(write_f64(&mut w, x), Err(Full));
                assert_eq!(w.len(), 0);
            }
        }
    }

    #[test]
    fn edges_of_every_binary_and_decimal_power_agree_with_ryu() {
        for biased in 0..0x7FF_u64 {
            for fraction in [0, 1, 2, 3, (1 << 51) - 1, 1 << 51, (1 << 52) - 2, (1 << 52) - 1] {
                agrees(f64::from_bits(biased << 52 | fraction));
            }
        }
        for power in -323..=308 {
            let x: f64 = std::format!("1e{power}").parse().unwrap();
            for near in x.to_bits() - 1..=x.to_bits() + 1 {
                agrees(f64::from_bits(near));
            }
        }
    }

    #[test]
    fn random_doubles_agree_with_ryu() {
        // xorshift64*: the same numbers in every run.
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        let mut next = || {
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            state.wrapping_mul(0x2545_F491_4F6C_DD1D)
        };
        for _ in 0..300_000 {
            let x = f64::from_bits(next());
            if x.is_finite() {
                agrees(x);
            }
            // As measured values look: up to nine digits, up to six of them decimals.
            let decimal =
                (next() % 1_000_000_000) as f64 / [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6][next() as usize % 7];
            agrees(decimal);
            // Whole numbers round the edge of exactness.
            agrees((next() >> (next() % 64)) as f64);
        }
    }

    /// A whole number of any size, lowest word first.
    fn times_ten_to(number: u128, power: u32) -> Vec<u32> {
        let mut words: Vec<u32> = (0..4).map(|word| (number >> (32 * word)) as u32).collect();
        for _ in 0..power {
            let mut carry = 0_u64;
            for word in &mut words {
                carry += u64::from(*word) * 10;
                *word = carry as u32;
                carry >>= 32;
            }
            words.push(carry as u32);
        }
        words
    }

    fn bits(number: &[u32]) -> usize {
        let top = number.iter().rposition(|word| *word != 0).unwrap();
        32 * top + 32 - number[top].leading_zeros() as usize
    }

    /// A power that is off in its last bit shows in few doubles, if in any; here it shows.
    #[test]
    fn every_power_of_ten_is_exact_and_rounded_up() {
        for k in 0..=324 {
            let exact = times_ten_to(1, k);
            let length = bits(&exact);
            let bit = |at: usize| exact[at / 32] >> (at % 32) & 1;
            let first = (0..128).fold(0, |first: u128, place| {
                first << 1 | if place < length { u128::from(bit(length - 1 - place)) } else { 0 }
            });
            let more = (0..length.saturating_sub(128)).any(|at| bit(at) == 1);
            assert_eq!(power_of_ten(k as i32), first + u128::from(more), "10^{k}");
        }
        for k in 1..=292 {
            // The least number that times 10^k reaches a power of two.
            let power = power_of_ten(-(k as i32));
            assert_eq!(power.leading_zeros(), 0);
            assert!(bits(&times_ten_to(power, k)) > bits(&times_ten_to(power - 1, k)), "10^-{k}");
        }
    }

    proptest! {
        #[test]
        fn any_double_agrees_with_ryu(x in prop::num::f64::ANY) {
            if x.is_finite() {
                agrees(x);
            }
        }
    }
}
