//! HyperLogLog: PFADD, PFCOUNT, PFMERGE.

use bytes::Bytes;

use crate::fake_redis::call::Call;
use crate::fake_redis::command::{Command, Family, Keys, flag};
use crate::fake_redis::failure::Failure;
use crate::fake_redis::notify;
use crate::fake_redis::reply::Reply;
use crate::fake_redis::types::hyperloglog::{HyperLogLog, NotOne, edit};
use crate::fake_redis::value::Value;

use flag::{ADMIN, DENYOOM, FAST, READONLY, WRITE};

pub(crate) static FAMILY: Family = Family {
    group: "hyperloglog",
    commands: &[
        Command::new("pfadd", -2, WRITE | DENYOOM | FAST, Keys::ONE, pfadd),
        Command::new("pfcount", -2, READONLY | flag::MAY_REPLICATE, Keys::ALL, pfcount),
        Command::new("pfdebug", 3, WRITE | DENYOOM | ADMIN, Keys::SECOND, pfdebug),
        Command::new("pfmerge", -2, WRITE | DENYOOM, Keys::ALL, pfmerge),
        Command::new("pfselftest", 1, ADMIN, Keys::None, |_| Ok(Reply::OK)),
    ],
};

/// The error for what is no HyperLogLog.
fn refused(error: NotOne) -> Failure {
    match error {
        NotOne::Foreign => Failure::fixed("WRONGTYPE Key is not a valid HyperLogLog string value."),
        NotOne::Corrupted => Failure::fixed("INVALIDOBJ Corrupted HLL object detected"),
    }
}

/// The HyperLogLog at a key.
fn load(call: &mut Call<'_>, key: &Bytes) -> Result<Option<HyperLogLog>, Failure> {
    let Some(text) = call.string(key)? else { return Ok(None) };
    HyperLogLog::decode(text).map(Some).map_err(refused)
}

fn store(call: &mut Call<'_>, key: &Bytes, mut log: HyperLogLog) {
    let text = log.encode();
    call.put_keeping_expiry(key, Value::String(text));
    call.state.dbs[call.db].mark_raw(key);
}

fn pfadd(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let key = call.arg(1);
    let most = usize::try_from(call.state.config.number("hll-sparse-max-bytes")).unwrap_or(0);
    let known = call.string(key)?.map(|text| HyperLogLog::check(text)).transpose();
    let mut changed = known.map_err(refused)?.is_none();
    if changed {
        call.put(key, Value::String(HyperLogLog::new().encode()));
    }
    call.state.dbs[call.db].mark_raw(key);
    let elements = &call.args[2..];
    let text = call.string_or_create(key)?;
    for element in elements {
        changed |= edit::add(text, element, most).map_err(refused)?;
    }
    if changed {
        call.changed(key, notify::STRING, "pfadd");
    }
    Ok(Reply::flag(changed))
}

fn pfcount(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let keys = &call.args[1..];
    let count = |number: u64| Reply::Integer(i64::try_from(number).unwrap_or(i64::MAX));
    if let [key] = keys {
        let Some(text) = call.string(key)? else { return Ok(Reply::Integer(0)) };
        HyperLogLog::check(text).map_err(refused)?;
        if let Some(cached) = edit::cached(text) {
            return Ok(count(cached));
        }
        // The estimate is written back, which counts as a change.
        let estimate = edit::count(call.string_or_create(key)?).map_err(refused)?;
        call.state.dbs[call.db].mark_raw(key);
        call.signal(key);
        return Ok(count(estimate));
    }
    Ok(count(union(call, keys)?.estimate()))
}

fn pfmerge(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let key = call.arg(1);
    let merged = union(call, &call.args[1..])?;
    store(call, key, merged);
    call.changed(key, notify::STRING, "pfadd");
    Ok(Reply::OK)
}

/// All of them as one, dense if one of them is.
fn union(call: &mut Call<'_>, keys: &[Bytes]) -> Result<HyperLogLog, Failure> {
    let (first, others) = keys.split_first().ok_or(Failure::syntax())?;
    let mut all = load(call, first)?.unwrap_or_else(HyperLogLog::new);
    for key in others {
        if let Some(log) = load(call, key)? {
            all.merge(&log);
            all.dense |= log.dense;
        }
    }
    all.forget_estimate();
    Ok(all)
}

fn pfdebug(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let key = call.arg(2);
    let missing = Failure::fixed("ERR The specified key does not exist");
    let mut log = load(call, key)?.ok_or(missing)?;
    if call.is(1, "getreg") {
        let registers = log.registers().iter().map(|value| Reply::Integer(i64::from(*value)));
        let reply = Reply::Array(registers.collect());
        // Looking at the registers makes them dense.
        log.dense = true;
        store(call, key, log);
        return Ok(reply);
    }
    if call.is(1, "encoding") {
        return Ok(Reply::simple(if log.dense { "dense" } else { "sparse" }));
    }
    if call.is(1, "todense") {
        let converted = !log.dense;
        log.dense = true;
        store(call, key, log);
        return Ok(Reply::flag(converted));
    }
    let given = String::from_utf8_lossy(call.arg(1)).into_owned();
    Err(Failure::new(format!("ERR Unknown PFDEBUG subcommand '{given}'")))
}
