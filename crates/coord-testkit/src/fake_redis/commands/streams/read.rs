//! XREAD and XREADGROUP.

use bytes::Bytes;

use super::entry_reply;
use super::read_options::{Member, Options};
use crate::fake_redis::call::{Call, Origin};
use crate::fake_redis::failure::Failure;
use crate::fake_redis::notify;
use crate::fake_redis::reply::Reply;
use crate::fake_redis::types::stream::id::StreamId;
use crate::fake_redis::types::stream::{Fields, Stream};

/// From where one stream is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum From {
    After(StreamId),
    /// What the group has not delivered yet.
    New,
}

pub(super) fn xread(call: &mut Call<'_>) -> Result<Reply, Failure> {
    read(call, false)
}

pub(super) fn xreadgroup(call: &mut Call<'_>) -> Result<Reply, Failure> {
    read(call, true)
}

fn read(call: &mut Call<'_>, grouped: bool) -> Result<Reply, Failure> {
    let options = Options::parse(call, grouped)?;
    if call.origin == Origin::Again {
        return read_again(call, &options);
    }
    let count = (call.args.len() - options.streams) / 2;
    let (keys, ids) = call.args[options.streams..].split_at(count);
    let mut from = Vec::with_capacity(count);
    for (key, id) in keys.iter().zip(ids) {
        from.push(resolve(call, &options, key, id)?);
    }
    let mut served = Vec::new();
    for (key, &from) in keys.iter().zip(&from) {
        let entries = match &options.group {
            Some(member) => read_group(call, &options, member, key, from)?,
            None => read_plain(call, &options, key, from)?,
        };
        served.extend(entries.map(|entries| (Reply::Bulk(key.clone()), entries)));
    }
    if !served.is_empty() {
        return Ok(streams_reply(served, call.resp3));
    }
    let Some(block) = options.block else {
        return Ok(Reply::NullArray);
    };
    let deadline = call.deadline_from_ms(block)?;
    // `$` means the last entry as of now, not as of the wake-up.
    let mut args = call.args.to_vec();
    for (at, from) in from.iter().enumerate() {
        if let From::After(id) = from {
            args[options.streams + count + at] = Bytes::from(id.to_string());
        }
    }
    Ok(call.block_as(args, keys.to_vec(), deadline, Reply::NullArray))
}

/// Serves a blocked client from the one key that has changed.
fn read_again(call: &mut Call<'_>, options: &Options) -> Result<Reply, Failure> {
    let count = (call.args.len() - options.streams) / 2;
    let (keys, ids) = call.args[options.streams..].split_at(count);
    let ready = call.state.waiting.serving().cloned();
    let Some(at) = keys.iter().position(|key| Some(key) == ready.as_ref()) else {
        return Ok(Reply::None);
    };
    let key = &keys[at];
    let now = call.now_ms().cast_signed();
    let stream = call.stream_mut(key).unwrap_or_default();
    let entries = match (&options.group, stream) {
        (None, None) => return Ok(Reply::None),
        (None, Some(stream)) => {
            let after = StreamId::parse(&ids[at], 0)?;
            if stream.last_id() <= after {
                return Ok(Reply::None);
            }
            entries_after(stream, after, options.count)
        }
        (Some(_), None) => {
            return Err(Failure::fixed("UNBLOCKED the stream key no longer exists"));
        }
        (Some(member), Some(stream)) => {
            let last = stream.last_id();
            let Some(group) = stream.groups_mut().get_mut(&member.group) else {
                return Err(Failure::fixed(
                    "NOGROUP the consumer group this client was blocked on no longer exists",
                ));
            };
            if last <= group.last_id {
                return Ok(Reply::None);
            }
            let created = group.see_consumer(&member.consumer, now);
            let delivered =
                stream.deliver(&member.group, &member.consumer, options.count, options.no_ack, now);
            if created {
                call.notify(notify::STREAM, "xgroup-createconsumer", key);
            }
            delivered_reply(&delivered)
        }
    };
    Ok(streams_reply(vec![(Reply::Bulk(key.clone()), entries)], call.resp3))
}

