//! C number formatting, parsing and conversion, as Lua 5.1 and Redis use them.

/// Formats like C's `%.{precision}g`; `precision` is at least 1.
pub(crate) fn format_g(value: f64, precision: usize) -> String {
    if value.is_nan() {
        return if value.is_sign_negative() { "-nan" } else { "nan" }.to_owned();
    }
    if value.is_infinite() {
        return if value < 0.0 { "-inf" } else { "inf" }.to_owned();
    }
    let digits = format!("{:.*e}", precision - 1, value);
    let (mantissa, exponent) = digits.split_once('e').unwrap_or((&digits, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let limit = i32::try_from(precision).unwrap_or(i32::MAX);
    if exponent < -4 || exponent >= limit {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{}e{sign}{:02}", strip_zeros(mantissa), exponent.unsigned_abs());
    }
    let decimals = usize::try_from(limit - 1 - exponent).unwrap_or(0);
    strip_zeros(&format!("{value:.decimals$}")).to_owned()
}

/// Lua 5.1's own number text (`%.14g`), as `tostring` and `..` show it.
pub(crate) fn lua_number_text(value: f64) -> String {
    format_g(value, 14)
}

/// The text of a number given to `redis.call` (`%.17g` in Redis 7.0).
pub(crate) fn argument_text(value: f64) -> String {
    format_g(value, 17)
}

/// C's cast of a double to a 64-bit integer as x86-64 does it: truncation, and
/// the smallest integer for everything that does not fit.
#[expect(clippy::cast_possible_truncation, reason = "the range is checked just before")]
pub(crate) fn c_integer(value: f64) -> i64 {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if (-LIMIT..LIMIT).contains(&value) { value as i64 } else { i64::MIN }
}

/// The low 32 bits of a double rounded to an integer, as the bit library takes them.
pub(crate) fn bit_integer(value: f64) -> u32 {
    // The addition rounds to even and leaves the integer in the low bits.
    let shifted = value + 6_755_399_441_055_744.0;
    u32::try_from(shifted.to_bits() & 0xffff_ffff).unwrap_or(0)
}

/// C's `strtod` at the start of `text`: the value and the bytes used, 0 bytes
/// when there is no number.
pub(crate) fn strtod(text: &[u8]) -> (f64, usize) {
    let blank = text.iter().take_while(|b| matches!(b, b' ' | 9..=13)).count();
    let mut at = blank;
    let negative = text.get(at) == Some(&b'-');
    if matches!(text.get(at), Some(b'+' | b'-')) {
        at += 1;
    }
    let rest = &text[at..];
    let (value, used) = unsigned(rest);
    if used == 0 {
        return (0.0, 0);
    }
    (if negative { -value } else { value }, at + used)
}

fn unsigned(text: &[u8]) -> (f64, usize) {
    let starts = |word: &str| {
        text.len() >= word.len() && text[..word.len()].eq_ignore_ascii_case(word.as_bytes())
    };
    if starts("infinity") {
        return (f64::INFINITY, 8);
    }
    if starts("inf") {
        return (f64::INFINITY, 3);
    }
    if starts("nan") {
        return (f64::NAN, 3);
    }
    if starts("0x") {
        let (value, used) = hexadecimal(&text[2..]);
        return if used == 0 { (0.0, 1) } else { (value, used + 2) };
    }
    let whole = digits(text);
    let mut end = whole;
    let mut fraction = 0;
    if text.get(whole) == Some(&b'.') {
        fraction = digits(&text[whole + 1..]);
        end = whole + 1 + fraction;
    }
    if whole + fraction == 0 {
        return (0.0, 0);
    }
    end += exponent(&text[end..], b'e').1;
    let parsed = std::str::from_utf8(&text[..end]).ok().and_then(|t| t.parse().ok());
    (parsed.unwrap_or(0.0), end)
}

fn hexadecimal(text: &[u8]) -> (f64, usize) {
    let mut value = 0.0_f64;
    let mut scale = 0_i32;
    let mut seen = 0;
    let mut at = 0;
    let mut point = false;
    while let Some(byte) = text.get(at) {
        if *byte == b'.' && !point {
            point = true;
        } else if let Some(digit) = char::from(*byte).to_digit(16) {
            value = value.mul_add(16.0, f64::from(digit));
            seen += 1;
            if point {
                scale -= 4;
            }
        } else {
            break;
        }
        at += 1;
    }
    if seen == 0 {
        return (0.0, 0);
    }
    let (power, used) = exponent(&text[at..], b'p');
    (value * 2.0_f64.powi(scale.saturating_add(power)), at + used)
}

/// An exponent part introduced by `mark` (either case): its value and length.
fn exponent(text: &[u8], mark: u8) -> (i32, usize) {
    if !text.first().is_some_and(|b| b.eq_ignore_ascii_case(&mark)) {
        return (0, 0);
    }
    let signed = usize::from(matches!(text.get(1), Some(b'+' | b'-')));
    let count = digits(&text[1 + signed..]);
    if count == 0 {
        return (0, 0);
    }
    let end = 1 + signed + count;
    let value = std::str::from_utf8(&text[1..end]).ok().and_then(|t| t.parse().ok());
    (value.unwrap_or(i32::MAX / 2), end)
}

fn digits(text: &[u8]) -> usize {
    text.iter().take_while(|b| b.is_ascii_digit()).count()
}

fn strip_zeros(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

#[cfg(test)]
mod tests;
