//! Bits of strings.

use crate::fake_redis::call::Call;
use crate::fake_redis::command::{Command, Family, Keys, flag};
use crate::fake_redis::failure::Failure;
use crate::fake_redis::notify;
use crate::fake_redis::number::{integer, parse_i64};
use crate::fake_redis::reply::Reply;
use crate::fake_redis::value::Value;

use super::bitfield;
use super::string_edit::MAX_STRING;
use flag::{DENYOOM, FAST, READONLY, WRITE};

pub(crate) static FAMILY: Family = Family {
    group: "bitmap",
    commands: &[
        Command::new("setbit", 4, WRITE | DENYOOM, Keys::ONE, setbit),
        Command::new("getbit", 3, READONLY | FAST, Keys::ONE, getbit),
        Command::new("bitcount", -2, READONLY, Keys::ONE, bitcount),
        Command::new("bitpos", -3, READONLY, Keys::ONE, bitpos),
        Command::new(
            "bitop",
            -4,
            WRITE | DENYOOM,
            Keys::Range { first: 2, last: -1, step: 1 },
            bitop,
        ),
        Command::new("bitfield", -2, WRITE | DENYOOM, Keys::ONE, bitfield::bitfield),
        Command::new("bitfield_ro", -2, READONLY | FAST, Keys::ONE, bitfield::bitfield_ro),
    ],
};

/// A bit offset below the longest string.
pub(crate) fn bit_offset(bytes: &[u8]) -> Result<usize, Failure> {
    parse_i64(bytes)
        .and_then(|offset| usize::try_from(offset).ok())
        .filter(|offset| offset >> 3 < MAX_STRING)
        .ok_or(Failure::fixed("ERR bit offset is not an integer or out of range"))
}

fn setbit(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let offset = bit_offset(call.arg(2))?;
    let on = match parse_i64(call.arg(3)) {
        Some(0) => false,
        Some(1) => true,
        _ => return Err(Failure::fixed("ERR bit is not an integer or out of range")),
    };
    let key = call.arg(1);
    let text = call.string_or_create(key)?;
    let byte = offset >> 3;
    let grows = text.len() <= byte;
    if grows {
        text.resize(byte + 1, 0);
    }
    let mask = 0x80 >> (offset & 7);
    let old = text[byte] & mask != 0;
    if on {
        text[byte] |= mask
    } else {
        text[byte] &= !mask
    }
    call.state.dbs[call.db].mark_raw(key);
    if grows || old != on {
        call.changed(key, notify::STRING, "setbit");
    }
    Ok(Reply::flag(old))
}

fn getbit(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let offset = bit_offset(call.arg(2))?;
    let text = call.string(call.arg(1))?;
    let byte = text.and_then(|text| text.get(offset >> 3)).copied().unwrap_or(0);
    Ok(Reply::flag(byte & (0x80 >> (offset & 7)) != 0))
}

/// Whether the unit argument at `at` says BIT.
fn in_bits(call: &Call<'_>, at: usize) -> Result<bool, Failure> {
    match call.args.get(at) {
        None => Ok(false),
        Some(_) if call.is(at, "BIT") => Ok(true),
        Some(_) if call.is(at, "BYTE") => Ok(false),
        Some(_) => Err(Failure::syntax()),
    }
}

/// First and last bit, both included, of a range in bits or bytes; none if it is empty.
fn bit_range(len: usize, start: i64, end: i64, bits: bool) -> Option<(usize, usize)> {
    let unit = if bits { 1 } else { 8 };
    let total = i64::try_from(len * 8 / unit).ok()?;
    let start = if start < 0 { total.saturating_add(start).max(0) } else { start };
    let end = if end < 0 { total.saturating_add(end).max(0) } else { end.min(total - 1) };
    if start > end || total == 0 {
        return None;
    }
    let (start, end) = (usize::try_from(start).ok()?, usize::try_from(end).ok()?);
    Some((start * unit, end * unit + unit - 1))
}

