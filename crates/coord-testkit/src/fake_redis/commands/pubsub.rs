//! Channels: SUBSCRIBE, PUBLISH and their relatives.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use crate::fake_redis::call::{Call, Origin};
use crate::fake_redis::command::{Command, Family, Keys, flag};
use crate::fake_redis::failure::Failure;
use crate::fake_redis::glob;
use crate::fake_redis::reply::Reply;
use crate::fake_redis::session::Session;

use super::help;
use flag::{FAST, IN_SUBSCRIBER, LOADING, MAY_REPLICATE, NOSCRIPT, PUBSUB, STALE};

const SUB: u32 = PUBSUB | NOSCRIPT | LOADING | STALE | IN_SUBSCRIBER;

pub(crate) static FAMILY: Family = Family {
    group: "pubsub",
    commands: &[
        Command::new("subscribe", -2, SUB, Keys::None, |call| subscribe(call, Kind::Channel)),
        Command::new("unsubscribe", -1, SUB, Keys::None, |call| unsubscribe(call, Kind::Channel)),
        Command::new("psubscribe", -2, SUB, Keys::None, |call| subscribe(call, Kind::Pattern)),
        Command::new("punsubscribe", -1, SUB, Keys::None, |call| unsubscribe(call, Kind::Pattern)),
        Command::new("ssubscribe", -2, SUB, SHARD_CHANNELS, |call| subscribe(call, Kind::Shard)),
        Command::new("sunsubscribe", -1, SUB, SHARD_CHANNELS, |call| {
            unsubscribe(call, Kind::Shard)
        }),
        Command::new(
            "publish",
            3,
            PUBSUB | LOADING | STALE | FAST | MAY_REPLICATE,
            Keys::None,
            publish,
        ),
        Command::new(
            "spublish",
            3,
            PUBSUB | LOADING | STALE | FAST | MAY_REPLICATE,
            Keys::ONE,
            spublish,
        ),
        Command::container("pubsub", PUBSUB_SUBCOMMANDS),
    ],
};

const SHARD_CHANNELS: Keys = Keys::ALL;

const PUBSUB_SUBCOMMANDS: &[Command] = &[
    Command::new("channels", -2, PUBSUB | LOADING | STALE, Keys::None, |call| {
        channels(call, Kind::Channel)
    }),
    Command::new("help", 2, LOADING | STALE, Keys::None, |_| {
        Ok(help(
            "PUBSUB",
            &[
                "CHANNELS [<pattern>]",
                "NUMPAT",
                "NUMSUB [<channel> ...]",
                "SHARDCHANNELS [<pattern>]",
                "SHARDNUMSUB [<shardchannel> ...]",
            ],
        ))
    }),
    Command::new("numpat", 2, PUBSUB | LOADING | STALE, Keys::None, numpat),
    Command::new("numsub", -2, PUBSUB | LOADING | STALE, Keys::None, |call| {
        numsub(call, Kind::Channel)
    }),
    Command::new("shardchannels", -2, PUBSUB | LOADING | STALE, Keys::None, |call| {
        channels(call, Kind::Shard)
    }),
    Command::new("shardnumsub", -2, PUBSUB | LOADING | STALE, Keys::None, |call| {
        numsub(call, Kind::Shard)
    }),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Channel,
    Pattern,
    Shard,
}

impl Kind {
    fn of(self, session: &mut Session) -> &mut BTreeSet<Bytes> {
        match self {
            Self::Channel => &mut session.channels,
            Self::Pattern => &mut session.patterns,
            Self::Shard => &mut session.shard_channels,
        }
    }

    const fn prefix(self) -> &'static str {
        match self {
            Self::Channel => "",
            Self::Pattern => "p",
            Self::Shard => "s",
        }
    }

    fn count(self, session: &Session) -> usize {
        if self == Self::Shard { session.shard_channels.len() } else { session.subscriptions() }
    }
}

fn event(session: &Session, kind: Kind, what: &str, channel: Option<&Bytes>) -> Reply {
    let name = format!("{}{what}", kind.prefix());
    let channel = channel.map_or(Reply::Null, |channel| Reply::Bulk(channel.clone()));
    Reply::Push(vec![Reply::bulk(name), channel, Reply::len(kind.count(session))])
}

/// One event is the reply, so that EXEC can show it; of several the last one is.
fn last_of(session: &mut Session, mut events: Vec<Reply>) -> Reply {
    let last = events.pop().unwrap_or(Reply::None);
    for event in &events {
        session.send(event);
    }
    last
}

fn subscribe(call: &mut Call<'_>, kind: Kind) -> Result<Reply, Failure> {
    let channels = &call.args[1..];
    if call.origin == Origin::Exec
        && !call.resp3
        && call.session().reply_mode != crate::fake_redis::session::ReplyMode::On
    {
        return Err(Failure::new(format!(
            "ERR {} isn't allowed for a DENY BLOCKING client",
            call.command.name.to_uppercase()
        )));
    }
    let session = call.session_mut();
    let mut events = Vec::new();
    for channel in channels {
        kind.of(session).insert(channel.clone());
        events.push(event(session, kind, "subscribe", Some(channel)));
    }
    Ok(last_of(session, events))
}

fn unsubscribe(call: &mut Call<'_>, kind: Kind) -> Result<Reply, Failure> {
    let given = &call.args[1..];
    let session = call.session_mut();
    let channels: Vec<Bytes> =
        if given.is_empty() { kind.of(session).iter().cloned().collect() } else { given.to_vec() };
    let mut events = Vec::new();
    for channel in &channels {
        kind.of(session).remove(channel);
        events.push(event(session, kind, "unsubscribe", Some(channel)));
    }
    if channels.is_empty() {
        events.push(event(session, kind, "unsubscribe", None));
    }
    Ok(last_of(session, events))
}

fn publish(call: &mut Call<'_>) -> Result<Reply, Failure> {
    Ok(Reply::len(call.state.publish(call.arg(1), call.arg(2))))
}

fn spublish(call: &mut Call<'_>) -> Result<Reply, Failure> {
    Ok(Reply::len(call.state.publish_sharded(call.arg(1), call.arg(2))))
}

fn counts(call: &Call<'_>, kind: Kind) -> BTreeMap<Bytes, usize> {
    let mut counts = BTreeMap::new();
    for session in call.state.sessions.values() {
        let set = if kind == Kind::Shard { &session.shard_channels } else { &session.channels };
        for channel in set {
            *counts.entry(channel.clone()).or_default() += 1;
        }
    }
    counts
}

fn channels(call: &mut Call<'_>, kind: Kind) -> Result<Reply, Failure> {
    if call.args.len() > 3 {
        return Err(Failure::arity(&call.name()));
    }
    let pattern = call.args.get(2);
    let hits = counts(call, kind).into_keys();
    let hits = hits.filter(|channel| pattern.is_none_or(|pattern| glob::matches(pattern, channel)));
    Ok(Reply::Array(hits.map(Reply::Bulk).collect()))
}

fn numpat(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let patterns: BTreeSet<&Bytes> =
        call.state.sessions.values().flat_map(|session| &session.patterns).collect();
    Ok(Reply::len(patterns.len()))
}

fn numsub(call: &mut Call<'_>, kind: Kind) -> Result<Reply, Failure> {
    let counts = counts(call, kind);
    let pairs = call.args[2..].iter().flat_map(|channel| {
        [Reply::Bulk(channel.clone()), Reply::len(counts.get(channel).copied().unwrap_or(0))]
    });
    Ok(Reply::Array(pairs.collect()))
}
