//! Arguments and replies of ZUNION, ZINTER, ZDIFF and their storing forms.

use bytes::Bytes;

use super::combine::{Aggregate, Operation, Source, combine};
use crate::fake_redis::call::Call;
use crate::fake_redis::commands::arguments::{cardinality_limit, pairs};
use crate::fake_redis::failure::Failure;
use crate::fake_redis::notify;
use crate::fake_redis::number::{integer, parse_f64};
use crate::fake_redis::reply::Reply;
use crate::fake_redis::types::{Set, SortedSet};
use crate::fake_redis::value::{TypedValue, Value};

pub(super) fn zunion(call: &mut Call<'_>) -> Result<Reply, Failure> {
    show(call, Operation::Union)
}

pub(super) fn zinter(call: &mut Call<'_>) -> Result<Reply, Failure> {
    show(call, Operation::Intersection)
}

pub(super) fn zdiff(call: &mut Call<'_>) -> Result<Reply, Failure> {
    show(call, Operation::Difference)
}

pub(super) fn zunionstore(call: &mut Call<'_>) -> Result<Reply, Failure> {
    store(call, Operation::Union, "zunionstore")
}

pub(super) fn zinterstore(call: &mut Call<'_>) -> Result<Reply, Failure> {
    store(call, Operation::Intersection, "zinterstore")
}

pub(super) fn zdiffstore(call: &mut Call<'_>) -> Result<Reply, Failure> {
    store(call, Operation::Difference, "zdiffstore")
}

pub(super) fn zintercard(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let (sources, rest) = sources(call, 1)?;
    let limit = cardinality_limit(rest)?;
    let found = combine(&sources, Operation::Intersection, Aggregate::Sum);
    Ok(Reply::len(found.len().min(limit)))
}

fn show(call: &mut Call<'_>, operation: Operation) -> Result<Reply, Failure> {
    let (mut sources, rest) = sources(call, 1)?;
    let options = Options::parse(rest, operation, false, &mut sources)?;
    let result = combine(&sources, operation, options.aggregate);
    let found = result.iter().map(|(score, member)| (Reply::Bulk(member.clone()), score));
    if options.with_scores {
        return Ok(pairs(call.resp3, found.map(|(member, score)| (member, Reply::Double(score)))));
    }
    Ok(Reply::Array(found.map(|(member, _)| member).collect()))
}

fn store(call: &mut Call<'_>, operation: Operation, event: &'static str) -> Result<Reply, Failure> {
    let (mut sources, rest) = sources(call, 2)?;
    let options = Options::parse(rest, operation, true, &mut sources)?;
    let result = combine(&sources, operation, options.aggregate);
    let len = result.len();
    call.store_result(
        call.arg(1),
        Value::SortedSet(result.fitted(call.state.config.limits)),
        notify::SORTED_SET,
        event,
    );
    Ok(Reply::len(len))
}

/// Reads the count at `at` and the keys after it; returns the sets and what follows.
fn sources<'a>(call: &mut Call<'a>, at: usize) -> Result<(Vec<Source>, &'a [Bytes]), Failure> {
    let count = integer(call.arg(at))?;
    let Some(count) = usize::try_from(count).ok().filter(|count| *count > 0) else {
        let name = call.name();
        return Err(Failure::new(format!(
            "ERR at least 1 input key is needed for '{name}' command"
        )));
    };
    let args = call.args;
    let rest = &args[at + 1..];
    if count > rest.len() {
        return Err(Failure::syntax());
    }
    let (keys, rest) = rest.split_at(count);
    let sources = keys.iter().map(|key| source(call, key)).collect::<Result<_, _>>()?;
    Ok((sources, rest))
}

/// A sorted set, a set with scores of 1, or an empty one.
fn source(call: &mut Call<'_>, key: &Bytes) -> Result<Source, Failure> {
    let Some(entry) = call.read(key) else { return Ok(Source::new(SortedSet::default())) };
    if let Some(sorted) = SortedSet::of(&entry.value) {
        return Ok(Source::new(sorted.clone()));
    }
    let set = Set::of(&entry.value).ok_or(Failure::wrong_type())?;
    let mut sorted = SortedSet::default();
    for member in set.members() {
        sorted.insert(member, 1.0);
    }
    Ok(Source::new(sorted))
}

#[derive(Debug)]
struct Options {
    aggregate: Aggregate,
    with_scores: bool,
}

impl Options {
    /// Reads what follows the keys; weights go to the sources.
    fn parse(
        rest: &[Bytes],
        operation: Operation,
        store: bool,
        sources: &mut [Source],
    ) -> Result<Self, Failure> {
        let mut options = Self { aggregate: Aggregate::Sum, with_scores: false };
        let weighs = operation != Operation::Difference;
        let mut at = 0;
        while let Some(option) = rest.get(at) {
            let left = rest.len() - at - 1;
            match option.to_ascii_lowercase().as_slice() {
                b"weights" if weighs && left >= sources.len() => {
                    for source in &mut *sources {
                        at += 1;
                        source.weight = parse_f64(&rest[at])
                            .ok_or(Failure::fixed("ERR weight value is not a float"))?;
                    }
                }
                b"aggregate" if weighs && left >= 1 => {
                    at += 1;
                    options.aggregate = Aggregate::parse(&rest[at]).ok_or(Failure::syntax())?;
                }
                b"withscores" if !store => options.with_scores = true,
                _ => return Err(Failure::syntax()),
            }
            at += 1;
        }
        Ok(options)
    }
}
