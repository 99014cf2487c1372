//! The wire's JSON, read leniently and written as the original writes it.
//!
//! The original's JSON is Python's: bare `NaN` and `Infinity`, lone surrogates in strings and
//! integers of any length are legal there. A strict parser would refuse such a message, so the
//! envelope is taken apart by spans ([`scan`]) and only the small typed fields are decoded. What
//! is not ours to read, the payload and unknown fields, stays the bytes it was.

mod scan;
mod write;

pub(crate) use scan::{Member, elements, is_valid, members};
pub(crate) use write::{PythonStyle, write_string};

/// Reads a JSON string literal; a lone surrogate, which no Rust text can hold, becomes U+FFFD.
pub(crate) fn string(raw: &str) -> Option<String> {
    serde_json::from_str(raw).ok().or_else(|| serde_json::from_str(&without_lone(raw)).ok())
}

/// A string literal with every escaped surrogate that has no partner replaced.
fn without_lone(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        out.push_str(before);
        let low_follows = |from: &str| matches!(surrogate(from), Some(0xdc00..));
        let length = match surrogate(escape) {
            Some(..0xdc00) if escape.get(6..).is_some_and(low_follows) => 12,
            Some(_) => {
                out.push_str("\\ufffd");
                rest = &escape[6..];
                continue;
            }
            // A backslash and what it escapes go together: a second backslash escapes nothing.
            None => 1 + escape[1..].chars().next().map_or(0, char::len_utf8),
        };
        out.push_str(&escape[..length]);
        rest = &escape[length..];
    }
    out.push_str(rest);
    out
}

/// The surrogate that `text` starts with in escaped form.
fn surrogate(text: &str) -> Option<u16> {
    let unit = u16::from_str_radix(text.strip_prefix("\\u")?.get(..4)?, 16).ok()?;
    (0xd800..=0xdfff).contains(&unit).then_some(unit)
}

/// Reads an integer the way the original's validation does: `5`, `5.0`, `"5"` and `true`.
pub(crate) fn integer(raw: &str) -> Option<i64> {
    match raw {
        "true" => return Some(1),
        "false" => return Some(0),
        _ => {}
    }
    let text = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(raw);
    if let Ok(number) = text.trim().parse() {
        return Some(number);
    }
    let float: f64 = text.trim().parse().ok()?;
    let whole = float.fract() == 0.0 && float.abs() < 9e15;
    #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
    whole.then_some(float as i64)
}

#[cfg(test)]
mod tests;
