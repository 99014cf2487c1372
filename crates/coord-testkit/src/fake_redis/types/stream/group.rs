//! Consumer groups: what was delivered, to whom, and how often.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::id::StreamId;
use super::{Fields, Stream};

/// A consumer group with its pending entries.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) last_id: StreamId,
    /// Logical read counter, `None` when unknown.
    pub(crate) entries_read: Option<i64>,
    pending: BTreeMap<StreamId, Pending>,
    consumers: BTreeMap<Bytes, Consumer>,
}

/// A delivered and not acknowledged entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pending {
    pub(crate) consumer: Bytes,
    /// Milliseconds since the epoch.
    pub(crate) delivered_at: i64,
    pub(crate) deliveries: i64,
}

/// A member of a group.
#[derive(Debug, Clone)]
pub(crate) struct Consumer {
    /// Milliseconds since the epoch.
    pub(crate) seen_at: i64,
    pending: BTreeSet<StreamId>,
}

/// How entries change hands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claim {
    /// Least time since the last delivery, 0 for none.
    pub(crate) min_idle: i64,
    pub(crate) now: i64,
    /// The delivery time to write down.
    pub(crate) delivered_at: i64,
    /// The delivery count to set.
    pub(crate) deliveries: Option<i64>,
    /// `JUSTID`: the delivery count stays.
    pub(crate) just_id: bool,
    /// Takes entries that are pending with nobody as well.
    pub(crate) force: bool,
}

/// What became of one identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Claimed {
    Yes,
    No,
    /// The entry is gone, and so is what was pending of it.
    Deleted,
}

impl Consumer {
    pub(crate) fn pending(&self) -> &BTreeSet<StreamId> {
        &self.pending
    }
}

impl Group {
    pub(crate) fn new(last_id: StreamId, entries_read: Option<i64>) -> Self {
        Self { last_id, entries_read, pending: BTreeMap::new(), consumers: BTreeMap::new() }
    }

    pub(crate) fn pending(&self) -> &BTreeMap<StreamId, Pending> {
        &self.pending
    }

    pub(crate) fn consumers(&self) -> &BTreeMap<Bytes, Consumer> {
        &self.consumers
    }

    /// Adds a consumer; `false` when it exists already (then nothing changes).
    pub(crate) fn create_consumer(&mut self, name: &Bytes, now: i64) -> bool {
        if self.consumers.contains_key(name) {
            return false;
        }
        let consumer = Consumer { seen_at: now, pending: BTreeSet::new() };
        self.consumers.insert(name.clone(), consumer);
        true
    }

    /// Notes that a consumer was seen, creating it; `true` when it is new.
    pub(crate) fn see_consumer(&mut self, name: &Bytes, now: i64) -> bool {
        if let Some(consumer) = self.consumers.get_mut(name) {
            consumer.seen_at = now;
            return false;
        }
        self.create_consumer(name, now)
    }

    /// Removes a consumer with its pending entries; `None` when unknown.
    pub(crate) fn delete_consumer(&mut self, name: &[u8]) -> Option<usize> {
        let consumer = self.consumers.remove(name)?;
        for id in &consumer.pending {
            self.pending.remove(id);
        }
        Some(consumer.pending.len())
    }

    /// Acknowledges one entry; `false` when it is not pending.
    pub(crate) fn acknowledge(&mut self, id: StreamId) -> bool {
        let Some(pending) = self.pending.remove(&id) else {
            return false;
        };
        if let Some(consumer) = self.consumers.get_mut(&pending.consumer) {
            consumer.pending.remove(&id);
        }
        true
    }

    /// Writes a delivery down; a former owner loses the entry.
    pub(crate) fn assign(&mut self, id: StreamId, pending: Pending) {
        if let Some(former) = self.pending.get(&id)
            && let Some(consumer) = self.consumers.get_mut(&former.consumer)
        {
            consumer.pending.remove(&id);
        }
        if let Some(consumer) = self.consumers.get_mut(&pending.consumer) {
            consumer.pending.insert(id);
        }
        self.pending.insert(id, pending);
    }

