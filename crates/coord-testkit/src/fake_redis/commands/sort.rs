//! SORT and SORT_RO.

use std::cmp::Ordering;

use bytes::Bytes;

use crate::fake_redis::call::{Call, Origin};
use crate::fake_redis::failure::Failure;
use crate::fake_redis::notify;
use crate::fake_redis::number::integer;
use crate::fake_redis::reply::Reply;
use crate::fake_redis::types::List;
use crate::fake_redis::types::float::strtod;
use crate::fake_redis::value::Value;

use super::sort_partial;

/// The key that is sorted and, with STORE, the destination.
pub(crate) fn keys(args: &[Bytes]) -> Vec<usize> {
    let mut keys = vec![1];
    let mut at = 2;
    while at + 1 < args.len() {
        match args[at].to_ascii_uppercase().as_slice() {
            b"STORE" => {
                keys.truncate(1);
                keys.push(at + 1);
                at += 1;
            }
            b"LIMIT" => at += 2,
            b"GET" | b"BY" => at += 1,
            _ => {}
        }
        at += 1;
    }
    keys
}

#[derive(Debug, Default)]
struct Options {
    by: Option<Bytes>,
    gets: Vec<Bytes>,
    limit: Option<(i64, i64)>,
    descending: bool,
    alpha: bool,
    store: Option<Bytes>,
}

fn options(call: &Call<'_>) -> Result<Options, Failure> {
    let read_only = call.command.name == "sort_ro";
    let mut options = Options::default();
    let mut at = 2;
    while at < call.args.len() {
        let left = call.args.len() - at - 1;
        if call.is(at, "ASC") {
            options.descending = false;
        } else if call.is(at, "DESC") {
            options.descending = true;
        } else if call.is(at, "ALPHA") {
            options.alpha = true;
        } else if call.is(at, "LIMIT") && left >= 2 {
            options.limit = Some((integer(call.arg(at + 1))?, integer(call.arg(at + 2))?));
            at += 2;
        } else if call.is(at, "STORE") && left >= 1 && !read_only {
            options.store = Some(call.arg(at + 1).clone());
            at += 1;
        } else if call.is(at, "BY") && left >= 1 {
            options.by = Some(call.arg(at + 1).clone());
            at += 1;
        } else if call.is(at, "GET") && left >= 1 {
            options.gets.push(call.arg(at + 1).clone());
            at += 1;
        } else {
            return Err(Failure::syntax());
        }
        at += 1;
    }
    Ok(options)
}

pub(crate) fn sort(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let mut options = options(call)?;
    let key = call.arg(1);
    if let Ok(Some(set)) = call.sorted_set_mut(key) {
        // Redis walks the other encoding, and leaves the set in it.
        set.enlarge();
    }
    let value = call.read(key).map(|entry| &entry.value);
    let is_set = matches!(value, Some(Value::Set(_)));
    let is_ordered = matches!(value, Some(Value::SortedSet(_) | Value::List(_)));
    let mut items: Vec<Bytes> = match value {
        None => Vec::new(),
        Some(Value::List(list)) => list.0.iter().cloned().collect(),
        Some(Value::Set(set)) => set.members(),
        Some(Value::SortedSet(set)) => set.iter().map(|(_, member)| member.clone()).collect(),
        Some(_) => return Err(Failure::wrong_type()),
    };
    let mut sorts = options.by.as_ref().is_none_or(|by| by.contains(&b'*'));
    if !sorts && is_set && (options.store.is_some() || call.origin == Origin::Script) {
        // A set has no order of its own: what is stored or replicated must be the same everywhere.
        sorts = true;
        options.alpha = true;
        options.by = None;
    }
    if sorts {
        sort_items(call, &options, &mut items)?;
    } else if is_ordered && options.descending {
        items.reverse();
    }
    let items = limited(&items, options.limit);
    let mut output = Vec::new();
    for item in items {
        if options.gets.is_empty() {
            output.push(Some(item.clone()));
        }
        for pattern in &options.gets {
            output.push(look_up(call, pattern, item));
        }
    }
    let Some(target) = options.store else {
        let replies = output.into_iter().map(|item| item.map_or(Reply::Null, Reply::Bulk));
        return Ok(Reply::Array(replies.collect()));
    };
    let count = output.len();
    let list = List(output.into_iter().map(Option::unwrap_or_default).collect());
    call.store_result(&target, Value::List(list), notify::LIST, "sortstore");
    Ok(Reply::len(count))
}

