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

/// Reads a JSON string literal.
pub(crate) fn string(raw: &str) -> Option<String> {
    serde_json::from_str(raw).ok()
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
