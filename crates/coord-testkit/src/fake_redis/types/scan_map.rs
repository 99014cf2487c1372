//! A map whose scan cursor stays valid under changes.

use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;

/// A map ordered by a fixed hash of its keys. The cursor of a scan is a hash, so every key
/// present from the start to the end of a scan is visited exactly once, whatever else changes.
#[derive(Debug, Clone)]
pub(crate) struct ScanMap<V>(BTreeMap<(u64, Bytes), V>);

impl<V> Default for ScanMap<V> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<V> ScanMap<V> {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
    pub(crate) fn get(&self, key: &Bytes) -> Option<&V> {
        self.0.get(&(hash(key), key.clone()))
    }
    pub(crate) fn get_mut(&mut self, key: &Bytes) -> Option<&mut V> {
        self.0.get_mut(&(hash(key), key.clone()))
    }
    pub(crate) fn contains(&self, key: &Bytes) -> bool {
        self.get(key).is_some()
    }
    pub(crate) fn insert(&mut self, key: Bytes, value: V) -> Option<V> {
        self.0.insert((hash(&key), key), value)
    }
    pub(crate) fn remove(&mut self, key: &Bytes) -> Option<V> {
        self.0.remove(&(hash(key), key.clone()))
    }
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Bytes, &V)> {
        self.0.iter().map(|((_, key), value)| (key, value))
    }
    pub(crate) fn keys(&self) -> impl Iterator<Item = &Bytes> {
        self.0.keys().map(|(_, key)| key)
    }

    /// Visits at least `count` keys from `cursor` on (more only where hashes collide) and
    /// returns the cursor to go on from, 0 at the end.
    pub(crate) fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(&Bytes, &V)) -> u64 {
        let mut last = None;
        for (seen, ((hash, key), value)) in self.0.range((cursor, Bytes::new())..).enumerate() {
            if seen >= count && last != Some(*hash) {
                return *hash;
            }
            visit(key, value);
            last = Some(*hash);
        }
        0
    }

    /// A key near a random point; uniform enough for sampling, always the same for one `point`.
    pub(crate) fn near(&self, point: u64) -> Option<(&Bytes, &V)> {
        let from = (Bound::Included((point >> 16, Bytes::new())), Bound::Unbounded);
        let entry = self.0.range(from).next().or_else(|| self.0.iter().next());
        entry.map(|((_, key), value)| (key, value))
    }
}

/// FNV-1a, mixed and cut to 48 bits: cursors stay short and are never 0.
fn hash(key: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in key {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash ^= hash >> 32;
    hash = hash.wrapping_mul(0xd6e8_feb8_6659_fd93);
    ((hash ^ (hash >> 32)) >> 16).max(1)
}
