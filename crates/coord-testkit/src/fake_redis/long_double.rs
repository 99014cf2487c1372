//! Sums as the 80-bit floats of INCRBYFLOAT and HINCRBYFLOAT give them.

use super::failure::Failure;
use super::number::parse_f64;

/// Bits of the mantissa.
const MANTISSA: u32 = 64;
/// Decimals that are printed.
const DECIMALS: usize = 17;

/// Adds two numbers and writes the sum with up to 17 decimals.
pub(crate) fn add(a: &[u8], b: &[u8]) -> Result<String, Failure> {
    let (a_float, b_float) = (number(a)?, number(b)?);
    if !(a_float + b_float).is_finite() {
        return Err(Failure::fixed("ERR increment would produce NaN or Infinity"));
    }
    let exact = LongDouble::parse(a).zip(LongDouble::parse(b)).and_then(|(a, b)| a.plus(b)?.print());
    Ok(exact.unwrap_or_else(|| super::number::format_double(a_float + b_float)))
}

fn number(text: &[u8]) -> Result<f64, Failure> {
    parse_f64(text).ok_or_else(Failure::not_float)
}

/// `mantissa * 2^exponent`; the mantissa fits into 64 bits.
#[derive(Debug, Clone, Copy, PartialEq)]
struct LongDouble {
    negative: bool,
    mantissa: u128,
    exponent: i32,
}

impl LongDouble {
    /// Numbers of moderate size only: up to 19 digits before and after the point, no exponent.
    fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (digits, shift) = match digits.split_once(['e', 'E']) {
            Some((digits, shift)) => (digits, shift.parse::<i32>().ok()?),
            None => (digits, 0),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let fraction = fraction.trim_end_matches('0');
        let mut number: u128 = format!("{whole}{fraction}").parse().ok()?;
        let mut scale = i32::try_from(fraction.len()).ok()? - shift;
        if scale < 0 {
            number = number.checked_mul(10_u128.checked_pow(scale.unsigned_abs())?)?;
            scale = 0;
        }
        if number >> MANTISSA != 0 || scale > 27 {
            return None;
        }
        let ten = 10_u128.pow(scale.unsigned_abs());
        // Long division, bit by bit, until the quotient has 64 bits and one to round by.
        let (mut quotient, mut rest) = (number / ten, number % ten);
        let mut exponent = 0;
        while quotient >> MANTISSA == 0 && rest != 0 {
            rest <<= 1;
            quotient = (quotient << 1) | u128::from(rest >= ten);
            if rest >= ten {
                rest -= ten;
            }
            exponent -= 1;
            if exponent < -200 {
                return None;
            }
        }
        Some(Self { negative, mantissa: quotient, exponent }.rounded(rest != 0))
    }

    /// Rounds to the nearest 64-bit mantissa, ties to even; `more` says that the value lies above.
    fn rounded(mut self, more: bool) -> Self {
        let extra = (128 - self.mantissa.leading_zeros()).saturating_sub(MANTISSA);
        if extra == 0 {
            return self;
        }
        let dropped = self.mantissa & ((1 << extra) - 1);
        let half = 1 << (extra - 1);
        self.mantissa >>= extra;
        self.exponent += i32::try_from(extra).unwrap_or(0);
        if dropped > half || (dropped == half && (more || self.mantissa & 1 == 1)) {
            self.mantissa += 1;
        }
        self
    }

    fn plus(self, other: Self) -> Option<Self> {
        let low = self.exponent.min(other.exponent);
        let lift = |number: Self| -> Option<i128> {
            let by = u32::try_from(number.exponent - low).ok()?;
            let lifted = number.mantissa.checked_mul(1_u128.checked_shl(by)?)?;
            let lifted = i128::try_from(lifted).ok()?;
            Some(if number.negative { -lifted } else { lifted })
        };
        let sum = lift(self)?.checked_add(lift(other)?)?;
        let sum = Self { negative: sum < 0, mantissa: sum.unsigned_abs(), exponent: low };
        Some(sum.rounded(false))
    }

    /// C's `%.17Lf` without trailing zeros.
    fn print(self) -> Option<String> {
        let (whole, fraction) = match u32::try_from(-self.exponent) {
            Err(_) => (self.mantissa.checked_mul(1_u128.checked_shl(self.exponent.unsigned_abs())?)?, 0),
            Ok(bits) if bits < 128 => {
                let whole = self.mantissa >> bits;
                (whole, scaled_fraction(self.mantissa & ((1_u128 << bits) - 1), bits))
            }
            Ok(_) => (0, 0),
        };
        let unit = 10_u128.pow(u32::try_from(DECIMALS).ok()?);
        let (whole, fraction) = if fraction >= unit { (whole + 1, 0) } else { (whole, fraction) };
        let text = format!("{whole}.{fraction:0DECIMALS$}");
        let text = text.trim_end_matches('0').trim_end_matches('.');
        Some(if self.negative && text != "0" { format!("-{text}") } else { text.to_owned() })
    }
}

/// `fraction / 2^bits * 10^17`, rounded, ties to even.
fn scaled_fraction(fraction: u128, bits: u32) -> u128 {
    let mut rest = fraction;
    let mut result = 0;
    let mut bits = bits;
    // Ten times a number below 2^124 still fits.
    let mut lost = false;
    while bits > 124 {
        lost |= rest & 1 == 1;
        rest >>= 1;
        bits -= 1;
    }
    for _ in 0..DECIMALS {
        rest *= 10;
        result = result * 10 + (rest >> bits);
        rest &= (1 << bits) - 1;
    }
    let half = if bits == 0 { return result } else { 1_u128 << (bits - 1) };
    if rest > half || (rest == half && (lost || result & 1 == 1)) { result + 1 } else { result }
}