/// Checks key and group and reads the identifier.
fn resolve(
    call: &mut Call<'_>,
    options: &Options,
    key: &Bytes,
    id: &Bytes,
) -> Result<From, Failure> {
    let stream = call.stream(key)?;
    if let Some(member) = &options.group {
        let known = stream.is_some_and(|stream| stream.groups().contains_key(&member.group));
        if !known {
            return Err(Failure::new(format!(
                "NOGROUP No such key '{}' or consumer group '{}' in XREADGROUP with GROUP option",
                String::from_utf8_lossy(key),
                String::from_utf8_lossy(&member.group)
            )));
        }
    }
    match &id[..] {
        b"$" if options.group.is_some() => Err(Failure::fixed(
            "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the \
             history of this consumer by specifying a proper ID, or use the > ID to get new \
             messages. The $ ID would just return an empty result set.",
        )),
        b"$" => Ok(From::After(stream.map(Stream::last_id).unwrap_or_default())),
        b">" if options.group.is_some() => Ok(From::New),
        b">" => Err(Failure::fixed(
            "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> \
             <consumer> option.",
        )),
        id => match StreamId::parse(id, 0)? {
            // The server itself writes `>` as the greatest identifier.
            StreamId::MAX if options.group.is_some() => Ok(From::New),
            id => Ok(From::After(id)),
        },
    }
}

/// Entries after an identifier; `None` when there are none.
fn read_plain(
    call: &mut Call<'_>,
    options: &Options,
    key: &Bytes,
    from: From,
) -> Result<Option<Reply>, Failure> {
    let (Some(stream), From::After(after)) = (call.stream(key)?, from) else {
        return Ok(None);
    };
    let news = stream.top().is_some_and(|top| top > after);
    Ok(news.then(|| entries_after(stream, after, options.count)))
}

/// A consumer's history, or what is new to its group; `None` when nothing is new.
fn read_group(
    call: &mut Call<'_>,
    options: &Options,
    member: &Member,
    key: &Bytes,
    from: From,
) -> Result<Option<Reply>, Failure> {
    let now = call.now_ms().cast_signed();
    let Some(stream) = call.stream_mut(key)? else {
        return Ok(None);
    };
    let top = stream.top();
    let Some(group) = stream.groups_mut().get_mut(&member.group) else {
        return Ok(None);
    };
    if from == From::New && top.is_none_or(|top| top <= group.last_id) {
        // Nothing to serve: not even the consumer comes into being.
        return Ok(None);
    }
    let created = group.see_consumer(&member.consumer, now);
    let reply = match from {
        From::After(id) => {
            let start = id.next().unwrap_or_default();
            let history =
                stream.redeliver(&member.group, &member.consumer, start, options.count, now);
            let entries = history.iter().map(|(id, fields)| entry_reply(*id, fields.as_ref()));
            Reply::Array(entries.collect())
        }
        From::New => {
            let delivered =
                stream.deliver(&member.group, &member.consumer, options.count, options.no_ack, now);
            delivered_reply(&delivered)
        }
    };
    if created {
        call.notify(notify::STREAM, "xgroup-createconsumer", key);
    }
    call.state.dirty += 1;
    Ok(Some(reply))
}

fn entries_after(stream: &Stream, after: StreamId, count: usize) -> Reply {
    let count = if count == 0 { usize::MAX } else { count };
    let start = after.next().unwrap_or_default();
    let entries = stream.range(start, StreamId::MAX).take(count);
    Reply::Array(entries.map(|(id, fields)| entry_reply(id, Some(fields))).collect())
}

fn delivered_reply(delivered: &[(StreamId, Fields)]) -> Reply {
    Reply::Array(delivered.iter().map(|(id, fields)| entry_reply(*id, Some(fields))).collect())
}

/// A map of streams in RESP3, pairs in an array in RESP2.
fn streams_reply(streams: Vec<(Reply, Reply)>, resp3: bool) -> Reply {
    if resp3 {
        return Reply::Map(streams);
    }
    let pairs = streams.into_iter().map(|(key, entries)| Reply::Array(vec![key, entries]));
    Reply::Array(pairs.collect())
}
