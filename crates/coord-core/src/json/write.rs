//! JSON in the style of Python's `json.dumps` with its defaults.

use std::fmt::Write as _;
use std::io;

use serde_json::ser::{CompactFormatter, Formatter};

/// Appends `text` as a JSON string of ASCII characters only, escaped as Python does.
pub(crate) fn write_string(out: &mut String, text: &str) {
    out.push('"');
    // Nearly every text is plain, and this is on the path of every send.
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\') {
        out.push_str(text);
        out.push('"');
        return;
    }
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    // Writing to a String cannot fail.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
}

/// A `serde_json` formatter with Python's separators `", "` and `": "` and ASCII strings.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PythonStyle;

impl Formatter for PythonStyle {
    fn write_f64<W: ?Sized + io::Write>(&mut self, w: &mut W, value: f64) -> io::Result<()> {
        let mut shortest = Vec::with_capacity(32);
        CompactFormatter.write_f64(&mut shortest, value)?;
        w.write_all(float(&String::from_utf8_lossy(&shortest)).as_bytes())
    }

    fn write_f32<W: ?Sized + io::Write>(&mut self, w: &mut W, value: f32) -> io::Result<()> {
        let mut shortest = Vec::with_capacity(32);
        CompactFormatter.write_f32(&mut shortest, value)?;
        w.write_all(float(&String::from_utf8_lossy(&shortest)).as_bytes())
    }

    fn begin_array_value<W: ?Sized + io::Write>(
        &mut self,
        w: &mut W,
        first: bool,
    ) -> io::Result<()> {
        if first { Ok(()) } else { w.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + io::Write>(
        &mut self,
        w: &mut W,
        first: bool,
    ) -> io::Result<()> {
        if first { Ok(()) } else { w.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, w: &mut W) -> io::Result<()> {
        w.write_all(b": ")
    }

    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        w: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut escaped = String::with_capacity(fragment.len() + 2);
        write_string(&mut escaped, fragment);
        w.write_all(&escaped.as_bytes()[1..escaped.len() - 1])
    }
}

/// A finite number as Python's `repr` writes it: with an exponent, of two digits or more, below
/// 1e-4 and from 1e16 on. `text` has the same digits, the shortest ones, in any other form.
fn float(text: &str) -> String {
    let (sign, text) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let digits = all.trim_start_matches('0');
    let zeros = i64::try_from(all.len() - digits.len()).unwrap_or_default();
    let digits = digits.trim_end_matches('0');
    if digits.is_empty() {
        return format!("{sign}0.0");
    }
    // Of the first digit that counts; the exponent always is a number here.
    let before = i64::try_from(whole.len()).unwrap_or_default() - 1;
    let exponent = exponent.parse::<i64>().unwrap_or_default() + before - zeros;
    let distance = usize::try_from(exponent.unsigned_abs()).unwrap_or_default();
    let (first, rest) = digits.split_at(1);
    match exponent {
        -4..=-1 => format!("{sign}0.{}{digits}", "0".repeat(distance - 1)),
        0..=15 if digits.len() > distance + 1 => {
            let (whole, fraction) = digits.split_at(distance + 1);
            format!("{sign}{whole}.{fraction}")
        }
        0..=15 => format!("{sign}{digits}{}.0", "0".repeat(distance + 1 - digits.len())),
        _ => {
            let way = if exponent < 0 { '-' } else { '+' };
            let point = if rest.is_empty() { "" } else { "." };
            format!("{sign}{first}{point}{rest}e{way}{distance:02}")
        }
    }
}
