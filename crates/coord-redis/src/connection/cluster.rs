//! A cluster: which node has which slot, and what to do when that changes.
//!
//! The client library's own cluster client is not used: with retries it runs a script again that
//! may have run, without them it does not follow ASK.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use coord_core::{BackendError, BackendErrorKind};
use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, ConnectionInfo, RedisError, Value};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};

use super::node::{Answer, Door, NodeLane};
use super::{Limits, client, slots};
use crate::error;
use crate::topology::{at, split_address};

/// A lane of commands to the masters of a cluster.
///
/// What certainly did not run is tried again, led by what the nodes say, until the limit of a
/// reply is over: redirections, a slot that nobody serves just now, a node that cannot be
/// connected to. Everything else is the caller's to judge.
pub(super) struct ClusterLane {
    /// Who is asked first, and what every node needs beside an address.
    seeds: Vec<ConnectionInfo>,
    limits: Limits,
    table: RwLock<Table>,
    /// How often the table was replaced.
    version: AtomicU64,
    asking: Mutex<()>,
}

#[derive(Default)]
struct Table {
    /// An index into `nodes` per slot; empty until somebody was asked.
    owners: Vec<Option<u16>>,
    nodes: Vec<Arc<NodeLane>>,
    by_address: HashMap<String, u16>,
}

/// The first and the longest pause before trying again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(100));
/// How long a node may take to tell the table of slots.
const TABLE_LIMIT: Duration = Duration::from_secs(1);
/// How many nodes are asked for it at once; whoever answers first is believed.
const ASKED_AT_ONCE: usize = 8;
/// How many nodes are known at most.
const MAX_NODES: u16 = 1_000;

impl ClusterLane {
    pub(super) fn new(seeds: &[ConnectionInfo], limits: Limits) -> Result<Self, BackendError> {
        for seed in seeds {
            client(seed, &seed.addr().to_string())?;
        }
        let (table, version, asking) = Default::default();
        Ok(Self { seeds: seeds.to_vec(), limits, table, version, asking })
    }

    /// Sends a command to the owner of a slot, or without one to any node.
    pub(super) async fn attempt(&self, slot: Option<u16>, command: &Cmd) -> Answer {
        let until = Instant::now() + self.limits.response;
        let mut pause = PAUSES.0;
        let mut asked: Option<Arc<NodeLane>> = None;
        loop {
            let version = self.version.load(Ordering::Acquire);
            let sent = match asked.take() {
                Some(node) => node.send(command, true).await,
                None => match self.owner(slot).await {
                    Ok(node) => node.send(command, false).await,
                    Err(error) => Err(error),
                },
            };
            let is_last = Instant::now() + pause >= until;
            match &sent {
                Ok(Err(error)) if !is_last => match error.code() {
                    Some("MOVED") if self.note_moved(error) => continue,
                    Some("ASK") => {
                        asked = error.redirect_node().and_then(|(to, _)| self.node(to));
                        if asked.is_some() {
                            continue;
                        }
                    }
                    Some("TRYAGAIN" | "LOADING") => {}
                    Some("MOVED" | "CLUSTERDOWN" | "READONLY" | "MASTERDOWN") => {
                        self.refresh(version).await;
                    }
                    _ => {
                        if error.is_io_error() {
                            // Whoever comes next should not ask a node that is gone.
                            self.forget(slot);
                        }
                        return sent;
                    }
                },
                Err(error) if !is_last && error.kind() == BackendErrorKind::Unreachable => {
                    self.refresh(version).await;
                }
                _ => return sent,
            }
            sleep(pause).await;
            pause = PAUSES.1.min(pause * 2);
        }
    }

    /// Sends a command without keys to every master.
    pub(super) async fn everywhere(
        &self,
        what: &str,
        command: &Cmd,
    ) -> Result<Vec<(String, Value)>, BackendError> {
        self.owner(None).await?;
        let nodes: Vec<_> = {
            let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
            let mut owners: Vec<u16> = table.owners.iter().flatten().copied().collect();
            owners.sort_unstable();
            owners.dedup();
            owners.iter().map(|at| Arc::clone(&table.nodes[usize::from(*at)])).collect()
        };
        let sent = nodes.iter().map(|node| async move {
            let value = node.send(command, false).await?.map_err(|e| error::running(what, e))?;
            Ok((node.address().to_owned(), value))
        });
        join_all(sent).await.into_iter().collect()
    }

    /// A connection of the caller's own to the owner of a slot.
    pub(super) async fn open(
        &self,
        slot: u16,
        settings: &AsyncConnectionConfig,
    ) -> Result<MultiplexedConnection, BackendError> {
        self.owner(Some(slot)).await?.open(settings).await
    }

    /// A client of the owner of a slot.
    pub(super) async fn client(&self, slot: u16) -> Result<Client, BackendError> {
        self.owner(Some(slot)).await?.client().await
    }

    async fn owner(&self, slot: Option<u16>) -> Result<Arc<NodeLane>, BackendError> {
        if let Some(node) = self.known_owner(slot) {
            return Ok(node);
        }
        let version = self.version.load(Ordering::Acquire);
        let why = self.refresh(version).await;
        self.known_owner(slot).ok_or_else(|| {
            why.unwrap_or_else(|| {
                let message = "no node of the cluster serves the slot; try again later";
                BackendError::new(BackendErrorKind::Unavailable, message)
            })
        })
    }

    fn known_owner(&self, slot: Option<u16>) -> Option<Arc<NodeLane>> {
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        let at = match slot {
            Some(slot) => *table.owners.get(usize::from(slot))?,
            None => table.owners.iter().flatten().next().copied(),
        }?;
        table.nodes.get(usize::from(at)).map(Arc::clone)
    }

