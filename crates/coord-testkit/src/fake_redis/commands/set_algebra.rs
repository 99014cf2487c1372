//! Intersection, union and difference of sets.

use bytes::Bytes;

use super::arguments::{at_least, cardinality_limit};
use crate::fake_redis::call::Call;
use crate::fake_redis::failure::Failure;
use crate::fake_redis::notify;
use crate::fake_redis::reply::Reply;
use crate::fake_redis::types::Set;
use crate::fake_redis::value::Value;

type Operation = fn(&[Set], usize) -> Vec<Bytes>;

pub(super) fn sinter(call: &mut Call<'_>) -> Result<Reply, Failure> {
    show(call, intersection)
}

pub(super) fn sunion(call: &mut Call<'_>) -> Result<Reply, Failure> {
    show(call, union)
}

pub(super) fn sdiff(call: &mut Call<'_>) -> Result<Reply, Failure> {
    show(call, difference)
}

pub(super) fn sinterstore(call: &mut Call<'_>) -> Result<Reply, Failure> {
    store(call, intersection, "sinterstore")
}

pub(super) fn sunionstore(call: &mut Call<'_>) -> Result<Reply, Failure> {
    store(call, union, "sunionstore")
}

pub(super) fn sdiffstore(call: &mut Call<'_>) -> Result<Reply, Failure> {
    store(call, difference, "sdiffstore")
}

pub(super) fn sintercard(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let count = at_least(1, call.arg(1), "ERR numkeys should be greater than 0")?;
    let rest = &call.args[2..];
    if count > rest.len() {
        return Err(Failure::fixed("ERR Number of keys can't be greater than number of args"));
    }
    let (keys, rest) = rest.split_at(count);
    let limit = cardinality_limit(rest)?;
    let sets = sources(call, keys)?;
    Ok(Reply::len(intersection(&sets, limit).len()))
}

fn show(call: &mut Call<'_>, operation: Operation) -> Result<Reply, Failure> {
    let sets = sources(call, &call.args[1..])?;
    // Members come out in the order they would have in a stored result.
    let result = Set::from_members(call.state.config.limits, operation(&sets, usize::MAX));
    Ok(Reply::Set(result.members().into_iter().map(Reply::Bulk).collect()))
}

fn store(call: &mut Call<'_>, operation: Operation, event: &'static str) -> Result<Reply, Failure> {
    let sets = sources(call, &call.args[2..])?;
    let result = Set::from_members(call.state.config.limits, operation(&sets, usize::MAX));
    let len = result.len();
    call.store_result(call.arg(1), Value::Set(result), notify::SET, event);
    Ok(Reply::len(len))
}

/// Copies of the sets; an absent key is an empty one.
fn sources(call: &mut Call<'_>, keys: &[Bytes]) -> Result<Vec<Set>, Failure> {
    keys.iter().map(|key| Ok(call.set(key)?.cloned().unwrap_or_default())).collect()
}

/// At most `limit` members that all sets have, in the order of the smallest set.
fn intersection(sets: &[Set], limit: usize) -> Vec<Bytes> {
    let Some(smallest) = sets.iter().min_by_key(|set| set.len()) else { return Vec::new() };
    let members = smallest.members().into_iter();
    members.filter(|member| sets.iter().all(|set| set.contains(member))).take(limit).collect()
}

fn union(sets: &[Set], _limit: usize) -> Vec<Bytes> {
    sets.iter().flat_map(Set::members).collect()
}

fn difference(sets: &[Set], _limit: usize) -> Vec<Bytes> {
    let Some((first, others)) = sets.split_first() else { return Vec::new() };
    let members = first.members().into_iter();
    members.filter(|member| !others.iter().any(|set| set.contains(member))).collect()
}