fn limited(items: &[Bytes], limit: Option<(i64, i64)>) -> &[Bytes] {
    let Some((offset, count)) = limit else {
        return items;
    };
    &items[window(items.len(), (offset, count))]
}

/// The positions that LIMIT asks for, of `len` elements.
fn window(len: usize, (offset, count): (i64, i64)) -> std::ops::Range<usize> {
    let start = usize::try_from(offset.max(0)).unwrap_or(usize::MAX).min(len);
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    start..start.saturating_add(count).min(len)
}

/// What an item is compared by.
#[derive(Debug, Clone)]
enum Weight {
    Number(f64),
    Text(Option<Bytes>),
}

fn sort_items(
    call: &mut Call<'_>,
    options: &Options,
    items: &mut Vec<Bytes>,
) -> Result<(), Failure> {
    let mut weighed = Vec::with_capacity(items.len());
    for item in items.drain(..) {
        let by = match &options.by {
            Some(pattern) => look_up(call, pattern, &item),
            None => Some(item.clone()),
        };
        let weight =
            if options.alpha {
                Weight::Text(by)
            } else {
                let number = by.map_or(Some(0.0), |by| weight(&by));
                Weight::Number(number.ok_or(Failure::fixed(
                    "ERR One or more scores can't be converted into double",
                ))?)
            };
        weighed.push((weight, item));
    }
    let compare = |(a, a_item): &(Weight, Bytes), (b, b_item): &(Weight, Bytes)| {
        let order = match (a, b) {
            (Weight::Number(a), Weight::Number(b)) => {
                a.partial_cmp(b).unwrap_or(Ordering::Equal).then_with(|| a_item.cmp(b_item))
            }
            (Weight::Text(a), Weight::Text(b)) => a.cmp(b),
            _ => Ordering::Equal,
        };
        if options.descending { order.reverse() } else { order }
    };
    let wanted = options.limit.map_or(0..weighed.len(), |limit| window(weighed.len(), limit));
    if options.by.is_some() && wanted != (0..weighed.len()) {
        sort_partial::sort(&mut weighed, wanted, &compare);
    } else {
        weighed.sort_by(compare);
    }
    items.extend(weighed.into_iter().map(|(_, item)| item));
    Ok(())
}

/// A number as C reads it: up to a zero byte, with spaces in front.
fn weight(text: &[u8]) -> Option<f64> {
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    let parsed = strtod(text);
    let whole = parsed.len == text.len();
    (whole && !parsed.out_of_range && !parsed.value.is_nan()).then_some(parsed.value)
}

/// The value a pattern names for an item: `#`, `key_*`, `key_*->field`.
fn look_up(call: &mut Call<'_>, pattern: &Bytes, item: &Bytes) -> Option<Bytes> {
    if pattern[..] == b"#"[..] {
        return Some(item.clone());
    }
    let star = pattern.iter().position(|byte| *byte == b'*')?;
    let (before, after) = (&pattern[..star], &pattern[star + 1..]);
    let arrow = after.windows(2).position(|pair| pair == b"->").filter(|at| at + 2 < after.len());
    let (after, field) = match arrow {
        Some(at) => (&after[..at], Some(Bytes::copy_from_slice(&after[at + 2..]))),
        None => (after, None),
    };
    let key = Bytes::from([before, item, after].concat());
    match (&call.lookup(&key)?.value, field) {
        (Value::Hash(hash), Some(field)) => hash.get(&field).cloned(),
        (Value::String(text), None) => Some(Bytes::copy_from_slice(text)),
        _ => None,
    }
}
