//! Lists without waiting: LPUSH, LPOP, LRANGE and their relatives.

use bytes::Bytes;

use super::arguments::{candidates, count, counted_keys, end_and_count, positive};
use super::lists_blocking::{blmove, blmpop, blpop, brpop, brpoplpush};
use crate::fake_redis::call::{Call, Origin};
use crate::fake_redis::command::{Command, Family, Keys, flag};
use crate::fake_redis::failure::Failure;
use crate::fake_redis::notify;
use crate::fake_redis::number::integer;
use crate::fake_redis::reply::Reply;
use crate::fake_redis::types::list::{End, ranks};

use flag::{BLOCKING, DENYOOM, FAST, MOVABLE_KEYS, NOSCRIPT, READONLY, WRITE};

const WAITS: u32 = WRITE | NOSCRIPT | BLOCKING;
const ADDS: u32 = WRITE | DENYOOM;

pub(crate) static FAMILY: Family = Family {
    group: "list",
    commands: &[
        Command::new("blmove", 6, WAITS | DENYOOM, Keys::TWO, blmove),
        Command::new("blmpop", -5, WRITE | BLOCKING | MOVABLE_KEYS, Keys::Counted(2), blmpop),
        Command::new("blpop", -3, WAITS, Keys::BEFORE_LAST, blpop),
        Command::new("brpop", -3, WAITS, Keys::BEFORE_LAST, brpop),
        Command::new("brpoplpush", 4, WAITS | DENYOOM, Keys::TWO, brpoplpush),
        Command::new("lindex", 3, READONLY, Keys::ONE, lindex),
        Command::new("linsert", 5, ADDS, Keys::ONE, linsert),
        Command::new("llen", 2, READONLY | FAST, Keys::ONE, llen),
        Command::new("lmove", 5, ADDS, Keys::TWO, lmove),
        Command::new("lmpop", -4, WRITE | MOVABLE_KEYS, Keys::Counted(1), lmpop),
        Command::new("lpop", -2, WRITE | FAST, Keys::ONE, |call| pop(call, End::Left)),
        Command::new("lpos", -3, READONLY, Keys::ONE, lpos),
        Command::new("lpush", -3, ADDS | FAST, Keys::ONE, |call| push(call, End::Left)),
        Command::new("lpushx", -3, ADDS | FAST, Keys::ONE, |call| push_present(call, End::Left)),
        Command::new("lrange", 4, READONLY, Keys::ONE, lrange),
        Command::new("lrem", 4, WRITE, Keys::ONE, lrem),
        Command::new("lset", 4, ADDS, Keys::ONE, lset),
        Command::new("ltrim", 4, WRITE, Keys::ONE, ltrim),
        Command::new("rpop", -2, WRITE | FAST, Keys::ONE, |call| pop(call, End::Right)),
        Command::new("rpoplpush", 3, ADDS, Keys::TWO, rpoplpush),
        Command::new("rpush", -3, ADDS | FAST, Keys::ONE, |call| push(call, End::Right)),
        Command::new("rpushx", -3, ADDS | FAST, Keys::ONE, |call| push_present(call, End::Right)),
    ],
};

/// Event of a push at this end.
const fn pushed(end: End) -> &'static str {
    match end {
        End::Left => "lpush",
        End::Right => "rpush",
    }
}

/// Event of a pop at this end.
const fn popped(end: End) -> &'static str {
    match end {
        End::Left => "lpop",
        End::Right => "rpop",
    }
}

fn push(call: &mut Call<'_>, end: End) -> Result<Reply, Failure> {
    let (key, elements) = (call.arg(1), &call.args[2..]);
    let list = call.list_or_create(key)?;
    elements.iter().for_each(|element| list.push(end, element.clone()));
    let len = list.len();
    call.changed(key, notify::LIST, pushed(end));
    Ok(Reply::len(len))
}

fn push_present(call: &mut Call<'_>, end: End) -> Result<Reply, Failure> {
    if call.list_mut(call.arg(1))?.is_none() {
        return Ok(Reply::Integer(0));
    }
    push(call, end)
}

