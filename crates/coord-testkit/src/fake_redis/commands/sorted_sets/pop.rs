//! Popping from either end, with and without waiting.

use bytes::Bytes;

use crate::fake_redis::call::Call;
use crate::fake_redis::commands::arguments::{
    candidates, count, counted_keys, end_and_count, pairs,
};
use crate::fake_redis::failure::Failure;
use crate::fake_redis::notify;
use crate::fake_redis::reply::Reply;

/// Which end of the scores to take from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Min,
    Max,
}

impl End {
    fn parse(word: &[u8]) -> Option<Self> {
        if word.eq_ignore_ascii_case(b"min") {
            Some(Self::Min)
        } else if word.eq_ignore_ascii_case(b"max") {
            Some(Self::Max)
        } else {
            None
        }
    }

    const fn event(self) -> &'static str {
        match self {
            Self::Min => "zpopmin",
            Self::Max => "zpopmax",
        }
    }
}

pub(super) fn zpopmin(call: &mut Call<'_>) -> Result<Reply, Failure> {
    pop(call, End::Min)
}

pub(super) fn zpopmax(call: &mut Call<'_>) -> Result<Reply, Failure> {
    pop(call, End::Max)
}

pub(super) fn bzpopmin(call: &mut Call<'_>) -> Result<Reply, Failure> {
    pop_or_wait(call, End::Min)
}

pub(super) fn bzpopmax(call: &mut Call<'_>) -> Result<Reply, Failure> {
    pop_or_wait(call, End::Max)
}

pub(super) fn zmpop(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let given = counted_keys(call.args, 1, Failure::syntax())?;
    let (end, wanted) = end_and_count(given.rest, End::parse)?;
    Ok(first_pairs(call, given.keys, end, wanted)?.unwrap_or(Reply::NullArray))
}

pub(super) fn bzmpop(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let given = counted_keys(call.args, 2, Failure::syntax())?;
    let (end, wanted) = end_and_count(given.rest, End::parse)?;
    let deadline = call.timeout_deadline(call.arg(1))?;
    match first_pairs(call, given.keys, end, wanted)? {
        Some(reply) => Ok(reply),
        None => Ok(call.block(given.keys.to_vec(), deadline, Reply::NullArray)),
    }
}

fn pop(call: &mut Call<'_>, end: End) -> Result<Reply, Failure> {
    let key = call.arg(1);
    let (wanted, counted) = match call.args.len() {
        2 => (1, false),
        3 => (count(call.arg(2))?, true),
        _ => return Err(Failure::syntax()),
    };
    let popped = take(call, key, end, wanted)?.into_iter();
    let popped = popped.map(|(member, score)| (Reply::Bulk(member), Reply::Double(score)));
    Ok(pairs(call.resp3 && counted, popped))
}

fn pop_or_wait(call: &mut Call<'_>, end: End) -> Result<Reply, Failure> {
    let last = call.args.len() - 1;
    let deadline = call.timeout_deadline(call.arg(last))?;
    let keys = &call.args[1..last];
    let Some((key, mut popped)) = first_of(call, keys, end, 1)? else {
        return Ok(call.block(keys.to_vec(), deadline, Reply::NullArray));
    };
    let mut reply = vec![Reply::Bulk(key)];
    if let Some((member, score)) = popped.pop() {
        reply.extend([Reply::Bulk(member), Reply::Double(score)]);
    }
    Ok(Reply::Array(reply))
}

/// The reply of ZMPOP if there is a set: its key and the pairs, always nested.
fn first_pairs(
    call: &mut Call<'_>,
    keys: &[Bytes],
    end: End,
    wanted: usize,
) -> Result<Option<Reply>, Failure> {
    let Some((key, popped)) = first_of(call, keys, end, wanted)? else { return Ok(None) };
    let popped =
        popped.into_iter().map(|(member, score)| (Reply::Bulk(member), Reply::Double(score)));
    Ok(Some(Reply::Array(vec![Reply::Bulk(key), pairs(true, popped)])))
}

/// Members with their scores.
type Popped = Vec<(Bytes, f64)>;

/// Pops from the first sorted set that there is.
fn first_of(
    call: &mut Call<'_>,
    keys: &[Bytes],
    end: End,
    wanted: usize,
) -> Result<Option<(Bytes, Popped)>, Failure> {
    for key in candidates(call, keys) {
        if call.sorted_set_mut(&key)?.is_some() {
            let popped = take(call, &key, end, wanted)?;
            return Ok(Some((key, popped)));
        }
    }
    Ok(None)
}

/// Pops at most `wanted` members and tells everyone.
fn take(call: &mut Call<'_>, key: &Bytes, end: End, wanted: usize) -> Result<Popped, Failure> {
    let Some(set) = call.sorted_set_mut(key)? else { return Ok(Vec::new()) };
    let walk = match end {
        End::Min => set.walk(0, wanted),
        End::Max => set.walk_back(set.len() - 1, wanted),
    };
    let popped: Popped = walk.map(|(score, member)| (member.clone(), score)).collect();
    for (member, _) in &popped {
        set.remove(member);
    }
    if !popped.is_empty() {
        call.changed(key, notify::SORTED_SET, end.event());
    }
    Ok(popped)
}
