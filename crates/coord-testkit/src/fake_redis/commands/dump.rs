//! DUMP and RESTORE, in a format of its own: only this server reads it.

use std::collections::VecDeque;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::fake_redis::call::Call;
use crate::fake_redis::failure::Failure;
use crate::fake_redis::notify::GENERIC;
use crate::fake_redis::number::integer;
use crate::fake_redis::reply::Reply;
use crate::fake_redis::store::{Entry, FRESH, Form};
use crate::fake_redis::types::{Hash, List, Set, SortedSet, Stream};
use crate::fake_redis::value::Value;

/// The kind of a stream's payload: a ticket instead of the content.
const STREAM: u8 = 5;

/// Dumped streams that can still be restored.
const MAX_DUMPED: usize = 64;

/// Streams that were dumped. Their payload is a ticket that the same server redeems, for the
/// latest 64 of them.
#[derive(Debug, Default)]
pub(crate) struct Dumped {
    streams: VecDeque<(u64, Box<Stream>)>,
    last: u64,
}

impl Dumped {
    fn keep(&mut self, stream: Box<Stream>) -> u64 {
        if self.streams.len() == MAX_DUMPED {
            self.streams.pop_front();
        }
        self.last += 1;
        self.streams.push_back((self.last, stream));
        self.last
    }

    fn find(&self, ticket: u64) -> Option<Box<Stream>> {
        self.streams.iter().find(|(own, _)| *own == ticket).map(|(_, stream)| stream.clone())
    }
}

/// First bytes of a payload.
const MAGIC: &[u8] = b"coord-fake-1";

pub(crate) fn dump(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let Some(entry) = call.read(call.arg(1)) else {
        return Ok(Reply::Null);
    };
    let mut out = BytesMut::from(MAGIC);
    if let Value::Stream(stream) = &entry.value {
        let stream = stream.clone();
        out.put_u8(STREAM);
        out.put_u64(call.state.dumped.keep(stream));
    } else {
        encode(&entry.value, &mut out);
    }
    let sum = checksum(&out);
    out.put_u64(sum);
    Ok(Reply::Bulk(out.freeze()))
}

pub(crate) fn encode(value: &Value, out: &mut BytesMut) {
    let mut all = |kind: u8, parts: &mut dyn Iterator<Item = &[u8]>| {
        out.put_u8(kind);
        for part in parts {
            out.put_u32(u32::try_from(part.len()).unwrap_or(u32::MAX));
            out.put_slice(part);
        }
    };
    match value {
        Value::String(text) => all(0, &mut std::iter::once(&text[..])),
        Value::List(list) => all(1, &mut list.0.iter().map(|item| &item[..])),
        Value::Hash(hash) => {
            all(2, &mut hash.iter().flat_map(|(field, value)| [&field[..], &value[..]]))
        }
        Value::Set(set) => all(3, &mut set.members().iter().map(|member| &member[..])),
        Value::SortedSet(set) => {
            let parts: Vec<[Bytes; 2]> = set
                .iter()
                .map(|(score, member)| {
                    [Bytes::copy_from_slice(&score.to_be_bytes()), member.clone()]
                })
                .collect();
            all(4, &mut parts.iter().flatten().map(|part| &part[..]));
        }
        Value::Stream(_) => {}
    }
}

fn decode(payload: &Bytes, dumped: &Dumped) -> Option<Value> {
    let mut rest = payload.clone();
    if rest.len() < MAGIC.len() + 9 || !rest.starts_with(MAGIC) {
        return None;
    }
    let mut sum = rest.split_off(rest.len() - 8);
    if sum.get_u64() != checksum(&rest) {
        return None;
    }
    rest.advance(MAGIC.len());
    let kind = rest.get_u8();
    if kind == STREAM {
        return (rest.len() == 8)
            .then(|| rest.get_u64())
            .and_then(|ticket| dumped.find(ticket))
            .map(Value::Stream);
    }
    let mut parts = Vec::new();
    while rest.len() >= 4 {
        let len = rest.get_u32() as usize;
        if len > rest.len() {
            return None;
        }
        parts.push(rest.split_to(len));
    }
    Some(match kind {
        0 => Value::String(parts.first()?.to_vec()),
        1 => Value::List(List(parts.into())),
        2 => {
            let mut hash = Hash::default();
            for pair in parts.chunks_exact(2) {
                hash.set(pair[0].clone(), pair[1].clone());
            }
            Value::Hash(hash)
        }
        3 => {
            let mut set = Set::default();
            for member in parts {
                set.insert(member);
            }
            Value::Set(set)
        }
        4 => {
            let mut set = SortedSet::default();
            for pair in parts.chunks_exact(2) {
                set.insert(pair[1].clone(), f64::from_be_bytes(pair[0][..].try_into().ok()?));
            }
            Value::SortedSet(set)
        }
        _ => return None,
    })
}

/// FNV-1a.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

pub(crate) fn restore(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let (mut replace, mut absolute, mut idle_s, mut freq) = (false, false, None, FRESH);
    let mut at = 4;
    while at < call.args.len() {
        let next = at + 1 < call.args.len();
        if call.is(at, "REPLACE") {
            replace = true;
        } else if call.is(at, "ABSTTL") {
            absolute = true;
        } else if call.is(at, "IDLETIME") && next {
            let idle = u64::try_from(integer(call.arg(at + 1))?)
                .map_err(|_| Failure::fixed("ERR Invalid IDLETIME value, must be >= 0"))?;
            idle_s = Some(idle);
            at += 1;
        } else if call.is(at, "FREQ") && next {
            freq = u8::try_from(integer(call.arg(at + 1))?)
                .map_err(|_| Failure::fixed("ERR Invalid FREQ value, must be >= 0 and <= 255"))?;
            at += 1;
        } else {
            return Err(Failure::syntax());
        }
        at += 1;
    }
    let key = call.arg(1);
    if !replace && call.exists(key) {
        return Err(Failure::fixed("BUSYKEY Target key name already exists."));
    }
    let ttl = integer(call.arg(2))?;
    let ttl =
        u64::try_from(ttl).map_err(|_| Failure::fixed("ERR Invalid TTL value, must be >= 0"))?;
    let value = decode(call.arg(3), &call.state.dumped)
        .ok_or(Failure::fixed("ERR DUMP payload version or checksum are wrong"))?;
    let now_ms = call.now_ms();
    let expire_at = match ttl {
        0 => None,
        at if absolute => Some(at),
        ttl => Some(now_ms.saturating_add(ttl)),
    };
    if expire_at.is_some_and(|at| at <= now_ms) {
        call.delete(key, "del");
        return Ok(Reply::OK);
    }
    let used_at = now_ms.saturating_sub(idle_s.unwrap_or(0).saturating_mul(1000));
    call.state.dbs[call.db]
        .insert(key.clone(), Entry { value, expire_at, used_at, form: Form::default(), freq });
    call.changed(key, GENERIC, "restore");
    Ok(Reply::OK)
}
