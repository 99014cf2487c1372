//! Streams: XADD, XREADGROUP and their relatives.

mod add;
mod claim;
mod group;
mod info;
mod pending;
mod range;
mod read;
mod read_options;

use bytes::Bytes;

use crate::fake_redis::command::{Command, Family, Keys, flag};
use crate::fake_redis::failure::Failure;
use crate::fake_redis::reply::Reply;
use crate::fake_redis::types::stream::Fields;
use crate::fake_redis::types::stream::id::{InvalidId, StreamId};

use flag::{BLOCKING, DENYOOM, FAST, MOVABLE_KEYS, READONLY, WRITE};

pub(crate) static FAMILY: Family = Family {
    group: "stream",
    commands: &[
        Command::new("xadd", -5, WRITE | DENYOOM | FAST, Keys::ONE, add::xadd),
        Command::new("xlen", 2, READONLY | FAST, Keys::ONE, range::xlen),
        Command::new("xrange", -4, READONLY, Keys::ONE, range::xrange),
        Command::new("xrevrange", -4, READONLY, Keys::ONE, range::xrevrange),
        Command::new("xdel", -3, WRITE | FAST, Keys::ONE, add::xdel),
        Command::new("xtrim", -4, WRITE, Keys::ONE, add::xtrim),
        Command::new("xsetid", -3, WRITE | DENYOOM | FAST, Keys::ONE, add::xsetid),
        Command::new("xread", -4, READONLY | BLOCKING | MOVABLE_KEYS, STREAM_KEYS, read::xread),
        Command::new(
            "xreadgroup",
            -7,
            WRITE | BLOCKING | MOVABLE_KEYS,
            STREAM_KEYS,
            read::xreadgroup,
        ),
        Command::container("xgroup", group::SUBCOMMANDS),
        Command::new("xack", -4, WRITE | FAST, Keys::ONE, group::xack),
        Command::new("xpending", -3, READONLY, Keys::ONE, pending::xpending),
        Command::new("xclaim", -6, WRITE | FAST, Keys::ONE, claim::xclaim),
        Command::new("xautoclaim", -6, WRITE | FAST, Keys::ONE, claim::xautoclaim),
        Command::container("xinfo", info::SUBCOMMANDS),
    ],
};

const STREAM_KEYS: Keys = Keys::Custom(stream_keys);

/// The first half of what follows `STREAMS`.
fn stream_keys(args: &[Bytes]) -> Vec<usize> {
    // XREADGROUP's word cannot stand before its group and consumer.
    let first = if args[0].len() == "xread".len() { 1 } else { 4 };
    let word = |arg: &Bytes| arg.eq_ignore_ascii_case(b"streams");
    let Some(at) = args.iter().skip(first).position(word).map(|at| at + first) else {
        return Vec::new();
    };
    let count = (args.len() - at - 1) / 2;
    (at + 1..=at + count).collect()
}

impl From<InvalidId> for Failure {
    fn from(_: InvalidId) -> Self {
        Self::fixed("ERR Invalid stream ID specified as stream command argument")
    }
}

/// Identifiers that must all be valid before any takes effect.
fn parse_ids(args: &[Bytes]) -> Result<Vec<StreamId>, Failure> {
    args.iter().map(|arg| Ok(StreamId::parse(arg, 0)?)).collect()
}

/// The lower bound of an interval; `(` excludes it.
fn interval_start(arg: &Bytes) -> Result<StreamId, Failure> {
    match exclusive(arg) {
        Some(text) => StreamId::parse(text, 0)?
            .next()
            .ok_or(Failure::fixed("ERR invalid start ID for the interval")),
        None => Ok(StreamId::parse_bound(arg, 0)?),
    }
}

/// The upper bound of an interval; `(` excludes it.
fn interval_end(arg: &Bytes) -> Result<StreamId, Failure> {
    match exclusive(arg) {
        Some(text) => StreamId::parse(text, u64::MAX)?
            .previous()
            .ok_or(Failure::fixed("ERR invalid end ID for the interval")),
        None => Ok(StreamId::parse_bound(arg, u64::MAX)?),
    }
}

fn exclusive(arg: &Bytes) -> Option<&[u8]> {
    arg.strip_prefix(b"(").filter(|text| !text.is_empty())
}

fn no_group(key: &Bytes, group: &Bytes) -> Failure {
    Failure::new(format!(
        "NOGROUP No such key '{}' or consumer group '{}'",
        String::from_utf8_lossy(key),
        String::from_utf8_lossy(group)
    ))
}

/// The error of a subcommand with wrong options.
fn bad_subcommand(container: &str, given: &Bytes) -> Failure {
    let given = String::from_utf8_lossy(&given[..given.len().min(128)]).into_owned();
    Failure::new(format!(
        "ERR unknown subcommand or wrong number of arguments for '{given}'. Try {container} HELP."
    ))
}

fn id_reply(id: StreamId) -> Reply {
    Reply::bulk(id.to_string())
}

/// An identifier with its fields; `None` shows an entry that is gone.
fn entry_reply(id: StreamId, fields: Option<&Fields>) -> Reply {
    let fields = fields.map_or(Reply::NullArray, |fields| {
        Reply::Array(fields.iter().cloned().map(Reply::Bulk).collect())
    });
    Reply::Array(vec![id_reply(id), fields])
}

/// An unsigned counter as an integer reply.
fn count_reply(count: u64) -> Reply {
    Reply::Integer(count.cast_signed())
}
