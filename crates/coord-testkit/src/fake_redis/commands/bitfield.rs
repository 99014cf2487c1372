//! BITFIELD and BITFIELD_RO.

use crate::fake_redis::call::Call;
use crate::fake_redis::failure::Failure;
use crate::fake_redis::notify;
use crate::fake_redis::number::{integer, parse_i64};
use crate::fake_redis::reply::Reply;

use super::string_edit::MAX_STRING;

#[derive(Debug, Clone, Copy)]
enum Action {
    Get,
    Set(i64),
    Add(i64),
}

#[derive(Debug, Clone, Copy)]
enum Overflow {
    Wrap,
    Saturate,
    Fail,
}

#[derive(Debug, Clone, Copy)]
struct Step {
    action: Action,
    signed: bool,
    bits: u32,
    offset: usize,
    overflow: Overflow,
}

pub(crate) fn bitfield(call: &mut Call<'_>) -> Result<Reply, Failure> {
    run(call, false)
}

pub(crate) fn bitfield_ro(call: &mut Call<'_>) -> Result<Reply, Failure> {
    run(call, true)
}

fn run(call: &mut Call<'_>, read_only: bool) -> Result<Reply, Failure> {
    let steps = parse(call, read_only)?;
    let key = call.arg(1);
    let writes = steps.iter().any(|step| !matches!(step.action, Action::Get));
    let mut text = call.string(key)?.cloned().unwrap_or_default();
    let mut grown = false;
    if writes {
        let end = steps.iter().filter(|step| !matches!(step.action, Action::Get));
        let end = end.map(|step| (step.offset + step.bits as usize - 1) / 8 + 1).max().unwrap_or(0);
        if text.len() < end {
            grown = true;
            text.resize(end, 0);
        }
    }
    let mut replies = Vec::with_capacity(steps.len());
    let mut changes = 0;
    for step in &steps {
        let old = read(&text, step);
        let (target, reply) = match step.action {
            Action::Get => {
                replies.push(integer_reply(old));
                continue;
            }
            Action::Set(value) if step.signed => (fit_signed(step, value), old),
            // An unsigned field takes a negative number for a huge one.
            Action::Set(value) => (fit(step, i128::from(value.cast_unsigned())), old),
            Action::Add(by) => {
                let sum = fit(step, old + i128::from(by));
                (sum, sum.unwrap_or(0))
            }
        };
        match target {
            Some(value) => {
                write(&mut text, step, value);
                changes += usize::from(grown || value != old);
                replies.push(integer_reply(reply));
            }
            None => replies.push(Reply::Null),
        }
    }
    if writes {
        *call.string_or_create(key)? = text;
        call.state.dbs[call.db].mark_raw(key);
        if changes > 0 {
            call.changed(key, notify::STRING, "setbit");
        }
    }
    Ok(Reply::Array(replies))
}

fn integer_reply(value: i128) -> Reply {
    Reply::Integer(i64::try_from(value).unwrap_or(i64::MAX))
}

fn parse(call: &Call<'_>, read_only: bool) -> Result<Vec<Step>, Failure> {
    let mut steps = Vec::new();
    let mut overflow = Overflow::Wrap;
    let mut at = 2;
    while at < call.args.len() {
        let left = call.args.len() - at - 1;
        let kind = if call.is(at, "GET") && left >= 2 {
            0
        } else if call.is(at, "SET") && left >= 3 {
            1
        } else if call.is(at, "INCRBY") && left >= 3 {
            2
        } else if call.is(at, "OVERFLOW") && left >= 1 {
            overflow = if call.is(at + 1, "WRAP") {
                Overflow::Wrap
            } else if call.is(at + 1, "SAT") {
                Overflow::Saturate
            } else if call.is(at + 1, "FAIL") {
                Overflow::Fail
            } else {
                return Err(Failure::fixed("ERR Invalid OVERFLOW type specified"));
            };
            at += 2;
            continue;
        } else {
            return Err(Failure::syntax());
        };
        let (signed, bits) = field_type(call.arg(at + 1))?;
        let offset = field_offset(call.arg(at + 2), bits)?;
        if kind != 0 && read_only {
            return Err(Failure::fixed("ERR BITFIELD_RO only supports the GET subcommand"));
        }
        let action = match kind {
            0 => Action::Get,
            1 => Action::Set(integer(call.arg(at + 3))?),
            _ => Action::Add(integer(call.arg(at + 3))?),
        };
        steps.push(Step { action, signed, bits, offset, overflow });
        at += if kind == 0 { 3 } else { 4 };
    }
    Ok(steps)
}

