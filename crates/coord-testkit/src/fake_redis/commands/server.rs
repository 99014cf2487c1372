//! The server as a whole: TIME, FLUSHALL, SWAPDB, WAIT and commands without effect here.

use bytes::Bytes;

use crate::fake_redis::call::Call;
use crate::fake_redis::command::{Command, Family, Keys, flag};
use crate::fake_redis::failure::Failure;
use crate::fake_redis::number::{integer, length};
use crate::fake_redis::replication;
use crate::fake_redis::reply::Reply;
use crate::fake_redis::state::DATABASES;

use super::{command_info, config, debug, help, info, slow};
use flag::{
    ADMIN, ALLOW_BUSY, BLOCKING, DANGEROUS, FAST, LOADING, NOSCRIPT, READONLY, STALE, WRITE,
};

pub(crate) static FAMILY: Family = Family {
    group: "",
    commands: &[
        Command::new("time", 1, FAST | LOADING | STALE, Keys::None, time),
        Command::new("flushall", -1, WRITE | DANGEROUS, Keys::None, flushall),
        Command::new("flushdb", -1, WRITE | DANGEROUS, Keys::None, flushdb),
        Command::new("swapdb", 3, WRITE | FAST | DANGEROUS, Keys::None, swapdb),
        Command::new("info", -1, LOADING | STALE | DANGEROUS, Keys::None, info::info),
        Command::container("config", config::CONFIG),
        Command {
            subcommands: command_info::COMMAND,
            ..Command::new("command", -1, LOADING | STALE, Keys::None, command_info::all)
        },
        Command::new("debug", -2, ADMIN | NOSCRIPT | LOADING | STALE, Keys::None, debug::debug),
        Command::new("wait", 3, NOSCRIPT | BLOCKING, Keys::None, wait),
        Command::new("role", 1, ADMIN | NOSCRIPT | LOADING | STALE | FAST, Keys::None, role),
        Command::new("lastsave", 1, ADMIN | LOADING | STALE | FAST, Keys::None, lastsave),
        Command::new("save", 1, ADMIN | NOSCRIPT | flag::NO_MULTI, Keys::None, |_| Ok(Reply::OK)),
        Command::new("bgsave", -1, ADMIN | NOSCRIPT, Keys::None, bgsave),
        Command::new("bgrewriteaof", 1, ADMIN | NOSCRIPT, Keys::None, |_| {
            Ok(Reply::simple("Background append only file rewriting started"))
        }),
        Command::new(
            "migrate",
            -6,
            WRITE | flag::MOVABLE_KEYS | DANGEROUS,
            Keys::Custom(migrated_keys),
            migrate,
        ),
        Command::new("replicaof", 3, ADMIN | NOSCRIPT | STALE, Keys::None, replicaof),
        Command::new("slaveof", 3, ADMIN | NOSCRIPT | STALE, Keys::None, replicaof),
        Command::new("sync", 1, ADMIN | NOSCRIPT | flag::NO_MULTI, Keys::None, replication::sync),
        Command::new(
            "psync",
            -3,
            ADMIN | NOSCRIPT | flag::NO_MULTI,
            Keys::None,
            replication::psync,
        ),
        Command::new(
            "replconf",
            -1,
            ADMIN | NOSCRIPT | LOADING | STALE | ALLOW_BUSY,
            Keys::None,
            replication::replconf,
        ),
        Command::new("lolwut", -1, READONLY | FAST, Keys::None, |_| {
            Ok(Reply::Verbatim("txt", "Redis ver. 7.0.15 (a fake for tests)\n".into()))
        }),
        Command::new("monitor", 1, ADMIN | NOSCRIPT | LOADING | STALE, Keys::None, monitor),
        Command::container("slowlog", slow::SLOWLOG),
        Command::container("latency", slow::LATENCY),
        Command::container("module", MODULE),
        Command::new(
            "shutdown",
            -1,
            ADMIN | NOSCRIPT | LOADING | STALE | ALLOW_BUSY | flag::NO_MULTI,
            Keys::None,
            |_| {
                Err(Failure::fixed(
                    "ERR the fake server is stopped by dropping it, not by SHUTDOWN",
                ))
            },
        ),
    ],
};

const MODULE: &[Command] = &[
    Command::new("help", 2, LOADING | STALE, Keys::None, |_| Ok(help("MODULE", &["LIST"]))),
    Command::new("list", 2, ADMIN | NOSCRIPT, Keys::None, |_| Ok(Reply::Array(Vec::new()))),
];

