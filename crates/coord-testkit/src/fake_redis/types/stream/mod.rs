//! The stream: entries in order, consumer groups, and its counters.
//!
//! Pure: time comes in as milliseconds, nothing is looked up elsewhere.

pub(crate) mod group;
pub(crate) mod id;
mod node;
pub(crate) mod trim;

use std::collections::BTreeMap;

use bytes::Bytes;

use group::Group;
use id::{NewId, StreamId};
use node::Node;

use super::limits::Limits;

/// Fields and values in turn, as they were added.
pub(crate) type Fields = Vec<Bytes>;

/// A stream with everything `XINFO` shows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stream {
    entries: BTreeMap<StreamId, Entry>,
    /// Keyed by a serial number that only grows.
    nodes: BTreeMap<u64, Node>,
    last_id: StreamId,
    max_deleted_id: StreamId,
    entries_added: u64,
    groups: BTreeMap<Bytes, Group>,
    limits: Limits,
}

#[derive(Debug, Clone)]
struct Entry {
    node: u64,
    fields: Fields,
}

/// Why an entry was not added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AddError {
    /// The identifier is not greater than the last one.
    NotGreater,
    /// There is no identifier after the last one.
    Exhausted,
}

/// Why `XSETID` was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SetIdError {
    BelowTop,
    AddedBelowLength,
}

/// A node as it is stored in one piece.
#[derive(Debug)]
pub(crate) struct PackedNode {
    pub(crate) master: StreamId,
    pub(crate) names: Vec<Bytes>,
    /// The entries that were not deleted.
    pub(crate) entries: Vec<(StreamId, Fields)>,
    pub(crate) deleted: u64,
    /// Size of the packed form.
    pub(crate) bytes: usize,
}

/// What a stream knows beyond its entries.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counters {
    pub(crate) last_id: StreamId,
    pub(crate) max_deleted_id: StreamId,
    pub(crate) entries_added: u64,
}

impl Stream {
    /// A stream of these nodes; `None` if the entries are not in order.
    pub(crate) fn assembled(
        limits: Limits,
        nodes: Vec<PackedNode>,
        counters: Counters,
    ) -> Option<Self> {
        let Counters { last_id, max_deleted_id, entries_added } = counters;
        let mut stream = Self { last_id, max_deleted_id, entries_added, limits, ..Self::default() };
        for (serial, packed) in (0..).zip(nodes) {
            let mut node = Node::open(packed.master, &[]);
            for (id, fields) in packed.entries {
                if stream.top().is_some_and(|top| top >= id) {
                    return None;
                }
                node.append(id, &fields);
                stream.entries.insert(id, Entry { node: serial, fields });
            }
            node.restore(packed.names, packed.deleted, packed.bytes);
            if node.live > 0 {
                stream.nodes.insert(serial, node);
            }
        }
        Some(stream)
    }

    /// The nodes with their entries.
    pub(crate) fn packed(&self) -> Vec<PackedNode> {
        let mut entries = self.entries.iter().peekable();
        let nodes = self.nodes.iter().map(|(serial, node)| {
            let (master, names, deleted, bytes) = node.parts();
            let mut own = Vec::new();
            while let Some((id, entry)) = entries.next_if(|(_, entry)| entry.node == *serial) {
                own.push((*id, entry.fields.clone()));
            }
            PackedNode { master, names: names.to_vec(), entries: own, deleted, bytes }
        });
        nodes.collect()
    }

    /// Takes over how many entries a new node may hold.
    pub(crate) fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    pub(crate) fn len(&self) -> u64 {
        self.entries.len() as u64
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Number of packed nodes (`radix-tree-keys`).
    pub(crate) fn node_count(&self) -> usize {
        self.nodes.len()
    }

    pub(crate) fn last_id(&self) -> StreamId {
        self.last_id
    }

    pub(crate) fn max_deleted_id(&self) -> StreamId {
        self.max_deleted_id
    }

    pub(crate) fn entries_added(&self) -> u64 {
        self.entries_added
    }

    /// The first entry's identifier, `0-0` when empty.
    pub(crate) fn first_id(&self) -> StreamId {
        self.entries.keys().next().copied().unwrap_or_default()
    }

    /// The identifier of the last entry that still exists.
    pub(crate) fn top(&self) -> Option<StreamId> {
        self.entries.keys().next_back().copied()
    }

    pub(crate) fn get(&self, id: StreamId) -> Option<&Fields> {
        self.entries.get(&id).map(|entry| &entry.fields)
    }

    pub(crate) fn contains(&self, id: StreamId) -> bool {
        self.entries.contains_key(&id)
    }

    /// Entries from `start` to `end`, both included; empty when they are reversed.
    pub(crate) fn range(
        &self,
        start: StreamId,
        end: StreamId,
    ) -> impl DoubleEndedIterator<Item = (StreamId, &Fields)> {
        let end = (start <= end).then_some(end);
        end.map(|end| self.entries.range(start..=end))
            .into_iter()
            .flatten()
            .map(|(&id, entry)| (id, &entry.fields))
    }

    /// Whether an entry can still be added.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.last_id == StreamId::MAX
    }

