//! Streams: nodes of packed entries, counters, groups with their pending entries.

use bytes::{BufMut, Bytes, BytesMut};

use super::coding::{Reader, Writer};
use super::packed::{self, Pack};
use crate::fake_redis::number::parse_i64;
use crate::fake_redis::types::stream::group::{Group, Pending};
use crate::fake_redis::types::stream::id::StreamId;
use crate::fake_redis::types::stream::{Counters, Fields, PackedNode};
use crate::fake_redis::types::{Limits, Stream};

/// An entry was deleted.
const DELETED: i64 = 1;
/// An entry has the field names of its node.
const SAME_FIELDS: i64 = 2;

/// Reads a stream; `second` is the form of 7.0, with more counters.
pub(super) fn read(reader: &mut Reader<'_>, second: bool, limits: Limits) -> Option<Stream> {
    let mut nodes = Vec::new();
    for _ in 0..reader.length()? {
        let master = raw_id(&mut Reader(&reader.string()?))?;
        nodes.push(node(master, &reader.string()?)?);
    }
    let length = reader.number()?;
    let last_id = id(reader)?;
    let (max_deleted_id, entries_added) = if second {
        let _first = id(reader)?;
        (id(reader)?, reader.number()?)
    } else {
        (StreamId::MIN, length)
    };
    let counters = Counters { last_id, max_deleted_id, entries_added };
    let mut stream = Stream::assembled(limits, nodes, counters)?;
    if stream.len() != length {
        return None;
    }
    for _ in 0..reader.length()? {
        let (name, group) = group(reader, second, &stream)?;
        if stream.groups_mut().insert(name, group).is_some() {
            return None;
        }
    }
    Some(stream)
}

fn id(reader: &mut Reader<'_>) -> Option<StreamId> {
    Some(StreamId::new(reader.number()?, reader.number()?))
}

fn raw_id(reader: &mut Reader<'_>) -> Option<StreamId> {
    Some(StreamId::new(reader.big(8)?, reader.big(8)?))
}

/// A node: a master entry with field names, then entries that are told by their difference to it.
fn node(master: StreamId, blob: &[u8]) -> Option<PackedNode> {
    let elements = packed::listpack(blob)?;
    let mut elements = elements.into_iter();
    let _count = elements.next()?;
    let deleted = parse_i64(&elements.next()?)?;
    let names = usize::try_from(parse_i64(&elements.next()?)?).ok()?;
    let names: Vec<Bytes> = elements.by_ref().take(names).collect();
    let _end = elements.next()?;
    let mut entries = Vec::new();
    while let Some(flags) = elements.next() {
        let flags = parse_i64(&flags)?;
        let mut next = || parse_i64(&elements.next()?);
        let ms = master.ms.checked_add_signed(next()?)?;
        let seq = master.seq.wrapping_add_signed(next()?);
        let fields: Fields = if flags & SAME_FIELDS != 0 {
            let values: Vec<Bytes> = elements.by_ref().take(names.len()).collect();
            names.iter().zip(values).flat_map(|(name, value)| [name.clone(), value]).collect()
        } else {
            let count = usize::try_from(next()?).ok()?.checked_mul(2)?;
            elements.by_ref().take(count).collect()
        };
        let _count = elements.next()?;
        if flags & DELETED == 0 {
            entries.push((StreamId::new(ms, seq), fields));
        }
    }
    let deleted = u64::try_from(deleted).ok()?;
    Some(PackedNode { master, names, entries, deleted, bytes: blob.len() })
}

fn group(reader: &mut Reader<'_>, second: bool, stream: &Stream) -> Option<(Bytes, Group)> {
    let name = reader.string()?;
    let last_id = id(reader)?;
    let read = if second {
        // Stored as an unsigned number; all ones means unknown.
        Some(reader.number()?.cast_signed()).filter(|read| *read != -1)
    } else {
        stream.distance_from_first(last_id).map(u64::cast_signed)
    };
    let mut group = Group::new(last_id, read);
    let mut pending = std::collections::BTreeMap::new();
    for _ in 0..reader.length()? {
        let id = raw_id(reader)?;
        let delivered_at = reader.signed(8)?;
        let deliveries = reader.number()?.cast_signed();
        pending.insert(id, (delivered_at, deliveries));
    }
    for _ in 0..reader.length()? {
        let consumer = reader.string()?;
        if !group.create_consumer(&consumer, reader.signed(8)?) {
            return None;
        }
        for _ in 0..reader.length()? {
            let id = raw_id(reader)?;
            let (delivered_at, deliveries) = pending.remove(&id)?;
            group.assign(id, Pending { consumer: consumer.clone(), delivered_at, deliveries });
        }
    }
    // Everything pending has an owner.
    pending.is_empty().then_some((name, group))
}

/// Writes a stream in the form of 7.0.
pub(super) fn write(stream: &Stream, out: &mut Writer) {
    let nodes = stream.packed();
    out.length(nodes.len());
    for node in nodes {
        out.string(&raw(node.master));
        out.string(&pack(&node));
    }
    let put = |out: &mut Writer, id: StreamId| {
        out.number(id.ms);
        out.number(id.seq);
    };
    out.number(stream.len());
    put(out, stream.last_id());
    put(out, stream.first_id());
    put(out, stream.max_deleted_id());
    out.number(stream.entries_added());
    out.length(stream.groups().len());
    for (name, group) in stream.groups() {
        out.string(name);
        put(out, group.last_id);
        out.number(group.entries_read.unwrap_or(-1).cast_unsigned());
        out.length(group.pending().len());
        for (id, pending) in group.pending() {
            out.0.extend_from_slice(&raw(*id));
            out.0.put_i64_le(pending.delivered_at);
            out.number(pending.deliveries.cast_unsigned());
        }
        out.length(group.consumers().len());
        for (name, consumer) in group.consumers() {
            out.string(name);
            out.0.put_i64_le(consumer.seen_at);
            out.length(consumer.pending().len());
            for id in consumer.pending() {
                out.0.extend_from_slice(&raw(*id));
            }
        }
    }
}

fn raw(id: StreamId) -> BytesMut {
    let mut out = BytesMut::with_capacity(16);
    out.put_u64(id.ms);
    out.put_u64(id.seq);
    out
}

fn pack(node: &PackedNode) -> Bytes {
    let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let mut pack = Pack::default();
    pack.integer(count(node.entries.len()));
    // Deleted entries are not written, so none are counted.
    pack.integer(0);
    pack.integer(count(node.names.len()));
    node.names.iter().for_each(|name| pack.text(name));
    pack.integer(0);
    for (id, fields) in &node.entries {
        let same = fields.iter().step_by(2).eq(&node.names);
        pack.integer(if same { SAME_FIELDS } else { 0 });
        pack.integer(id.ms.wrapping_sub(node.master.ms).cast_signed());
        pack.integer(id.seq.wrapping_sub(node.master.seq).cast_signed());
        if same {
            fields.iter().skip(1).step_by(2).for_each(|value| pack.text(value));
            pack.integer(count(fields.len() / 2 + 3));
        } else {
            pack.integer(count(fields.len() / 2));
            fields.iter().for_each(|text| pack.text(text));
            pack.integer(count(fields.len() + 4));
        }
    }
    pack.finish()
}