fn pop(call: &mut Call<'_>, end: End) -> Result<Reply, Failure> {
    if call.args.len() > 3 {
        return Err(Failure::arity(&call.name()));
    }
    let key = call.arg(1);
    if call.args.len() == 2 {
        let element = call.list_mut(key)?.and_then(|list| list.pop(end));
        let Some(element) = element else { return Ok(Reply::Null) };
        call.changed(key, notify::LIST, popped(end));
        return Ok(Reply::Bulk(element));
    }
    let wanted = count(call.arg(2))?;
    if call.list_mut(key)?.is_none() {
        return Ok(Reply::NullArray);
    }
    Ok(Reply::Array(take(call, key, end, wanted)?))
}

/// Pops at most `wanted` elements of a list and tells everyone.
fn take(call: &mut Call<'_>, key: &Bytes, end: End, wanted: usize) -> Result<Vec<Reply>, Failure> {
    let Some(list) = call.list_mut(key)? else { return Ok(Vec::new()) };
    let elements: Vec<_> =
        std::iter::from_fn(|| list.pop(end)).take(wanted).map(Reply::Bulk).collect();
    if !elements.is_empty() {
        call.changed(key, notify::LIST, popped(end));
    }
    Ok(elements)
}

fn lmpop(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let given = counted_keys(call.args, 1, Failure::syntax())?;
    let (end, wanted) = end_and_count(given.rest, End::parse)?;
    Ok(first_of(call, given.keys, end, Some(wanted))?.unwrap_or(Reply::NullArray))
}

/// Pops from the first list that there is: the key with its elements, or with the one element if
/// `wanted` is none.
pub(super) fn first_of(
    call: &mut Call<'_>,
    keys: &[Bytes],
    end: End,
    wanted: Option<usize>,
) -> Result<Option<Reply>, Failure> {
    for key in candidates(call, keys) {
        if call.list_mut(&key)?.is_none() {
            continue;
        }
        let mut elements = take(call, &key, end, wanted.unwrap_or(1))?;
        let mut reply = vec![Reply::Bulk(key)];
        match wanted {
            Some(_) => reply.push(Reply::Array(elements)),
            None => reply.append(&mut elements),
        }
        return Ok(Some(Reply::Array(reply)));
    }
    Ok(None)
}

fn lrange(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let (start, stop) = (integer(call.arg(2))?, integer(call.arg(3))?);
    let Some(list) = call.list(call.arg(1))? else { return Ok(Reply::Array(Vec::new())) };
    let elements = list.0.range(ranks(start, stop, list.len()));
    Ok(Reply::Array(elements.map(|element| Reply::Bulk(element.clone())).collect()))
}

fn llen(call: &mut Call<'_>) -> Result<Reply, Failure> {
    Ok(Reply::len(call.list(call.arg(1))?.map_or(0, |list| list.len())))
}

fn lindex(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let index = call.arg(2);
    let Some(list) = call.list(call.arg(1))? else { return Ok(Reply::Null) };
    let element = list.position(integer(index)?).map(|at| list.0[at].clone());
    Ok(element.map_or(Reply::Null, Reply::Bulk))
}

fn lset(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let (key, index, element) = (call.arg(1), call.arg(2), call.arg(3));
    let list = call.list_mut(key)?.ok_or(Failure::no_such_key())?;
    let at = list.position(integer(index)?).ok_or(Failure::index_out_of_range())?;
    list.0[at] = element.clone();
    call.changed(key, notify::LIST, "lset");
    Ok(Reply::OK)
}

fn ltrim(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let key = call.arg(1);
    let (start, stop) = (integer(call.arg(2))?, integer(call.arg(3))?);
    let Some(list) = call.list_mut(key)? else { return Ok(Reply::OK) };
    let keep = ranks(start, stop, list.len());
    list.0.truncate(keep.end);
    list.0.drain(..keep.start);
    call.changed(key, notify::LIST, "ltrim");
    Ok(Reply::OK)
}

fn lrem(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let (key, unwanted) = (call.arg(1), call.arg(3));
    let count = integer(call.arg(2))?;
    let Some(list) = call.list_mut(key)? else { return Ok(Reply::Integer(0)) };
    let matching = list.0.iter().filter(|element| *element == unwanted).count();
    let limit = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    let removed = if count == 0 { matching } else { matching.min(limit) };
    // Of the matches from head to tail, those from `first` on go.
    let first = if count < 0 { matching - removed } else { 0 };
    let mut seen = 0;
    list.0.retain(|element| {
        if element != unwanted {
            return true;
        }
        seen += 1;
        !(first..first + removed).contains(&(seen - 1))
    });
    if removed > 0 {
        call.changed(key, notify::LIST, "lrem");
    }
    Ok(Reply::len(removed))
}

