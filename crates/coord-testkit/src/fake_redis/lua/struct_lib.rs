//! The `struct` library: packing of values into binary layouts.

use mlua::{Lua, MultiValue, Table, Value};

use super::args::Args;
use super::raise::error;

/// Largest size of an integer field, bytes.
const MAX_INTEGER: usize = 32;
/// Largest alignment accepted by `!`, and the one of a bare `!`, bytes.
const MAX_ALIGN: usize = 16;
const NATIVE_ALIGN: usize = 8;

/// Builds the library table.
pub(crate) fn library(lua: &Lua) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    table.raw_set(
        "pack",
        lua.create_function(|lua, mut args: MultiValue| {
            // A nil follows the arguments, as on the stack of the original.
            args.push_back(Value::Nil);
            pack(&Args::new(lua, args))
        })?,
    )?;
    table.raw_set(
        "unpack",
        lua.create_function(|lua, args: MultiValue| unpack(&Args::new(lua, args)))?,
    )?;
    table.raw_set(
        "size",
        lua.create_function(|lua, args: MultiValue| size(&Args::new(lua, args)))?,
    )?;
    Ok(table)
}

/// A format being read, with the state its control letters set.
struct Layout<'a> {
    lua: &'a Lua,
    format: &'a [u8],
    at: usize,
    little: bool,
    align: usize,
}

impl<'a> Layout<'a> {
    fn new(lua: &'a Lua, format: &'a [u8]) -> Self {
        Self { lua, format, at: 0, little: cfg!(target_endian = "little"), align: 1 }
    }

    fn option(&mut self) -> Option<u8> {
        // A C string ends at its first zero.
        let letter = self.format.get(self.at).copied().filter(|b| *b != 0)?;
        self.at += 1;
        Some(letter)
    }

    fn number(&mut self, default: usize) -> mlua::Result<usize> {
        if !self.format.get(self.at).is_some_and(u8::is_ascii_digit) {
            return Ok(default);
        }
        let mut value = 0_usize;
        while let Some(digit) = self.format.get(self.at).filter(|b| b.is_ascii_digit()) {
            let digit = usize::from(digit - b'0');
            if value > (i32::MAX as usize) / 10 || value * 10 > (i32::MAX as usize) - digit {
                return Err(error(self.lua, "integral size overflow"));
            }
            value = value * 10 + digit;
            self.at += 1;
        }
        Ok(value)
    }

    fn size_of(&mut self, letter: u8) -> mlua::Result<usize> {
        Ok(match letter {
            b'B' | b'b' | b'x' => 1,
            b'H' | b'h' => 2,
            b'L' | b'l' | b'T' | b'd' => 8,
            b'f' => 4,
            b'c' => self.number(1)?,
            b'i' | b'I' => {
                let size = self.number(4)?;
                if size > MAX_INTEGER {
                    let text =
                        format!("integral size {size} is larger than limit of {MAX_INTEGER}");
                    return Err(error(self.lua, text));
                }
                size
            }
            _ => 0,
        })
    }

    /// Bytes of padding before a field of `size` at offset `total`.
    fn padding(&self, size: usize, letter: u8, total: usize) -> usize {
        if size == 0 || letter == b'c' {
            return 0;
        }
        let align = size.min(self.align);
        if align <= 1 { 0 } else { (align - (total & (align - 1))) & (align - 1) }
    }

    fn control(&mut self, letter: u8) -> mlua::Result<()> {
        match letter {
            b' ' => {}
            b'>' => self.little = false,
            b'<' => self.little = true,
            b'!' => {
                let align = self.number(NATIVE_ALIGN)?;
                if align == 0 || !align.is_power_of_two() {
                    return Err(error(self.lua, format!("alignment {align} is not a power of 2")));
                }
                self.align = align.min(MAX_ALIGN.max(align));
            }
            other => {
                let text = format!("invalid format option '{}'", char::from(other));
                return Err(super::raise::bad_argument(self.lua, 1, &text));
            }
        }
        Ok(())
    }

    fn ordered(&self, mut little_endian: Vec<u8>) -> Vec<u8> {
        if !self.little {
            little_endian.reverse();
        }
        little_endian
    }
}

fn pack(args: &Args<'_>) -> mlua::Result<Value> {
    let format = args.bytes(1)?;
    let mut layout = Layout::new(args.lua, &format);
    let mut index = 2;
    let mut out = Vec::new();
    while let Some(letter) = layout.option() {
        let mut size = layout.size_of(letter)?;
        out.resize(out.len() + layout.padding(size, letter, out.len()), 0);
        match letter {
            b'b' | b'B' | b'h' | b'H' | b'l' | b'L' | b'T' | b'i' | b'I' => {
                let number = args.number(index)?;
                index += 1;
                let bytes = integer_bits(number).to_le_bytes();
                let mut field = bytes[..size.min(8)].to_vec();
                // A field wider than the widest C integer repeats its bits, as
                // shifting the exhausted value yields zeros.
                field.resize(size, 0);
                out.extend(layout.ordered(field));
            }
            b'x' => out.push(0),
            b'f' => {
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "a single-precision field is asked for"
                )]
                let single = args.number(index)? as f32;
                index += 1;
                out.extend(layout.ordered(single.to_le_bytes().to_vec()));
            }
            b'd' => {
                let double = args.number(index)?;
                index += 1;
                out.extend(layout.ordered(double.to_le_bytes().to_vec()));
            }
            b'c' | b's' => {
                let text = args.bytes(index)?;
                index += 1;
                if size == 0 {
                    size = text.len();
                }
                if text.len() < size {
                    return Err(args.bad(index, "string too short"));
                }
                out.extend_from_slice(&text[..size]);
                if letter == b's' {
                    out.push(0);
                }
            }
            other => layout.control(other)?,
        }
    }
    Ok(Value::String(args.lua.create_string(&out)?))
}

