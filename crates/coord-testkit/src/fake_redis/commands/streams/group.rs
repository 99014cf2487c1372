//! XGROUP and XACK.

use bytes::Bytes;

use super::{bad_subcommand, parse_ids};
use crate::fake_redis::call::Call;
use crate::fake_redis::command::{Command, Keys, flag};
use crate::fake_redis::failure::Failure;
use crate::fake_redis::notify;
use crate::fake_redis::number::integer;
use crate::fake_redis::reply::Reply;
use crate::fake_redis::types::stream::Stream;
use crate::fake_redis::types::stream::group::Group;
use crate::fake_redis::types::stream::id::StreamId;

use flag::{DENYOOM, LOADING, STALE, WRITE};

pub(super) static SUBCOMMANDS: &[Command] = &[
    Command::new("create", -5, WRITE | DENYOOM, Keys::SECOND, create),
    Command::new("setid", -5, WRITE, Keys::SECOND, setid),
    Command::new("destroy", 4, WRITE, Keys::SECOND, destroy),
    Command::new("createconsumer", 5, WRITE | DENYOOM, Keys::SECOND, create_consumer),
    Command::new("delconsumer", 5, WRITE, Keys::SECOND, del_consumer),
    Command::new("help", 2, LOADING | STALE, Keys::None, help),
];

/// `MKSTREAM` and `ENTRIESREAD`.
fn parse_options(call: &Call<'_>, may_create: bool) -> Result<(bool, Option<i64>), Failure> {
    let (mut mkstream, mut entries_read) = (false, None);
    let mut at = 5;
    while at < call.args.len() {
        if may_create && call.is(at, "mkstream") {
            mkstream = true;
        } else if call.is(at, "entriesread") && at + 1 < call.args.len() {
            at += 1;
            entries_read = match integer(call.arg(at))? {
                -1 => None,
                read @ 0.. => Some(read),
                _ => {
                    return Err(Failure::fixed("ERR value for ENTRIESREAD must be positive or -1"));
                }
            };
        } else {
            return Err(bad_subcommand("XGROUP", call.arg(1)));
        }
        at += 1;
    }
    Ok((mkstream, entries_read))
}

const fn key_required() -> Failure {
    Failure::fixed(
        "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want \
         to use the MKSTREAM option to create an empty stream automatically.",
    )
}

/// The group of a subcommand that needs one.
fn existing<'c>(call: &'c mut Call<'_>) -> Result<&'c mut Group, Failure> {
    let (key, name): (&Bytes, &Bytes) = (call.arg(2), call.arg(3));
    let stream = call.stream_mut(key)?.ok_or_else(key_required)?;
    stream.groups_mut().get_mut(name).ok_or_else(|| {
        Failure::new(format!(
            "NOGROUP No such consumer group '{}' for key name '{}'",
            String::from_utf8_lossy(name),
            String::from_utf8_lossy(key)
        ))
    })
}

/// Counts a write and tells everyone but WATCH, as the server does for groups.
fn wrote(call: &mut Call<'_>, event: &str) {
    call.state.dirty += 1;
    call.notify(notify::STREAM, event, call.arg(2));
}

fn create(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let (mkstream, entries_read) = parse_options(call, true)?;
    let (key, name, id) = (call.arg(2), call.arg(3), call.arg(4));
    let last = call.stream_mut(key)?.map(|stream| stream.last_id());
    if last.is_none() && !mkstream {
        return Err(key_required());
    }
    if call.args.len() > 8 {
        return Err(bad_subcommand("XGROUP", call.arg(1)));
    }
    let id = if id == "$" { last.unwrap_or_default() } else { StreamId::parse(id, 0)? };
    if last.is_none() {
        call.stream_or_create(key)?;
        call.signal(key);
    }
    let groups = call.stream_or_create(key)?.groups_mut();
    if groups.contains_key(name) {
        return Err(Failure::fixed("BUSYGROUP Consumer Group name already exists"));
    }
    groups.insert(name.clone(), Group::new(id, entries_read));
    wrote(call, "xgroup-create");
    Ok(Reply::OK)
}

fn setid(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let (_, entries_read) = parse_options(call, false)?;
    existing(call)?;
    let id = call.arg(4);
    let id = if id == "$" {
        call.stream_mut(call.arg(2))?.map(|stream| stream.last_id()).unwrap_or_default()
    } else if matches!(call.args.len(), 5 | 7) {
        StreamId::parse_bound(id, 0)?
    } else {
        return Err(bad_subcommand("XGROUP", call.arg(1)));
    };
    let group = existing(call)?;
    group.last_id = id;
    group.entries_read = entries_read;
    wrote(call, "xgroup-setid");
    Ok(Reply::OK)
}

fn destroy(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let (key, name) = (call.arg(2), call.arg(3));
    let stream = call.stream_mut(key)?.ok_or_else(key_required)?;
    if stream.groups_mut().remove(name).is_none() {
        return Ok(Reply::Integer(0));
    }
    wrote(call, "xgroup-destroy");
    // Clients that wait for this group learn that it is gone.
    call.state.waiting.signal(call.db, key);
    Ok(Reply::Integer(1))
}

fn create_consumer(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let (name, now) = (call.arg(4), call.now_ms().cast_signed());
    let created = existing(call)?.create_consumer(name, now);
    if created {
        wrote(call, "xgroup-createconsumer");
    }
    Ok(Reply::flag(created))
}

fn del_consumer(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let name = call.arg(4);
    let Some(pending) = existing(call)?.delete_consumer(name) else {
        return Ok(Reply::Integer(0));
    };
    wrote(call, "xgroup-delconsumer");
    Ok(Reply::len(pending))
}

fn help(_: &mut Call<'_>) -> Result<Reply, Failure> {
    Ok(Reply::Array(
        [
            "XGROUP CREATE <key> <group> <id or $> [MKSTREAM] [ENTRIESREAD <count>]",
            "XGROUP CREATECONSUMER <key> <group> <consumer>",
            "XGROUP DELCONSUMER <key> <group> <consumer>",
            "XGROUP DESTROY <key> <group>",
            "XGROUP SETID <key> <group> <id or $> [ENTRIESREAD <count>]",
        ]
        .map(Reply::simple)
        .to_vec(),
    ))
}

pub(super) fn xack(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let (key, name) = (call.arg(1), call.arg(2));
    let known = |stream: &Stream| stream.groups().contains_key(name);
    if !call.stream(key)?.is_some_and(known) {
        return Ok(Reply::Integer(0));
    }
    let ids = parse_ids(&call.args[3..])?;
    let group = call.stream_mut(key)?.and_then(|stream| stream.groups_mut().get_mut(name));
    let acknowledged = match group {
        Some(group) => ids.into_iter().filter(|&id| group.acknowledge(id)).count(),
        None => 0,
    };
    call.state.dirty += acknowledged as u64;
    Ok(Reply::len(acknowledged))
}
