//! What a command did, as commands that do the same anywhere and at any time.

use bytes::Bytes;

use crate::fake_redis::dispatch::Found;
use crate::fake_redis::reply::Reply;
use crate::fake_redis::state::State;
use crate::fake_redis::types::stream::id::StreamId;
use crate::fake_redis::value::Value;

type Command = Vec<Bytes>;

/// Most members of one SREM.
const SREM_MEMBERS: usize = 1024;

/// What to tell others of a command that has changed something and answered `reply`.
pub(super) fn of(
    state: &State,
    db: usize,
    found: Found,
    args: &[Bytes],
    reply: &Reply,
) -> Vec<Command> {
    let entry = args.get(1).and_then(|key| state.dbs[db].get(key));
    let expire_at = entry.and_then(|entry| entry.expire_at);
    let name = if found.parent.is_some() { "" } else { found.command.name };
    let one = match name {
        "set" => set(args, expire_at),
        "setex" | "psetex" => vec![
            word("SET"),
            args[1].clone(),
            args[3].clone(),
            word("PXAT"),
            number(expire_at.unwrap_or(0)),
        ],
        "expire" | "pexpire" | "expireat" | "pexpireat" | "getex" => match (entry, expire_at) {
            (None, _) => vec![word("DEL"), args[1].clone()],
            (Some(_), None) => vec![word("PERSIST"), args[1].clone()],
            (Some(_), Some(at)) => vec![word("PEXPIREAT"), args[1].clone(), number(at)],
        },
        "getdel" => vec![word("DEL"), args[1].clone()],
        "restore" => match (entry, expire_at) {
            (None, _) => vec![word("DEL"), args[1].clone()],
            (Some(_), Some(at)) if !has(&args[4..], "ABSTTL") => {
                let mut made = args.to_vec();
                made[2] = number(at);
                made.push(word("ABSTTL"));
                made
            }
            _ => args.to_vec(),
        },
        "incrbyfloat" => match entry.map(|entry| &entry.value) {
            Some(Value::String(text)) => {
                vec![word("SET"), args[1].clone(), text.clone().into(), word("KEEPTTL")]
            }
            _ => args.to_vec(),
        },
        "hincrbyfloat" => match reply {
            Reply::Bulk(value) => {
                vec![word("HSET"), args[1].clone(), args[2].clone(), value.clone()]
            }
            _ => args.to_vec(),
        },
        "spop" => return spop(args, entry.is_some(), reply),
        "lmpop" => popped(args, 1, ["LPOP", "RPOP"], reply),
        "blmpop" => popped(args, 2, ["LPOP", "RPOP"], reply),
        "zmpop" => popped(args, 1, ["ZPOPMIN", "ZPOPMAX"], reply),
        "bzmpop" => popped(args, 2, ["ZPOPMIN", "ZPOPMAX"], reply),
        "blpop" => first_popped("LPOP", reply),
        "brpop" => first_popped("RPOP", reply),
        "bzpopmin" => first_popped("ZPOPMIN", reply),
        "bzpopmax" => first_popped("ZPOPMAX", reply),
        "blmove" => [&[word("LMOVE")], &args[1..5]].concat(),
        "brpoplpush" => [&[word("RPOPLPUSH")], &args[1..3]].concat(),
        "xadd" => added(state, db, args, reply),
        "xtrim" => trimmed(state, db, args),
        "xreadgroup" => return delivered(state, db, args, reply),
        "xclaim" => {
            let ids = args[5..].iter().map_while(|id| StreamId::parse(id, 0).ok());
            return ids.map(|id| claimed(state, db, &args[1], &args[2], &args[3], id)).collect();
        }
        "xautoclaim" => {
            let parts = items(reply);
            let ids = parts.iter().skip(1).flat_map(items).filter_map(id_of);
            return ids.map(|id| claimed(state, db, &args[1], &args[2], &args[3], id)).collect();
        }
        _ => args.to_vec(),
    };
    vec![one]
}