fn time(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let now = call.now_us();
    Ok(Reply::bulks([(now / 1_000_000).to_string(), (now % 1_000_000).to_string()]))
}

fn check_flush(call: &Call<'_>) -> Result<(), Failure> {
    match call.args.len() {
        1 => Ok(()),
        2 if call.is(1, "SYNC") || call.is(1, "ASYNC") => Ok(()),
        _ => Err(Failure::syntax()),
    }
}

fn flushall(call: &mut Call<'_>) -> Result<Reply, Failure> {
    check_flush(call)?;
    if call.state.is_cluster() {
        call.state.flush_db(call.db);
        return Ok(Reply::OK);
    }
    for db in 0..DATABASES {
        call.state.flush_db(db);
    }
    Ok(Reply::OK)
}

fn flushdb(call: &mut Call<'_>) -> Result<Reply, Failure> {
    check_flush(call)?;
    call.state.flush_db(call.db);
    Ok(Reply::OK)
}

fn swapdb(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let read = |at: usize, which: &'static str| {
        integer(call.arg(at))
            .ok()
            .filter(|index| i32::try_from(*index).is_ok())
            .ok_or(Failure::new(format!("ERR invalid {which} DB index")))
    };
    let (first, second) = (read(1, "first")?, read(2, "second")?);
    let index = |given: i64| usize::try_from(given).ok().filter(|db| *db < DATABASES);
    let (Some(first), Some(second)) = (index(first), index(second)) else {
        return Err(Failure::fixed("ERR DB index is out of range"));
    };
    call.state.swap_dbs(first, second);
    Ok(Reply::OK)
}

/// Only a sentinel's master has a replica: asked for more, it answers when the time is up.
fn wait(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let wanted = integer(call.arg(1))?;
    let ms = integer(call.arg(2))
        .map_err(|_| Failure::fixed("ERR timeout is not an integer or out of range"))?;
    let deadline = call.deadline_from_ms(ms)?;
    let replicas = call.state.replicas();
    if wanted <= replicas {
        return Ok(Reply::Integer(replicas));
    }
    Ok(call.block(Vec::new(), deadline, Reply::Integer(replicas)))
}

fn role(call: &mut Call<'_>) -> Result<Reply, Failure> {
    Ok(call.state.role_of(call.session().node))
}

fn lastsave(call: &mut Call<'_>) -> Result<Reply, Failure> {
    Ok(Reply::Integer(i64::try_from(call.state.started_us / 1_000_000).unwrap_or(0)))
}

fn replicaof(call: &mut Call<'_>) -> Result<Reply, Failure> {
    if call.state.is_cluster() {
        return Err(Failure::fixed("ERR REPLICAOF not allowed in cluster mode."));
    }
    if call.is(1, "NO") && call.is(2, "ONE") {
        call.state.replicate(None);
        return Ok(Reply::OK);
    }
    let port = length(call.arg(2)).ok().and_then(|port| u16::try_from(port).ok());
    let port = port.ok_or(Failure::fixed("ERR Invalid master port"))?;
    call.state.replicate(Some((call.arg(1).clone(), port)));
    Ok(Reply::OK)
}

/// The key, or with an empty one the keys after KEYS.
fn migrated_keys(args: &[Bytes]) -> Vec<usize> {
    match args.get(3) {
        Some(key) if key.is_empty() => {
            let first = args.iter().position(|arg| arg.eq_ignore_ascii_case(b"KEYS"));
            first.map_or_else(Vec::new, |at| (at + 1..args.len()).collect())
        }
        _ => vec![3],
    }
}

fn migrate(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let keys = migrated_keys(call.args);
    if !keys.into_iter().any(|at| call.exists(call.arg(at))) {
        return Ok(Reply::simple("NOKEY"));
    }
    Err(Failure::fixed("ERR the fake server cannot move keys to another server"))
}

fn bgsave(call: &mut Call<'_>) -> Result<Reply, Failure> {
    match call.args.len() {
        1 => Ok(Reply::simple("Background saving started")),
        2 if call.is(1, "SCHEDULE") => Ok(Reply::simple("Background saving started")),
        _ => Err(Failure::syntax()),
    }
}

fn monitor(call: &mut Call<'_>) -> Result<Reply, Failure> {
    call.session_mut().monitor = true;
    Ok(Reply::OK)
}
