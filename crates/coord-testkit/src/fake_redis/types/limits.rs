//! Sizes up to which Redis packs a collection.

/// The thresholds of `OBJECT ENCODING`, with the defaults of Redis 7.0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// `hash-max-listpack-entries`, 512.
    pub(crate) hash_entries: usize,
    /// `hash-max-listpack-value`, 64 bytes.
    pub(crate) hash_value: usize,
    /// `set-max-intset-entries`, 512.
    pub(crate) set_entries: usize,
    /// `zset-max-listpack-entries`, 128.
    pub(crate) sorted_set_entries: usize,
    /// `zset-max-listpack-value`, 64 bytes.
    pub(crate) sorted_set_value: usize,
    /// `stream-node-max-entries`, 100; 0 is no bound.
    pub(crate) stream_entries: u64,
    /// `stream-node-max-bytes`, 4096; 0 is no bound.
    pub(crate) stream_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            hash_entries: 512,
            hash_value: 64,
            set_entries: 512,
            sorted_set_entries: 128,
            sorted_set_value: 64,
            stream_entries: 100,
            stream_bytes: 4096,
        }
    }
}

impl Limits {
    /// Takes over a setting, if it is one of these; the names with `ziplist` are older ones.
    pub(crate) fn set(&mut self, name: &str, value: usize) {
        match name {
            "hash-max-listpack-entries" | "hash-max-ziplist-entries" => self.hash_entries = value,
            "hash-max-listpack-value" | "hash-max-ziplist-value" => self.hash_value = value,
            "set-max-intset-entries" => self.set_entries = value,
            "zset-max-listpack-entries" | "zset-max-ziplist-entries" => {
                self.sorted_set_entries = value;
            }
            "zset-max-listpack-value" | "zset-max-ziplist-value" => self.sorted_set_value = value,
            "stream-node-max-entries" => self.stream_entries = value as u64,
            "stream-node-max-bytes" => self.stream_bytes = value,
            _ => {}
        }
    }
}
