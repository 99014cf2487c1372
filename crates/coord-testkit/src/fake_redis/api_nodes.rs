//! The handle of a server with several nodes: cluster and sentinel.

use std::net::SocketAddr;

use bytes::Bytes;

use super::api::FakeRedis;
use super::builder::FakeRedisBuilder;
use super::cluster::{Cluster, slot_of};
use super::state::DATABASES;
use super::store::Db;
use super::topology::{MASTER_NAME, Pair, SENTINEL_NODE, Topology};

impl FakeRedisBuilder {
    /// Starts a cluster of `nodes` masters without replicas, each with an equal share of the slots.
    /// With a port, the nodes take it and those after it.
    ///
    /// # Errors
    /// The error of the operating system if a port cannot be opened.
    ///
    /// # Panics
    /// Without a node.
    pub async fn start_cluster(self, nodes: usize) -> std::io::Result<FakeRedis> {
        assert!(nodes > 0, "a cluster has a node");
        let mut state = self.state();
        state.dbs = vec![Db::default(); nodes.max(DATABASES)];
        state.topology = Topology::Cluster(Cluster::new(nodes));
        self.listen(state, nodes).await
    }

    /// Starts a master, its replica and one sentinel that watches them as `mymaster`.
    ///
    /// # Errors
    /// The error of the operating system if a port cannot be opened.
    pub async fn start_sentinel(self) -> std::io::Result<FakeRedis> {
        let mut state = self.state();
        state.topology = Topology::Sentinel(Pair { master: 0, down: None, epoch: 0 });
        state.history.start();
        self.listen(state, SENTINEL_NODE + 1).await
    }
}

impl FakeRedis {
    /// Starts a cluster of `nodes` masters with the defaults of [`FakeRedisBuilder`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use coord_testkit::FakeRedis;
    ///
    /// let cluster = FakeRedis::cluster(3).await?;
    /// let client = redis::cluster::ClusterClient::new(cluster.node_urls())?;
    /// let mut connection = client.get_async_connection().await?;
    /// let value: i64 = redis::cmd("INCR").arg("key").query_async(&mut connection).await?;
    /// assert_eq!(value, 1);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The error of the operating system if a port cannot be opened.
    ///
    /// # Panics
    /// Without a node.
    pub async fn cluster(nodes: usize) -> std::io::Result<Self> {
        Self::builder().start_cluster(nodes).await
    }

    /// Starts a master, its replica and a sentinel with the defaults of [`FakeRedisBuilder`].
    /// The sentinel knows the master as `mymaster`.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
    /// use coord_testkit::fake_redis::{FakeRedis, Reply};
    ///
    /// let server = FakeRedis::sentinel().await?;
    /// let _ok = server.command(["SET", "kept", "1"]);
    /// let _ok = server.command(["SET", "lost", "1"]);
    /// assert_eq!(server.fail_over(1), 1);
    /// assert_eq!(server.command(["GET", "kept"]), Reply::bulk("1"));
    /// assert_eq!(server.command(["GET", "lost"]), Reply::Null);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The error of the operating system if a port cannot be opened.
    pub async fn sentinel() -> std::io::Result<Self> {
        Self::builder().start_sentinel().await
    }

    /// The addresses of all listeners: the nodes of a cluster, or the two servers and then the
    /// sentinel.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The URLs of all listeners, in the order of [`FakeRedis::addresses`], without a password.
    #[must_use]
    pub fn node_urls(&self) -> Vec<String> {
        self.addresses.iter().map(|address| format!("redis://{address}")).collect()
    }

    /// The URL of the sentinel; none where there is none.
    #[must_use]
    pub fn sentinel_url(&self) -> Option<String> {
        let watched = matches!(self.shared.lock().topology, Topology::Sentinel(_));
        watched.then(|| format!("redis://{}", self.addresses[SENTINEL_NODE]))
    }

    /// The name the sentinel knows the master by.
    #[must_use]
    pub const fn master_name(&self) -> &'static str {
        MASTER_NAME
    }

    /// The address of the present master; of a cluster or a single server, its first address.
    #[must_use]
    pub fn master_address(&self) -> SocketAddr {
        match &self.shared.lock().topology {
            Topology::Sentinel(pair) => self.addresses[pair.master],
            _ => self.addresses[0],
        }
    }

    /// Makes the replica the master; the old master becomes its replica and answers writes with
    /// READONLY. The last `lost_writes` writing requests are undone, at most 1024; returns how
    /// many there were. 0 where no sentinel watches.
    pub fn fail_over(&self, lost_writes: usize) -> usize {
        self.shared.lock().fail_over(lost_writes, false)
    }

    /// [`FakeRedis::fail_over`], but the old master is down: its connections are closed and new
    /// ones are refused until [`FakeRedis::revive`].
    pub fn crash_master(&self, lost_writes: usize) -> usize {
        self.shared.lock().fail_over(lost_writes, true)
    }

    /// Brings a crashed master back, as the replica.
    pub fn revive(&self) {
        if let Topology::Sentinel(pair) = &mut self.shared.lock().topology {
            pair.down = None;
        }
    }

    /// The slot of a key (0 to 16383).
    #[must_use]
    pub fn slot(key: impl AsRef<[u8]>) -> u16 {
        slot_of(key.as_ref())
    }

    /// The node that serves a slot; none outside a cluster or for a slot there is not.
    #[must_use]
    pub fn slot_owner(&self, slot: u16) -> Option<usize> {
        match &self.shared.lock().topology {
            Topology::Cluster(cluster) if slot < super::cluster::SLOTS => Some(cluster.owner(slot)),
            _ => None,
        }
    }

    /// Starts to move a slot: its node answers ASK for keys it does not have (any more).
    /// False outside a cluster, or if there is no such slot or node.
    pub fn begin_slot_migration(&self, slot: u16, to: usize) -> bool {
        match &mut self.shared.lock().topology {
            Topology::Cluster(cluster)
                if slot < super::cluster::SLOTS
                    && to < cluster.nodes
                    && cluster.owner(slot) != to =>
            {
                cluster.moving.insert(slot, to);
                true
            }
            _ => false,
        }
    }

    /// Moves one key of a slot on the move to its destination; false if there is no such key.
    pub fn migrate_key(&self, key: impl AsRef<[u8]>) -> bool {
        let key = Bytes::copy_from_slice(key.as_ref());
        let mut state = self.shared.lock();
        let slot = slot_of(&key);
        let Topology::Cluster(cluster) = &state.topology else {
            return false;
        };
        let (from, to) = (cluster.owner(slot), cluster.moving.get(&slot).copied());
        let Some(to) = to.filter(|_| state.dbs[from].contains(&key)) else {
            return false;
        };
        state.move_key(&key, from, to);
        true
    }

    /// Ends the move of a slot: the remaining keys follow and the old node answers MOVED.
    /// False if the slot is not on the move.
    pub fn finish_slot_migration(&self, slot: u16) -> bool {
        let mut state = self.shared.lock();
        let Topology::Cluster(cluster) = &mut state.topology else {
            return false;
        };
        let Some(to) = cluster.moving.get(&slot).copied() else {
            return false;
        };
        let from = cluster.owner(slot);
        cluster.set_owner(slot, to);
        for key in state.keys_in_slot(from, slot) {
            state.move_key(&key, from, to);
        }
        true
    }
}