    /// Hands one entry to `consumer` (`XCLAIM`, `XAUTOCLAIM`).
    pub(crate) fn claim(
        &mut self,
        id: StreamId,
        exists: bool,
        consumer: &Bytes,
        claim: Claim,
    ) -> Claimed {
        if !exists {
            return if self.acknowledge(id) { Claimed::Deleted } else { Claimed::No };
        }
        let deliveries = match self.pending.get(&id) {
            Some(pending) => {
                let idle = claim.now.wrapping_sub(pending.delivered_at);
                if claim.min_idle > 0 && idle < claim.min_idle {
                    return Claimed::No;
                }
                pending.deliveries
            }
            None if claim.force => 1,
            None => return Claimed::No,
        };
        let deliveries = match claim.deliveries {
            Some(given) => given,
            None if claim.just_id => deliveries,
            None => deliveries.wrapping_add(1),
        };
        // A consumer comes into being with the first entry it gets.
        self.see_consumer(consumer, claim.now);
        let delivered_at = claim.delivered_at;
        self.assign(id, Pending { consumer: consumer.clone(), delivered_at, deliveries });
        Claimed::Yes
    }
}

impl Stream {
    /// Gives a group's next entries to a consumer (`XREADGROUP` with `>`).
    ///
    /// `count` 0 means all. With `no_ack` nothing becomes pending.
    pub(crate) fn deliver(
        &mut self,
        group: &[u8],
        consumer: &Bytes,
        count: usize,
        no_ack: bool,
        now: i64,
    ) -> Vec<(StreamId, Fields)> {
        // Out of the stream while its entries are looked at, then put back.
        let mut groups = std::mem::take(&mut self.groups);
        let delivered = match groups.get_mut(group) {
            Some(group) => self.deliver_to(group, consumer, count, no_ack, now),
            None => Vec::new(),
        };
        self.groups = groups;
        delivered
    }

    fn deliver_to(
        &self,
        group: &mut Group,
        consumer: &Bytes,
        count: usize,
        no_ack: bool,
        now: i64,
    ) -> Vec<(StreamId, Fields)> {
        let Some(start) = group.last_id.next() else {
            return Vec::new();
        };
        let count = if count == 0 { usize::MAX } else { count };
        let mut delivered = Vec::new();
        for (id, fields) in self.range(start, StreamId::MAX).take(count) {
            group.entries_read = match group.entries_read {
                Some(read) if !self.has_tombstone_from(id) => Some(read.wrapping_add(1)),
                _ => self.distance_from_first(id).map(u64::cast_signed),
            };
            group.last_id = id;
            if !no_ack {
                let consumer = consumer.clone();
                group.assign(id, Pending { consumer, delivered_at: now, deliveries: 1 });
            }
            delivered.push((id, fields.clone()));
        }
        delivered
    }

    /// A consumer's own pending entries from `start` on, counted as delivered again.
    ///
    /// `None` in place of the fields: the entry itself has been deleted.
    pub(crate) fn redeliver(
        &mut self,
        group: &[u8],
        consumer: &[u8],
        start: StreamId,
        count: usize,
        now: i64,
    ) -> Vec<(StreamId, Option<Fields>)> {
        let Some(state) = self.groups.get_mut(group) else {
            return Vec::new();
        };
        let Some(member) = state.consumers.get(consumer) else {
            return Vec::new();
        };
        let count = if count == 0 { usize::MAX } else { count };
        let mut entries = Vec::new();
        for &id in member.pending.range(start..).take(count) {
            let fields = self.entries.get(&id).map(|entry| entry.fields.clone());
            if fields.is_some()
                && let Some(pending) = state.pending.get_mut(&id)
            {
                pending.delivered_at = now;
                pending.deliveries += 1;
            }
            entries.push((id, fields));
        }
        entries
    }
}
