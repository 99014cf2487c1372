//! Lua value to JSON text, with a stack of its own instead of recursion.

use mlua::{Lua, Table, Value};

use super::super::args::{number_value, type_name};
use super::super::number::format_g;
use super::super::raise::error;
use super::{Invalid, Settings};

/// A table being written.
enum Frame {
    Array { table: Table, next: i64, length: i64 },
    Object { entries: std::vec::IntoIter<(Value, Value)>, first: bool },
}

/// Encodes `value`.
///
/// # Errors
/// Lua errors for unsupported types and keys, sparse arrays, excessive nesting
/// and invalid numbers.
pub(super) fn encode(lua: &Lua, settings: &Settings, value: Value) -> mlua::Result<Vec<u8>> {
    let mut encoder = Encoder { lua, settings, out: Vec::new(), stack: Vec::new() };
    encoder.value(value)?;
    while let Some(frame) = encoder.stack.pop() {
        encoder.step(frame)?;
    }
    Ok(encoder.out)
}

struct Encoder<'a> {
    lua: &'a Lua,
    settings: &'a Settings,
    out: Vec<u8>,
    stack: Vec<Frame>,
}

impl Encoder<'_> {
    /// Writes the next element of `frame`, or closes it.
    fn step(&mut self, frame: Frame) -> mlua::Result<()> {
        match frame {
            Frame::Array { next, length, .. } if next > length => self.out.push(b']'),
            Frame::Array { table, next, length } => {
                if next > 1 {
                    self.out.push(b',');
                }
                let value = table.raw_get(next)?;
                self.stack.push(Frame::Array { table, next: next + 1, length });
                self.value(value)?;
            }
            Frame::Object { mut entries, first } => {
                let Some((key, value)) = entries.next() else {
                    self.out.push(b'}');
                    return Ok(());
                };
                if !first {
                    self.out.push(b',');
                }
                self.key(&key)?;
                self.stack.push(Frame::Object { entries, first: false });
                self.value(value)?;
            }
        }
        Ok(())
    }

    fn value(&mut self, value: Value) -> mlua::Result<()> {
        match value {
            Value::Nil => self.out.extend_from_slice(b"null"),
            Value::LightUserData(pointer) if pointer.0.is_null() => {
                self.out.extend_from_slice(b"null")
            }
            Value::Boolean(true) => self.out.extend_from_slice(b"true"),
            Value::Boolean(false) => self.out.extend_from_slice(b"false"),
            Value::String(text) => append_string(&mut self.out, &text.as_bytes()),
            Value::Table(table) => self.open(table)?,
            other => match number_value(&other) {
                Some(number) => self.number(number)?,
                None => return Err(self.unsupported(&other, "type not supported")),
            },
        }
        Ok(())
    }

    fn open(&mut self, table: Table) -> mlua::Result<()> {
        let depth = i64::try_from(self.stack.len() + 1).unwrap_or(i64::MAX);
        if depth > self.settings.encode_depth {
            return Err(error(self.lua, format!("Cannot serialise, excessive nesting ({depth})")));
        }
        match self.array_length(&table)? {
            Some(length) if length > 0 => {
                self.out.push(b'[');
                self.stack.push(Frame::Array { table, next: 1, length });
            }
            _ => {
                let mut entries = Vec::new();
                table.for_each(|key: Value, value: Value| {
                    entries.push((key, value));
                    Ok(())
                })?;
                self.out.push(b'{');
                self.stack.push(Frame::Object { entries: entries.into_iter(), first: true });
            }
        }
        Ok(())
    }

    /// The largest index when all keys are positive integers; nothing for an object.
    fn array_length(&self, table: &Table) -> mlua::Result<Option<i64>> {
        let mut largest = 0_i64;
        let mut items = 0_i64;
        let mut object = false;
        for pair in table.pairs::<Value, Value>() {
            match pair?.0 {
                Value::Integer(key) if key >= 1 => {
                    largest = largest.max(key);
                    items += 1;
                }
                _ => {
                    object = true;
                    break;
                }
            }
        }
        if object {
            return Ok(None);
        }
        let settings = self.settings;
        let sparse = settings.sparse_ratio > 0
            && largest > items.saturating_mul(settings.sparse_ratio)
            && largest > settings.sparse_safe;
        if !sparse {
            return Ok(Some(largest));
        }
        if settings.sparse_convert {
            return Ok(None);
        }
        Err(error(self.lua, "Cannot serialise table: excessively sparse array"))
    }

    fn key(&mut self, key: &Value) -> mlua::Result<()> {
        if let Value::String(text) = key {
            append_string(&mut self.out, &text.as_bytes());
        } else if let Some(number) = number_value(key) {
            self.out.push(b'"');
            self.number(number)?;
            self.out.push(b'"');
        } else {
            return Err(self.unsupported(key, "table key must be a number or string"));
        }
        self.out.push(b':');
        Ok(())
    }

    fn number(&mut self, number: f64) -> mlua::Result<()> {
        if !number.is_finite() {
            match self.settings.encode_invalid {
                Invalid::Refuse => {
                    return Err(error(self.lua, "Cannot serialise number: must not be NaN or Inf"));
                }
                Invalid::Null => {
                    self.out.extend_from_slice(b"null");
                    return Ok(());
                }
                Invalid::Allow if number.is_nan() => {
                    self.out.extend_from_slice(b"nan");
                    return Ok(());
                }
                Invalid::Allow => {}
            }
        }
        let precision = usize::try_from(self.settings.precision).unwrap_or(14);
        self.out.extend_from_slice(format_g(number, precision).as_bytes());
        Ok(())
    }

    fn unsupported(&self, value: &Value, reason: &str) -> mlua::Error {
        error(self.lua, format!("Cannot serialise {}: {reason}", type_name(value)))
    }
}

/// Writes `text` quoted; the slash and the delete character are escaped too.
fn append_string(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    for &byte in text {
        let short = match byte {
            b'"' | b'\\' | b'/' => byte,
            8 => b'b',
            9 => b't',
            10 => b'n',
            12 => b'f',
            13 => b'r',
            0..=31 | 127 => {
                out.extend_from_slice(format!("\\u{byte:04x}").as_bytes());
                continue;
            }
            _ => {
                out.push(byte);
                continue;
            }
        };
        out.extend_from_slice(&[b'\\', short]);
    }
    out.push(b'"');
}
