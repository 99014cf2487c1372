//! Strings changed or read in part: counters, APPEND, ranges.

use std::ops::Range;

use bytes::Bytes;

use crate::fake_redis::call::Call;
use crate::fake_redis::failure::Failure;
use crate::fake_redis::notify;
use crate::fake_redis::number::{integer, parse_i64};
use crate::fake_redis::reply::Reply;
use crate::fake_redis::types::extended::Extended;
use crate::fake_redis::value::Value;

/// Longest string (`proto-max-bulk-len`), in bytes.
pub(crate) const MAX_STRING: usize = 512 * 1024 * 1024;

pub(crate) const TOO_LONG: Failure =
    Failure::fixed("ERR string exceeds maximum allowed size (proto-max-bulk-len)");

pub(crate) fn incr(call: &mut Call<'_>) -> Result<Reply, Failure> {
    add(call, 1)
}

pub(crate) fn decr(call: &mut Call<'_>) -> Result<Reply, Failure> {
    add(call, -1)
}

pub(crate) fn incrby(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let by = integer(call.arg(2))?;
    add(call, by)
}

pub(crate) fn decrby(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let by = integer(call.arg(2))?;
    let by = by.checked_neg().ok_or(Failure::fixed("ERR decrement would overflow"))?;
    add(call, by)
}

fn add(call: &mut Call<'_>, by: i64) -> Result<Reply, Failure> {
    let key: &Bytes = call.arg(1);
    let old = match call.string(key)? {
        Some(text) => parse_i64(text).ok_or_else(Failure::not_integer)?,
        None => 0,
    };
    let new = old.checked_add(by).ok_or_else(Failure::overflow)?;
    call.put_keeping_expiry(key, Value::String(new.to_string().into_bytes()));
    call.changed(key, notify::STRING, "incrby");
    Ok(Reply::Integer(new))
}

pub(crate) fn incrbyfloat(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let key: &Bytes = call.arg(1);
    let old = call.string(key)?.cloned().unwrap_or_else(|| b"0".to_vec());
    let old = Extended::parse(&old).ok_or_else(Failure::not_float)?;
    let new = old.plus(Extended::parse(call.arg(2)).ok_or_else(Failure::not_float)?);
    if new.is_infinite() {
        return Err(Failure::fixed("ERR increment would produce NaN or Infinity"));
    }
    let new = new.to_text();
    call.put_keeping_expiry(key, Value::String(new.clone().into_bytes()));
    call.state.dbs[call.db].mark_text(key);
    call.changed(key, notify::STRING, "incrbyfloat");
    Ok(Reply::bulk(new))
}

pub(crate) fn append(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let (key, more) = (call.arg(1), call.arg(2));
    let existed = call.exists(key);
    let text = call.string_or_create(key)?;
    if text.len() + more.len() > MAX_STRING {
        return Err(TOO_LONG);
    }
    text.extend_from_slice(more);
    let len = text.len();
    if existed {
        call.state.dbs[call.db].mark_raw(key);
    }
    call.changed(key, notify::STRING, "append");
    Ok(Reply::len(len))
}

pub(crate) fn strlen(call: &mut Call<'_>) -> Result<Reply, Failure> {
    Ok(Reply::len(call.string(call.arg(1))?.map_or(0, Vec::len)))
}

pub(crate) fn getrange(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let (start, end) = (integer(call.arg(2))?, integer(call.arg(3))?);
    let text = call.string(call.arg(1))?;
    let part = text.and_then(|text| range(text.len(), start, end).map(|range| &text[range]));
    Ok(Reply::bulk(part.unwrap_or_default()))
}

/// The bytes from `start` to `end`, both included and counted from the end where negative.
pub(crate) fn range(len: usize, start: i64, end: i64) -> Option<Range<usize>> {
    let total = i64::try_from(len).unwrap_or(i64::MAX);
    if start < 0 && end < 0 && start > end {
        return None;
    }
    let start = if start < 0 { (total.saturating_add(start)).max(0) } else { start };
    let end = if end < 0 { (total.saturating_add(end)).max(0) } else { end.min(total - 1) };
    if start > end || total == 0 {
        return None;
    }
    Some(usize::try_from(start).ok()?..usize::try_from(end).ok()? + 1)
}

pub(crate) fn setrange(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let offset = integer(call.arg(2))?;
    let offset =
        usize::try_from(offset).map_err(|_| Failure::fixed("ERR offset is out of range"))?;
    let (key, part) = (call.arg(1), call.arg(3));
    let len = call.string(key)?.map_or(0, Vec::len);
    if part.is_empty() {
        return Ok(Reply::len(len));
    }
    if offset.saturating_add(part.len()) > MAX_STRING {
        return Err(TOO_LONG);
    }
    let text = call.string_or_create(key)?;
    let end = offset + part.len();
    if text.len() < end {
        text.resize(end, 0);
    }
    text[offset..end].copy_from_slice(part);
    let len = text.len();
    call.state.dbs[call.db].mark_raw(key);
    call.changed(key, notify::STRING, "setrange");
    Ok(Reply::len(len))
}