    /// Notes who has a slot now; false if the answer cannot be read.
    fn note_moved(&self, error: &RedisError) -> bool {
        let Some((to, slot)) = error.redirect_node() else { return false };
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        let Some(at) = table.keep(to, None, &self.seeds[0], self.limits) else { return false };
        match table.owners.get_mut(usize::from(slot)) {
            Some(owner) => *owner = Some(at),
            None => return false,
        }
        true
    }

    fn node(&self, address: &str) -> Option<Arc<NodeLane>> {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        let at = table.keep(address, None, &self.seeds[0], self.limits)?;
        table.nodes.get(usize::from(at)).map(Arc::clone)
    }

    /// Makes the next command for the slot ask who has it.
    fn forget(&self, slot: Option<u16>) {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        let owner = slot.and_then(|slot| table.owners.get_mut(usize::from(slot)));
        if let Some(owner) = owner {
            *owner = None;
        }
    }

    /// Asks for the table, unless somebody did since `version`; returns why nobody told it.
    async fn refresh(&self, version: u64) -> Option<BackendError> {
        let _one_at_a_time = self.asking.lock().await;
        if self.version.load(Ordering::Acquire) != version {
            return None;
        }
        let known: Vec<Arc<NodeLane>> = {
            let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
            table.nodes.clone()
        };
        let seeds = self.seeds.iter().filter_map(|seed| {
            let address = seed.addr().to_string();
            let is_known = known.iter().any(|node| node.address() == address);
            let door = Door::Fixed(Box::new(client(seed, &address).ok()?));
            (!is_known).then(|| Arc::new(NodeLane::new(door, self.limits, address)))
        });
        let slots = redis::cmd("CLUSTER").arg("SLOTS").take();
        let all = known.iter().cloned().chain(seeds).take(ASKED_AT_ONCE);
        let mut asked: FuturesUnordered<_> = all
            .map(|node| {
                let slots = &slots;
                async move {
                    let sent = timeout(TABLE_LIMIT, node.send(slots, false)).await;
                    (node, sent)
                }
            })
            .collect();
        let mut last = None;
        while let Some((node, sent)) = asked.next().await {
            last = match sent {
                Ok(Ok(Ok(ranges))) => match self.take_over(&node, &ranges) {
                    Ok(()) => {
                        self.version.fetch_add(1, Ordering::AcqRel);
                        return None;
                    }
                    Err(error) => Some(error),
                },
                Ok(Ok(Err(error))) => Some(error::running("CLUSTER SLOTS", error)),
                Ok(Err(error)) => Some(error),
                Err(_) => last,
            };
        }
        Some(last.unwrap_or_else(|| {
            let message = "no node of the cluster answered in time; try again later";
            BackendError::new(BackendErrorKind::Unreachable, message)
        }))
    }

    /// Makes the answer of CLUSTER SLOTS the table.
    fn take_over(&self, told_by: &NodeLane, ranges: &Value) -> Result<(), BackendError> {
        let what = "CLUSTER SLOTS";
        let ranges: Vec<Vec<Value>> =
            redis::from_redis_value_ref(ranges).map_err(|e| error::unexpected(what, e))?;
        let own_host = split_address(told_by.address()).map_or("", |(host, _)| host);
        let mut fresh = Table { owners: vec![None; usize::from(slots::COUNT)], ..Table::default() };
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        for range in &ranges {
            let [first, last, master, ..] = &range[..] else { continue };
            let number = |value| redis::from_redis_value_ref::<u16>(value).ok();
            let Value::Array(master) = master else { continue };
            let (Some(first), Some(last), Some(port)) =
                (number(first), number(last), master.get(1).and_then(number))
            else {
                continue;
            };
            // A node that does not know its own name says nothing: then it is where it was asked.
            let host = master.first().and_then(|it| redis::from_redis_value_ref(it).ok());
            let host: String = host
                .filter(|it: &String| !it.is_empty() && it != "?")
                .unwrap_or_else(|| own_host.to_owned());
            let address = format!("{host}:{port}");
            // Who was known before keeps the connection.
            let known = table.by_address.get(&address).map(|at| &table.nodes[usize::from(*at)]);
            let Some(at) = fresh.keep(&address, known, &self.seeds[0], self.limits) else {
                continue;
            };
            let range = usize::from(first)..=usize::from(last.min(slots::COUNT - 1));
            if let Some(owners) = fresh.owners.get_mut(range) {
                owners.fill(Some(at));
            }
        }
        if fresh.nodes.is_empty() {
            return Err(error::unexpected(what, "no slots"));
        }
        *table = fresh;
        Ok(())
    }
}

impl Table {
    fn keep(
        &mut self,
        address: &str,
        known: Option<&Arc<NodeLane>>,
        like: &ConnectionInfo,
        limits: Limits,
    ) -> Option<u16> {
        if let Some(at) = self.by_address.get(address) {
            return Some(*at);
        }
        let place = u16::try_from(self.nodes.len()).ok().filter(|place| *place < MAX_NODES)?;
        let node = match known {
            Some(node) => Arc::clone(node),
            None => {
                let (host, port) = split_address(address)?;
                let door = Door::Fixed(Box::new(client(&at(like, host, port), address).ok()?));
                Arc::new(NodeLane::new(door, limits, address.to_owned()))
            }
        };
        self.nodes.push(node);
        self.by_address.insert(address.to_owned(), place);
        Some(place)
    }
}