fn field_type(bytes: &[u8]) -> Result<(bool, u32), Failure> {
    let wrong = Failure::fixed(
        "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.",
    );
    let (signed, digits) = match bytes.split_first() {
        Some((b'i', digits)) => (true, digits),
        Some((b'u', digits)) => (false, digits),
        _ => return Err(wrong),
    };
    let most = if signed { 64 } else { 63 };
    match parse_i64(digits).and_then(|bits| u32::try_from(bits).ok()) {
        Some(bits) if (1..=most).contains(&bits) => Ok((signed, bits)),
        _ => Err(wrong),
    }
}

fn field_offset(bytes: &[u8], bits: u32) -> Result<usize, Failure> {
    let wrong = || Failure::fixed("ERR bit offset is not an integer or out of range");
    let (digits, unit) = match bytes.split_first() {
        Some((b'#', digits)) => (digits, bits as usize),
        _ => (bytes, 1),
    };
    let offset =
        parse_i64(digits).and_then(|offset| usize::try_from(offset).ok()).ok_or_else(wrong)?;
    let offset = offset.checked_mul(unit).ok_or_else(wrong)?;
    if offset >> 3 < MAX_STRING { Ok(offset) } else { Err(wrong()) }
}

fn read(text: &[u8], step: &Step) -> i128 {
    let mut value: i128 = 0;
    for at in step.offset..step.offset + step.bits as usize {
        let byte = text.get(at / 8).copied().unwrap_or(0);
        value = (value << 1) | i128::from((byte >> (7 - at % 8)) & 1);
    }
    if step.signed && value >> (step.bits - 1) != 0 { value - (1 << step.bits) } else { value }
}

fn write(text: &mut [u8], step: &Step, value: i128) {
    for index in 0..step.bits as usize {
        let at = step.offset + index;
        let bit = (value >> (step.bits as usize - 1 - index)) & 1 != 0;
        let mask = 0x80 >> (at % 8);
        if bit { text[at / 8] |= mask } else { text[at / 8] &= !mask }
    }
}

/// [`fit`] of a value that is set into a signed field. Redis measures how far it lies below the
/// greatest one in 64 bits; where that overflows it takes the value for one that is too great.
fn fit_signed(step: &Step, value: i64) -> Option<i128> {
    let greatest = (1_i64 << (step.bits - 1).min(62)) - 1;
    let wraps = step.bits < 64 && greatest.checked_sub(value).is_none();
    match step.overflow {
        Overflow::Saturate if wraps => Some(i128::from(greatest)),
        _ => fit(step, i128::from(value)),
    }
}

/// The value brought into the field's range, or none where overflow fails.
fn fit(step: &Step, value: i128) -> Option<i128> {
    let (min, max) = if step.signed {
        (-(1_i128 << (step.bits - 1)), (1_i128 << (step.bits - 1)) - 1)
    } else {
        (0, (1_i128 << step.bits) - 1)
    };
    if (min..=max).contains(&value) {
        return Some(value);
    }
    match step.overflow {
        Overflow::Fail => None,
        Overflow::Saturate => Some(value.clamp(min, max)),
        Overflow::Wrap => Some((value - min).rem_euclid(1_i128 << step.bits) + min),
    }
}
