//! Trimming by length or by identifier, exact or by whole nodes.

use super::Stream;
use super::id::StreamId;

/// What is to remain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// At most that many entries.
    MaxLen(u64),
    /// Entries with at least that identifier.
    MinId(StreamId),
}

/// A whole trimming instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Trim {
    pub(crate) keep: Keep,
    /// `~`: whole nodes only.
    pub(crate) approximate: bool,
    /// Most entries to remove, 0 for no limit.
    pub(crate) limit: u64,
}

impl Trim {
    /// The limit when `~` is given without `LIMIT`: a hundred full nodes.
    pub(crate) fn default_limit(node_entries: u64) -> u64 {
        match node_entries.saturating_mul(100) {
            0 => 10_000,
            limit => limit.min(1_000_000),
        }
    }
}

impl Stream {
    /// Removes the oldest entries and returns how many.
    pub(crate) fn trim(&mut self, trim: Trim) -> u64 {
        let before = self.len();
        while let Some((&serial, node)) = self.nodes.first_key_value() {
            if matches!(trim.keep, Keep::MaxLen(most) if self.len() <= most) {
                break;
            }
            let removed = before - self.len();
            if trim.limit > 0 && removed + node.live > trim.limit {
                break;
            }
            let whole = match trim.keep {
                Keep::MaxLen(most) => self.len() - node.live >= most,
                Keep::MinId(least) => node.last < least,
            };
            if !whole && trim.approximate {
                break;
            }
            self.trim_node(serial, if whole { None } else { Some(trim.keep) });
            if !whole {
                break;
            }
        }
        before - self.len()
    }

    /// Empties the first node down to what is to be kept.
    fn trim_node(&mut self, serial: u64, keep: Option<Keep>) {
        while let Some((&id, entry)) = self.entries.first_key_value() {
            let enough = match keep {
                None => false,
                Some(Keep::MaxLen(most)) => self.len() <= most,
                Some(Keep::MinId(least)) => id >= least,
            };
            if enough || entry.node != serial {
                break;
            }
            self.remove(id);
        }
    }
}
