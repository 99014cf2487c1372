//! Floating-point numbers as C reads them.

use super::extended::Extended;

/// What [`strtod`] read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Parsed {
    /// The number, 0 if there is none.
    pub(crate) value: f64,
    /// Bytes read.
    pub(crate) len: usize,
    /// Whether the text is finite and not zero, but the number is infinite or zero.
    pub(crate) out_of_range: bool,
}

/// A number as scanned from text, before it is rounded to some width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scanned<'a> {
    /// Bytes read, 0 if there is no number.
    pub(crate) len: usize,
    /// Whether there is a minus sign.
    pub(crate) negative: bool,
    /// The unsigned part.
    pub(crate) body: Body<'a>,
}

/// The unsigned part of a scanned number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body<'a> {
    /// No number at all.
    Nothing,
    /// `inf` or `infinity`.
    Infinite,
    /// `nan`.
    Nan,
    /// Digits with an optional dot, and a power of ten.
    Decimal(&'a [u8], i64),
    /// Hexadecimal digits with an optional dot, and a power of two.
    Hex(&'a [u8], i64),
}

/// Reads the longest number at the start of `text`, as C's `strtod` does.
pub(crate) fn strtod(text: &[u8]) -> Parsed {
    let scanned = scan(text);
    let magnitude = match scanned.body {
        Body::Nothing => 0.0,
        Body::Infinite => f64::INFINITY,
        Body::Nan => f64::NAN,
        Body::Decimal(digits, exponent) => {
            let digits = std::str::from_utf8(digits).unwrap_or("0");
            format!("{digits}e{exponent}").parse().unwrap_or(0.0)
        }
        Body::Hex(digits, exponent) => Extended::from_hex(digits, exponent).to_f64(),
    };
    let finite = matches!(scanned.body, Body::Decimal(..) | Body::Hex(..));
    let zero = match scanned.body {
        Body::Decimal(digits, _) | Body::Hex(digits, _) => {
            digits.iter().all(|digit| matches!(digit, b'0' | b'.'))
        }
        _ => true,
    };
    let out_of_range = finite && (magnitude.is_infinite() || (magnitude == 0.0 && !zero));
    let value = if scanned.negative { -magnitude } else { magnitude };
    Parsed { value, len: scanned.len, out_of_range }
}

/// A float argument as Redis takes it: whole, no space in front, in range, not NaN.
pub(crate) fn parse_double(text: &[u8]) -> Option<f64> {
    let parsed = strtod(text);
    let whole = !text.is_empty() && parsed.len == text.len() && !is_space(text[0]);
    (whole && !parsed.out_of_range && !parsed.value.is_nan()).then_some(parsed.value)
}

/// Finds the number at the start of `text`.
pub(crate) fn scan(text: &[u8]) -> Scanned<'_> {
    let mut at = text.iter().take_while(|&&byte| is_space(byte)).count();
    let negative = text.get(at) == Some(&b'-');
    at += usize::from(matches!(text.get(at), Some(b'-' | b'+')));
    let rest = &text[at..];
    let (body, len) = if starts_with(rest, b"infinity") {
        (Body::Infinite, 8)
    } else if starts_with(rest, b"inf") {
        (Body::Infinite, 3)
    } else if starts_with(rest, b"nan") {
        (Body::Nan, 3 + nan_payload(&rest[3..]))
    } else if starts_with(rest, b"0x") && digits(&rest[2..], u8::is_ascii_hexdigit).1 {
        let (len, _) = digits(&rest[2..], u8::is_ascii_hexdigit);
        let (exponent, tail) = exponent(&rest[2 + len..], b'p');
        (Body::Hex(&rest[2..2 + len], exponent), 2 + len + tail)
    } else {
        match digits(rest, u8::is_ascii_digit) {
            (_, false) => return Scanned { len: 0, negative: false, body: Body::Nothing },
            (len, true) => {
                let (exponent, tail) = exponent(&rest[len..], b'e');
                (Body::Decimal(&rest[..len], exponent), len + tail)
            }
        }
    };
    Scanned { len: at + len, negative, body }
}

/// Whether C's `isspace` holds.
pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

fn starts_with(text: &[u8], word: &[u8]) -> bool {
    text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
}

fn nan_payload(text: &[u8]) -> usize {
    let inner = text.iter().skip(1).take_while(|b| b.is_ascii_alphanumeric() || **b == b'_');
    let len = 1 + inner.count();
    if text.first() == Some(&b'(') && text.get(len) == Some(&b')') { len + 1 } else { 0 }
}

/// Length of digits with at most one dot, and whether there is a digit.
fn digits(text: &[u8], is_digit: impl Fn(&u8) -> bool) -> (usize, bool) {
    let (mut dot, mut any, mut len) = (false, false, 0);
    for byte in text {
        if is_digit(byte) {
            any = true;
        } else if *byte == b'.' && !dot {
            dot = true;
        } else {
            break;
        }
        len += 1;
    }
    (len, any)
}

/// Exponent and its length in bytes; 0 if there is none.
fn exponent(text: &[u8], mark: u8) -> (i64, usize) {
    if !text.first().is_some_and(|byte| byte.eq_ignore_ascii_case(&mark)) {
        return (0, 0);
    }
    let signed = usize::from(matches!(text.get(1), Some(b'-' | b'+')));
    let digits = &text[1 + signed..];
    let len = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if len == 0 {
        return (0, 0);
    }
    // Anything beyond this bound is out of the range of every width anyway.
    let value = digits[..len]
        .iter()
        .fold(0_i64, |value, digit| (value * 10 + i64::from(digit - b'0')).min(1_000_000));
    (if text[1] == b'-' { -value } else { value }, 1 + signed + len)
}