const fn word(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

fn number(number: impl std::fmt::Display) -> Bytes {
    format!("{number}").into()
}

fn has(args: &[Bytes], option: &str) -> bool {
    args.iter().any(|arg| arg.eq_ignore_ascii_case(option.as_bytes()))
}

fn items(reply: &Reply) -> &[Reply] {
    match reply {
        Reply::Array(items) | Reply::Set(items) | Reply::Push(items) => items,
        _ => &[],
    }
}

fn bulk_of(reply: &Reply) -> Option<Bytes> {
    if let Reply::Bulk(bytes) = reply { Some(bytes.clone()) } else { None }
}

/// The identifier that an entry, or its identifier alone, has in a reply.
fn id_of(reply: &Reply) -> Option<StreamId> {
    let id = bulk_of(reply).or_else(|| bulk_of(items(reply).first()?))?;
    StreamId::parse(&id, 0).ok()
}

/// SET with the time as of when it ran, and without asking for the old value.
fn set(args: &[Bytes], expire_at: Option<u64>) -> Command {
    let timed = ["EX", "PX", "EXAT", "PXAT"].iter().any(|option| has(&args[3..], option));
    match expire_at {
        Some(at) if timed => {
            vec![word("SET"), args[1].clone(), args[2].clone(), word("PXAT"), number(at)]
        }
        // It was over at once.
        None if timed => vec![word("DEL"), args[1].clone()],
        _ => {
            let (head, options) = args.split_at(3);
            let options = options.iter().filter(|option| !option.eq_ignore_ascii_case(b"GET"));
            head.iter().chain(options).cloned().collect()
        }
    }
}

fn spop(args: &[Bytes], is_left: bool, reply: &Reply) -> Vec<Command> {
    if let Some(member) = bulk_of(reply) {
        return vec![vec![word("SREM"), args[1].clone(), member]];
    }
    if !is_left {
        return vec![vec![word("DEL"), args[1].clone()]];
    }
    let members: Vec<Bytes> = items(reply).iter().filter_map(bulk_of).collect();
    let head = [word("SREM"), args[1].clone()];
    members.chunks(SREM_MEMBERS).map(|members| [&head, members].concat()).collect()
}

/// LMPOP and the like: a plain pop of the key that had something. The number of keys stands at
/// `count`, the end after them; the first of `names` is for LEFT and MIN.
fn popped(args: &[Bytes], count: usize, names: [&'static str; 2], reply: &Reply) -> Command {
    let keys = std::str::from_utf8(&args[count]).ok().and_then(|text| text.parse::<usize>().ok());
    let end = keys.and_then(|keys| args.get(count + 1 + keys));
    let is_first =
        end.is_some_and(|end| [&b"left"[..], b"min"].iter().any(|it| end.eq_ignore_ascii_case(it)));
    let name = names[usize::from(!is_first)];
    match items(reply) {
        [Reply::Bulk(key), taken] => {
            vec![word(name), key.clone(), number(items(taken).len())]
        }
        _ => args.to_vec(),
    }
}

fn first_popped(name: &'static str, reply: &Reply) -> Command {
    let key = items(reply).first().and_then(bulk_of).unwrap_or_default();
    vec![word(name), key]
}

/// XADD under the identifier that it got.
fn added(state: &State, db: usize, args: &[Bytes], reply: &Reply) -> Command {
    let mut made = trimmed(state, db, args);
    let mut at = 2;
    while let Some(option) = made.get(at) {
        at += match option.to_ascii_lowercase().as_slice() {
            b"nomkstream" => 1,
            b"maxlen" | b"minid" => {
                let sign = made.get(at + 1).is_some_and(|it| matches!(&it[..], b"=" | b"~"));
                2 + usize::from(sign)
            }
            b"limit" => 2,
            _ => break,
        };
    }
    if let (Some(place), Some(id)) = (made.get_mut(at), bulk_of(reply)) {
        *place = id;
    }
    made
}

/// XTRIM and XADD with what they left of the stream instead of "about so many".
fn trimmed(state: &State, db: usize, args: &[Bytes]) -> Command {
    let mut made = args.to_vec();
    let about = args.iter().position(|arg| &arg[..] == b"~").filter(|at| *at < 5);
    let Some(Value::Stream(stream)) = state.dbs[db].get(&args[1]).map(|entry| &entry.value) else {
        return made;
    };
    let Some(at) = about else { return made };
    made[at] = word("=");
    made[at + 1] = match args[at - 1].eq_ignore_ascii_case(b"maxlen") {
        true => number(stream.len()),
        false => {
            let first = stream.range(StreamId::MIN, StreamId::MAX).next();
            number(first.map_or(StreamId::MIN, |(id, _)| id))
        }
    };
    // A limit goes with "about" only.
    if args.get(at + 2).is_some_and(|arg| arg.eq_ignore_ascii_case(b"limit")) {
        made.drain(at + 2..at + 4);
    }
    made
}

/// XREADGROUP: who holds what now, or with NOACK how far the group has come.
fn delivered(state: &State, db: usize, args: &[Bytes], reply: &Reply) -> Vec<Command> {
    let Some(streams) = args.iter().position(|arg| arg.eq_ignore_ascii_case(b"streams")) else {
        return Vec::new();
    };
    let (group, consumer) = (&args[2], &args[3]);
    let keys = &args[streams + 1..];
    let (keys, ids) = keys.split_at(keys.len() / 2);
    let served: Vec<(Bytes, &Reply)> = match reply {
        Reply::Map(pairs) => {
            pairs.iter().filter_map(|(key, entries)| Some((bulk_of(key)?, entries))).collect()
        }
        reply => items(reply)
            .iter()
            .filter_map(|pair| Some((bulk_of(items(pair).first()?)?, items(pair).get(1)?)))
            .collect(),
    };
    let mut made = Vec::new();
    for (key, entries) in served {
        let is_new = keys.iter().position(|it| *it == key).is_some_and(|at| &ids[at][..] == b">");
        if !is_new {
            continue;
        }
        if has(&args[4..streams], "NOACK") {
            made.extend(group_position(state, db, &key, group, consumer).into_iter().flatten());
            continue;
        }
        let ids = items(entries).iter().filter_map(id_of);
        made.extend(ids.map(|id| claimed(state, db, &key, group, consumer, id)));
    }
    made
}

fn group_position(
    state: &State,
    db: usize,
    key: &Bytes,
    group: &Bytes,
    consumer: &Bytes,
) -> Option<[Command; 2]> {
    let Value::Stream(stream) = &state.dbs[db].get(key)?.value else { return None };
    let found = stream.groups().get(group)?;
    let head = |sub| vec![word("XGROUP"), word(sub), key.clone(), group.clone()];
    let (mut member, mut place) = (head("CREATECONSUMER"), head("SETID"));
    member.push(consumer.clone());
    place.push(number(found.last_id));
    place.extend([word("ENTRIESREAD"), number(found.entries_read.unwrap_or(-1))]);
    Some([member, place])
}

/// An entry as it is held now: claimed for its holder, or acknowledged if nobody holds it.
fn claimed(
    state: &State,
    db: usize,
    key: &Bytes,
    group: &Bytes,
    consumer: &Bytes,
    id: StreamId,
) -> Command {
    let found = match state.dbs[db].get(key).map(|entry| &entry.value) {
        Some(Value::Stream(stream)) => stream.groups().get(group),
        _ => None,
    };
    let held = found.and_then(|found| Some((found.last_id, found.pending().get(&id)?)));
    let Some((last_id, pending)) = held else {
        return vec![word("XACK"), key.clone(), group.clone(), number(id)];
    };
    let mut made = vec![word("XCLAIM"), key.clone(), group.clone(), consumer.clone(), word("0")];
    made.extend([number(id), word("TIME"), number(pending.delivered_at)]);
    made.extend([word("RETRYCOUNT"), number(pending.deliveries), word("FORCE"), word("JUSTID")]);
    made.extend([word("LASTID"), number(last_id)]);
    made
}
