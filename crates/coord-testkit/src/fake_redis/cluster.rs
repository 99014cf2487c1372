//! Slots: which node serves which key, and what happens while a slot moves.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::command::flag;
use super::dispatch::{self, Found};
use super::failure::Failure;
use super::session::SessionId;
use super::state::State;
use super::topology::Topology;

/// Slots of a cluster.
pub(crate) const SLOTS: u16 = 16_384;

/// Who serves the slots.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) nodes: usize,
    /// The serving node of each slot.
    owners: Vec<usize>,
    /// Slots on the move, with their destination.
    pub(crate) moving: BTreeMap<u16, usize>,
    pub(crate) epoch: u64,
}

impl Cluster {
    /// Equal shares for all nodes.
    pub(crate) fn new(nodes: usize) -> Self {
        let owners =
            (0..usize::from(SLOTS)).map(|slot| slot * nodes / usize::from(SLOTS)).collect();
        Self { nodes, owners, moving: BTreeMap::new(), epoch: 1 }
    }

    pub(crate) fn owner(&self, slot: u16) -> usize {
        self.owners[usize::from(slot)]
    }

    pub(crate) fn set_owner(&mut self, slot: u16, node: usize) {
        self.owners[usize::from(slot)] = node;
        self.moving.remove(&slot);
        self.epoch += 1;
    }

    /// Runs of slots with the same owner: first, last (included), node.
    pub(crate) fn ranges(&self) -> Vec<(u16, u16, usize)> {
        let mut ranges: Vec<(u16, u16, usize)> = Vec::new();
        for slot in 0..SLOTS {
            let owner = self.owner(slot);
            match ranges.last_mut().filter(|range| range.2 == owner) {
                Some(range) => range.1 = slot,
                None => ranges.push((slot, slot, owner)),
            }
        }
        ranges
    }
}

/// The slot of a key: CRC16 of the part between the first braces, or of all of it.
pub(crate) fn slot_of(key: &[u8]) -> u16 {
    let tag = key.iter().position(|byte| *byte == b'{').and_then(|open| {
        let rest = &key[open + 1..];
        rest.iter().position(|byte| *byte == b'}').filter(|len| *len > 0).map(|len| &rest[..len])
    });
    crc16(tag.unwrap_or(key)) % SLOTS
}

/// CRC-16/XMODEM.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0_u16, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
        })
    })
}

impl State {
    /// Whether the session's node may run this request now; the error says who may.
    pub(crate) fn check_slots(
        &self,
        id: SessionId,
        found: Found,
        args: &[Bytes],
    ) -> Result<(), Failure> {
        let Topology::Cluster(cluster) = &self.topology else {
            return Ok(());
        };
        let Some(session) = self.sessions.get(&id) else {
            return Ok(());
        };
        let mut keys: Vec<&Bytes> = Vec::new();
        match &session.multi {
            Some(multi) if found.command.name == "exec" => {
                for args in &multi.queued {
                    if let Ok(found) = dispatch::find(args) {
                        keys.extend(
                            found.command.keys.find(args).into_iter().filter_map(|at| args.get(at)),
                        );
                    }
                }
            }
            _ => {
                keys.extend(found.command.keys.find(args).into_iter().filter_map(|at| args.get(at)))
            }
        }
        let Some(slot) = keys.first().map(|key| slot_of(key)) else {
            return Ok(());
        };
        if keys.iter().any(|key| slot_of(key) != slot) {
            return Err(Failure::fixed("CROSSSLOT Keys in request don't hash to the same slot"));
        }
        let (owner, node) = (cluster.owner(slot), session.node);
        let target = cluster.moving.get(&slot).copied();
        let is_channel = found.command.has(flag::PUBSUB);
        let present = |node: usize| keys.iter().filter(|key| self.dbs[node].contains(key)).count();
        let split = Failure::fixed("TRYAGAIN Multiple keys request during rehashing of slot");
        if owner == node {
            return match target {
                Some(target) if !is_channel && present(node) < keys.len() => {
                    if present(node) > 0 {
                        return Err(split);
                    }
                    Err(Failure::new(format!("ASK {slot} 127.0.0.1:{}", self.port_of(target))))
                }
                _ => Ok(()),
            };
        }
        if target == Some(node) && session.asking {
            // A single missing key may be created here; of several, all must have arrived.
            let all_here = keys.len() == 1 || present(node) == keys.len();
            return if all_here { Ok(()) } else { Err(split) };
        }
        Err(Failure::new(format!("MOVED {slot} 127.0.0.1:{}", self.port_of(owner))))
    }

    /// True if another node of a cluster serves the key.
    pub(crate) fn is_foreign(&self, node: usize, key: &[u8]) -> bool {
        match &self.topology {
            Topology::Cluster(cluster) => {
                let slot = slot_of(key);
                cluster.owner(slot) != node && cluster.moving.get(&slot) != Some(&node)
            }
            _ => false,
        }
    }

    /// Keys of one slot on one node.
    pub(crate) fn keys_in_slot(&self, node: usize, slot: u16) -> Vec<Bytes> {
        self.dbs[node].keys().filter(|key| slot_of(key) == slot).cloned().collect()
    }

    /// Moves a key between the databases of two nodes.
    pub(crate) fn move_key(&mut self, key: &Bytes, from: usize, to: usize) {
        if let Some(entry) = self.dbs[from].remove(key) {
            self.dbs[to].insert(key.clone(), entry);
            self.key_changed(from, key);
            self.key_changed(to, key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Cluster, SLOTS, slot_of};

    #[test]
    fn known_slots() {
        assert_eq!(slot_of(b"123456789"), 0x31c3);
        assert_eq!(slot_of(b"foo"), 12_182);
        assert_eq!(slot_of(b"{user1000}.following"), slot_of(b"user1000"));
        assert_eq!(slot_of(b"foo{}{bar}"), slot_of(b"foo{}{bar}"));
        assert_ne!(slot_of(b"foo{}{bar}"), slot_of(b"bar"));
        assert_eq!(slot_of(b"foo{{bar}}zap"), slot_of(b"{bar"));
    }

    #[test]
    fn every_slot_has_an_owner() {
        let cluster = Cluster::new(3);
        let ranges = cluster.ranges();
        assert_eq!(ranges.len(), 3);
        assert_eq!(ranges[0].0, 0);
        assert_eq!(ranges[2].1, SLOTS - 1);
    }
}
