//! XINFO.

use super::{bad_subcommand, count_reply, entry_reply, id_reply};
use crate::fake_redis::call::Call;
use crate::fake_redis::command::{Command, Keys, flag};
use crate::fake_redis::failure::Failure;
use crate::fake_redis::number::integer;
use crate::fake_redis::reply::Reply;
use crate::fake_redis::types::stream::Stream;
use crate::fake_redis::types::stream::group::{Consumer, Group};
use crate::fake_redis::types::stream::id::StreamId;

use flag::{LOADING, READONLY, STALE};

pub(super) static SUBCOMMANDS: &[Command] = &[
    Command::new("stream", -3, READONLY, Keys::SECOND, stream),
    Command::new("groups", 3, READONLY, Keys::SECOND, groups),
    Command::new("consumers", 4, READONLY, Keys::SECOND, consumers),
    Command::new("help", 2, LOADING | STALE, Keys::None, help),
];

/// Entries shown by `FULL` without `COUNT`.
const DEFAULT_COUNT: usize = 10;

fn map<const N: usize>(pairs: [(&'static str, Reply); N]) -> Reply {
    Reply::Map(pairs.map(|(name, value)| (Reply::bulk(name), value)).to_vec())
}

fn stream(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let key = call.arg(2);
    call.stream(key)?.ok_or_else(Failure::no_such_key)?;
    let full = match call.args.len() {
        3 => None,
        4 if call.is(3, "full") => Some(DEFAULT_COUNT),
        6 if call.is(3, "full") && call.is(4, "count") => {
            Some(usize::try_from(integer(call.arg(5))?).unwrap_or(DEFAULT_COUNT))
        }
        _ => return Err(bad_subcommand("XINFO", call.arg(1))),
    };
    let stream = call.stream(key)?.ok_or_else(Failure::no_such_key)?;
    let nodes = stream.node_count();
    let mut pairs = vec![
        ("length", count_reply(stream.len())),
        ("radix-tree-keys", Reply::len(nodes)),
        ("radix-tree-nodes", Reply::len(nodes + 1)),
        ("last-generated-id", id_reply(stream.last_id())),
        ("max-deleted-entry-id", id_reply(stream.max_deleted_id())),
        ("entries-added", count_reply(stream.entries_added())),
        ("recorded-first-entry-id", id_reply(stream.first_id())),
    ];
    match full {
        None => {
            let edge = |entry: Option<(StreamId, &_)>| {
                entry.map_or(Reply::Null, |(id, fields)| entry_reply(id, Some(fields)))
            };
            let mut all = stream.range(StreamId::MIN, StreamId::MAX);
            let (first, last) =
                (all.next(), stream.range(StreamId::MIN, StreamId::MAX).next_back());
            pairs.push(("groups", Reply::len(stream.groups().len())));
            pairs.push(("first-entry", edge(first)));
            pairs.push(("last-entry", edge(last)));
        }
        Some(count) => {
            let most = if count == 0 { usize::MAX } else { count };
            let entries = stream.range(StreamId::MIN, StreamId::MAX).take(most);
            let entries = entries.map(|(id, fields)| entry_reply(id, Some(fields)));
            pairs.push(("entries", Reply::Array(entries.collect())));
            let groups = stream.groups().iter();
            let groups = groups.map(|(name, group)| full_group(stream, name, group, most));
            pairs.push(("groups", Reply::Array(groups.collect())));
        }
    }
    let pairs = pairs.into_iter().map(|(name, value)| (Reply::bulk(name), value));
    Ok(Reply::Map(pairs.collect()))
}

fn full_group(stream: &Stream, name: &[u8], group: &Group, most: usize) -> Reply {
    let pending = group.pending().iter().take(most).map(|(&id, pending)| {
        Reply::Array(vec![
            id_reply(id),
            Reply::Bulk(pending.consumer.clone()),
            Reply::Integer(pending.delivered_at),
            Reply::Integer(pending.deliveries),
        ])
    });
    let consumers = group.consumers().iter();
    let consumers = consumers.map(|(name, consumer)| full_consumer(group, name, consumer, most));
    map([
        ("name", Reply::bulk(name)),
        ("last-delivered-id", id_reply(group.last_id)),
        ("entries-read", maybe(group.entries_read)),
        ("lag", maybe(stream.lag(group))),
        ("pel-count", Reply::len(group.pending().len())),
        ("pending", Reply::Array(pending.collect())),
        ("consumers", Reply::Array(consumers.collect())),
    ])
}

fn full_consumer(group: &Group, name: &[u8], consumer: &Consumer, most: usize) -> Reply {
    let own = consumer.pending().iter().take(most);
    let pending = own.filter_map(|id| Some((id, group.pending().get(id)?)));
    let pending = pending.map(|(&id, pending)| {
        Reply::Array(vec![
            id_reply(id),
            Reply::Integer(pending.delivered_at),
            Reply::Integer(pending.deliveries),
        ])
    });
    map([
        ("name", Reply::bulk(name)),
        ("seen-time", Reply::Integer(consumer.seen_at)),
        ("pel-count", Reply::len(consumer.pending().len())),
        ("pending", Reply::Array(pending.collect())),
    ])
}

fn maybe(count: Option<i64>) -> Reply {
    count.map_or(Reply::Null, Reply::Integer)
}

fn groups(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let stream = call.stream(call.arg(2))?.ok_or_else(Failure::no_such_key)?;
    let groups = stream.groups().iter().map(|(name, group)| {
        map([
            ("name", Reply::Bulk(name.clone())),
            ("consumers", Reply::len(group.consumers().len())),
            ("pending", Reply::len(group.pending().len())),
            ("last-delivered-id", id_reply(group.last_id)),
            ("entries-read", maybe(group.entries_read)),
            ("lag", maybe(stream.lag(group))),
        ])
    });
    Ok(Reply::Array(groups.collect()))
}

fn consumers(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let (key, name, now) = (call.arg(2), call.arg(3), call.now_ms().cast_signed());
    let stream = call.stream(key)?.ok_or_else(Failure::no_such_key)?;
    let Some(group) = stream.groups().get(name) else {
        return Err(Failure::new(format!(
            "NOGROUP No such consumer group '{}' for key name '{}'",
            String::from_utf8_lossy(name),
            String::from_utf8_lossy(key)
        )));
    };
    let consumers = group.consumers().iter().map(|(name, consumer)| {
        map([
            ("name", Reply::Bulk(name.clone())),
            ("pending", Reply::len(consumer.pending().len())),
            ("idle", Reply::Integer(now.saturating_sub(consumer.seen_at).max(0))),
        ])
    });
    Ok(Reply::Array(consumers.collect()))
}

fn help(_: &mut Call<'_>) -> Result<Reply, Failure> {
    Ok(Reply::Array(
        [
            "XINFO CONSUMERS <key> <group>",
            "XINFO GROUPS <key>",
            "XINFO STREAM <key> [FULL [COUNT <count>]]",
        ]
        .map(Reply::simple)
        .to_vec(),
    ))
}