fn linsert(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let (key, pivot, element) = (call.arg(1), call.arg(3), call.arg(4));
    let after = call.is(2, "after");
    if !after && !call.is(2, "before") {
        return Err(Failure::syntax());
    }
    let Some(list) = call.list_mut(key)? else { return Ok(Reply::Integer(0)) };
    let Some(at) = list.0.iter().position(|element| element == pivot) else {
        return Ok(Reply::Integer(-1));
    };
    list.0.insert(at + usize::from(after), element.clone());
    let len = list.len();
    call.changed(key, notify::LIST, "linsert");
    Ok(Reply::len(len))
}

fn lpos(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let (mut rank, mut limit, mut max_len) = (1, None, 0);
    let mut options = call.args[3..].iter();
    while let Some(option) = options.next() {
        let value = options.next().ok_or(Failure::syntax())?;
        if option.eq_ignore_ascii_case(b"rank") {
            rank = integer(value)?;
            if rank == 0 {
                return Err(Failure::fixed(
                    "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list",
                ));
            }
        } else if option.eq_ignore_ascii_case(b"count") {
            limit = Some(positive(value, "ERR COUNT can't be negative")?);
        } else if option.eq_ignore_ascii_case(b"maxlen") {
            max_len = positive(value, "ERR MAXLEN can't be negative")?;
        } else {
            return Err(Failure::syntax());
        }
    }
    let wanted = call.arg(2);
    let none = if limit.is_some() { Reply::Array(Vec::new()) } else { Reply::Null };
    let Some(list) = call.list(call.arg(1))? else { return Ok(none) };
    let unbounded = |limit: usize| if limit == 0 { usize::MAX } else { limit };
    // Redis cannot negate the least number and takes it for -1.
    let skip = if rank == i64::MIN { 0 } else { rank.unsigned_abs() - 1 };
    let skip = usize::try_from(skip).unwrap_or(usize::MAX);
    let matches = |(at, element): (usize, &Bytes)| (element == wanted).then(|| Reply::len(at));
    let compared = unbounded(max_len);
    let from_head = list.0.iter().enumerate().take(compared).filter_map(matches);
    let from_tail = list.0.iter().enumerate().rev().take(compared).filter_map(matches);
    let found = |count| -> Vec<_> {
        if rank > 0 {
            from_head.skip(skip).take(count).collect()
        } else {
            from_tail.skip(skip).take(count).collect()
        }
    };
    match limit {
        Some(limit) => Ok(Reply::Array(found(unbounded(limit)))),
        None => Ok(found(1).pop().unwrap_or(Reply::Null)),
    }
}

fn lmove(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let from = End::parse(call.arg(3)).ok_or(Failure::syntax())?;
    let to = End::parse(call.arg(4)).ok_or(Failure::syntax())?;
    Ok(move_element(call, from, to)?.unwrap_or(Reply::Null))
}

fn rpoplpush(call: &mut Call<'_>) -> Result<Reply, Failure> {
    Ok(move_element(call, End::Right, End::Left)?.unwrap_or(Reply::Null))
}

/// Moves one element between the lists at arguments 1 and 2; none if there is no source.
pub(super) fn move_element(
    call: &mut Call<'_>,
    from: End,
    to: End,
) -> Result<Option<Reply>, Failure> {
    let (source, target) = (call.arg(1), call.arg(2));
    if call.list_mut(source)?.is_none() {
        return Ok(None);
    }
    if let Err(failure) = call.list_mut(target) {
        // The wait of a client ends with this error, hence it is no failure then.
        return if call.origin == Origin::Again { Ok(Some(failure.into())) } else { Err(failure) };
    }
    let Some(element) = call.list_mut(source)?.and_then(|list| list.pop(from)) else {
        return Ok(None);
    };
    call.list_or_create(target)?.push(to, element.clone());
    call.signal(target);
    call.notify(notify::LIST, pushed(to), target);
    call.changed(source, notify::LIST, popped(from));
    Ok(Some(Reply::Bulk(element)))
}
