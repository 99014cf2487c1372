//! A real Redis Cluster on the loopback interface.

use std::time::{Duration, Instant};

use super::launch::POLL;
use super::{Frame, RealServer, RealServerBuilder, ServerError, builder};

/// How long the nodes may take to agree.
const SETTLED_WITHIN: Duration = Duration::from_secs(60);
/// How often in a row all nodes have to agree on a slot that was moved.
const AGREEMENTS: u32 = 10;
/// Slots of a cluster.
const SLOTS: usize = 16_384;

/// Real servers that form a cluster of masters without replicas.
///
/// The slots are spread evenly. Needs about three seconds to start.
#[derive(Debug)]
pub struct RealCluster {
    nodes: Vec<RealServer>,
}

impl RealCluster {
    /// Starts a cluster of `nodes` masters and waits until all say `cluster_state:ok`.
    ///
    /// # Errors
    /// As [`RealServer::start`], and [`ServerError::Unsettled`] after a minute.
    pub fn start(nodes: usize) -> Result<Self, ServerError> {
        let builder = RealServerBuilder::new()
            .arg("--cluster-enabled")
            .arg("yes")
            .arg("--cluster-node-timeout")
            .arg("2000");
        let nodes: Vec<_> = (0..nodes).map(|_| builder.start()).collect::<Result<_, _>>()?;
        let cluster = Self { nodes };
        cluster.join()?;
        Ok(cluster)
    }

    /// As [`start`](Self::start), or `None` on a machine without a server, said aloud.
    ///
    /// # Panics
    /// As [`RealServer::start_or_ignore`].
    pub fn start_or_ignore(name: &str, nodes: usize) -> Option<Self> {
        builder::found_or_ignore(Self::start(nodes), name)
    }

    /// The nodes, in the order of their slots at the start.
    pub fn nodes(&self) -> &[RealServer] {
        &self.nodes
    }

    /// A node, to kill, restart, pause or resume it.
    ///
    /// # Panics
    /// When there is no such node.
    pub fn node_mut(&mut self, at: usize) -> &mut RealServer {
        &mut self.nodes[at]
    }

