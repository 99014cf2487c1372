//! Numbers as Redis reads and writes them.

use super::failure::Failure;

/// An integer as Redis reads it: no sign `+`, no blanks, no leading zeros.
pub(crate) fn parse_i64(bytes: &[u8]) -> Option<i64> {
    let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
    match digits {
        [b'0'] => return (bytes.len() == 1).then_some(0),
        [b'1'..=b'9', rest @ ..] if rest.iter().all(u8::is_ascii_digit) => {}
        _ => return None,
    }
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

/// [`parse_i64`], or the usual error.
pub(crate) fn integer(bytes: &[u8]) -> Result<i64, Failure> {
    parse_i64(bytes).ok_or_else(Failure::not_integer)
}

/// An integer argument that must fit into a length.
pub(crate) fn length(bytes: &[u8]) -> Result<usize, Failure> {
    usize::try_from(integer(bytes)?).map_err(|_| Failure::must_be_positive())
}

/// A float as Redis reads it: `inf` in any case, never `nan`, no blanks around it.
pub(crate) fn parse_f64(bytes: &[u8]) -> Option<f64> {
    super::types::float::parse_double(bytes)
}

/// [`parse_f64`], or the usual error.
pub(crate) fn float(bytes: &[u8]) -> Result<f64, Failure> {
    parse_f64(bytes).ok_or_else(Failure::not_float)
}

/// A double as replies show it: integers without a fraction, else 17 significant digits (`%.17g`).
pub(crate) fn format_double(value: f64) -> String {
    if value.is_nan() {
        return "nan".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf".into() } else { "-inf".into() };
    }
    if value == 0.0 {
        return if value.is_sign_negative() { "-0".into() } else { "0".into() };
    }
    #[expect(clippy::cast_possible_truncation, reason = "the bound makes the cast exact")]
    if value.fract() == 0.0 && value.abs() < 4_503_599_627_370_496.0 {
        return (value as i64).to_string();
    }
    format_g17(value)
}

/// C's `%.17g`.
pub(crate) fn format_g17(value: f64) -> String {
    format_g(value, 17)
}

/// C's `%.{digits}g` of a finite number.
pub(crate) fn format_g(value: f64, digits: usize) -> String {
    if value == 0.0 {
        return if value.is_sign_negative() { "-0".into() } else { "0".into() };
    }
    let scientific = format!("{:.*e}", digits - 1, value);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let precision = i32::try_from(digits).unwrap_or(17);
    if exponent < -4 || exponent >= precision {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{}e{sign}{:02}", trim_zeros(mantissa), exponent.abs());
    }
    let decimals = usize::try_from(precision - 1 - exponent).unwrap_or(0);
    trim_zeros(&format!("{value:.decimals$}")).to_owned()
}

fn trim_zeros(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}
