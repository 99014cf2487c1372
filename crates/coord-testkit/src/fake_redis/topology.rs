//! How the nodes of a server belong together.

use bytes::Bytes;

use super::cluster::{Cluster, slot_of};
use super::dispatch;
use super::reply::Reply;
use super::state::State;

/// What the listeners of one fake server are.
#[derive(Debug, Default)]
pub(crate) enum Topology {
    /// One server.
    #[default]
    Single,
    /// Masters that share the slots; node `n` keeps its keys in database `n`.
    Cluster(Cluster),
    /// Node 0 and 1 are a master and its replica, node 2 is the sentinel.
    Sentinel(Pair),
}

/// A master and its replica, which share the data.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) master: usize,
    pub(crate) down: Option<usize>,
    /// Failovers so far.
    pub(crate) epoch: u64,
}

/// The sentinel's node.
pub(crate) const SENTINEL_NODE: usize = 2;

/// The name the sentinel knows the master by.
pub(crate) const MASTER_NAME: &str = "mymaster";

impl State {
    pub(crate) const fn is_cluster(&self) -> bool {
        matches!(self.topology, Topology::Cluster(_))
    }

    pub(crate) const fn is_sentinel(&self, node: usize) -> bool {
        matches!(self.topology, Topology::Sentinel(_)) && node == SENTINEL_NODE
    }

    pub(crate) const fn is_replica(&self, node: usize) -> bool {
        match &self.topology {
            Topology::Sentinel(pair) => node != pair.master && node != SENTINEL_NODE,
            Topology::Single => self.replication.master.is_some(),
            Topology::Cluster(_) => false,
        }
    }

    /// True for a replica that must not answer, because it cannot reach its master.
    pub(crate) fn is_stale(&self) -> bool {
        self.replication.master.is_some() && self.config.text("replica-serve-stale-data") == "no"
    }

    pub(crate) fn is_down(&self, node: usize) -> bool {
        matches!(&self.topology, Topology::Sentinel(pair) if pair.down == Some(node))
    }

    /// The node that serves a request: the master, or the owner of its first key.
    pub(crate) fn node_for(&self, args: &[Bytes]) -> usize {
        match &self.topology {
            Topology::Single => 0,
            Topology::Sentinel(pair) => pair.master,
            Topology::Cluster(cluster) => {
                let keys = dispatch::find(args).map(|found| found.command.keys.find(args));
                let first = keys.ok().and_then(|keys| args.get(*keys.first()?));
                first.map_or(0, |key| cluster.owner(slot_of(key)))
            }
        }
    }

    /// How many replicas a master has.
    pub(crate) const fn replicas(&self) -> i64 {
        match &self.topology {
            Topology::Sentinel(pair) if pair.down.is_none() => 1,
            _ => 0,
        }
    }

    /// The database a connection to a node starts in.
    pub(crate) const fn home_db(&self, node: usize) -> usize {
        if self.is_cluster() { node } else { 0 }
    }

    /// The number of a database as clients see it.
    pub(crate) const fn shown_db(&self, db: usize) -> usize {
        if self.is_cluster() { 0 } else { db }
    }

    /// The 40 hex digits a node is known by.
    pub(crate) fn node_id(&self, node: usize) -> String {
        format!("{:040x}", 0xfa4e_0000_u64 + node as u64 + 1)
    }

    pub(crate) fn port_of(&self, node: usize) -> u16 {
        self.ports.get(node).copied().unwrap_or(0)
    }

    /// `master`, `slave` or `sentinel`.
    pub(crate) const fn role_name(&self, node: usize) -> &'static str {
        if self.is_sentinel(node) {
            "sentinel"
        } else if self.is_replica(node) {
            "slave"
        } else {
            "master"
        }
    }

    /// The answer of ROLE.
    pub(crate) fn role_of(&self, node: usize) -> Reply {
        let role = self.role_name(node);
        let pair = match &self.topology {
            Topology::Sentinel(pair) => pair,
            Topology::Single | Topology::Cluster(_) => {
                if let Some((host, port)) = &self.replication.master {
                    return Reply::Array(vec![
                        Reply::bulk(role),
                        Reply::Bulk(host.clone()),
                        Reply::Integer(i64::from(*port)),
                        Reply::bulk("connect"),
                        Reply::Integer(-1),
                    ]);
                }
                return Reply::Array(vec![
                    Reply::bulk(role),
                    Reply::Integer(0),
                    Reply::Array(Vec::new()),
                ]);
            }
        };
        let offset = i64::try_from(self.dirty).unwrap_or(i64::MAX);
        let port = |node: usize| i64::from(self.port_of(node));
        match role {
            "sentinel" => Reply::Array(vec![Reply::bulk(role), Reply::bulks([MASTER_NAME])]),
            "slave" => Reply::Array(vec![
                Reply::bulk(role),
                Reply::bulk("127.0.0.1"),
                Reply::Integer(port(pair.master)),
                Reply::bulk("connected"),
                Reply::Integer(offset),
            ]),
            _ => {
                let replica = 1 - pair.master;
                let replicas = match pair.down {
                    Some(_) => Vec::new(),
                    None => vec![Reply::bulks([
                        "127.0.0.1".to_owned(),
                        port(replica).to_string(),
                        offset.to_string(),
                    ])],
                };
                Reply::Array(vec![
                    Reply::bulk(role),
                    Reply::Integer(offset),
                    Reply::Array(replicas),
                ])
            }
        }
    }

    /// Makes the scripts of the session's node the current ones: each node has its own cache.
    pub(crate) fn enter_node(&mut self, id: super::session::SessionId) {
        let node = self.sessions.get(&id).map_or(0, |session| session.node);
        if node == self.active_node {
            return;
        }
        let most = node.max(self.active_node) + 1;
        while self.other_scripts.len() < most {
            self.other_scripts.push(self.scripts.of_another_node());
        }
        std::mem::swap(&mut self.scripts, &mut self.other_scripts[self.active_node]);
        std::mem::swap(&mut self.scripts, &mut self.other_scripts[node]);
        self.active_node = node;
    }

    /// Makes the replica the master and undoes the last writes; returns how many were undone.
    /// `crash` takes the old master down, otherwise it stays as the replica.
    pub(crate) fn fail_over(&mut self, lost_writes: usize, crash: bool) -> usize {
        let Topology::Sentinel(pair) = &mut self.topology else {
            return 0;
        };
        let old = pair.master;
        pair.master = 1 - old;
        pair.epoch += 1;
        pair.down = crash.then_some(old);
        let lost = self.undo_writes(lost_writes);
        for session in self.sessions.values_mut() {
            // A waiting client of the old master would wait in vain.
            if session.node == old && (crash || session.blocked.is_some()) {
                session.killed = true;
                session.wake.notify_one();
            }
        }
        let text = format!(
            "{MASTER_NAME} 127.0.0.1 {} 127.0.0.1 {}",
            self.port_of(old),
            self.port_of(1 - old)
        );
        self.publish_by_sentinel("+switch-master", &text);
        lost
    }
}