    /// The addresses of all nodes.
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(RealServer::url).collect()
    }

    /// Index of the node that owns a slot, by what the first node knows.
    ///
    /// # Errors
    /// [`ServerError::Reply`] when nobody owns it, or a failing connection.
    pub fn owner(&self, slot: u16) -> Result<usize, ServerError> {
        self.owner_seen_by(0, slot)
    }

    fn owner_seen_by(&self, at: usize, slot: u16) -> Result<usize, ServerError> {
        let Frame::Array(ranges) = self.nodes[at].command(&["CLUSTER", "SLOTS"])? else {
            return Err(unexpected("CLUSTER SLOTS is not an array"));
        };
        for range in ranges {
            if let Frame::Array(parts) = range
                && let [Frame::Integer(first), Frame::Integer(last), Frame::Array(node), ..] =
                    &parts[..]
                && (*first..=*last).contains(&i64::from(slot))
                && let Some(Frame::Integer(port)) = node.get(1)
                && let Some(at) = self.nodes.iter().position(|n| i64::from(n.port()) == *port)
            {
                return Ok(at);
            }
        }
        Err(unexpected("no node owns the slot"))
    }

    /// Starts to move a slot: the source answers ASK for missing keys from now on.
    ///
    /// # Errors
    /// A node's refusal or a failing connection.
    pub fn begin_migration(&self, slot: u16, from: usize, to: usize) -> Result<(), ServerError> {
        let slot = slot.to_string();
        let (source, target) = (self.id(from)?, self.id(to)?);
        self.nodes[to].command(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &source])?;
        self.nodes[from].command(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &target])?;
        Ok(())
    }

    /// Moves the keys of a slot whose migration has begun.
    ///
    /// # Errors
    /// A node's refusal or a failing connection.
    pub fn move_keys(&self, slot: u16, from: usize, to: usize) -> Result<(), ServerError> {
        let slot = slot.to_string();
        let port = self.nodes[to].port().to_string();
        loop {
            let keys = self.nodes[from].command(&["CLUSTER", "GETKEYSINSLOT", &slot, "100"])?;
            let Frame::Array(keys) = keys else {
                return Err(unexpected("CLUSTER GETKEYSINSLOT is not an array"));
            };
            if keys.is_empty() {
                return Ok(());
            }
            let words = ["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS"];
            let mut args: Vec<Vec<u8>> =
                words.iter().map(|word| word.as_bytes().to_vec()).collect();
            args.extend(keys.into_iter().filter_map(|key| match key {
                Frame::Bulk(key) => Some(key),
                _ => None,
            }));
            self.nodes[from].client()?.checked(&args)?;
        }
    }

    /// Ends a migration: all nodes learn of the new owner, and of its epoch.
    ///
    /// Without the latter the next migration, if it came sooner than the nodes' own messages,
    /// could give its target the same epoch, and the nodes would settle the tie by their names.
    ///
    /// # Errors
    /// A node's refusal, a failing connection, or [`ServerError::Unsettled`] after a minute.
    pub fn end_migration(&self, slot: u16, to: usize) -> Result<(), ServerError> {
        let (number, slot, target) = (slot, slot.to_string(), self.id(to)?);
        // The new owner first, so that the slot is never without one.
        let order = std::iter::once(to).chain((0..self.nodes.len()).filter(|&at| at != to));
        for at in order {
            self.nodes[at].command(&["CLUSTER", "SETSLOT", &slot, "NODE", &target])?;
        }
        // A packet of yesterday may give the slot back to its old owner on a third node, which
        // would then talk the new owner out of it: whoever believes that is told again, until all
        // have agreed for a while.
        let mut agreements = 0;
        settle("all nodes to agree on the slot", || {
            let nodes = 0..self.nodes.len();
            let epochs: Vec<_> =
                nodes.clone().map(|at| self.epoch(at)).collect::<Result<_, _>>()?;
            let mut agreed = epochs.iter().all(|epoch| *epoch == epochs[0]);
            for at in nodes {
                if self.owner_seen_by(at, number).ok() != Some(to) {
                    agreed = false;
                    self.nodes[at].command(&["CLUSTER", "SETSLOT", &slot, "NODE", &target])?;
                }
            }
            agreements = if agreed { agreements + 1 } else { 0 };
            let is_calm = agreements >= AGREEMENTS;
            Ok(if is_calm { Ok(()) } else { Err(format!("{epochs:?}, {agreements} times")) })
        })
    }

    /// Moves a slot with its keys to another node, begin to end.
    ///
    /// # Errors
    /// A node's refusal or a failing connection.
    pub fn migrate(&self, slot: u16, to: usize) -> Result<(), ServerError> {
        let from = self.owner(slot)?;
        if from == to {
            return Ok(());
        }
        self.begin_migration(slot, from, to)?;
        self.move_keys(slot, from, to)?;
        self.end_migration(slot, to)
    }

    /// Waits until every node says `cluster_state:ok` and knows all others.
    ///
    /// # Errors
    /// [`ServerError::Unsettled`] after a minute.
    pub fn await_ok(&self) -> Result<(), ServerError> {
        let known = format!("cluster_known_nodes:{}", self.nodes.len());
        let wanted = ["cluster_state:ok", "cluster_slots_ok:16384", &known];
        settle("cluster_state:ok on all nodes", || {
            let mut last = String::new();
            for node in &self.nodes {
                last = text(&node.command(&["CLUSTER", "INFO"])?);
                if !wanted.iter().all(|line| last.lines().any(|found| found == *line)) {
                    return Ok(Err(last));
                }
            }
            Ok(Ok(last))
        })
        .map(|_| ())
    }

    fn join(&self) -> Result<(), ServerError> {
        let count = self.nodes.len();
        for (at, node) in self.nodes.iter().enumerate() {
            let (first, end) = (at * SLOTS / count, (at + 1) * SLOTS / count);
            let (first, last) = (first.to_string(), (end - 1).to_string());
            node.command(&["CLUSTER", "ADDSLOTSRANGE", &first, &last])?;
            // Distinct epochs from the start spare the nodes a collision to resolve.
            node.command(&["CLUSTER", "SET-CONFIG-EPOCH", &(at + 1).to_string()])?;
        }
        for node in &self.nodes[1..] {
            self.nodes[0].command(&["CLUSTER", "MEET", "127.0.0.1", &node.port().to_string()])?;
        }
        self.await_ok()
    }

    fn epoch(&self, at: usize) -> Result<String, ServerError> {
        let info = text(&self.nodes[at].command(&["CLUSTER", "INFO"])?);
        let line = info.lines().find(|line| line.starts_with("cluster_current_epoch:"));
        line.map(str::to_owned).ok_or_else(|| unexpected("CLUSTER INFO names no epoch"))
    }

    fn id(&self, at: usize) -> Result<String, ServerError> {
        Ok(text(&self.nodes[at].command(&["CLUSTER", "MYID"])?))
    }
}

/// Asks until the answer is yes; `Err` inside is what was seen last.
pub(super) fn settle<T>(
    what: &'static str,
    mut ask: impl FnMut() -> Result<Result<T, String>, ServerError>,
) -> Result<T, ServerError> {
    let deadline = Instant::now() + SETTLED_WITHIN;
    loop {
        match ask()? {
            Ok(answer) => return Ok(answer),
            Err(last) if Instant::now() >= deadline => {
                return Err(ServerError::Unsettled { what, last });
            }
            Err(_) => std::thread::sleep(POLL),
        }
    }
}

/// A string reply as text.
pub(super) fn text(frame: &Frame) -> String {
    match frame {
        Frame::Bulk(text) | Frame::Verbatim(text) => String::from_utf8_lossy(text).into_owned(),
        Frame::Simple(text) => text.clone(),
        other => format!("{other:?}"),
    }
}

pub(super) fn unexpected(message: &str) -> ServerError {
    ServerError::Reply { message: message.to_owned() }
}