    /// Appends an entry and returns its identifier.
    pub(crate) fn add(
        &mut self,
        id: NewId,
        now_ms: u64,
        fields: Fields,
    ) -> Result<StreamId, AddError> {
        let after_last = || self.last_id.next().ok_or(AddError::Exhausted);
        let id = match id {
            NewId::Exact(id) => id,
            NewId::Sequence(ms) if ms == self.last_id.ms => {
                StreamId::new(ms, self.last_id.seq.checked_add(1).ok_or(AddError::NotGreater)?)
            }
            NewId::Sequence(ms) => StreamId::new(ms, 0),
            NewId::Auto if now_ms > self.last_id.ms => StreamId::new(now_ms, 0),
            NewId::Auto => after_last()?,
        };
        if self.is_exhausted() {
            return Err(AddError::Exhausted);
        }
        if id <= self.last_id {
            return Err(AddError::NotGreater);
        }
        let serial = self.node_for(id, &fields);
        self.entries.insert(id, Entry { node: serial, fields });
        self.last_id = id;
        self.entries_added += 1;
        Ok(id)
    }

    fn node_for(&mut self, id: StreamId, fields: &[Bytes]) -> u64 {
        let newest = self.nodes.last_key_value().map(|(&serial, _)| serial);
        let serial = match self.nodes.last_key_value() {
            Some((&serial, node)) if node.has_room_for(fields, &self.limits) => serial,
            _ => newest.map_or(0, |serial| serial + 1),
        };
        let node = self.nodes.entry(serial).or_insert_with(|| Node::open(id, fields));
        node.append(id, fields);
        serial
    }

    /// Deletes one entry by its identifier; `false` when it is not there.
    pub(crate) fn delete(&mut self, id: StreamId) -> bool {
        if !self.remove(id) {
            return false;
        }
        self.max_deleted_id = self.max_deleted_id.max(id);
        true
    }

    fn remove(&mut self, id: StreamId) -> bool {
        let Some(entry) = self.entries.remove(&id) else {
            return false;
        };
        if let Some(node) = self.nodes.get_mut(&entry.node) {
            node.delete(1);
            if node.live == 0 {
                self.nodes.remove(&entry.node);
            }
        }
        true
    }

    /// Sets the last identifier and, if given, the counters (`XSETID`).
    pub(crate) fn set_id(
        &mut self,
        last: StreamId,
        added: Option<u64>,
        max_deleted: Option<StreamId>,
    ) -> Result<(), SetIdError> {
        if let Some(top) = self.top() {
            if last < top {
                return Err(SetIdError::BelowTop);
            }
            if added.is_some_and(|added| added < self.len()) {
                return Err(SetIdError::AddedBelowLength);
            }
        }
        self.last_id = last;
        self.entries_added = added.unwrap_or(self.entries_added);
        if let Some(max_deleted) = max_deleted.filter(|&id| id != StreamId::MIN) {
            self.max_deleted_id = max_deleted;
        }
        Ok(())
    }

    /// How many entries were ever added up to `id`; `None` when it cannot be known.
    pub(crate) fn distance_from_first(&self, id: StreamId) -> Option<u64> {
        if self.entries_added == 0 {
            return Some(0);
        }
        if (self.is_empty() && id <= self.last_id) || id == self.last_id {
            return Some(self.entries_added);
        }
        let first = self.first_id();
        let whole = self.max_deleted_id == StreamId::MIN || self.max_deleted_id < first;
        let before_first = self.entries_added.wrapping_sub(self.len());
        if id > self.last_id || !whole {
            None
        } else if id < first {
            Some(before_first)
        } else if id == first {
            Some(before_first.wrapping_add(1))
        } else {
            None
        }
    }

    /// Whether an entry at or after `start` may have been deleted between existing ones.
    pub(crate) fn has_tombstone_from(&self, start: StreamId) -> bool {
        // Before the first entry a deletion is as good as a trimming.
        !self.is_empty() && self.first_id() <= self.max_deleted_id && start <= self.max_deleted_id
    }

    /// Entries a group has not been given yet; `None` when it cannot be known.
    pub(crate) fn lag(&self, group: &Group) -> Option<i64> {
        let read = match group.entries_read {
            _ if self.entries_added == 0 => return Some(0),
            Some(read) if !self.has_tombstone_from(group.last_id) => read,
            _ => self.distance_from_first(group.last_id)?.cast_signed(),
        };
        Some(self.entries_added.cast_signed().wrapping_sub(read))
    }

    pub(crate) fn groups(&self) -> &BTreeMap<Bytes, Group> {
        &self.groups
    }

    pub(crate) fn groups_mut(&mut self) -> &mut BTreeMap<Bytes, Group> {
        &mut self.groups
    }
}

#[cfg(test)]
mod tests;
