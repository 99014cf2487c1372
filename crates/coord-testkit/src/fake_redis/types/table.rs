//! Hash table in insertion order whose scan cursors survive changes.

use std::collections::HashMap;

use bytes::Bytes;

/// Map from byte strings to `V` that iterates in insertion order.
///
/// Every entry gets a sequence number that it keeps until it is removed, and slots stay sorted by
/// it.
/// A scan cursor is such a number, so an entry that is present during a whole iteration is visited
/// exactly once, whatever is inserted, removed or compacted meanwhile.
#[derive(Debug, Clone)]
pub(crate) struct Table<V> {
    index: HashMap<Bytes, usize>,
    slots: Vec<Slot<V>>,
    next_seq: u64,
}

#[derive(Debug, Clone)]
struct Slot<V> {
    seq: u64,
    key: Bytes,
    /// `None` marks a removed entry; compaction drops it later.
    value: Option<V>,
}

impl<V> Default for Table<V> {
    fn default() -> Self {
        // Cursor 0 means "start" and "done", hence numbers start at 1.
        Self { index: HashMap::new(), slots: Vec::new(), next_seq: 1 }
    }
}

impl<V> Table<V> {
    /// Number of entries.
    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    /// Value of `key`.
    pub(crate) fn get(&self, key: &[u8]) -> Option<&V> {
        let at = *self.index.get(key)?;
        self.slots[at].value.as_ref()
    }

    /// Sets `key`, returning the former value; a replaced entry keeps its place.
    pub(crate) fn insert(&mut self, key: Bytes, value: V) -> Option<V> {
        if let Some(&at) = self.index.get(&key) {
            return self.slots[at].value.replace(value);
        }
        self.index.insert(key.clone(), self.slots.len());
        self.slots.push(Slot { seq: self.next_seq, key, value: Some(value) });
        self.next_seq += 1;
        None
    }

    /// Removes `key`, returning its value.
    pub(crate) fn remove(&mut self, key: &[u8]) -> Option<V> {
        let at = self.index.remove(key)?;
        let value = self.slots[at].value.take();
        if self.slots.len() >= 32 && self.index.len() * 2 < self.slots.len() {
            self.compact();
        }
        value
    }

    /// Entries in insertion order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Bytes, &V)> {
        self.slots.iter().filter_map(|slot| Some((&slot.key, slot.value.as_ref()?)))
    }

    /// A uniformly random entry; `random` yields uniform 64-bit numbers.
    pub(crate) fn sample(&self, random: &mut dyn FnMut() -> u64) -> Option<(&Bytes, &V)> {
        if self.index.is_empty() {
            return None;
        }
        // At least half of 32 or more slots are live, so this takes few rounds.
        loop {
            let slot = &self.slots[below(random, self.slots.len())];
            if let Some(value) = &slot.value {
                return Some((&slot.key, value));
            }
        }
    }

    /// Visits at most `count` entries from `cursor` on; returns the next cursor, 0 at the end.
    pub(crate) fn scan(&self, cursor: u64, count: usize) -> (u64, Vec<(&Bytes, &V)>) {
        let start = self.slots.partition_point(|slot| slot.seq < cursor);
        let mut found = Vec::new();
        for slot in &self.slots[start..] {
            let Some(value) = &slot.value else { continue };
            if found.len() == count {
                return (slot.seq, found);
            }
            found.push((&slot.key, value));
        }
        (0, found)
    }

    fn compact(&mut self) {
        self.slots.retain(|slot| slot.value.is_some());
        for (at, slot) in self.slots.iter().enumerate() {
            if let Some(known) = self.index.get_mut(&slot.key) {
                *known = at;
            }
        }
    }
}

/// A uniformly random index below `len`, which must not be 0.
pub(crate) fn below(random: &mut dyn FnMut() -> u64, len: usize) -> usize {
    let wide = u128::from(random()) * (len as u128);
    usize::try_from(wide >> 64)
        .expect("the product of a 64-bit number and len, shifted, is below len")
}
