//! OBJECT and MEMORY: what is known about the value of a key.

use crate::fake_redis::call::Call;
use crate::fake_redis::command::{Command, Family, Keys, flag};
use crate::fake_redis::failure::Failure;
use crate::fake_redis::number::{integer, parse_i64};
use crate::fake_redis::reply::Reply;
use crate::fake_redis::store::{Entry, Form};
use crate::fake_redis::value::Value;

use super::help;
use flag::READONLY;

pub(crate) const OBJECT: &[Command] = &[
    Command::new("encoding", 3, READONLY, Keys::SECOND, encoding),
    Command::new("freq", 3, READONLY, Keys::SECOND, freq),
    Command::new("help", 2, flag::LOADING | flag::STALE, Keys::None, |_| {
        Ok(help("OBJECT", &["ENCODING <key>", "FREQ <key>", "IDLETIME <key>", "REFCOUNT <key>"]))
    }),
    Command::new("idletime", 3, READONLY, Keys::SECOND, idletime),
    Command::new("refcount", 3, READONLY, Keys::SECOND, refcount),
];

pub(crate) static MEMORY: Family = Family {
    group: "",
    commands: &[Command::container(
        "memory",
        &[
            Command::new("doctor", 2, 0, Keys::None, |_| {
                Ok(Reply::Verbatim("txt", "Memory figures of a fake server are estimates.".into()))
            }),
            Command::new("help", 2, flag::LOADING | flag::STALE, Keys::None, |_| {
                Ok(help(
                    "MEMORY",
                    &["DOCTOR", "PURGE", "STATS", "USAGE <key> [SAMPLES <count>] (an estimate)"],
                ))
            }),
            Command::new("purge", 2, 0, Keys::None, |_| Ok(Reply::OK)),
            Command::new("stats", 2, 0, Keys::None, |call| {
                let keys = call.state.dbs.iter().map(crate::fake_redis::store::Db::len).sum();
                Ok(Reply::Map(vec![
                    (Reply::bulk("total.allocated"), Reply::len(call.state.used_memory())),
                    (Reply::bulk("keys.count"), Reply::len(keys)),
                ]))
            }),
            Command::new("usage", -3, READONLY, Keys::SECOND, usage),
        ],
    )],
};

fn encoding(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let entry = call.lookup(call.arg(2));
    Ok(entry.map_or(Reply::Null, |entry| Reply::bulk(encoding_of(entry))))
}

/// The representation Redis would use.
pub(crate) fn encoding_of(entry: &Entry) -> &'static str {
    match &entry.value {
        Value::String(text) => match text.len() {
            _ if entry.form == Form::Raw => "raw",
            0..=20 if entry.form == Form::Shortest && parse_i64(text).is_some() => "int",
            0..=44 => "embstr",
            _ => "raw",
        },
        Value::List(list) => list.encoding(),
        Value::Hash(hash) => hash.encoding(),
        Value::Set(set) => set.encoding(),
        Value::SortedSet(set) => set.encoding(),
        Value::Stream(_) => "stream",
    }
}

fn freq(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let lfu = call.state.config.text("maxmemory-policy").ends_with("lfu");
    let Some(entry) = call.lookup(call.arg(2)) else {
        return Ok(Reply::Null);
    };
    if lfu {
        return Ok(Reply::Integer(i64::from(entry.freq)));
    }
    Err(Failure::fixed(
        "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.",
    ))
}

fn idletime(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let now_ms = call.now_ms();
    let lfu = call.state.config.text("maxmemory-policy").ends_with("lfu");
    let entry = call.lookup(call.arg(2));
    if lfu && entry.is_some() {
        return Err(Failure::fixed(
            "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.",
        ));
    }
    Ok(entry.map_or(Reply::Null, |entry| {
        Reply::Integer(i64::try_from(now_ms.saturating_sub(entry.used_at) / 1000).unwrap_or(0))
    }))
}

fn refcount(call: &mut Call<'_>) -> Result<Reply, Failure> {
    // Small numbers are one shared object each, unless each needs an age of its own.
    let policy = call.state.config.text("maxmemory-policy");
    let aged = policy.ends_with("lru") || policy.ends_with("lfu");
    let aged = aged && call.state.config.number("maxmemory") > 0;
    let count = |entry: &Entry| match &entry.value {
        Value::String(text) if !aged && encoding_of(entry) == "int" => {
            let shared = parse_i64(text).is_some_and(|number| (0..10_000).contains(&number));
            if shared { i64::from(i32::MAX) } else { 1 }
        }
        _ => 1,
    };
    Ok(call.lookup(call.arg(2)).map_or(Reply::Null, |entry| Reply::Integer(count(entry))))
}

/// An estimate: the bytes of the parts and a fixed sum for each.
fn usage(call: &mut Call<'_>) -> Result<Reply, Failure> {
    match call.args.len() {
        3 => {}
        5 if call.is(3, "SAMPLES") => {
            if integer(call.arg(4))? < 0 {
                return Err(Failure::syntax());
            }
        }
        _ => return Err(Failure::syntax()),
    }
    let key = call.arg(2);
    Ok(call.lookup(key).map_or(Reply::Null, |entry| Reply::len(estimate(entry) + key.len())))
}

/// About how many bytes an entry takes.
pub(crate) fn estimate(entry: &Entry) -> usize {
    let size = match &entry.value {
        Value::String(text) => text.len(),
        Value::List(list) => list.0.iter().map(|item| item.len() + 11).sum(),
        Value::Hash(hash) => hash.iter().map(|(field, value)| field.len() + value.len() + 32).sum(),
        Value::Set(set) => set.members().iter().map(|member| member.len() + 24).sum(),
        Value::SortedSet(set) => set.iter().map(|(_, member)| member.len() + 48).sum(),
        Value::Stream(_) => 512,
    };
    size + 56
}
