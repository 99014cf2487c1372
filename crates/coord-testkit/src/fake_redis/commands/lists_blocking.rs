//! Lists with waiting: BLPOP, BLMOVE and their relatives.

use bytes::Bytes;

use super::arguments::{counted_keys, end_and_count};
use super::lists::{first_of, move_element};
use crate::fake_redis::call::Call;
use crate::fake_redis::failure::Failure;
use crate::fake_redis::reply::Reply;
use crate::fake_redis::types::list::End;

pub(super) fn blpop(call: &mut Call<'_>) -> Result<Reply, Failure> {
    pop_or_wait(call, End::Left)
}

pub(super) fn brpop(call: &mut Call<'_>) -> Result<Reply, Failure> {
    pop_or_wait(call, End::Right)
}

fn pop_or_wait(call: &mut Call<'_>, end: End) -> Result<Reply, Failure> {
    let last = call.args.len() - 1;
    let deadline = call.timeout_deadline(call.arg(last))?;
    let keys = &call.args[1..last];
    match first_of(call, keys, end, None)? {
        Some(reply) => Ok(reply),
        None => Ok(call.block(keys.to_vec(), deadline, Reply::NullArray)),
    }
}

pub(super) fn blmpop(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let given = counted_keys(call.args, 2, Failure::syntax())?;
    let (end, wanted) = end_and_count(given.rest, End::parse)?;
    let deadline = call.timeout_deadline(call.arg(1))?;
    match first_of(call, given.keys, end, Some(wanted))? {
        Some(reply) => Ok(reply),
        None => Ok(call.block(given.keys.to_vec(), deadline, Reply::NullArray)),
    }
}

pub(super) fn blmove(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let from = End::parse(call.arg(3)).ok_or(Failure::syntax())?;
    let to = End::parse(call.arg(4)).ok_or(Failure::syntax())?;
    move_or_wait(call, from, to, call.arg(5))
}

pub(super) fn brpoplpush(call: &mut Call<'_>) -> Result<Reply, Failure> {
    move_or_wait(call, End::Right, End::Left, call.arg(3))
}

fn move_or_wait(
    call: &mut Call<'_>,
    from: End,
    to: End,
    timeout: &Bytes,
) -> Result<Reply, Failure> {
    let deadline = call.timeout_deadline(timeout)?;
    if let Some(reply) = move_element(call, from, to)? {
        return Ok(reply);
    }
    // Where it must not wait it answers as LMOVE, after a wait as BLPOP.
    if call.must_not_block() {
        return Ok(Reply::Null);
    }
    let source = call.arg(1).clone();
    Ok(call.block(vec![source], deadline, Reply::NullArray))
}
