//! Strings: GET, SET and their relatives.

use bytes::Bytes;

use crate::fake_redis::call::Call;
use crate::fake_redis::command::{Command, Family, Keys, flag};
use crate::fake_redis::failure::Failure;
use crate::fake_redis::notify;
use crate::fake_redis::number::{integer, parse_i64};
use crate::fake_redis::reply::Reply;
use crate::fake_redis::value::Value;

use flag::{DENYOOM, FAST, READONLY, WRITE};

pub(crate) static FAMILY: Family = Family {
    group: "string",
    commands: &[
        Command::new("get", 2, READONLY | FAST, Keys::ONE, get),
        Command::new("set", -3, WRITE | DENYOOM, Keys::ONE, set),
        Command::new("incr", 2, WRITE | DENYOOM | FAST, Keys::ONE, incr),
        Command::new("incrby", 3, WRITE | DENYOOM | FAST, Keys::ONE, incrby),
        Command::new("mget", -2, READONLY | FAST, Keys::ALL, mget),
    ],
};

fn get(call: &mut Call<'_>) -> Result<Reply, Failure> {
    Ok(Reply::bulk_or_null(call.string(call.arg(1))?))
}

fn mget(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let values = call.args[1..].iter().map(|key| match call.string(key) {
        Ok(value) => Reply::bulk_or_null(value),
        Err(_) => Reply::Null,
    });
    Ok(Reply::Array(values.collect()))
}

fn set(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let (key, value) = (call.arg(1), call.arg(2));
    if call.args.len() > 3 {
        return Err(Failure::syntax());
    }
    call.put(key, Value::String(value.to_vec()));
    call.changed(key, notify::STRING, "set");
    Ok(Reply::OK)
}

fn incr(call: &mut Call<'_>) -> Result<Reply, Failure> {
    add(call, 1)
}

fn incrby(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let by = integer(call.arg(2))?;
    add(call, by)
}

fn add(call: &mut Call<'_>, by: i64) -> Result<Reply, Failure> {
    let key: &Bytes = call.arg(1);
    let old = match call.string(key)? {
        Some(text) => parse_i64(text).ok_or_else(Failure::not_integer)?,
        None => 0,
    };
    let new = old.checked_add(by).ok_or_else(Failure::overflow)?;
    call.put_keeping_expiry(key, Value::String(new.to_string().into_bytes()));
    call.changed(key, notify::STRING, "incrby");
    Ok(Reply::Integer(new))
}
