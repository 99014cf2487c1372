//! The packing of entries into nodes, which decides what `~` trims.
//!
//! Redis stores up to 100 entries or about 4096 bytes of them (both can be
//! configured) in one node of a tree, and approximate trimming removes whole nodes only. Only sizes are kept
//! here, counted as the packed form would have them.

use bytes::Bytes;

use super::super::limits::Limits;
use super::id::StreamId;

/// Header and end mark of a packed list.
const FRAME: usize = 7;

/// What is known about one packed node.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// Identifier of the entry that opened the node.
    master: StreamId,
    /// Identifier of the last entry appended, deleted or not.
    pub(super) last: StreamId,
    pub(super) live: u64,
    deleted: u64,
    bytes: usize,
    fields: Vec<Bytes>,
}

impl Node {
    pub(super) fn open(id: StreamId, fields: &[Bytes]) -> Self {
        let names: Vec<Bytes> = fields.iter().step_by(2).cloned().collect();
        // Count, deleted, number of fields, the fields and a zero.
        let master = 2 + 2 + int_size(as_int(names.len())) + 2;
        let bytes = FRAME + master + names.iter().map(|name| size(name)).sum::<usize>();
        Self { master: id, last: id, live: 0, deleted: 0, bytes, fields: names }
    }

    pub(super) fn has_room_for(&self, fields: &[Bytes], limits: &Limits) -> bool {
        let length: usize = fields.iter().map(Bytes::len).sum();
        (limits.stream_bytes == 0 || self.bytes + length < limits.stream_bytes)
            && (limits.stream_entries == 0 || self.live + self.deleted < limits.stream_entries)
    }

    pub(super) fn append(&mut self, id: StreamId, fields: &[Bytes]) {
        let values = fields.iter().skip(1).step_by(2);
        let same = fields.iter().step_by(2).eq(&self.fields);
        let count = fields.len() / 2;
        let ms = int_size(i64::try_from(id.ms.wrapping_sub(self.master.ms)).unwrap_or(i64::MAX));
        let seq = int_size(id.seq.wrapping_sub(self.master.seq).cast_signed());
        let body: usize = if same {
            values.map(|value| size(value)).sum()
        } else {
            fields.iter().map(|field| size(field)).sum::<usize>() + int_size(as_int(count))
        };
        let elements = if same { count + 3 } else { 2 * count + 4 };
        self.bytes += 2 + ms + seq + body + int_size(as_int(elements));
        self.live += 1;
        self.last = id;
    }

    /// Takes over what a packed node says of itself.
    pub(super) fn restore(&mut self, names: Vec<Bytes>, deleted: u64, bytes: usize) {
        self.fields = names;
        self.deleted = deleted;
        self.bytes = bytes;
    }

    /// Identifier and field names of the master entry, deleted entries, and size.
    pub(super) fn parts(&self) -> (StreamId, &[Bytes], u64, usize) {
        (self.master, &self.fields, self.deleted, self.bytes)
    }

    /// Marks `count` entries as deleted; an empty node is to be removed.
    pub(super) fn delete(&mut self, count: u64) {
        self.live -= count;
        self.deleted += count;
    }
}

fn as_int(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Size of a packed string; canonical integers are packed as such.
fn size(text: &[u8]) -> usize {
    let canonical = std::str::from_utf8(text)
        .ok()
        .and_then(|text| text.parse::<i64>().ok())
        .filter(|number| number.to_string().as_bytes() == text);
    if let Some(number) = canonical {
        return int_size(number);
    }
    let header = match text.len() {
        0..=63 => 1,
        64..=4095 => 2,
        _ => 5,
    };
    let body = header + text.len();
    body + match body {
        0..=127 => 1,
        128..=16_382 => 2,
        16_383..=2_097_150 => 3,
        2_097_151..=268_435_454 => 4,
        _ => 5,
    }
}

/// Size of a packed integer with its trailing length byte.
fn int_size(number: i64) -> usize {
    match number {
        0..=127 => 2,
        -4096..=4095 => 3,
        -32_768..=32_767 => 4,
        -8_388_608..=8_388_607 => 5,
        -2_147_483_648..=2_147_483_647 => 6,
        _ => 10,
    }
}
