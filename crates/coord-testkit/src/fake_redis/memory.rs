//! `maxmemory`, by estimate.

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

    /// True if `maxmemory` is set and passed. Nothing is ever evicted.
    pub(crate) fn is_out_of_memory(&self) -> bool {
        match usize::try_from(self.config.number("maxmemory")) {
            Ok(0) | Err(_) => false,
            Ok(limit) => self.used_memory() > limit,
        }
    }
}