/// The bits of an integer field: signed values wrap as in C.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "casts saturate and the signed case is split off"
)]
fn integer_bits(number: f64) -> u64 {
    if number < 0.0 { super::number::c_integer(number).cast_unsigned() } else { number as u64 }
}

fn unpack(args: &Args<'_>) -> mlua::Result<MultiValue> {
    let format = args.bytes(1)?;
    let data = args.bytes(2)?;
    let start = args.integer_or(3, 1)?;
    if start <= 0 {
        return Err(args.bad(3, "offset must be 1 or greater"));
    }
    let mut at = usize::try_from(start - 1).unwrap_or(usize::MAX);
    let mut layout = Layout::new(args.lua, &format);
    let mut out: Vec<Value> = Vec::new();
    let short = || args.bad(2, "data string too short");
    while let Some(letter) = layout.option() {
        let mut size = layout.size_of(letter)?;
        at = at.saturating_add(layout.padding(size, letter, at));
        if size > data.len() || at > data.len() - size {
            return Err(short());
        }
        match letter {
            b'b' | b'B' | b'h' | b'H' | b'l' | b'L' | b'T' | b'i' | b'I' => {
                let field = layout.ordered(data[at..at + size].to_vec());
                let signed = letter.is_ascii_lowercase();
                out.push(Value::Number(integer_value(&field, signed)));
            }
            b'f' => {
                let field = layout.ordered(data[at..at + 4].to_vec());
                let bytes: [u8; 4] = field.try_into().map_err(|_| short())?;
                out.push(Value::Number(f64::from(f32::from_le_bytes(bytes))));
            }
            b'd' => {
                let field = layout.ordered(data[at..at + 8].to_vec());
                let bytes: [u8; 8] = field.try_into().map_err(|_| short())?;
                out.push(Value::Number(f64::from_le_bytes(bytes)));
            }
            b'c' => {
                if size == 0 {
                    let given = out.pop().as_ref().and_then(super::args::number_value);
                    let Some(given) = given else {
                        return Err(error(args.lua, "format 'c0' needs a previous size"));
                    };
                    size = usize::try_from(super::number::c_integer(given)).unwrap_or(usize::MAX);
                    if size > data.len() || at > data.len() - size {
                        return Err(short());
                    }
                }
                out.push(Value::String(args.lua.create_string(&data[at..at + size])?));
            }
            b's' => {
                let Some(length) = data[at..].iter().position(|b| *b == 0) else {
                    return Err(error(args.lua, "unfinished string in data"));
                };
                out.push(Value::String(args.lua.create_string(&data[at..at + length])?));
                size = length + 1;
            }
            b'x' => {}
            other => layout.control(other)?,
        }
        at += size;
    }
    #[expect(clippy::cast_precision_loss, reason = "positions are far below 2^53")]
    out.push(Value::Number((at + 1) as f64));
    Ok(out.into())
}

/// An integer field as Lua's number; only its lowest 8 bytes count.
#[expect(clippy::cast_precision_loss, reason = "Lua 5.1 has doubles only")]
fn integer_value(little_endian: &[u8], signed: bool) -> f64 {
    let mut bytes = [0_u8; 8];
    let used = little_endian.len().min(8);
    bytes[..used].copy_from_slice(&little_endian[..used]);
    let value = u64::from_le_bytes(bytes);
    if !signed {
        return value as f64;
    }
    let unused = u32::try_from(64 - 8 * used).unwrap_or(0);
    if unused >= 64 {
        return 0.0;
    }
    ((value << unused).cast_signed() >> unused) as f64
}

fn size(args: &Args<'_>) -> mlua::Result<f64> {
    let format = args.bytes(1)?;
    let mut layout = Layout::new(args.lua, &format);
    let mut total = 0_usize;
    while let Some(letter) = layout.option() {
        let size = layout.size_of(letter)?;
        if letter == b's' {
            return Err(args.bad(1, "option 's' has no fixed size"));
        }
        if letter == b'c' && size == 0 {
            return Err(args.bad(1, "option 'c0' has no fixed size"));
        }
        total += layout.padding(size, letter, total) + size;
        if !letter.is_ascii_alphanumeric() {
            layout.control(letter)?;
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^53")]
    let total = total as f64;
    Ok(total)
}
