//! Hashes: HSET, HGET and their relatives.

use bytes::Bytes;

use super::arguments::{ScanOptions, cursor, pairs, pick, random, random_count, scan_reply};
use crate::fake_redis::call::Call;
use crate::fake_redis::command::{Command, Family, Keys, flag};
use crate::fake_redis::failure::Failure;
use crate::fake_redis::notify;
use crate::fake_redis::number::{integer, parse_i64};
use crate::fake_redis::reply::Reply;
use crate::fake_redis::types::extended::Extended;

use flag::{DENYOOM, FAST, READONLY, WRITE};

const ADDS: u32 = WRITE | DENYOOM | FAST;

pub(crate) static FAMILY: Family = Family {
    group: "hash",
    commands: &[
        Command::new("hdel", -3, WRITE | FAST, Keys::ONE, hdel),
        Command::new("hexists", 3, READONLY | FAST, Keys::ONE, hexists),
        Command::new("hget", 3, READONLY | FAST, Keys::ONE, hget),
        Command::new("hgetall", 2, READONLY, Keys::ONE, hgetall),
        Command::new("hincrby", 4, ADDS, Keys::ONE, hincrby),
        Command::new("hincrbyfloat", 4, ADDS, Keys::ONE, hincrbyfloat),
        Command::new("hkeys", 2, READONLY, Keys::ONE, hkeys),
        Command::new("hlen", 2, READONLY | FAST, Keys::ONE, hlen),
        Command::new("hmget", -3, READONLY | FAST, Keys::ONE, hmget),
        Command::new("hmset", -4, ADDS, Keys::ONE, hmset),
        Command::new("hrandfield", -2, READONLY, Keys::ONE, hrandfield),
        Command::new("hscan", -3, READONLY, Keys::ONE, hscan),
        Command::new("hset", -4, ADDS, Keys::ONE, hset),
        Command::new("hsetnx", 4, ADDS, Keys::ONE, hsetnx),
        Command::new("hstrlen", 3, READONLY | FAST, Keys::ONE, hstrlen),
        Command::new("hvals", 2, READONLY, Keys::ONE, hvals),
    ],
};

fn hset(call: &mut Call<'_>) -> Result<Reply, Failure> {
    set_fields(call).map(Reply::len)
}

fn hmset(call: &mut Call<'_>) -> Result<Reply, Failure> {
    set_fields(call).map(|_| Reply::OK)
}

/// Sets all pairs; returns how many fields are new.
fn set_fields(call: &mut Call<'_>) -> Result<usize, Failure> {
    if call.args.len() % 2 == 1 {
        return Err(Failure::arity(&call.name()));
    }
    let (key, fields) = (call.arg(1), &call.args[2..]);
    let hash = call.hash_or_create(key)?;
    // The lengths of all arguments decide on the encoding before anything is stored.
    fields.iter().for_each(|text| hash.note(text));
    let new =
        fields.chunks_exact(2).filter(|pair| hash.set(pair[0].clone(), pair[1].clone())).count();
    call.changed(key, notify::HASH, "hset");
    Ok(new)
}

fn hsetnx(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let (key, field, value) = (call.arg(1), call.arg(2), call.arg(3));
    let hash = call.hash_or_create(key)?;
    if hash.get(field).is_some() {
        return Ok(Reply::Integer(0));
    }
    hash.set(field.clone(), value.clone());
    call.changed(key, notify::HASH, "hset");
    Ok(Reply::Integer(1))
}

fn hget(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let field = call.arg(2);
    let value = call.hash(call.arg(1))?.and_then(|hash| hash.get(field));
    Ok(value.map_or(Reply::Null, |value| Reply::Bulk(value.clone())))
}

fn hmget(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let fields = &call.args[2..];
    let hash = call.hash(call.arg(1))?;
    let values = fields.iter().map(|field| {
        let value = hash.and_then(|hash| hash.get(field));
        value.map_or(Reply::Null, |value| Reply::Bulk(value.clone()))
    });
    Ok(Reply::Array(values.collect()))
}

fn hgetall(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let entries = call.hash(call.arg(1))?.into_iter().flat_map(|hash| hash.iter());
    let bulk = |text: &Bytes| Reply::Bulk(text.clone());
    Ok(Reply::Map(entries.map(|(field, value)| (bulk(field), bulk(value))).collect()))
}

fn hkeys(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let entries = call.hash(call.arg(1))?.into_iter().flat_map(|hash| hash.iter());
    Ok(Reply::Array(entries.map(|(field, _)| Reply::Bulk(field.clone())).collect()))
}

