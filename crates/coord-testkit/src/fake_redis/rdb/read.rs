//! Reading a value.

use bytes::Bytes;

use super::coding::Reader;
use super::{kind, packed, stream};
use crate::fake_redis::number::parse_f64;
use crate::fake_redis::types::{Hash, Limits, List, Set, SortedSet};
use crate::fake_redis::value::Value;

/// Reads a value with its type; `None` if it is none, or an empty or doubled one.
pub(crate) fn value(reader: &mut Reader<'_>, limits: Limits) -> Option<Value> {
    let value = match reader.byte()? {
        kind::STRING => Value::String(reader.string()?.to_vec()),
        kind::LIST => list(strings(reader, 1)?),
        kind::SET => set(strings(reader, 1)?, limits)?,
        kind::HASH => hash(&strings(reader, 2)?, limits)?,
        kind::SORTED_SET_TEXT => sorted_set(reader, limits, score_text)?,
        kind::SORTED_SET => {
            sorted_set(reader, limits, |reader| reader.little(8).map(f64::from_bits))?
        }
        kind::HASH_ZIPMAP => hash(&packed::zipmap(&reader.string()?)?, limits)?,
        kind::LIST_ZIPLIST => list(packed::ziplist(&reader.string()?)?),
        kind::SET_INTSET => set(packed::intset(&reader.string()?)?, limits)?,
        kind::SORTED_SET_ZIPLIST => scored(&packed::ziplist(&reader.string()?)?, limits)?,
        kind::SORTED_SET_LISTPACK => scored(&packed::listpack(&reader.string()?)?, limits)?,
        kind::HASH_ZIPLIST => hash(&packed::ziplist(&reader.string()?)?, limits)?,
        kind::HASH_LISTPACK => hash(&packed::listpack(&reader.string()?)?, limits)?,
        kind::LIST_QUICKLIST => {
            let nodes = reader.length()?;
            let mut elements = Vec::new();
            for _ in 0..nodes {
                elements.extend(packed::ziplist(&reader.string()?)?);
            }
            list(elements)
        }
        kind::LIST_QUICKLIST_2 => {
            let nodes = reader.length()?;
            let mut elements = Vec::new();
            for _ in 0..nodes {
                match reader.number()? {
                    1 => elements.push(reader.string()?),
                    2 => elements.extend(packed::listpack(&reader.string()?)?),
                    _ => return None,
                }
            }
            list(elements)
        }
        kind::STREAM => Value::Stream(Box::new(stream::read(reader, false, limits)?)),
        kind::STREAM_2 => Value::Stream(Box::new(stream::read(reader, true, limits)?)),
        _ => return None,
    };
    (!value.is_vanished()).then_some(value)
}

/// A count, and `each` strings for each.
fn strings(reader: &mut Reader<'_>, each: usize) -> Option<Vec<Bytes>> {
    let count = reader.length()?.checked_mul(each)?;
    (0..count).map(|_| reader.string()).collect()
}

fn list(elements: Vec<Bytes>) -> Value {
    Value::List(List(elements.into()))
}

fn set(members: Vec<Bytes>, limits: Limits) -> Option<Value> {
    let mut set = Set::from_members(limits, []);
    members.into_iter().all(|member| set.insert(member)).then_some(Value::Set(set))
}

fn hash(parts: &[Bytes], limits: Limits) -> Option<Value> {
    let mut hash = Hash::default();
    hash.set_limits(limits);
    let whole = parts.len().is_multiple_of(2);
    let mut pairs = parts.chunks_exact(2);
    (whole && pairs.all(|pair| hash.set(pair[0].clone(), pair[1].clone())))
        .then_some(Value::Hash(hash))
}

fn scored(parts: &[Bytes], limits: Limits) -> Option<Value> {
    let mut set = SortedSet::with_limits(limits);
    if !parts.len().is_multiple_of(2) {
        return None;
    }
    for pair in parts.chunks_exact(2) {
        insert(&mut set, pair[0].clone(), parse_f64(&pair[1])?)?;
    }
    Some(Value::SortedSet(set))
}

fn sorted_set(
    reader: &mut Reader<'_>,
    limits: Limits,
    score: impl Fn(&mut Reader<'_>) -> Option<f64>,
) -> Option<Value> {
    let mut set = SortedSet::with_limits(limits);
    for _ in 0..reader.length()? {
        let member = reader.string()?;
        insert(&mut set, member, score(reader)?)?;
    }
    Some(Value::SortedSet(set))
}

fn insert(set: &mut SortedSet, member: Bytes, score: f64) -> Option<()> {
    (!score.is_nan() && set.insert(member, score).is_none()).then_some(())
}

/// A score as text, with marks for what is no number.
fn score_text(reader: &mut Reader<'_>) -> Option<f64> {
    match reader.byte()? {
        253 => Some(f64::NAN),
        254 => Some(f64::INFINITY),
        255 => Some(f64::NEG_INFINITY),
        length => parse_f64(reader.take(usize::from(length))?),
    }
}
