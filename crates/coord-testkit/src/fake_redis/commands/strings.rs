//! Strings: GET, SET and their relatives.

use bytes::Bytes;

use crate::fake_redis::call::Call;
use crate::fake_redis::command::{Command, Family, Keys, flag};
use crate::fake_redis::failure::Failure;
use crate::fake_redis::notify;
use crate::fake_redis::number::integer;
use crate::fake_redis::reply::Reply;
use crate::fake_redis::value::Value;

use super::string_edit as edit;
use flag::{DENYOOM, FAST, READONLY, WRITE};

pub(crate) static FAMILY: Family = Family {
    group: "string",
    commands: &[
        Command::new("get", 2, READONLY | FAST, Keys::ONE, get),
        Command::new("set", -3, WRITE | DENYOOM, Keys::ONE, set),
        Command::new("setnx", 3, WRITE | DENYOOM | FAST, Keys::ONE, setnx),
        Command::new("setex", 4, WRITE | DENYOOM, Keys::ONE, setex),
        Command::new("psetex", 4, WRITE | DENYOOM, Keys::ONE, psetex),
        Command::new("getset", 3, WRITE | DENYOOM | FAST, Keys::ONE, getset),
        Command::new("getdel", 2, WRITE | FAST, Keys::ONE, getdel),
        Command::new("getex", -2, WRITE | FAST, Keys::ONE, getex),
        Command::new("mget", -2, READONLY | FAST, Keys::ALL, mget),
        Command::new("mset", -3, WRITE | DENYOOM, Keys::PAIRS, mset),
        Command::new("msetnx", -3, WRITE | DENYOOM, Keys::PAIRS, msetnx),
        Command::new("incr", 2, WRITE | DENYOOM | FAST, Keys::ONE, edit::incr),
        Command::new("decr", 2, WRITE | DENYOOM | FAST, Keys::ONE, edit::decr),
        Command::new("incrby", 3, WRITE | DENYOOM | FAST, Keys::ONE, edit::incrby),
        Command::new("decrby", 3, WRITE | DENYOOM | FAST, Keys::ONE, edit::decrby),
        Command::new("incrbyfloat", 3, WRITE | DENYOOM | FAST, Keys::ONE, edit::incrbyfloat),
        Command::new("append", 3, WRITE | DENYOOM | FAST, Keys::ONE, edit::append),
        Command::new("strlen", 2, READONLY | FAST, Keys::ONE, edit::strlen),
        Command::new("getrange", 4, READONLY, Keys::ONE, edit::getrange),
        Command::new("substr", 4, READONLY, Keys::ONE, edit::getrange),
        Command::new("setrange", 4, WRITE | DENYOOM, Keys::ONE, edit::setrange),
        Command::new("lcs", -3, READONLY, Keys::TWO, super::lcs::lcs),
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

/// What the options of SET and GETEX ask for.
#[derive(Debug, Default)]
struct Options {
    if_absent: bool,
    if_present: bool,
    keep_expiry: bool,
    persist: bool,
    get: bool,
    /// Index of the argument, whether it is in seconds, and whether it counts from now.
    expiry: Option<(usize, bool, bool)>,
}

impl Options {
    /// Milliseconds since 1970.
    fn expire_at(&self, call: &Call<'_>) -> Result<Option<i64>, Failure> {
        let read = |(at, seconds, relative)| expiry_ms(call, at, seconds, relative);
        self.expiry.map(read).transpose()
    }
}

/// Reads the options from index `from` on.
fn options(call: &Call<'_>, from: usize, is_set: bool) -> Result<Options, Failure> {
    let mut options = Options::default();
    let mut at = from;
    while at < call.args.len() {
        let next = at + 1 < call.args.len();
        let free = options.expiry.is_none() && !options.keep_expiry && !options.persist;
        if is_set && call.is(at, "NX") && !options.if_present {
            options.if_absent = true;
        } else if is_set && call.is(at, "XX") && !options.if_absent {
            options.if_present = true;
        } else if is_set && call.is(at, "GET") {
            options.get = true;
        } else if is_set && call.is(at, "KEEPTTL") && free {
            options.keep_expiry = true;
        } else if !is_set && call.is(at, "PERSIST") && free {
            options.persist = true;
        } else if next && free && (call.is(at, "EX") || call.is(at, "PX")) {
            options.expiry = Some((at + 1, call.is(at, "EX"), true));
            at += 1;
        } else if next && free && (call.is(at, "EXAT") || call.is(at, "PXAT")) {
            options.expiry = Some((at + 1, call.is(at, "EXAT"), false));
            at += 1;
        } else {
            return Err(Failure::syntax());
        }
        at += 1;
    }
    Ok(options)
}

/// Reads an expiry that must lie after 1970, in milliseconds since then.
fn expiry_ms(call: &Call<'_>, at: usize, seconds: bool, relative: bool) -> Result<i64, Failure> {
    let invalid = || Failure::invalid_expire(call.command.name);
    let given = integer(call.arg(at))?;
    let unit = if seconds { 1000 } else { 1 };
    if given <= 0 {
        return Err(invalid());
    }
    let ms = given.checked_mul(unit).ok_or_else(invalid)?;
    let base = if relative { i64::try_from(call.now_ms()).unwrap_or(i64::MAX) } else { 0 };
    ms.checked_add(base).ok_or_else(invalid)
}

fn store(call: &mut Call<'_>, key: &Bytes, value: &Bytes, expire_at: Option<i64>) {
    let expire_at = expire_at.and_then(|at| u64::try_from(at).ok());
    call.put_with(key, Value::String(value.to_vec()), expire_at);
    call.changed(key, notify::STRING, "set");
    if expire_at.is_some() {
        call.notify(notify::GENERIC, "expire", key);
    }
}

fn set(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let options = options(call, 3, true)?;
    let expire_at = options.expire_at(call)?;
    let (key, value) = (call.arg(1), call.arg(2));
    let old = match options.get {
        true => Some(Reply::bulk_or_null(call.string(key)?)),
        false => None,
    };
    let exists = call.exists(key);
    if (options.if_absent && exists) || (options.if_present && !exists) {
        return Ok(old.unwrap_or(Reply::Null));
    }
    if options.keep_expiry {
        call.put_keeping_expiry(key, Value::String(value.to_vec()));
        call.changed(key, notify::STRING, "set");
    } else {
        store(call, key, value, expire_at);
    }
    Ok(old.unwrap_or(Reply::OK))
}

fn setnx(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let key = call.arg(1);
    if call.exists(key) {
        return Ok(Reply::Integer(0));
    }
    store(call, key, call.arg(2), None);
    Ok(Reply::Integer(1))
}

fn setex(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let expire_at = expiry_ms(call, 2, true, true)?;
    store(call, call.arg(1), call.arg(3), Some(expire_at));
    Ok(Reply::OK)
}

fn psetex(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let expire_at = expiry_ms(call, 2, false, true)?;
    store(call, call.arg(1), call.arg(3), Some(expire_at));
    Ok(Reply::OK)
}

fn getset(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let old = Reply::bulk_or_null(call.string(call.arg(1))?);
    store(call, call.arg(1), call.arg(2), None);
    Ok(old)
}

fn getdel(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let key = call.arg(1);
    let old = Reply::bulk_or_null(call.string(key)?);
    call.delete(key, "del");
    Ok(old)
}

fn getex(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let options = options(call, 2, false)?;
    let key = call.arg(1);
    let Some(value) = call.string(key)?.map(Reply::bulk) else {
        return Ok(Reply::Null);
    };
    if let Some(at) = options.expire_at(call)? {
        let at = u64::try_from(at).unwrap_or(0);
        if at <= call.now_ms() {
            call.delete(key, "del");
        } else {
            call.state.dbs[call.db].set_expiry(key, Some(at));
            call.changed(key, notify::GENERIC, "expire");
        }
    } else if options.persist && call.lookup(key).is_some_and(|entry| entry.expire_at.is_some()) {
        call.state.dbs[call.db].set_expiry(key, None);
        call.changed(key, notify::GENERIC, "persist");
    }
    Ok(value)
}

fn mset(call: &mut Call<'_>) -> Result<Reply, Failure> {
    if call.args.len().is_multiple_of(2) {
        return Err(Failure::arity("mset"));
    }
    for pair in call.args[1..].chunks_exact(2) {
        store(call, &pair[0], &pair[1], None);
    }
    Ok(Reply::OK)
}

fn msetnx(call: &mut Call<'_>) -> Result<Reply, Failure> {
    if call.args.len().is_multiple_of(2) {
        return Err(Failure::arity("msetnx"));
    }
    if call.args[1..].iter().step_by(2).any(|key| call.exists(key)) {
        return Ok(Reply::Integer(0));
    }
    for pair in call.args[1..].chunks_exact(2) {
        store(call, &pair[0], &pair[1], None);
    }
    Ok(Reply::Integer(1))
}
