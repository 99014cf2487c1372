//! Lua value to MessagePack.

use mlua::{Table, Value};

use super::super::args::number_value;

/// Tables nested deeper than this are written as nil.
const MAX_NESTING: usize = 16;

/// Appends `value`; the recursion is bounded by the nesting limit.
pub(super) fn pack(value: &Value, out: &mut Vec<u8>) -> mlua::Result<()> {
    pack_at(value, 0, out)
}

fn pack_at(value: &Value, level: usize, out: &mut Vec<u8>) -> mlua::Result<()> {
    match value {
        Value::Boolean(boolean) => out.push(0xc2 + u8::from(*boolean)),
        Value::String(text) => string(&text.as_bytes(), out),
        Value::Table(table) if level < MAX_NESTING => pack_table(table, level, out)?,
        other => match number_value(other) {
            Some(number) => pack_number(number, out),
            None => out.push(0xc0),
        },
    }
    Ok(())
}

fn string(text: &[u8], out: &mut Vec<u8>) {
    let length = text.len() as u64;
    match length {
        0..=31 => out.push(0xa0 | low_byte(length)),
        32..=0xff => out.extend_from_slice(&[0xd9, low_byte(length)]),
        0x100..=0xffff => big_endian(0xda, length, 2, out),
        _ => big_endian(0xdb, length, 4, out),
    }
    out.extend_from_slice(text);
}

#[expect(clippy::cast_possible_truncation, reason = "exactness is compared after the casts")]
#[expect(clippy::cast_precision_loss, reason = "exactness is compared after the casts")]
#[expect(clippy::float_cmp, reason = "the comparison asks for exactness")]
fn pack_number(number: f64, out: &mut Vec<u8>) {
    let integer = super::super::number::c_integer(number);
    if number.is_finite() && integer as f64 == number {
        pack_integer(integer, out);
    } else if f64::from(number as f32) == number {
        out.push(0xca);
        out.extend_from_slice(&(number as f32).to_be_bytes());
    } else {
        out.push(0xcb);
        out.extend_from_slice(&number.to_be_bytes());
    }
}

fn pack_integer(integer: i64, out: &mut Vec<u8>) {
    let bits = integer.cast_unsigned();
    match integer {
        -32..=127 => out.push(low_byte(bits)),
        128..=0xff => big_endian(0xcc, bits, 1, out),
        0x100..=0xffff => big_endian(0xcd, bits, 2, out),
        0x1_0000..=0xffff_ffff => big_endian(0xce, bits, 4, out),
        0x1_0000_0000.. => big_endian(0xcf, bits, 8, out),
        -128..=-33 => big_endian(0xd0, bits, 1, out),
        -0x8000..=-129 => big_endian(0xd1, bits, 2, out),
        -0x8000_0000..=-0x8001 => big_endian(0xd2, bits, 4, out),
        _ => big_endian(0xd3, bits, 8, out),
    }
}

/// A type byte and the last `width` bytes of `bits`.
fn big_endian(kind: u8, bits: u64, width: usize, out: &mut Vec<u8>) {
    out.push(kind);
    out.extend_from_slice(&bits.to_be_bytes()[8 - width..]);
}

fn low_byte(bits: u64) -> u8 {
    bits.to_le_bytes()[0]
}

fn header(length: usize, short: u8, kind: u8, out: &mut Vec<u8>) {
    let length = length as u64;
    match length {
        0..=15 => out.push(short | low_byte(length)),
        16..=0xffff => big_endian(kind, length, 2, out),
        _ => big_endian(kind + 1, length, 4, out),
    }
}

fn pack_table(table: &Table, level: usize, out: &mut Vec<u8>) -> mlua::Result<()> {
    if is_array(table)? {
        let length = table.raw_len();
        header(length, 0x90, 0xdc, out);
        for index in 1..=length {
            pack_at(&table.get::<Value>(index)?, level + 1, out)?;
        }
        return Ok(());
    }
    let mut count = 0;
    let mut body = Vec::new();
    for pair in table.pairs::<Value, Value>() {
        let (key, value) = pair?;
        count += 1;
        pack_at(&key, level + 1, &mut body)?;
        pack_at(&value, level + 1, &mut body)?;
    }
    header(count, 0x80, 0xde, out);
    out.extend_from_slice(&body);
    Ok(())
}

/// Whether the keys are exactly 1 to n; true for an empty table.
fn is_array(table: &Table) -> mlua::Result<bool> {
    let mut largest = 0;
    let mut count = 0;
    for pair in table.pairs::<Value, Value>() {
        match pair?.0 {
            Value::Integer(key) if key > 0 => {
                largest = largest.max(key);
                count += 1;
            }
            _ => return Ok(false),
        }
    }
    Ok(largest == count)
}