fn bitcount(call: &mut Call<'_>) -> Result<Reply, Failure> {
    if call.string(call.arg(1))?.is_none() {
        return Ok(Reply::Integer(0));
    }
    let range = match call.args.len() {
        2 => None,
        4 | 5 => Some((integer(call.arg(2))?, integer(call.arg(3))?, in_bits(call, 4)?)),
        _ => return Err(Failure::syntax()),
    };
    let Some(text) = call.string(call.arg(1))? else {
        return Ok(Reply::Integer(0));
    };
    let (start, end, bits) = range.unwrap_or((0, -1, false));
    if start < 0 && end < 0 && start > end {
        return Ok(Reply::Integer(0));
    }
    let Some((from, to)) = bit_range(text.len(), start, end, bits) else {
        return Ok(Reply::Integer(0));
    };
    let mut count = 0;
    for (byte, value) in text.iter().enumerate().take(to / 8 + 1).skip(from / 8) {
        let mut value = *value;
        if byte == from / 8 {
            value &= 0xff >> (from % 8);
        }
        if byte == to / 8 {
            value &= 0xff << (7 - to % 8);
        }
        count += i64::from(value.count_ones());
    }
    Ok(Reply::Integer(count))
}

fn bitpos(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let wanted = match integer(call.arg(2))? {
        0 => false,
        1 => true,
        _ => return Err(Failure::fixed("ERR The bit argument must be 1 or 0.")),
    };
    if call.string(call.arg(1))?.is_none() {
        return Ok(Reply::Integer(if wanted { -1 } else { 0 }));
    }
    let given_end = call.args.len() > 4;
    let (start, end, bits) = match call.args.len() {
        3 => (0, -1, false),
        4 => (integer(call.arg(3))?, -1, false),
        5 | 6 => {
            let bits = in_bits(call, 5)?;
            (integer(call.arg(3))?, integer(call.arg(4))?, bits)
        }
        _ => return Err(Failure::syntax()),
    };
    let Some(text) = call.string(call.arg(1))? else {
        return Ok(Reply::Integer(if wanted { -1 } else { 0 }));
    };
    let Some((from, to)) = bit_range(text.len(), start, end, bits) else {
        return Ok(Reply::Integer(-1));
    };
    let hit = (from..=to).find(|at| (text[at / 8] & (0x80 >> (at % 8)) != 0) == wanted);
    Ok(match hit {
        Some(at) => Reply::len(at),
        // A string is followed by zeros for ever, unless the caller said where it ends.
        None if !wanted && !given_end => Reply::len(to + 1),
        None => Reply::Integer(-1),
    })
}

fn bitop(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let not = call.is(1, "NOT");
    let combine: fn(u8, u8) -> u8 = if call.is(1, "AND") {
        |a, b| a & b
    } else if call.is(1, "OR") {
        |a, b| a | b
    } else if call.is(1, "XOR") {
        |a, b| a ^ b
    } else if not {
        |a, _| a
    } else {
        return Err(Failure::syntax());
    };
    if not && call.args.len() != 4 {
        return Err(Failure::fixed("ERR BITOP NOT must be called with a single source key."));
    }
    let mut sources = Vec::new();
    for key in &call.args[3..] {
        sources.push(call.string(key)?.cloned().unwrap_or_default());
    }
    let len = sources.iter().map(Vec::len).max().unwrap_or(0);
    let result: Vec<u8> = (0..len)
        .map(|at| {
            let mut bytes = sources.iter().map(|source| source.get(at).copied().unwrap_or(0));
            let first = bytes.next().unwrap_or(0);
            let value = bytes.fold(first, combine);
            if not { !value } else { value }
        })
        .collect();
    let key = call.arg(2);
    if result.is_empty() {
        call.delete(key, "del");
        return Ok(Reply::Integer(0));
    }
    call.put(key, Value::String(result));
    call.state.dbs[call.db].mark_raw(key);
    call.changed(key, notify::STRING, "set");
    Ok(Reply::len(len))
}
