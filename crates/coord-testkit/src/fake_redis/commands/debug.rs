//! DEBUG: the part that tests need.

use bytes::Bytes;

use crate::fake_redis::call::{Call, Origin};
use crate::fake_redis::failure::Failure;
use crate::fake_redis::number::{float, integer};
use crate::fake_redis::reply::Reply;
use crate::fake_redis::value::Value;

use super::object::encoding_of;
use super::{digest, help};

pub(crate) fn debug(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let count = call.args.len();
    let word = call.arg(1).to_ascii_lowercase();
    match (word.as_slice(), count) {
        (b"help", 2) => Ok(help(
            "DEBUG",
            &[
                "OBJECT <key>",
                "POPULATE <count> [<prefix>] [<size>]",
                "PROTOCOL <type>",
                "RELOAD",
                "SET-ACTIVE-EXPIRE <0|1>",
                "SLEEP <seconds>",
            ],
        )),
        (b"sleep", 3) => sleep(call),
        (b"set-active-expire", 3) => {
            call.state.active_expire = integer(call.arg(2))? != 0;
            Ok(Reply::OK)
        }
        (b"set-disable-deny-scripts", 3) => {
            call.state.scripts_may_all = integer(call.arg(2))? != 0;
            Ok(Reply::OK)
        }
        (b"digest", 2) => Ok(digest::of_all(call)),
        (b"digest-value", 3..) => digest::of_values(call, &call.args[2..]),
        (b"object", 3 | 4) => object(call),
        (b"error", 3) => Err(Failure::new(String::from_utf8_lossy(call.arg(2)).into_owned())),
        (b"populate", 3..=5) => populate(call),
        (b"protocol", 3) => protocol(call),
        (b"reload", 3) if call.is(2, "NOFLUSH") && !call.state.scripts.libraries.is_empty() => {
            Err(Failure::fixed("ERR Error trying to load the RDB dump, check server logs."))
        }
        (b"jmap", _) => Err(Failure::fixed("ERR the fake server has no JMAP")),
        // There is nothing on disk, no packed node and no checksum: the data stay as they are.
        (
            b"reload"
            | b"loadaof"
            | b"quicklist-packed-threshold"
            | b"set-skip-checksum-validation"
            | b"log"
            | b"pause-cron"
            | b"replybuffer"
            | b"aof-flush-sleep"
            | b"change-repl-id"
            | b"config-rewrite-force-all"
            | b"listpack"
            | b"stringmatch-len",
            _,
        ) => Ok(Reply::OK),
        _ => Err(Failure::new(format!(
            "ERR unknown subcommand or wrong number of arguments for '{}'. Try DEBUG HELP.",
            String::from_utf8_lossy(call.arg(1))
        ))),
    }
}

/// The whole server stands still: every connection waits, as in Redis.
fn sleep(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let seconds = float(call.arg(2))?.clamp(0.0, 1e9);
    let pause = std::time::Duration::from_secs_f64(seconds);
    let until = call.now_us() + u64::try_from(pause.as_micros()).unwrap_or(0);
    if call.origin == Origin::Exec {
        // The rest of the transaction runs after it; whoever asks next sees the clock again.
        call.state.now_us = until;
        call.state.slept = pause;
        return Ok(Reply::OK);
    }
    call.state.pause(until, false);
    call.state.slept = pause;
    Ok(call.block(Vec::new(), Some(until), Reply::OK))
}

fn object(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let now_ms = call.now_ms();
    // A key past its time is seen as long as it is there.
    let entry = call.database().get(call.arg(2)).ok_or_else(Failure::no_such_key)?;
    let size = match &entry.value {
        Value::String(text) => text.len() + 1,
        _ => 64,
    };
    Ok(Reply::Simple(
        format!(
            "Value at:0x0 refcount:1 encoding:{} serializedlength:{size} lru:{} lru_seconds_idle:{}",
            encoding_of(entry),
            entry.used_at / 1000 % (1 << 24),
            now_ms.saturating_sub(entry.used_at) / 1000
        )
        .into(),
    ))
}

fn populate(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let count = integer(call.arg(2))?;
    let prefix = call
        .args
        .get(3)
        .map_or_else(|| "key".into(), |text| String::from_utf8_lossy(text).into_owned());
    let size = call.args.get(4).map(|size| integer(size)).transpose()?;
    for number in 0..count {
        let key = Bytes::from(format!("{prefix}:{number}"));
        if call.exists(&key) {
            continue;
        }
        let mut value = format!("value:{number}").into_bytes();
        if let Some(size) = size.and_then(|size| usize::try_from(size).ok()) {
            value.resize(size, 0);
        }
        call.put(&key, Value::String(value));
        call.signal(&key);
    }
    Ok(Reply::OK)
}

fn protocol(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let kind = call.arg(2).to_ascii_lowercase();
    let numbers = || (0..3).map(Reply::Integer).collect::<Vec<_>>();
    Ok(match kind.as_slice() {
        b"string" => Reply::bulk("Hello World"),
        b"integer" => Reply::Integer(12345),
        b"double" => Reply::Double(3141.0 / 1000.0),
        b"null" => Reply::Null,
        b"array" => Reply::Array(numbers()),
        b"set" => Reply::Set(numbers()),
        b"map" => Reply::Map((0..3).map(|n| (Reply::Integer(n), Reply::Bool(n == 1))).collect()),
        b"bignum" => Reply::BigNumber("1234567999999999999999999999999999999".into()),
        b"verbatim" => Reply::Verbatim("txt", "This is a verbatim\nstring".into()),
        b"true" => Reply::Bool(true),
        b"false" => Reply::Bool(false),
        b"attrib" => {
            let popularity = vec![Reply::bulk("key:123"), Reply::Integer(90)];
            let fact = (Reply::bulk("key-popularity"), Reply::Array(popularity));
            let reply = Reply::bulk("Some real reply following the attribute");
            Reply::Attributed(vec![fact], Box::new(reply))
        }
        b"push" => Reply::Push(vec![Reply::bulk("server-cpu-usage"), Reply::Integer(42)]),
        _ => {
            return Err(Failure::fixed(
                "ERR Wrong protocol type name. Please use one of the following: string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false",
            ));
        }
    })
}
