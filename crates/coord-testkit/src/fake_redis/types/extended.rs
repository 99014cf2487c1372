//! 80-bit floats, the `long double` of x86 on which `INCRBYFLOAT` computes.

use super::big::Big;
use super::float::{Body, is_space, scan};

/// A finite or infinite number with a 64-bit significand.
///
/// The exponent is bounded as on x86 at the upper end; below, numbers smaller than the least
/// normal one count as zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extended {
    negative: bool,
    /// Top bit set, unless the number is zero.
    significand: u64,
    /// The number is significand * 2^exponent; `i32::MAX` stands for infinity.
    exponent: i32,
}

const INFINITE: i32 = i32::MAX;
/// Exponent of the greatest finite number: 2^16384 with 64 bits before the point.
const GREATEST: i32 = 16_384 - 64;
const LEAST: i32 = -16_382 - 63;

impl Extended {
    /// Reads a whole number with no space in front; `None` if it is malformed, NaN or out of
    /// range.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let scanned = scan(text);
        // Redis reads into a buffer of 5 KiB.
        let whole = !text.is_empty() && text.len() < 5 * 1024 && scanned.len == text.len();
        if !whole || is_space(text[0]) {
            return None;
        }
        let magnitude = match scanned.body {
            Body::Nothing | Body::Nan => return None,
            Body::Infinite => Self { negative: false, significand: 1 << 63, exponent: INFINITE },
            Body::Hex(digits, exponent) => in_range(Self::from_hex(digits, exponent), digits)?,
            Body::Decimal(digits, exponent) => {
                in_range(Self::from_decimal(digits, exponent), digits)?
            }
        };
        Some(Self { negative: scanned.negative, ..magnitude })
    }

    /// Whether the number is infinite.
    pub(crate) fn is_infinite(self) -> bool {
        self.exponent == INFINITE
    }

    /// The sum, rounded to nearest, ties to even.
    pub(crate) fn plus(self, other: Self) -> Self {
        if self.significand == 0 || other.is_infinite() {
            return other;
        }
        if other.significand == 0 || self.is_infinite() {
            return self;
        }
        let (big, small) =
            if self.exponent < other.exponent { (other, self) } else { (self, other) };
        let shift = big.exponent.abs_diff(small.exponent);
        let wide = u128::from(big.significand) << 63;
        let addend = u128::from(small.significand) << 63;
        let moved = addend.checked_shr(shift).unwrap_or(0);
        let lost = moved.checked_shl(shift).unwrap_or(0) != addend;
        let exponent = big.exponent - 63;
        if big.negative == small.negative {
            return Self::rounded(big.negative, wide + moved, lost, exponent);
        }
        if wide >= moved {
            // With lost bits the true difference lies just below wide - moved.
            Self::rounded(big.negative, wide - moved - u128::from(lost), lost, exponent)
        } else {
            Self::rounded(small.negative, moved - wide, lost, exponent)
        }
    }

    /// The number as `%.17Lf` prints it, without trailing zeros.
    pub(crate) fn to_text(self) -> String {
        let sign = if self.negative { "-" } else { "" };
        let digits = if self.exponent >= 0 {
            let mut number = Big::new(self.significand);
            number.shift_left(self.exponent.unsigned_abs());
            number.into_decimal()
        } else {
            let scaled = u128::from(self.significand) * 10_u128.pow(17);
            let units = shift_rounded(scaled, self.exponent.unsigned_abs());
            let text = format!("{}.{:017}", units / 10_u128.pow(17), units % 10_u128.pow(17));
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        };
        if digits == "0" { digits } else { format!("{sign}{digits}") }
    }

    /// The nearest `f64`.
    pub(crate) fn to_f64(self) -> f64 {
        if self.is_infinite() {
            return f64::INFINITY;
        }
        let mut value = f64::from(u32::try_from(self.significand >> 32).unwrap_or(0));
        value = value * 4_294_967_296.0
            + f64::from(u32::try_from(self.significand & 0xffff_ffff).unwrap_or(0));
        value * 2_f64.powi(self.exponent)
    }

    /// The number with these hexadecimal digits times 2^exponent.
    pub(crate) fn from_hex(digits: &[u8], exponent: i64) -> Self {
        let (mut bits, mut lost, mut power, mut fraction) = (0_u128, false, exponent, false);
        for &digit in digits {
            let Some(value) = char::from(digit).to_digit(16) else {
                fraction = true;
                continue;
            };
            if bits >> 124 == 0 {
                bits = bits << 4 | u128::from(value);
                power -= if fraction { 4 } else { 0 };
            } else {
                lost |= value != 0;
                power += if fraction { 0 } else { 4 };
            }
        }
        let power = power.clamp(-2_000_000, 2_000_000);
        Self::rounded(false, bits, lost, i32::try_from(power).unwrap_or(0))
    }

    fn from_decimal(digits: &[u8], exponent: i64) -> Self {
        let zero = Self { negative: false, significand: 0, exponent: 0 };
        let mut number = Big::new(0);
        let mut power = exponent;
        let mut fraction = false;
        for &digit in digits {
            if digit == b'.' {
                fraction = true;
                continue;
            }
            number.multiply_add(10, u32::from(digit - b'0'));
            power -= i64::from(fraction);
        }
        if number.is_zero() || power < -20_000 {
            return zero;
        }
        if power > 6_000 {
            return Self { exponent: INFINITE, significand: 1 << 63, ..zero };
        }
        if power >= 0 {
            (0..power).for_each(|_| number.multiply_add(10, 0));
            let (top, lost, exponent) = number.top();
            return Self::rounded(false, top, lost, i32::try_from(exponent).unwrap_or(INFINITE));
        }
        let mut divisor = Big::new(1);
        (power..0).for_each(|_| divisor.multiply_add(10, 0));
        // Scale so that the quotient has between 100 and 102 bits.
        let scale = 101 + i64::from(divisor.bits()) - i64::from(number.bits());
        let shift = u32::try_from(scale.unsigned_abs()).unwrap_or(0);
        if scale >= 0 {
            number.shift_left(shift)
        } else {
            divisor.shift_left(shift)
        }
        let (quotient, lost) = number.divide(&divisor);
        Self::rounded(false, quotient, lost, i32::try_from(-scale).unwrap_or(0))
    }

    /// bits * 2^exponent to 64 bits; `lost` tells of something below the last bit.
    fn rounded(negative: bool, bits: u128, lost: bool, exponent: i32) -> Self {
        if bits == 0 {
            return Self { negative: false, significand: 0, exponent: 0 };
        }
        let lead = bits.leading_zeros();
        let bits = bits << lead;
        let mut exponent = exponent + 64 - i32::try_from(lead).unwrap_or(0);
        let mut significand = u64::try_from(bits >> 64).unwrap_or(u64::MAX);
        let rest = u64::try_from(bits & u128::from(u64::MAX)).unwrap_or(0);
        let half = 1 << 63;
        if rest > half || (rest == half && (lost || significand & 1 == 1)) {
            significand = significand.wrapping_add(1);
            if significand == 0 {
                significand = half;
                exponent += 1;
            }
        }
        if exponent > GREATEST {
            exponent = INFINITE;
        } else if exponent < LEAST {
            (significand, exponent) = (0, 0);
        }
        Self { negative, significand, exponent }
    }
}

fn in_range(number: Extended, digits: &[u8]) -> Option<Extended> {
    let zero = digits.iter().all(|digit| matches!(digit, b'0' | b'.'));
    (!number.is_infinite() && (number.significand != 0 || zero)).then_some(number)
}

/// value / 2^shift, to nearest, ties to even.
fn shift_rounded(value: u128, shift: u32) -> u128 {
    let Some(whole) = value.checked_shr(shift) else { return 0 };
    let rest = value & ((1_u128 << shift) - 1);
    let half = 1_u128 << (shift.max(1) - 1);
    whole + u128::from(rest > half || (rest == half && whole & 1 == 1))
}
