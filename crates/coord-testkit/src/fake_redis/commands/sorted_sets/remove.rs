//! Removing members one by one and by ranges.

use std::ops::Range;

use bytes::Bytes;

use crate::fake_redis::call::Call;
use crate::fake_redis::failure::Failure;
use crate::fake_redis::notify;
use crate::fake_redis::number::integer;
use crate::fake_redis::reply::Reply;
use crate::fake_redis::types::SortedSet;
use crate::fake_redis::types::list::ranks;
use crate::fake_redis::types::range::{LexRange, ScoreRange};

pub(super) fn zrem(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let (key, members) = (call.arg(1), &call.args[2..]);
    let Some(set) = call.sorted_set_mut(key)? else { return Ok(Reply::Integer(0)) };
    let removed = members.iter().filter(|member| set.remove(member).is_some()).count();
    if removed > 0 {
        call.changed(key, notify::SORTED_SET, "zrem");
    }
    Ok(Reply::len(removed))
}

pub(super) fn zremrangebyrank(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let (start, stop) = (integer(call.arg(2))?, integer(call.arg(3))?);
    remove(call, "zremrangebyrank", |set| ranks(start, stop, set.len()))
}

pub(super) fn zremrangebyscore(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let range = ScoreRange::parse(call.arg(2), call.arg(3)).ok_or(Failure::not_score_range())?;
    remove(call, "zremrangebyscore", |set| set.ranks_by_score(&range))
}

pub(super) fn zremrangebylex(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let range = LexRange::parse(call.arg(2), call.arg(3)).ok_or(Failure::not_lex_range())?;
    remove(call, "zremrangebylex", |set| set.ranks_by_lex(&range))
}

fn remove(
    call: &mut Call<'_>,
    event: &'static str,
    select: impl Fn(&SortedSet) -> Range<usize>,
) -> Result<Reply, Failure> {
    let key = call.arg(1);
    let Some(set) = call.sorted_set_mut(key)? else { return Ok(Reply::Integer(0)) };
    let ranks = select(set);
    let members: Vec<Bytes> =
        set.walk(ranks.start, ranks.len()).map(|(_, member)| member.clone()).collect();
    for member in &members {
        set.remove(member);
    }
    if !members.is_empty() {
        call.changed(key, notify::SORTED_SET, event);
    }
    Ok(Reply::len(members.len()))
}
