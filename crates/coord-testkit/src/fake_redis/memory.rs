//! `maxmemory`, by estimate.

use bytes::Bytes;

use super::commands::estimate;
use super::state::State;

/// What an empty server counts as.
const BASE_BYTES: usize = 1_000_000;

impl State {
    /// About how many bytes the data take.
    pub(crate) fn used_memory(&self) -> usize {
        let data = |db: &super::store::Db| -> usize {
            db.entries().iter().map(|(key, entry)| key.len() + estimate(entry)).sum()
        };
        BASE_BYTES + self.dbs.iter().map(data).sum::<usize>()
    }

    /// Removes keys until `maxmemory` is kept, as far as `maxmemory-policy` allows. LFU goes
    /// by the last use, as LRU does.
    pub(crate) fn evict(&mut self) {
        let policy = self.config.text("maxmemory-policy").to_owned();
        if policy == "noeviction" || !self.is_out_of_memory() {
            return;
        }
        let limit = usize::try_from(self.config.number("maxmemory")).unwrap_or(usize::MAX);
        let mut used = self.used_memory();
        let mut candidates: Vec<(u64, usize, Bytes, usize)> = Vec::new();
        for (index, db) in self.dbs.iter().enumerate() {
            for (key, entry) in db.entries().iter() {
                if policy.starts_with("volatile") && entry.expire_at.is_none() {
                    continue;
                }
                let rank = match entry.expire_at {
                    Some(at) if policy == "volatile-ttl" => at,
                    _ => entry.used_at,
                };
                candidates.push((rank, index, key.clone(), key.len() + estimate(entry)));
            }
        }
        if policy.ends_with("random") {
            for candidate in &mut candidates {
                candidate.0 = self.next_random();
            }
        }
        candidates.sort_unstable();
        for (_, db, key, size) in candidates {
            if used <= limit {
                break;
            }
            self.dbs[db].remove(&key);
            used = used.saturating_sub(size);
            self.stats.evicted += 1;
            self.propagate_removal(db, &key);
            self.key_changed(db, &key);
            self.notify_event(db, super::notify::EVICTED, "evicted", &key);
        }
    }

    /// True if fewer replicas are there than `min-replicas-to-write` asks for.
    pub(crate) fn lacks_replicas(&self) -> bool {
        self.config.number("min-replicas-to-write") > self.replicas()
    }

    /// True if `maxmemory` is set and passed.
    pub(crate) fn is_out_of_memory(&self) -> bool {
        match usize::try_from(self.config.number("maxmemory")) {
            Ok(0) | Err(_) => false,
            Ok(limit) => self.used_memory() > limit,
        }
    }
}