fn hvals(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let entries = call.hash(call.arg(1))?.into_iter().flat_map(|hash| hash.iter());
    Ok(Reply::Array(entries.map(|(_, value)| Reply::Bulk(value.clone())).collect()))
}

fn hlen(call: &mut Call<'_>) -> Result<Reply, Failure> {
    Ok(Reply::len(call.hash(call.arg(1))?.map_or(0, |hash| hash.len())))
}

fn hexists(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let field = call.arg(2);
    Ok(Reply::flag(call.hash(call.arg(1))?.is_some_and(|hash| hash.get(field).is_some())))
}

fn hstrlen(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let field = call.arg(2);
    let value = call.hash(call.arg(1))?.and_then(|hash| hash.get(field));
    Ok(Reply::len(value.map_or(0, Bytes::len)))
}

fn hdel(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let (key, fields) = (call.arg(1), &call.args[2..]);
    let Some(hash) = call.hash_mut(key)? else { return Ok(Reply::Integer(0)) };
    let removed = fields.iter().filter(|field| hash.remove(field).is_some()).count();
    if removed > 0 {
        call.changed(key, notify::HASH, "hdel");
    }
    Ok(Reply::len(removed))
}

fn hincrby(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let (key, field) = (call.arg(1), call.arg(2));
    let by = integer(call.arg(3))?;
    let old = match call.hash_mut(key)?.and_then(|hash| hash.get(field)) {
        Some(text) => parse_i64(text).ok_or(Failure::fixed("ERR hash value is not an integer"))?,
        None => 0,
    };
    let new = old.checked_add(by).ok_or(Failure::overflow())?;
    call.hash_or_create(key)?.set(field.clone(), Bytes::from(new.to_string()));
    call.changed(key, notify::HASH, "hincrby");
    Ok(Reply::Integer(new))
}

fn hincrbyfloat(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let (key, field) = (call.arg(1), call.arg(2));
    let by = Extended::parse(call.arg(3)).ok_or(Failure::not_float())?;
    if by.is_infinite() {
        return Err(Failure::fixed("ERR value is NaN or Infinity"));
    }
    let new = match call.hash_mut(key)?.and_then(|hash| hash.get(field)) {
        Some(text) => {
            let old = Extended::parse(text);
            old.ok_or(Failure::fixed("ERR hash value is not a float"))?.plus(by)
        }
        None => by,
    };
    if new.is_infinite() {
        return Err(Failure::fixed("ERR increment would produce NaN or Infinity"));
    }
    let text = Bytes::from(new.to_text());
    call.hash_or_create(key)?.set(field.clone(), text.clone());
    call.changed(key, notify::HASH, "hincrbyfloat");
    Ok(Reply::Bulk(text))
}

fn hrandfield(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let key = call.arg(1);
    let mut random = random(call);
    if call.args.len() == 2 {
        let field = call.hash(key)?.and_then(|hash| hash.sample(&mut random));
        return Ok(field.map_or(Reply::Null, |(field, _)| Reply::Bulk(field.clone())));
    }
    let (count, with_values) = random_count(call.args, b"withvalues")?;
    let resp3 = call.resp3;
    let Some(hash) = call.hash(key)? else { return Ok(Reply::Array(Vec::new())) };
    let wanted = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    let picked = if count < 0 {
        std::iter::from_fn(|| hash.sample(&mut random)).take(wanted).collect()
    } else if wanted >= hash.len() {
        hash.iter().collect()
    } else {
        pick(hash.iter().collect(), wanted, &mut random)
    };
    let bulk = |text: &Bytes| Reply::Bulk(text.clone());
    if with_values {
        return Ok(pairs(
            resp3,
            picked.into_iter().map(|(field, value)| (bulk(field), bulk(value))),
        ));
    }
    Ok(Reply::Array(picked.into_iter().map(|(field, _)| bulk(field)).collect()))
}

fn hscan(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let cursor = cursor(call.arg(2))?;
    let args = call.args;
    let Some(hash) = call.hash(call.arg(1))? else { return Ok(scan_reply(0, Vec::new())) };
    let options = ScanOptions::parse(&args[3..])?;
    let (next, found) = hash.scan(cursor, options.count);
    let found = found.into_iter().filter(|(field, _)| options.wants(field));
    let items = found.flat_map(|(field, value)| [field, value]);
    Ok(scan_reply(next, items.map(|text| Reply::Bulk(text.clone())).collect()))
}
