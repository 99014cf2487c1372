//! XLEN, XRANGE and XREVRANGE.

use super::{count_reply, entry_reply, interval_end, interval_start};
use crate::fake_redis::call::Call;
use crate::fake_redis::failure::Failure;
use crate::fake_redis::number::integer;
use crate::fake_redis::reply::Reply;
use crate::fake_redis::types::stream::Stream;

pub(super) fn xlen(call: &mut Call<'_>) -> Result<Reply, Failure> {
    Ok(count_reply(call.stream(call.arg(1))?.map_or(0, Stream::len)))
}

pub(super) fn xrange(call: &mut Call<'_>) -> Result<Reply, Failure> {
    range(call, false)
}

pub(super) fn xrevrange(call: &mut Call<'_>) -> Result<Reply, Failure> {
    range(call, true)
}

fn range(call: &mut Call<'_>, reversed: bool) -> Result<Reply, Failure> {
    let (first, last) = if reversed { (3, 2) } else { (2, 3) };
    let start = interval_start(call.arg(first))?;
    let end = interval_end(call.arg(last))?;
    let mut count = usize::MAX;
    for pair in call.args[4..].chunks(2) {
        match pair {
            [option, value] if option.eq_ignore_ascii_case(b"count") => {
                count = usize::try_from(integer(value)?).unwrap_or(0);
            }
            _ => return Err(Failure::syntax()),
        }
    }
    let Some(stream) = call.stream(call.arg(1))? else {
        return Ok(Reply::Array(Vec::new()));
    };
    if count == 0 {
        return Ok(Reply::NullArray);
    }
    let entries = stream.range(start, end).map(|(id, fields)| entry_reply(id, Some(fields)));
    Ok(Reply::Array(if reversed {
        entries.rev().take(count).collect()
    } else {
        entries.take(count).collect()
    }))
}
