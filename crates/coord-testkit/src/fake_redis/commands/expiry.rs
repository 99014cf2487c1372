//! When keys expire.

use crate::fake_redis::call::Call;
use crate::fake_redis::command::{Command, Family, Keys, flag};
use crate::fake_redis::failure::Failure;
use crate::fake_redis::notify;
use crate::fake_redis::number::integer;
use crate::fake_redis::reply::Reply;

use flag::{FAST, READONLY, WRITE};

pub(crate) static FAMILY: Family = Family {
    group: "keyspace",
    commands: &[
        Command::new("expire", -3, WRITE | FAST, Keys::ONE, |call| expire(call, true, true)),
        Command::new("pexpire", -3, WRITE | FAST, Keys::ONE, |call| expire(call, false, true)),
        Command::new("expireat", -3, WRITE | FAST, Keys::ONE, |call| expire(call, true, false)),
        Command::new("pexpireat", -3, WRITE | FAST, Keys::ONE, |call| expire(call, false, false)),
        Command::new("persist", 2, WRITE | FAST, Keys::ONE, persist),
        Command::new("ttl", 2, READONLY | FAST, Keys::ONE, |call| left(call, true, true)),
        Command::new("pttl", 2, READONLY | FAST, Keys::ONE, |call| left(call, false, true)),
        Command::new("expiretime", 2, READONLY | FAST, Keys::ONE, |call| left(call, true, false)),
        Command::new("pexpiretime", 2, READONLY | FAST, Keys::ONE, |call| left(call, false, false)),
    ],
};

#[derive(Debug, Default)]
struct Conditions {
    none: bool,
    some: bool,
    greater: bool,
    less: bool,
}

fn conditions(call: &Call<'_>) -> Result<Conditions, Failure> {
    let mut found = Conditions::default();
    for (at, arg) in call.args.iter().enumerate().skip(3) {
        if call.is(at, "NX") {
            found.none = true;
        } else if call.is(at, "XX") {
            found.some = true;
        } else if call.is(at, "GT") {
            found.greater = true;
        } else if call.is(at, "LT") {
            found.less = true;
        } else {
            return Err(Failure::new(format!(
                "ERR Unsupported option {}",
                String::from_utf8_lossy(arg)
            )));
        }
    }
    if found.none && (found.some || found.greater || found.less) {
        return Err(Failure::fixed(
            "ERR NX and XX, GT or LT options at the same time are not compatible",
        ));
    }
    if found.greater && found.less {
        return Err(Failure::fixed("ERR GT and LT options at the same time are not compatible"));
    }
    Ok(found)
}

fn expire(call: &mut Call<'_>, seconds: bool, relative: bool) -> Result<Reply, Failure> {
    let conditions = conditions(call)?;
    let given = integer(call.arg(2))?;
    let invalid = || Failure::invalid_expire(call.command.name);
    let ms = given.checked_mul(if seconds { 1000 } else { 1 }).ok_or_else(invalid)?;
    let base = if relative { i64::try_from(call.now_ms()).unwrap_or(i64::MAX) } else { 0 };
    let at = ms.checked_add(base).ok_or_else(invalid)?;
    let key = call.arg(1);
    let Some(entry) = call.lookup(key) else {
        return Ok(Reply::Integer(0));
    };
    let current = entry.expire_at.map(|at| i64::try_from(at).unwrap_or(i64::MAX));
    let refused = (conditions.none && current.is_some())
        || (conditions.some && current.is_none())
        || (conditions.greater && current.is_none_or(|now| at <= now))
        || (conditions.less && current.is_some_and(|now| at >= now));
    if refused {
        return Ok(Reply::Integer(0));
    }
    let at = u64::try_from(at).unwrap_or(0);
    if at <= call.now_ms() {
        call.delete(key, "del");
    } else {
        call.state.dbs[call.db].set_expiry(key, Some(at));
        call.changed(key, notify::GENERIC, "expire");
    }
    Ok(Reply::Integer(1))
}

fn persist(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let key = call.arg(1);
    if call.lookup(key).is_none_or(|entry| entry.expire_at.is_none()) {
        return Ok(Reply::Integer(0));
    }
    call.state.dbs[call.db].set_expiry(key, None);
    call.changed(key, notify::GENERIC, "persist");
    Ok(Reply::Integer(1))
}

/// The time left, or the time of expiry; -1 without one, -2 without a key.
fn left(call: &mut Call<'_>, seconds: bool, relative: bool) -> Result<Reply, Failure> {
    let now_ms = call.now_ms();
    let Some(entry) = call.lookup(call.arg(1)) else {
        return Ok(Reply::Integer(-2));
    };
    let Some(at) = entry.expire_at else {
        return Ok(Reply::Integer(-1));
    };
    let ms = if relative { at.saturating_sub(now_ms) } else { at };
    let value = if seconds { ms.saturating_add(500) / 1000 } else { ms };
    Ok(Reply::Integer(i64::try_from(value).unwrap_or(i64::MAX)))
}
